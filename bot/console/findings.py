"""What can be wrong with an installation: one function a subject, each answers with findings."""

import difflib
import os
import platform
import re
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from bot import __version__
from bot.domain import Clip
from bot.errors import RefereeError

if TYPE_CHECKING:
    from bot.settings import Settings
    from classifier import Classifier

_ENTRY = re.compile(r"^\s*(?:export\s+)?(REFEREE_\w+)\s*=", re.MULTILINE | re.IGNORECASE)
_CPU_FLAGS = re.compile(r"^flags\s*:\s*(.*)$", re.MULTILINE)
_VNNI = ("avx_vnni", "avx512_vnni")
_LITTLE_ROOM = 1 << 30
_NO_ROOM = 50 << 20
_SAMPLE = "well played everyone"


class Level(StrEnum):
    """How a finding is meant."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """Hold what was found about a subject, and what to do about it."""

    subject: str
    level: Level
    text: str
    advice: str = ""


def machine() -> Iterator[Finding]:
    """Yield what Python and the processor are."""
    yield Finding("referee", Level.OK, f"{__version__} on Python {platform.python_version()}, {platform.platform()}")
    try:
        found = _CPU_FLAGS.search(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        found = None
    text = f"{os.cpu_count()} processors, {platform.machine()}"
    if found is None:
        yield Finding("processor", Level.OK, text)
        return
    flags = set(found.group(1).split())
    named = [name for name in ("avx2", *_VNNI) if name in flags]
    text += f", {', '.join(named) or 'no AVX2'}"
    if "avx2" in flags:
        yield Finding("processor", Level.OK, text)
    else:
        yield Finding("processor", Level.WARNING, text, "scoring is slow without AVX2; use a newer machine")


def unknown_variables(known: Iterable[str]) -> Iterator[Finding]:
    """Yield the REFEREE_ variables of the environment and of .env that no setting reads; values are not looked at."""
    names = [f"REFEREE_{name.upper()}" for name in known]
    try:
        file = Path(".env").read_text(encoding="utf-8", errors="replace")
    except OSError:
        file = ""
    given = [name for name in os.environ if name.upper().startswith("REFEREE_")] + _ENTRY.findall(file)
    for name in sorted({name.upper() for name in given} - set(names)):
        close = difflib.get_close_matches(name, names, n=1)
        advice = f"did you mean {close[0]}?" if close else "remove it; .env.example lists what there is"
        yield Finding("settings", Level.WARNING, f"{name} is not a setting of Referee", advice)


def model(settings: "Settings") -> "tuple[Classifier | None, list[Finding]]":
    """Return the model, loaded and tried, and what was found on the way."""
    from bot.assembly import load_classifier
    from classifier import ClassifierError

    started = time.perf_counter()
    try:
        classifier = load_classifier(settings)
        loaded = time.perf_counter()
        verdict = classifier.score([_SAMPLE])[0]
    except (ClassifierError, OSError) as error:
        return None, [Finding("model", Level.PROBLEM, str(error), "reinstall Referee, or set REFEREE_MODEL")]
    took = time.perf_counter()
    text = (
        f"{classifier.version}: files as in the manifest, loaded in {loaded - started:.1f} s, "
        f"one text scored in {(took - loaded) * 1000:.0f} ms (P(toxic) {verdict.toxic:.3f})"
    )
    return classifier, [Finding("model", Level.OK, text)]


def policy(settings: "Settings", classifier: "Classifier") -> Finding:
    """Return whether the policy makes sense with this model."""
    from bot.assembly import load_policy
    from bot.policy_file import DEFAULT

    try:
        rules = load_policy(settings, classifier).categories
    except RefereeError as error:
        return Finding("policy", Level.PROBLEM, str(error), "correct the file, or unset REFEREE_POLICY")
    unruled = [name for name in classifier.labels.names if name not in rules]
    text = f"{settings.policy or DEFAULT}: " + ", ".join(f"{name} {rule.mode}" for name, rule in rules.items())
    if unruled:
        return Finding("policy", Level.WARNING, f"{text}; no rule for {', '.join(unruled)}", "these are ignored")
    return Finding("policy", Level.OK, text)


async def database(settings: "Settings") -> list[Finding]:
    """Return whether the database can be used; a file that is not there yet is not made."""
    from bot.store import file_of

    try:
        path = file_of(settings.database_url)
    except RefereeError as error:
        return [Finding("database", Level.PROBLEM, str(error), "set REFEREE_DATABASE_URL, or use --db")]
    if path is None:
        return [await _opened(settings), *_key_file(settings)]
    room = _room(path)
    if path.exists():
        return [await _opened(settings), *_key_file(settings), room]
    folder = next(place for place in path.absolute().parents if place.exists())
    if folder.is_dir() and os.access(folder, os.W_OK):
        return [Finding("database", Level.OK, f"{path} is not there yet; it is made when first used"), room]
    return [Finding("database", Level.PROBLEM, f"{path} cannot be made in {folder}", "make the folder writable"), room]


async def _opened(settings: "Settings") -> Finding:
    from bot.assembly import open_all_stores

    try:
        async with open_all_stores(settings) as stores:
            sound, counts = await stores.incidents.check(), await stores.incidents.counts()
            what, watched = await stores.describe(), await stores.is_watched()
    except (RefereeError, OSError) as error:
        return Finding("database", Level.PROBLEM, str(error), "see the message")
    if sound != "ok":
        return Finding("database", Level.PROBLEM, f"{stores.label} is damaged: {sound}", "put a backup in its place")
    held = ", ".join(f"{count} {state}" for state, count in counts.items())
    text = (
        f"{stores.label} is sound and writable ({what.software}, {what.size / 1e6:,.1f} MB, schema up to date); "
        f"incidents: {held}; {'a' if watched else 'no'} bot watches with it"
    )
    if not what.trouble:
        return Finding("database", Level.OK, text)
    return Finding("database", Level.WARNING, text, what.trouble)


def _key_file(settings: "Settings") -> Iterator[Finding]:
    from bot.store import default_key_file

    if settings.content_keys is not None:
        yield Finding("key", Level.OK, "the content keys come from the settings")
        return
    key_file = settings.content_key_file or default_key_file(settings.database_url)
    if not key_file.exists():
        return
    mode = stat.S_IMODE(key_file.stat().st_mode)
    if mode & 0o077:
        advice = f"run `chmod 600 {key_file}`"
        yield Finding("key", Level.WARNING, f"{key_file} can be read by others (mode {mode:o})", advice)
    else:
        yield Finding("key", Level.OK, f"{key_file}, mode {mode:o}; keep a copy apart from the database")


def _room(path: Path) -> Finding:
    folder = next(place for place in path.absolute().parents if place.is_dir())
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:.1f} GB free in {folder}"
    level = Level.PROBLEM if free < _NO_ROOM else Level.WARNING if free < _LITTLE_ROOM else Level.OK
    return Finding("disk", level, text, "" if level is Level.OK else "free some space")


def discord(settings: "Settings") -> Finding:
    """Return whether `referee run` has what it needs to connect; nothing is asked of Discord."""
    from bot.app.invite import application_id
    from bot.errors import InputError, SettingsError
    from bot.fetch import parse_hosts

    if settings.discord_token is None:
        return Finding("discord", Level.OK, "REFEREE_DISCORD_TOKEN is not set; only `referee run` needs it")
    try:
        parse_hosts(settings.attachment_hosts)
        number = application_id(settings, None)
    except SettingsError as error:
        return Finding("discord", Level.PROBLEM, str(error), "correct REFEREE_ATTACHMENT_HOSTS")
    except InputError:
        advice = "copy the token anew from the portal: your application, Bot, Reset Token"
        return Finding("discord", Level.WARNING, "REFEREE_DISCORD_TOKEN does not look like a token", advice)
    return Finding("discord", Level.OK, f"a token for application {number}; `referee invite` prints the link")


async def speech(settings: "Settings", sample: Clip | None) -> Finding:
    """Return whether clips can be heard; where a sample is given, by hearing it."""
    from bot.assembly import open_transcriber
    from bot.errors import SpeechError
    from bot.speech.models import find_model
    from bot.spoken import joined

    if not settings.speech:
        return Finding("speech", Level.OK, "switched off: clips are not checked")
    try:
        name = find_model(settings.speech_model)
        if sample is None:
            return Finding("speech", Level.OK, f"{name} (--deep tries it)")
        started = time.perf_counter()
        async with open_transcriber(settings) as transcriber:
            heard = joined([part async for part in transcriber.listen(sample)]) if transcriber else None
    except SpeechError as error:
        return Finding("speech", Level.WARNING, str(error), "until then clips are not checked")
    took = time.perf_counter() - started
    return Finding("speech", Level.OK, f"{name}: heard {heard.text if heard else ''!r} in {took:.1f} s")
