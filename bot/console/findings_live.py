"""What can be wrong with a bot that runs, and with its way to Discord: one function a subject, as in `findings`."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bot.console.findings import Finding, Level
from bot.errors import SettingsError

if TYPE_CHECKING:
    from bot.app.probing import Answered, Probe, Unanswered
    from bot.settings import Settings

_PORTAL = "https://discord.com/developers/applications"
_NEW_TOKEN = f"copy the token anew: {_PORTAL}, your application, Bot, Reset Token"
_NETWORK = "check the network, the firewall and the proxy of this machine"
_LATER = "see https://discordstatus.com and try again later"
_CONTENT = (1 << 18) | (1 << 19)
_MEMBERS = (1 << 14) | (1 << 15)
"""Flags of an application: an intent is on where either is set, the second for bots in few servers.

https://discord.com/developers/docs/resources/application#application-object-application-flags
"""
_SKEW_S, _FEW_SESSIONS = 5.0, 10
_LONGEST_NAME = 80


async def discord(settings: "Settings") -> list[Finding]:
    """Return whether Discord can be reached and takes the token, with its intents on."""
    from bot.app.probing import Probe

    async with Probe() as probe:
        found = await asyncio.gather(_account(settings, probe), _gateway(settings, probe), _hosts(settings, probe))
    return [finding for findings in found for finding in findings]


async def _account(settings: "Settings", probe: "Probe") -> list[Finding]:
    token = settings.discord_token.get_secret_value().strip() if settings.discord_token else ""
    if not token:
        advice = f"make a bot at {_PORTAL}; docs/discord.md leads through it"
        return [Finding("token", Level.PROBLEM, "REFEREE_DISCORD_TOKEN is not set; Discord was not asked", advice)]
    api = settings.discord_api.rstrip("/")
    me = await probe.get(f"{api}/users/@me", token)
    refused = _refused(me, "token", api)
    if refused is not None:
        return [refused, *_clock(me)]
    application = await probe.get(f"{api}/oauth2/applications/@me", token)
    name = str(_told(me).get("username", "?"))[:_LONGEST_NAME]
    found = [Finding("token", Level.OK, f"Discord takes it and knows the bot as {name!r}"), *_clock(me)]
    refused = _refused(application, "intents", api)
    return [*found, refused or _intents(settings, _told(application)), *await _sessions(probe, api, token)]


def _refused(answer: "Answered | Unanswered", subject: str, api: str) -> Finding | None:
    """Return why an answer is none to work with, None where it is one."""
    from bot.app.probing import Unanswered

    if isinstance(answer, Unanswered):
        return Finding(subject, Level.PROBLEM, f"{api} cannot be reached: {answer.why}", _NETWORK)
    if answer.status == 200:
        return (
            None if answer.told else Finding(subject, Level.PROBLEM, f"{api} does not answer as Discord does", _NETWORK)
        )
    if answer.status == 401:
        return Finding(subject, Level.PROBLEM, "Discord does not take the token", _NEW_TOKEN)
    if answer.status == 429:
        return Finding(subject, Level.WARNING, "Discord asks to wait: too many requests from here", _LATER)
    return Finding(subject, Level.PROBLEM, f"{api} answered with status {answer.status}", _LATER)


def _told(answer: "Answered | Unanswered") -> Mapping[str, object]:
    from bot.app.probing import Answered

    return answer.told if isinstance(answer, Answered) else {}


def _intents(settings: "Settings", application: Mapping[str, object]) -> Finding:
    flags = application.get("flags")
    if not isinstance(flags, int):
        return Finding("intents", Level.WARNING, "Discord does not say which intents are on")
    needed = {"Message Content Intent": _CONTENT} | (
        {"Server Members Intent": _MEMBERS} if settings.watch_names else {}
    )
    off = [name for name, bits in needed.items() if not flags & bits]
    if off:
        where = f"switch on {' and '.join(off)} under Privileged Gateway Intents at {_PORTAL}, your application, Bot"
        return Finding("intents", Level.PROBLEM, f"{' and '.join(off)}: off", where)
    return Finding("intents", Level.OK, f"{' and '.join(needed)}: on")


def _clock(answer: "Answered | Unanswered") -> list[Finding]:
    from bot.app.probing import Answered

    if not isinstance(answer, Answered) or answer.date is None:
        return []
    skew = (answer.at - answer.date).total_seconds()
    if abs(skew) <= _SKEW_S + answer.took_s:
        return [Finding("clock", Level.OK, f"within {_SKEW_S:.0f} s of Discord's")]
    text = f"the clock of this machine is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} Discord's"
    return [Finding("clock", Level.WARNING, text, "let it follow a time server, as with `timedatectl set-ntp true`")]


async def _sessions(probe: "Probe", api: str, token: str) -> list[Finding]:
    told = _told(await probe.get(f"{api}/gateway/bot", token)).get("session_start_limit")
    left = told.get("remaining") if isinstance(told, Mapping) else None
    if not isinstance(left, int) or left >= _FEW_SESSIONS:
        return []
    text = f"Discord lets the bot connect only {left} more times today"
    return [Finding("gateway", Level.WARNING, text, "find out what restarts it over and over before it is locked out")]


async def _gateway(settings: "Settings", probe: "Probe") -> list[Finding]:
    from bot.app.probing import Unanswered

    took = await probe.greeting(settings.discord_gateway)
    if isinstance(took, Unanswered):
        text = f"{settings.discord_gateway} cannot be reached: {took.why}"
        return [Finding("gateway", Level.PROBLEM, text, f"{_NETWORK}; websockets must pass")]
    return [Finding("gateway", Level.OK, f"it greets within {took * 1000:.0f} ms")]


async def _hosts(settings: "Settings", probe: "Probe") -> list[Finding]:
    from bot.app.probing import Unanswered
    from bot.fetch import parse_hosts

    if not settings.speech:
        return []
    try:
        hosts = parse_hosts(settings.attachment_hosts)
    except SettingsError:
        # `findings.discord` tells of it.
        return []
    reached = await asyncio.gather(*(probe.reach(host.host, host.port) for host in hosts))
    lost = [
        Finding("clips", Level.WARNING, f"{host.host} cannot be reached: {took.why}", f"{_NETWORK}; no clip is heard")
        for host, took in zip(hosts, reached, strict=True)
        if isinstance(took, Unanswered)
    ]
    return lost or [Finding("clips", Level.OK, f"{', '.join(host.host for host in hosts)} can be reached")]
