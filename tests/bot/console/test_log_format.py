"""What a log line may hold: ids and places, and nothing that anybody wrote."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.console.failures import line_of
from bot.console.log_format import JsonLines, TextLines, frames_of
from bot.console.redaction import HIDDEN, Redaction, secrets_of
from bot.domain import Clip, Platform, SourceKey
from bot.errors import ClipRejected, StoreBusy
from bot.log_ids import found_in, ids, ids_of
from bot.settings import Settings

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz0123456789ab"  # noqa: S105
KEY = Fernet.generate_key().decode()
PASSWORD = "correct-horse"  # noqa: S105
SAID = "you silly zanzibar"


def record(name: str, message: object, *arguments: object, error: BaseException | None = None) -> logging.LogRecord:
    exc_info = (type(error), error, error.__traceback__) if error is not None else None
    return logging.LogRecord(name, logging.WARNING, __file__, 1, message, arguments, exc_info)


def both(made: logging.LogRecord, redaction: Redaction | None = None) -> tuple[str, dict[str, object]]:
    redact = redaction or Redaction()
    return TextLines(redact).format(made), json.loads(JsonLines(redact).format(made))


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


class Quoting:
    def __repr__(self) -> str:
        return SAID

    __str__ = __repr__


@pytest.mark.parametrize(
    ("logger", "message", "arguments", "told"),
    [
        ("discord.client", "Ignoring exception in %s", ("on_message",), "Ignoring exception in on_message"),
        ("discord.client", "Ignoring exception in %s", (SAID,), "Ignoring exception in ..."),
        ("discord.http", "%s %s answered %d", ("GET", f"https://x/a?q={SAID}", 429), "... /a answered 429"),
        ("discord.ui.view", "item %r of %r", (Quoting(), Quoting()), "item '<Quoting>' of '<Quoting>'"),
        ("asyncio", f"Task exception was never retrieved\nfuture: <{SAID}>", (), "Task exception was never retrieved"),
        ("asyncio", f"Exception in callback f({SAID!r})", (), "Exception in callback f"),
        ("aiosqlite", "executing %s", (f"INSERT {SAID}",), "executing ..."),
        ("a.library", "%d of these", (SAID,), "%d of these"),
        ("a.library", "%(a)s and %(b)d", ({"a": SAID, "b": 3},), "... and 3"),
        ("py.warnings", "%s", (f"/x/y.py:12: UserWarning: {SAID}\n  warn({SAID})",), "UserWarning at y.py:12"),
        ("bot.x", "it is %s", (Clip(SAID, b""),), "it is <Clip>"),
    ],
)  # fmt: skip
def test_of_what_libraries_say_the_words_stay_and_the_values_go(
    logger: str, message: str, arguments: tuple[object, ...], told: str
) -> None:
    line, row = both(record(logger, message, *arguments))

    assert SAID not in line + json.dumps(row)
    assert row["message"] == told
    assert line == f"referee: warning: {logger}: {told}"


@pytest.mark.parametrize(
    "error",
    [ValueError(SAID), KeyError(SAID), json.JSONDecodeError("no", SAID, 0), ClipRejected(SAID), OSError(5, "x", SAID)],
)  # fmt: skip
def test_an_error_is_told_by_its_kind_and_its_place(error: Exception) -> None:
    line, row = both(record("bot.x", "message %d was not handled: %s", 7, error, error=raised(error)))

    assert SAID not in line + json.dumps(row)
    assert type(error).__name__ in line
    assert row["error"] == type(error).__name__
    assert "in raised" in str(row["traceback"])
    assert "tests/bot/console/test_log_format.py:" in line
    assert "\n" not in line


def test_an_error_of_our_own_keeps_its_text() -> None:
    line, row = both(record("bot.x", "it failed", error=raised(StoreBusy("referee.db is held"))))

    assert "StoreBusy: referee.db is held" in line
    assert row["error_text"] == "referee.db is held"


def test_the_errors_behind_an_error_are_told_too_without_end() -> None:
    first, second = ValueError("a"), KeyError("b")
    first.__cause__, second.__cause__ = second, first

    assert list(frames_of(first)) == ["because of KeyError:"]


def test_ids_are_fields_of_their_own() -> None:
    key = SourceKey(Platform.DISCORD, "1", "2", "3")
    made = record("bot.x", "incident %d was shown", 9)
    made.__dict__.update(ids_of(key, incident=9, card=4))

    _, row = both(made)

    wanted = {"community": "1", "channel": "2", "message_id": "3", "incident": "9", "card": "4"}
    assert {name: row[name] for name in wanted} == wanted
    assert "referee_ids" not in row


@pytest.mark.parametrize(
    ("template", "arguments", "found"),
    [
        ("incident %d: %s", (3, "done"), {"incident": "3"}),
        ("100%% of card %d in channel %s", (5, "77"), {"card": "5", "channel": "77"}),
        ("message %s in channel %s was not handled: %s", ("8", "9", "x"), {"message_id": "8", "channel": "9"}),
        ("message %s", ("not an id at all",), {}),
        ("server %s and %s", ("12",), {"community": "12"}),
        ("nothing", (), {}),
    ],
)
def test_ids_that_a_record_names_in_words_are_found(
    template: str, arguments: tuple[object, ...], found: dict[str, str]
) -> None:
    assert found_in(template, arguments) == found


def test_no_id_is_no_field() -> None:
    assert ids(community="1", incident=None) == {"referee_ids": {"community": "1"}}


def settings() -> Settings:
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        discord_token=SecretStr(TOKEN),
        content_keys=SecretStr(f"{KEY},{KEY[::-1]}"),
        database_url=f"postgresql+asyncpg://referee:{PASSWORD}%21@db/referee",
    )


@pytest.mark.parametrize("secret", [TOKEN, KEY, KEY[::-1], f"{PASSWORD}!", f"{PASSWORD}%21"], ids=range(5))
def test_known_secrets_are_taken_out_of_whatever_is_logged(secret: str) -> None:
    redaction = Redaction(secrets_of(settings()))

    line, row = both(record("bot.x", "it said %s, twice: %s", secret, f"({secret})"), redaction)

    assert secret not in line + json.dumps(row)
    assert line.count(HIDDEN) >= 2


@pytest.mark.parametrize(
    "text",
    [TOKEN, KEY, f"postgresql://me:{PASSWORD}@x/y", f"/webhooks/12/{PASSWORD}/x", f"/interactions/1/{PASSWORD}"],
    ids=range(5),
)  # fmt: skip
def test_what_looks_like_a_secret_is_taken_out_where_none_is_known(text: str) -> None:
    shown = Redaction()(f"it was {text} there")

    assert HIDDEN in shown
    assert not any(secret in shown for secret in (TOKEN, KEY, PASSWORD))


def test_an_error_on_the_command_line_holds_no_password() -> None:
    assert PASSWORD not in line_of(ValueError(f"postgresql://me:{PASSWORD}@host/x cannot be used"))


@given(st.text(max_size=300))
def test_no_text_breaks_a_line_or_a_json_object(text: str) -> None:
    line, row = both(record("bot.x", "it said %s", text))

    assert len(line.splitlines()) == 1
    assert set(row) >= {"time", "level", "logger", "message"}


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("show", [repr, str, lambda settings: f"{settings!r:.2000}"])
def test_no_secret_is_in_what_settings_show_of_themselves(form: str, show: Callable[[object], str]) -> None:
    made = settings().model_copy(update={"log_format": form})
    secrets = [value for value in made.__dict__.values() if isinstance(value, SecretStr)]

    assert len(secrets) == 2
    for secret in (*(each.get_secret_value() for each in secrets), *secrets_of(made)):
        assert secret not in show(made)


def test_what_nobody_caught_is_told_without_its_text(tmp_path: Path) -> None:
    code = (
        "from bot.settings import Settings; from bot.console.failures import log_to_stderr\n"
        "log_to_stderr(Settings(_env_file=None))\n"
        f"raise ValueError({SAID!r})\n"
    )
    root = Path(__file__).parents[3]
    env = {"PYTHONPATH": str(root)}
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)  # noqa: S603

    assert ran.returncode == 1
    assert SAID not in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "ValueError" in ran.stderr
    assert "please report it" in ran.stderr
