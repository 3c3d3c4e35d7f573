import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import SettingsError
from bot.settings import PREFIX, Settings, read_settings

DEFAULTS = {
    "database_url": "sqlite+aiosqlite:///referee.db",
    "content_keys": None,
    "content_key_file": None,
    "content_days": 30,
    "incident_days": 90,
    "model": None,
    "policy": None,
    "threads": None,
    "waiting_texts": 2048,
    "deadline_s": 5.0,
    "speech": True,
    "speech_model": "offline",
    "speech_precision": "int8",
    "speech_device": "cpu",
    "speech_idle_minutes": 0.0,
    "languages": "en",
    "clip_seconds": 600.0,
    "clip_megabytes": 25,
    "discord_token": None,
    "watch_names": False,
    "watch_bots": False,
    "watch_webhooks": False,
    "actions_per_minute": 30,
    "catch_up_messages": 100,
    "catch_up_hours": 24.0,
    "attachment_hosts": "cdn.discordapp.com,media.discordapp.net",
    "discord_api": "https://discord.com/api/v10",
    "discord_gateway": "wss://gateway.discord.gg/",
    "status_port": None,
    "status_host": "127.0.0.1",
    "log_format": "text",
    "log_level": "WARNING",
}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep out the settings of whoever runs the tests."""
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_every_setting_has_its_default() -> None:
    assert read_settings().model_dump() == DEFAULTS


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("DATABASE_URL", "sqlite+aiosqlite:///data/mine.db", "sqlite+aiosqlite:///data/mine.db"),
        ("CONTENT_KEY_FILE", "data/mine.key", Path("data/mine.key")),
        ("CONTENT_DAYS", "7", 7),
        ("INCIDENT_DAYS", "3650", 3650),
        ("MODEL", "models/own", Path("models/own")),
        ("POLICY", "own.toml", Path("own.toml")),
        ("THREADS", "2", 2),
        ("WAITING_TEXTS", "1", 1),
        ("DEADLINE_S", "0.5", 0.5),
        ("SPEECH", "false", False),
        ("SPEECH_MODEL", "small", "small"),
        ("SPEECH_PRECISION", "float32", "float32"),
        ("SPEECH_DEVICE", "cuda", "cuda"),
        ("SPEECH_IDLE_MINUTES", "10", 10.0),
        ("LANGUAGES", "en,de", "en,de"),
        ("CLIP_SECONDS", "30", 30.0),
        ("CLIP_MEGABYTES", "1", 1),
        ("WATCH_NAMES", "true", True),
        ("WATCH_BOTS", "1", True),
        ("WATCH_WEBHOOKS", "yes", True),
        ("ACTIONS_PER_MINUTE", "1", 1),
        ("CATCH_UP_MESSAGES", "0", 0),
        ("CATCH_UP_HOURS", "0.5", 0.5),
        ("ATTACHMENT_HOSTS", "files.example", "files.example"),
        ("DISCORD_API", "http://127.0.0.1:8080/api/v10", "http://127.0.0.1:8080/api/v10"),
        ("DISCORD_GATEWAY", "ws://127.0.0.1:8080/gateway/", "ws://127.0.0.1:8080/gateway/"),
        ("STATUS_PORT", "9100", 9100),
        ("STATUS_HOST", "::1", "::1"),
        ("LOG_FORMAT", "json", "json"),
        ("LOG_LEVEL", "DEBUG", "DEBUG"),
    ],
)
def test_a_variable_with_the_prefix_sets_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: Any
) -> None:
    monkeypatch.setenv(PREFIX + name, text)

    assert read_settings().model_dump() == {**DEFAULTS, name.lower(): value}


def test_a_variable_without_the_prefix_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THREADS", "none of these")

    assert read_settings().threads is None


@pytest.mark.parametrize("name", DEFAULTS)
def test_an_empty_variable_leaves_the_default(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(PREFIX + name.upper(), "")

    assert read_settings().model_dump() == DEFAULTS


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CONTENT_DAYS", "0"),
        ("CONTENT_DAYS", "3651"),
        ("CONTENT_DAYS", "a month"),
        ("INCIDENT_DAYS", "0"),
        ("INCIDENT_DAYS", "0.75"),
        ("THREADS", "0"),
        ("THREADS", "257"),
        ("WAITING_TEXTS", "0"),
        ("WAITING_TEXTS", "1000001"),
        ("DEADLINE_S", "0"),
        ("DEADLINE_S", "601"),
        ("DEADLINE_S", "nan"),
        ("DEADLINE_S", "inf"),
        ("SPEECH", "perhaps"),
        ("SPEECH_PRECISION", "int4"),
        ("SPEECH_DEVICE", "toaster"),
        ("SPEECH_IDLE_MINUTES", "-1"),
        ("CLIP_SECONDS", "0"),
        ("CLIP_SECONDS", "7201"),
        ("CLIP_SECONDS", "nan"),
        ("CLIP_MEGABYTES", "0"),
        ("CLIP_MEGABYTES", "501"),
        ("STATUS_PORT", "0"),
        ("STATUS_PORT", "65536"),
        ("STATUS_PORT", "http"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "chatty"),
    ],
)
def test_a_value_that_makes_no_sense_is_told_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(PREFIX + name, text)

    with pytest.raises(SettingsError, match=rf"^{PREFIX}{name}: .*\(see \.env\.example\)$"):
        read_settings()


def test_the_value_of_a_bad_setting_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "THREADS", "gAAAAsecret")

    with pytest.raises(SettingsError) as caught:
        read_settings()

    assert "gAAAAsecret" not in str(caught.value)
    # What pydantic says would repeat it in a traceback.
    assert caught.value.__suppress_context__


def test_every_bad_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "THREADS", "0")
    monkeypatch.setenv(PREFIX + "SPEECH", "perhaps")

    with pytest.raises(SettingsError, match=r"REFEREE_THREADS.*; REFEREE_SPEECH:"):
        read_settings()


def test_keys_do_not_show_in_a_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "CONTENT_KEYS", "gAAAAsecret")
    read = read_settings()

    assert "gAAAAsecret" not in f"{read!r} {read} {read.model_dump_json()}"
    assert read.content_keys is not None
    assert read.content_keys.get_secret_value() == "gAAAAsecret"


def test_a_dotenv_file_is_read_and_gives_way_to_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("# mine\nREFEREE_THREADS=3\nREFEREE_SPEECH=false\nOTHER=1\n")
    monkeypatch.setenv(PREFIX + "THREADS", "4")

    assert read_settings().model_dump() == {**DEFAULTS, "threads": 4, "speech": False}


def test_a_bad_value_in_a_dotenv_file_is_told_by_its_variable() -> None:
    Path(".env").write_text("REFEREE_THREADS=many\n")

    with pytest.raises(SettingsError, match="REFEREE_THREADS"):
        read_settings()


def test_a_dotenv_file_that_is_not_text_is_a_settings_error() -> None:
    Path(".env").write_bytes(b"REFEREE_THREADS=\xff\xfe\n")

    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings()


# What an environment can hold: anything but NUL; bytes that are no UTF-8 come as lone surrogates.
values = st.one_of(
    st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])),
    st.binary().map(lambda raw: os.fsdecode(raw.replace(b"\0", b""))),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["[", "{}", '{"a": 1}', "null", "true", "~", "1e3", "0x10", "-1"]),
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(DEFAULTS)), text=values)
def test_whatever_a_variable_holds_gives_settings_or_a_settings_error(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv(PREFIX + name.upper(), text)
        try:
            read = read_settings()
        except SettingsError as error:
            assert PREFIX + name.upper() in str(error)
        else:
            assert isinstance(read, Settings)
