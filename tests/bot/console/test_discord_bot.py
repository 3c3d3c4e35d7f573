"""`referee run` and `referee invite`, as far as no server is needed."""

import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import discord
import pytest

from bot.enforce.permissions import LABELS, REASONS
from tests.bot.console.conftest import Ran

Run = Callable[..., Ran]
TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz0123456789ab"  # noqa: S105
APPLICATION = "123456789012345678"


def asked(link: str) -> tuple[str, discord.Permissions, set[str]]:
    """Return what an invite link names: application, permissions and scopes."""
    query = parse_qs(urlsplit(link).query)
    return query["client_id"][0], discord.Permissions(int(query["permissions"][0])), set(query["scope"][0].split())


def test_the_invite_link_asks_for_what_is_needed_and_no_more(referee: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFEREE_DISCORD_TOKEN", TOKEN)

    ran = referee("invite")

    application, permissions, scopes = asked(ran.out.splitlines()[0])
    assert urlsplit(ran.out).hostname == "discord.com"
    assert (application, scopes) == (APPLICATION, {"bot", "applications.commands"})
    needed = set(REASONS) - {"manage_nicknames"}
    assert permissions == discord.Permissions(**dict.fromkeys(needed, True))
    assert not permissions.administrator
    assert all(f"{LABELS[name]}: {REASONS[name]}" in ran.err for name in needed)
    assert "Gabcde" not in ran.out + ran.err


def test_watching_names_asks_for_nicknames_too(referee: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFEREE_WATCH_NAMES", "true")

    row = json.loads(referee("invite", "--application", APPLICATION, "--json").out)

    assert asked(row["link"])[1].manage_nicknames
    assert LABELS["manage_nicknames"] in row["permissions"]


@pytest.mark.parametrize(
    "given", ["abc", "1", "12345678901234567890123", "-123456789012345678", "１２３４５６７８９０１２３４５６７８"]
)
def test_what_is_no_application_id_is_an_error(referee: Run, given: str) -> None:
    ran = referee("invite", "--application=" + given)

    assert (ran.code, ran.out) == (2, "")
    assert "is no application id" in ran.err


@pytest.mark.parametrize("token", ["", "nonsense", "=.=.=", "bm90IGEgbnVtYmVy.x.y", "é.x.y"])
def test_a_token_that_names_no_application_is_not_repeated(
    referee: Run, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("REFEREE_DISCORD_TOKEN", token)

    ran = referee("invite")

    assert ran.code == 2
    assert "set REFEREE_DISCORD_TOKEN, or name it with --application" in ran.err
    assert not token or token not in ran.err


def test_running_without_a_token_says_where_to_get_one(referee: Run) -> None:
    ran = referee("run")

    assert ran.code == 2
    assert "REFEREE_DISCORD_TOKEN is not set" in ran.err
    assert "docs/discord.md" in ran.err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REFEREE_ACTIONS_PER_MINUTE", "0"),
        ("REFEREE_CATCH_UP_MESSAGES", "-1"),
        ("REFEREE_WATCH_BOTS", "perhaps"),
    ],
)
def test_a_setting_of_the_bot_that_makes_no_sense_is_named(
    referee: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    ran = referee("run")

    assert ran.code == 2
    assert name in ran.err


@pytest.mark.parametrize(
    ("name", "value", "level"),
    [
        ("REFEREE_DISCORD_TOKEN", TOKEN, "ok"),
        ("REFEREE_DISCORD_TOKEN", "nonsense", "warning"),
        ("REFEREE_ATTACHMENT_HOSTS", "https://evil.example/path", "problem"),
    ],
)
def test_the_doctor_looks_at_the_settings_of_the_bot_and_repeats_no_token(
    referee: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str, level: str
) -> None:
    monkeypatch.setenv("REFEREE_DISCORD_TOKEN", TOKEN)
    monkeypatch.setenv(name, value)

    ran = referee("doctor", "--json")

    found = {finding["subject"]: finding for finding in json.loads(ran.out)["findings"]}["discord"]
    assert found["level"] == level
    assert value not in ran.out or name != "REFEREE_DISCORD_TOKEN"
