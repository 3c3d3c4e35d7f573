import csv
from pathlib import Path

import emoji
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.normalizers import Precompiled
from transformers import AutoModel, BertweetTokenizer

from classifier.normalize import normalize
from classifier.training.bases.base import Base, load_base
from classifier.training.bases.bertweet import Converted, convert_bertweet
from classifier.training.bases.charsmap import precompiled_charsmap
from classifier.training.bases.tweet_rules import emoji_names, tweet_rules
from tests.classifier.training.tiny_bertweet import WORDS, build_bertweet

BESIDE = Path(__file__).parents[2]
LINES = (
    *("", " ", "you", "You are the best team", "GG game", "noobs heal me", "gg", "x", "q", "qq", "zxj", "heazel"),
    *(
        "@bob you noob",
        "hey @bob_99, heal",
        "@",
        "@@",
        "a@b",
        "mail me: bob.b@mail.example.com ok",
        "@bob@bob",
        "(@bob)",
    ),
    *("http://a.example/b", "see https://t.example/x?y=(z)!", "www.game.example", "HTTP://A.B/C", "httpx", "wwwhat"),
    *("game.example is down", "game.example/path is down", "a.b.c", "#gg", "#gg-wp #", "##", "#1"),
    *("you're the best", "you’re the best", "I'm", "I'm here", "can't heal", "I can't", "ain't me", "cannot heal"),
    *("do n 't go", "don't do it", "he'd've gone", "we'll's see", "team's best", "rock'n'roll", "'s 's 's "),
    *(
        "😂",
        "😂😂😂😂😂",
        "nice ❤️ shot",
        "👍🏽",
        "gg😂wp",
        "👨\u200d👩\u200d👧 team",
        "🇺🇸",
        "™",
        "🅰 🅱",
        "🅰bc",
        "ℹ",
        "\ufe0f",
    ),
    *("!!!!!!!!", "?!?!?!", "...", "….", ". . .", "so...nice", "---->", "<-- ->", "**bold**", "__init__", "~~", "$$$"),
    *(":)", ":-(", "<3", ":@", "@:", "8)", "xD :D", "¯\\_(ツ)_/¯", "<b>you</b>", "[x](y)", "{}", "\\"),
    *(
        "555-123-4567",
        "+1 (800) 555 1234 now",
        "1,000",
        "10:30",
        "3/4",
        "-5",
        "50%",
        "2nd",
        "5 p.m. sharp",
        "at 9 a . m .",
    ),
    *("p . m now", "5 p.m.", "U.S.A.", "&lt;you&gt; &amp; me", "&quot;gg&quot;", "&amp;lt;"),
    *("café", "cafe\u0301", "ко", "команда", "日本 team", "İstanbul", "ﬁne", "½ ²", "tab\tand\nline", "  two  spaces "),
    *("</s> you", "<mask>", "you <pad> me", "noob" * 60, "you are " * 100, "a-b-" * 20, "é" * 50, "@@ you@@ @@me"),
)
DIFFERENT = {
    "an entity that HTML does not know stays, for it would hide the word inside": "&noob; you",
    "an entity known, but rare in chats, stays": "you &hearts; me",
    "a numbered entity stays": "&#128514;",
    "an emoji inside an address gets its name": "game.example/a😂",
    "an emoji inside a tag gets its name": "<😂>",
    "a dotted capital i counts as a letter of an address": "game.exampleİ ok",
}
"""What our rules do otherwise than transformers', and a line that shows it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_bertweet(tmp_path_factory.mktemp("bases") / "tiny-bertweet")


@pytest.fixture(scope="module")
def slow(folder: Path) -> BertweetTokenizer:
    return BertweetTokenizer.from_pretrained(folder, normalization=True)


@pytest.fixture(scope="module")
def converted(slow: BertweetTokenizer) -> Converted:
    return convert_bertweet(slow)


@pytest.fixture(scope="module")
def base(folder: Path) -> Base:
    return load_base(str(folder))


@pytest.fixture(scope="module")
def served(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """Return the tokenizer as serving reads it: from the file that training saved."""
    saved = tmp_path_factory.mktemp("saved")
    base.tokenizer.save_pretrained(saved)
    return Tokenizer.from_file(str(saved / "tokenizer.json"))


def as_bertweet(ids: list[int], converted: Converted) -> list[int]:
    """Return ids with each one behind the vocabulary read as the one whose embedding it copies."""
    return [i if i < converted.first else converted.copies[i - converted.first] for i in ids]


@pytest.mark.parametrize("line", LINES)
def test_a_line_gets_the_ids_that_transformers_gives_it(
    line: str, slow: BertweetTokenizer, served: Tokenizer, converted: Converted
) -> None:
    assert as_bertweet(served.encode(line).ids, converted) == slow(line)["input_ids"]


def test_disguised_lines_get_the_same_ids_before_and_after_our_own_normalisation(
    slow: BertweetTokenizer, served: Tokenizer, converted: Converted
) -> None:
    with (BESIDE / "evasions.tsv").open(encoding="utf-8", newline="") as file:
        lines = [row[0] for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row]
    lines += [*LINES, *(BESIDE / "near_misses.txt").read_text(encoding="utf-8").splitlines()]
    lines += [normalize(line).text for line in (*lines, *DIFFERENT.values())]
    unknown = set(DIFFERENT.values())

    wrong = [
        line
        for line in lines
        if line not in unknown and as_bertweet(served.encode(line).ids, converted) != slow(line)["input_ids"]
    ]
    assert wrong == []


@pytest.mark.parametrize("why", DIFFERENT)
def test_what_differs_from_transformers_is_known_by_name(
    why: str, slow: BertweetTokenizer, served: Tokenizer, converted: Converted
) -> None:
    assert as_bertweet(served.encode(DIFFERENT[why]).ids, converted) != slow(DIFFERENT[why])["input_ids"]


def test_training_gets_the_ids_that_serving_gets(base: Base, served: Tokenizer) -> None:
    assert base.tokenizer(list(LINES))["input_ids"] == [served.encode(line).ids for line in LINES]


def test_ids_of_the_vocabulary_and_of_the_special_tokens_stay(slow: BertweetTokenizer, served: Tokenizer) -> None:
    special = {name: served.token_to_id(name) for name in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")}

    assert special == {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": len(slow) - 1}
    assert {word: served.token_to_id(f"{word}</w>") for word in WORDS} == {word: slow.encoder[word] for word in WORDS}
    assert served.token_to_id("te") == slow.encoder["te@@"]


def test_a_piece_behind_the_vocabulary_is_read_by_the_encoder_as_unknown(folder: Path, base: Base) -> None:
    plain = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
    slow = BertweetTokenizer.from_pretrained(folder, normalization=True)
    line = "heazel noobs 😂"
    ours, theirs = base.tokenizer(line)["input_ids"], slow(line)["input_ids"]

    assert max(ours) >= len(slow) > max(theirs)
    with torch.no_grad():
        expected = plain(torch.tensor([theirs])).last_hidden_state
        states = base.encoder.eval()(torch.tensor([ours])).last_hidden_state
    assert torch.allclose(states, expected, atol=1e-5)


def test_merges_that_transformers_saved_again_without_their_counts_still_merge(
    folder: Path, served: Tokenizer, tmp_path: Path
) -> None:
    again = load_base(str(build_bertweet(tmp_path / "again", count=False)))

    assert again.tokenizer("you are the best team")["input_ids"] == served.encode("you are the best team").ids
    assert len(served.encode("best").ids) == 3


def test_a_long_line_is_cut_into_windows_that_overlap(base: Base, served: Tokenizer) -> None:
    served = Tokenizer.from_str(served.to_str())
    line = "you are @bob the best 😂 team http://a.example/b don't heal noobs " * 3
    whole = served.encode(line).ids
    served.no_padding()
    served.enable_truncation(16, stride=4)
    first = served.encode(line)
    windows = [first, *first.overflowing]

    assert all(len(window.ids) <= 16 and window.ids[0] == 0 and window.ids[-1] == 2 for window in windows)
    inside = [window.ids[1:-1] for window in windows]
    assert [*inside[0], *(i for part in inside[1:] for i in part[4:])] == whole[1:-1]
    assert base.tokenizer(line, truncation=True, max_length=16)["input_ids"] == first.ids


def test_offsets_lead_back_to_the_words_of_the_line(served: Tokenizer) -> None:
    line = "hey @bob don't  heal the 😂 team"
    encoding = served.encode(line)
    found = {token: line[start:end] for token, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True)}

    assert found["@USER</w>"] == "@bob"
    assert (found["do</w>"], found["n't</w>"]) == ("do", "n't")
    assert found["team</w>"] == "team"
    assert {line[a:b] for token, (a, b) in zip(encoding.tokens, encoding.offsets, strict=True) if ":" in token} == {
        "😂"
    }


@pytest.mark.parametrize(
    "line",
    ["http://" + "!?" * 5000, "http://x" + "(a" * 5000, "a." * 1000, "<a" * 5000, "1" + " *" * 5000, "😂" * 9000],
)
def test_a_line_made_to_confuse_the_rules_is_read_in_time(line: str) -> None:
    # Read as the rules are usually written, the first of these takes longer than there is time.
    assert tweet_rules().normalize_str(line)


def test_every_emoji_of_one_character_becomes_its_name_and_no_other_character_changes() -> None:
    names = emoji_names()
    changed = Precompiled(precompiled_charsmap(names)).normalize_str

    assert len(names) > 1000
    assert {char: changed(char) for char in names} == {char: emoji.demojize(char) for char in names}
    others = [chr(i) for i in range(1, 0x20000) if not 0xD800 <= i < 0xE000 and chr(i) not in names]
    assert [char for char in others if changed(char) != char] == []


@pytest.mark.parametrize("texts", [{"ab": "c"}, {"": "c"}, {"a": ""}, {"a": "b\0"}, {"\0": "b"}])
def test_a_charsmap_refuses_what_its_form_cannot_hold(texts: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="single characters"):
        precompiled_charsmap(texts)
