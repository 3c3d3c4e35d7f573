"""The tables that a measurement is printed as."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from benchmarks.voice.beside import Beside
from benchmarks.voice.figures import Figures, Rate, grouped
from benchmarks.voice.long_clips import NEAR_SECONDS, LongTrial
from benchmarks.voice.measurement import Measured, WordlessTrial
from benchmarks.voice.recordings import RecordingTrial
from benchmarks.voice.trials import NO_NOISE, ROUGH, Trial
from benchmarks.voice.ways import Finding, Way
from benchmarks.voice.word_errors import word_error_rate
from bot.console.render import plain

_Row = Sequence[str]


def tables(measured: Measured) -> Iterator[Table]:
    """Yield the tables of everything that was tried."""
    if measured.lines:
        yield from _line_tables(measured.lines)
    if measured.long_clips:
        yield _long_table(measured.long_clips)
    if measured.wordless:
        yield _wordless_table(measured.wordless)
    if measured.recordings:
        yield _recording_table(measured.recordings)
    if measured.beside:
        yield _beside_table(measured.beside)


def notes(measured: Measured) -> Iterator[str]:
    """Yield what must be known to read the table of clips beside text."""
    if measured.memory:
        before, heard = measured.memory.before_mb, measured.memory.heard_mb
        yield (
            f"memory, of this program with what makes its voices, and of the decoder: {before:.0f} MB before the first "
            f"clip, {heard:.0f} MB after it; hearing takes the {heard - before:.0f} MB between"
        )
    if measured.beside:
        yield (
            "clips at once: as many servers hand one in, and the next when it was heard; text: from when "
            "a line was due until it was scored, no line said twice; a clip: from handing it in to its end; real-time "
            "factor: seconds that passed for a second of sound, of all clips together"
        )


def lost_lines(measured: Measured) -> Iterator[Text]:
    """Yield every line where voice and text differ, and what was heard; then what was heard where nobody spoke."""
    for trial in measured.lines:
        text, voice = trial.findings[Way.TEXT], trial.findings[Way.VOICE]
        if text.flagged != voice.flagged:
            what = "lost" if text.flagged else "found" if trial.line.abusive else "false alarm"
            where = f"{trial.line.number} {trial.line.category}, {trial.voice} x{trial.speed:g}, {trial.condition}"
            yield plain(f"{what}: {where} {trial.noise}: {trial.line.text!r} heard as {voice.heard!r}")
    for clip in measured.wordless:
        for way in (Way.VOICE, Way.PLAIN):
            if clip.findings[way].heard:
                yield plain(f"invented, {way}: {clip.kind}, {clip.seconds:g} s: {clip.findings[way].heard!r}")


def _line_tables(trials: Sequence[Trial]) -> Iterator[Table]:
    conditions = grouped(trials, lambda trial: trial.condition)
    yield _table(
        "Hearing: word error rate, and seconds of work a second of sound (noise is synthetic)",
        ("", "clips", "word errors, voice", "plain", "real-time factor, voice", "plain", "not checked"),
        ((name, *_hearing(found)) for name, found in conditions.items()),
    )
    yield _table(
        "Finding: abusive lines found, and clean lines flagged",
        (
            *("", "found, text", "voice", "plain", "voice of text"),
            *("false alarms, text", "voice", "plain", "clean lines punished, voice", "plain"),
        ),
        ((name, *_finding(found)) for name, found in conditions.items()),
    )
    quiet = [trial for trial in trials if trial.condition in (NO_NOISE, ROUGH)]
    yield _by("Voices, without noise", quiet, lambda trial: trial.voice)
    noisy = [trial for trial in trials if trial.noise]
    yield _by("Kinds of noise (synthetic), all levels together", noisy, lambda trial: trial.noise)
    clear = [trial for trial in trials if trial.condition == NO_NOISE and trial.line.abusive]
    yield _by("Categories, clear voices without noise", clear, lambda trial: trial.line.category)


def _hearing(found: Figures) -> _Row:
    errors, speed = found.word_errors, found.real_time
    return (
        *(str(found.clips), _percent(errors[Way.VOICE]), _percent(errors[Way.PLAIN])),
        *(f"{speed[Way.VOICE]:.3f}", f"{speed[Way.PLAIN]:.3f}", str(found.unchecked)),
    )


def _finding(found: Figures) -> _Row:
    return (
        *(_percent(found.recall[way].share) for way in Way),
        _percent(found.kept),
        *(_count(found.alarms[way]) for way in Way),
        *(_count(found.punished[way]) for way in (Way.VOICE, Way.PLAIN)),
    )


def _by(title: str, trials: Sequence[Trial], key: Callable[[Trial], str]) -> Table:
    return _table(
        title,
        ("", "clips", "word errors, voice", "plain", "found, text", "voice", "plain"),
        (
            (name, *_hearing(found)[:3], *(_percent(found.recall[way].share) for way in Way))
            for name, found in grouped(trials, key).items()
        ),
    )


def _long_table(trials: Sequence[LongTrial]) -> Table:
    minutes = sum(trial.seconds for trial in trials) / len(trials) / 60
    return _table(
        f"One abusive sentence in {minutes:.1f} minutes of clean talk",
        (
            "",
            "clips",
            "found",
            f"time right to {NEAR_SECONDS:g} s",
            "false alarms in the same talk",
            "real-time factor",
        ),
        (_long_row(trials, way) for way in (Way.VOICE, Way.PLAIN)),
    )


def _long_row(trials: Sequence[LongTrial], way: Way) -> _Row:
    told = [trial.told_when(way) for trial in trials]
    right = str(sum(each is True for each in told)) if any(each is not None for each in told) else "not told"
    found = _flagged(trial.findings for trial in trials)[way]
    alarms = _flagged(trial.without for trial in trials)[way]
    took = sum(trial.findings[way].took for trial in trials)
    return way, str(len(trials)), str(found), right, str(alarms), f"{took / sum(t.seconds for t in trials):.3f}"


def _wordless_table(trials: Sequence[WordlessTrial]) -> Table:
    return _table(
        "Clips without a word (synthetic): what was made up",
        ("", "clips", "something heard", "flagged", "punished", "not checked"),
        (_wordless_row(way, [trial.findings[way] for trial in trials]) for way in (Way.VOICE, Way.PLAIN)),
    )


def _wordless_row(way: Way, found: Sequence[Finding]) -> _Row:
    counts = (
        sum(bool(each.heard) for each in found),
        sum(each.flagged for each in found),
        sum(each.punished for each in found),
        sum(each.unchecked for each in found),
    )
    return way, str(len(found)), *map(str, counts)


def _recording_table(trials: Sequence[RecordingTrial]) -> Table:
    seconds = sum(trial.recording.seconds for trial in trials)
    return _table(
        f"Recordings: {len(trials)}, {seconds:.0f} s",
        ("", "word errors", "real-time factor", "flagged", "not checked"),
        (_recording_row(trials, way, seconds) for way in (Way.VOICE, Way.PLAIN)),
    )


def _beside_table(found: Sequence[Beside]) -> Table:
    return _table(
        "Clips beside text",
        (
            *("texts a second", "clips at once", "texts", "not scored", "text, p50 ms", "p95", "p99"),
            *("clips", "a clip, p50 ms", "real-time factor", "memory, MB"),
        ),
        (_beside_row(each) for each in found if each.texts or each.heard),
    )


def _beside_row(each: Beside) -> _Row:
    text, clip = each.text, each.clip
    times = [f"{ms:.1f}" for ms in (text.p50_ms, text.p95_ms, text.p99_ms)] if text else ["-"] * 3
    heard = [str(each.heard), f"{clip.p50_ms:.0f}"] if clip else ["-", "-"]
    factor = "-" if each.real_time is None else f"{each.real_time:.3f}"
    counts = [str(each.texts), str(each.lost)] if each.load.texts else ["-", "-"]
    return f"{each.load.texts:g}", str(each.load.clips), *counts, *times, *heard, factor, f"{each.memory_mb:.0f}"


def _recording_row(trials: Sequence[RecordingTrial], way: Way, seconds: float) -> _Row:
    found = [trial.findings[way] for trial in trials]
    errors = word_error_rate((trial.recording.said, trial.findings[way].heard) for trial in trials)
    speed = sum(each.took for each in found) / seconds if seconds else 0.0
    flagged, unchecked = sum(each.flagged for each in found), sum(each.unchecked for each in found)
    return way, _percent(errors), f"{speed:.3f}", str(flagged), str(unchecked)


def _flagged(findings: Iterable[Mapping[Way, Finding]]) -> Mapping[Way, int]:
    found = list(findings)
    return {way: sum(each[way].flagged for each in found) for way in (Way.VOICE, Way.PLAIN)}


def _table(title: str, columns: _Row, rows: Iterable[_Row]) -> Table:
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for place, column in enumerate(columns):
        made.add_column(column, justify="right" if place else "left")
    for row in rows:
        made.add_row(*row)
    return made


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _count(rate: Rate) -> str:
    return f"{rate.count} of {rate.of}"
