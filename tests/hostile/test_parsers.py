"""Whatever is written into whatever the bot reads: only its own errors come of it, and what it wrote it reads again."""

import asyncio
import gzip
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.clip_words import checked_words, find_word
from bot.console.chat_log import ChatLog
from bot.console.options import moment
from bot.console.rows import read_rows
from bot.domain import Mode
from bot.errors import InputError, PolicyError, RefereeError, SettingsError
from bot.fetch import parse_hosts
from bot.policy_change import (
    with_clip_words,
    with_document,
    with_exempt_channel,
    with_exempt_role,
    with_mode,
    with_rule,
    without_clip_word,
)
from bot.policy_community import CommunityPolicy, from_json, to_json
from bot.policy_document import to_toml
from bot.policy_file import DEFAULT, parse_policy
from bot.policy_words import describe
from bot.settings import read_settings
from bot.speech.foreign import parse_languages
from bot.speech.frames import Frame, opening, receive_frame
from bot.ui.translation import read_catalogues
from classifier.errors import ClassifierError
from classifier.labels import read_labels
from classifier.manifest import read_manifest
from tests.fakes.communities import DOCUMENT, MODEL, communities, shipped

law = settings(deadline=None, max_examples=100)
SHIPPED = DEFAULT.read_text(encoding="utf-8")
VALUES = (
    "true",
    "false",
    "-1",
    "0",
    "1e999",
    "nan",
    '"x"',
    "''",
    "[]",
    "{}",
    "[[",
    "]]",
    "=",
    "1979-05-27",
    "0x10",
    "\x00",
)

# Documents: real ones with lines lost, doubled, moved and filled with something else; and anything at all.


@st.composite
def broken(draw: st.DrawFn, *documents: str) -> str:
    lines = draw(st.sampled_from(documents)).split("\n")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        key = lines[at].split("=")[0]
        value = draw(st.one_of(st.sampled_from(VALUES), st.text(max_size=8)))
        lines[at : at + 1] = draw(
            st.sampled_from(
                [[], [lines[at]] * 2, [f"{key}= {value}"], [value, lines[at]], [lines[at][: len(lines[at]) // 2]]]
            )
        )
        lines = lines or [""]
    return "\n".join(lines)


deep = st.sampled_from(
    ["[" * 5000, "a = " + "[" * 3000 + "]" * 3000, '{"a":' * 3000, "a" + ".a" * 3000 + " = 1", "9" * 6000]
)
tomls = st.one_of(broken(SHIPPED, DOCUMENT), st.text(max_size=200), deep)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10))
KEYS = (
    "version",
    "preset",
    "base",
    "changes",
    "exempt_roles",
    "exempt_channels",
    "speech",
    "words",
    "insult",
    "flag",
    "ladder",
)
jsons = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=5)), inner, max_size=6),
    ),
    max_leaves=12,
)


@contextmanager
def only(*own: type[Exception]) -> Iterator[None]:
    """Let the project's own errors pass, if they say something."""
    try:
        yield
    except own as error:
        assert str(error).strip(), "it says nothing"


@law
@given(tomls)
def test_a_policy_file_is_read_or_refused(text: str) -> None:
    basis = shipped()
    with only(PolicyError):
        policy = parse_policy(text, basis.labels, basis.curves)
        assert parse_policy(to_toml(policy), basis.labels, basis.curves) == policy
        assert all(describe(policy, {}))


@law
@given(st.one_of(jsons.map(json.dumps), st.text(max_size=100), deep))
def test_what_is_kept_of_a_communitys_policy_is_read_or_refused(text: str) -> None:
    with only(PolicyError):
        community = from_json(text)
        assert from_json(to_json(community)) == community


@law
@given(communities)
def test_a_communitys_policy_reads_as_it_was_written(community: CommunityPolicy) -> None:
    assert from_json(to_json(community)) == community


TYPED = st.one_of(
    st.sampled_from(
        ["70%", "0.7", "1 in 500", "default", "", "none", "warn, delete", "timeout:10m", "yes", "no", "ban, warn"]
    ),
    st.sampled_from(
        ["1 in 0", "-5%", "1e400", "٧٠%", "nan", "inf", "timeout:9999999999d", "timeout:0m", "1 in 9" + "9" * 400]
    ),
    st.text(max_size=20),
)
categories = st.one_of(st.sampled_from(shipped().labels.names), st.text(max_size=12))


@law
@given(communities, categories, TYPED, TYPED, TYPED, TYPED)
def test_what_is_typed_at_a_rule_is_taken_or_refused_and_never_half(
    community: CommunityPolicy, category: str, flag: str, act: str, ladder: str, human_only: str
) -> None:
    with only(PolicyError):
        changed = with_rule(shipped(), community, category, flag=flag, act=act, ladder=ladder, human_only=human_only)
        assert from_json(to_json(changed)) == changed


@law
@given(communities, st.one_of(st.none(), categories), st.one_of(st.none(), st.sampled_from(Mode)), st.text(max_size=30))
def test_a_mode_an_exemption_and_words_are_taken_or_refused(
    community: CommunityPolicy, category: str | None, mode: Mode | None, text: str
) -> None:
    edits: list[Callable[[], CommunityPolicy]] = [
        lambda: with_mode(shipped(), community, category, mode),
        lambda: with_exempt_role(shipped(), community, text),
        lambda: with_exempt_channel(shipped(), community, text, exempt=False),
        lambda: with_clip_words(shipped(), community, text),
        lambda: without_clip_word(shipped(), community, text),
    ]
    for edit in edits:
        with only(RefereeError):
            assert from_json(to_json(edit())) == edit()


@law
@given(communities, st.one_of(st.none(), tomls))
def test_an_imported_document_is_taken_or_refused(community: CommunityPolicy, text: str | None) -> None:
    with only(RefereeError):
        changed = with_document(shipped(), community, text)
        assert from_json(to_json(changed)) == changed


@law
@given(st.lists(st.text(max_size=60), max_size=110))
def test_words_for_clips_are_taken_or_refused(words: list[str]) -> None:
    with only(PolicyError):
        kept = checked_words(words, "the list")
        assert checked_words(kept, "the list") == kept
        assert all(find_word(kept, word) == word for word in kept)


# What an operator types


@law
@example("9999999w")
@example("0001-01-01T00:00+14:00")
@given(st.one_of(st.text(max_size=20), st.from_regex(r"\d{1,8}[mhdw]", fullmatch=True), st.datetimes().map(str)))
def test_a_moment_is_read_or_refused(text: str) -> None:
    with only(typer.BadParameter):
        assert moment(text).tzinfo is not None


@law
@given(st.one_of(st.text(max_size=20), st.from_regex(r"[a-zA-Z]{1,4}(,[ a-z]{0,3}){0,3}", fullmatch=True)))
def test_languages_are_read_or_refused(text: str) -> None:
    with only(SettingsError):
        codes = parse_languages(text)
        assert parse_languages(",".join(sorted(codes))) == codes


@law
@example("http://[::1")
@example("http://127.0.0.1:99999999999999999999")
@given(st.one_of(st.text(max_size=30), st.from_regex(r"(https?://)?[a-z0-9.\[\]:@*/-]{0,20}", fullmatch=True)))
def test_hosts_are_read_or_refused(text: str) -> None:
    with only(SettingsError):
        hosts = parse_hosts(text)
        again = ",".join(f"{h.scheme}://{f'[{h.host}]' if ':' in h.host else h.host}:{h.port}" for h in hosts)
        assert parse_hosts(again) == hosts


NAMES = (
    *(
        "REFEREE_DATABASE_URL",
        "REFEREE_THREADS",
        "REFEREE_LANGUAGES",
        "REFEREE_ATTACHMENT_HOSTS",
        "REFEREE_CONTENT_DAYS",
    ),
    *(
        "REFEREE_CLIP_MEGABYTES",
        "REFEREE_SPEECH",
        "REFEREE_LOG_LEVEL",
        "REFEREE_ACTIONS_PER_MINUTE",
        "REFEREE_CONTENT_KEY",
    ),
)
printable = st.text(
    alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20
)


@law
@given(st.dictionaries(st.sampled_from(NAMES), st.one_of(st.sampled_from(VALUES[:-1]), printable), max_size=4))
def test_settings_are_read_or_refused(values: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        with only(SettingsError):
            read_settings()


# Files


LINE = json.dumps({"match": "m", "t": 1, "player": "p", "text": "gg"}).encode()
chunks = st.lists(
    st.one_of(st.just(LINE), st.just(LINE[:20]), st.binary(max_size=20), jsons.map(lambda j: json.dumps(j).encode())),
    max_size=6,
)


@law
@given(chunks, st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\xef\xbb\xbf", b"\x00"]))
def test_rows_are_read_or_refused(pieces: list[bytes], between: bytes) -> None:
    with only(InputError):
        for rows in read_rows(io.BytesIO(between.join(pieces)), "x"):
            assert all(isinstance(row.fields, dict) for row in rows)


@law
@given(chunks, st.booleans(), st.integers(0, 200))
def test_a_chat_log_is_read_or_refused_packed_and_cut_as_well(pieces: list[bytes], packed: bool, cut: int) -> None:
    data = b"\n".join(pieces)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("log.jsonl.gz" if packed else "log.jsonl")
        path.write_bytes(gzip.compress(data)[: cut + 12] if packed else data)
        log = ChatLog(str(path), None, clip_bytes=100)
        with only(InputError):
            excerpts = [log.excerpt(line) for lines in log.batches() for line in lines]
            assert len({excerpt.key for excerpt in excerpts}) == len(excerpts)


CONTENT = st.one_of(scalars, st.sampled_from(["../x", "/etc/passwd", "a\x00", "."]))
fields = st.fixed_dictionaries({}, optional=dict.fromkeys(("match", "t", "player", "text", "audio"), CONTENT))


@law
@given(st.lists(fields, min_size=1, max_size=4))
def test_a_row_of_a_chat_log_is_read_or_refused_and_no_clip_from_elsewhere(rows: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        log = ChatLog(str(path), None, clip_bytes=100)
        with only(InputError):
            for lines in log.batches():
                for line in lines:
                    assert line.audio is None or line.audio.is_relative_to(Path(folder).resolve())
                    log.excerpt(line)


LABELS, MANIFEST = (MODEL / "labels.toml").read_text("utf-8"), (MODEL / "manifest.json").read_text("utf-8")


@law
@given(st.one_of(broken(LABELS), st.text(max_size=100), deep))
def test_a_label_set_is_read_or_refused(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "labels.toml").write_text(text, encoding="utf-8")
        with only(ClassifierError):
            assert read_labels(Path(folder) / "labels.toml").names


@law
@given(st.one_of(broken(MANIFEST), jsons.map(json.dumps), st.text(max_size=100), deep))
def test_a_manifest_is_read_or_refused(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "manifest.json").write_text(text, encoding="utf-8")
        with only(ClassifierError):
            assert read_manifest(Path(folder)).name


@law
@given(
    st.one_of(st.text(max_size=60), st.just('"a" = "b"'), deep), st.sampled_from(["de.toml", "xx.toml", "en-US.toml"])
)
def test_a_catalogue_is_read_or_refused(text: str, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_text(text, encoding="utf-8")
        with only(InputError):
            read_catalogues(Path(folder))


@law
@given(
    st.one_of(st.binary(max_size=60), jsons.map(lambda j: opening(Frame({"x": 1})) + json.dumps(j).encode())),
    st.integers(0, 50),
)
def test_a_frame_of_the_decoder_is_read_or_refused(data: bytes, room: int) -> None:
    async def receive() -> Frame:
        stream = asyncio.StreamReader()
        stream.feed_data(data)
        stream.feed_eof()
        return await receive_frame(stream, room)

    with only(ValueError, EOFError):
        assert len(asyncio.run(receive()).payload) <= room


@law
@given(
    st.dictionaries(st.text(max_size=5), scalars.filter(lambda each: each == each), max_size=4), st.binary(max_size=50)
)
def test_a_frame_arrives_as_it_was_sent(header: dict[str, Any], payload: bytes) -> None:
    async def whole() -> Frame:
        stream = asyncio.StreamReader()
        stream.feed_data(opening(Frame(header, payload)) + payload)
        return await receive_frame(stream, 50)

    assert asyncio.run(whole()) == Frame(header, payload)
