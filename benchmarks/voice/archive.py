"""A measurement as plain values for JSON: the figures, and every clip that they come from."""

from collections.abc import Mapping
from dataclasses import asdict

from benchmarks.voice.figures import Figures, Rate, grouped
from benchmarks.voice.long_clips import LongTrial
from benchmarks.voice.measurement import Measured
from benchmarks.voice.recordings import RecordingTrial
from benchmarks.voice.trials import NO_NOISE, ROUGH, Trial
from benchmarks.voice.ways import Finding, Way

Row = dict[str, object]
"""Plain values by name."""


def to_row(measured: Measured, circumstances: Mapping[str, object]) -> Row:
    """Return everything of a measurement, with the machine and the models that it was made with."""
    quiet = [trial for trial in measured.lines if trial.condition in (NO_NOISE, ROUGH)]
    clear = [trial for trial in measured.lines if trial.condition == NO_NOISE]
    noisy = [trial for trial in measured.lines if trial.noise]
    return {
        **circumstances,
        "conditions": _figures(grouped(measured.lines, lambda trial: trial.condition)),
        "voices": _figures(grouped(quiet, lambda trial: trial.voice)),
        "speeds": _figures(grouped(clear, lambda trial: f"{trial.speed:g}")),
        "noises": _figures(grouped(noisy, lambda trial: trial.noise)),
        "categories": _figures(grouped(clear, lambda trial: trial.line.category)),
        "lines": [_line(trial) for trial in measured.lines],
        "long_clips": [_long(trial) for trial in measured.long_clips],
        "wordless": [
            {"kind": trial.kind, "seconds": trial.seconds, **_findings(trial.findings)} for trial in measured.wordless
        ],
        "recordings": [_recording(trial) for trial in measured.recordings],
        "memory": asdict(measured.memory) if measured.memory else None,
        "beside_text": [asdict(each) for each in measured.beside],
    }


def _figures(groups: Mapping[str, Figures]) -> Row:
    return {name: _of(found) for name, found in groups.items()}


def _of(found: Figures) -> Row:
    return {
        "clips": found.clips,
        "seconds": round(found.seconds, 2),
        "word_errors": dict(found.word_errors),
        "real_time": dict(found.real_time),
        "recall": _rates(found.recall),
        "recall_voice_of_text": found.kept,
        "false_alarms": _rates(found.alarms),
        "clean_punished": _rates(found.punished),
        "unchecked": found.unchecked,
    }


def _rates(rates: Mapping[Way, Rate]) -> Row:
    return {way: {"count": rate.count, "of": rate.of} for way, rate in rates.items()}


def _line(trial: Trial) -> Row:
    return {
        "number": trial.line.number,
        "category": trial.line.category,
        "said": trial.line.text,
        "condition": trial.condition,
        "voice_name": trial.voice,
        "speed": trial.speed,
        "noise": trial.noise or None,
        "seconds": round(trial.seconds, 2),
        **_findings(trial.findings),
    }


def _long(trial: LongTrial) -> Row:
    return {
        "hidden": trial.hidden.text,
        "category": trial.hidden.category,
        "voice_name": trial.voice,
        "start": round(trial.start, 2),
        "seconds": round(trial.seconds, 2),
        **_findings(trial.findings),
        "without": _findings(trial.without),
    }


def _recording(trial: RecordingTrial) -> Row:
    recording = trial.recording
    return {
        "file": recording.name,
        "said": recording.said,
        "seconds": round(recording.seconds, 2),
        **_findings(trial.findings),
    }


def _findings(findings: Mapping[Way, Finding]) -> Row:
    return {way: asdict(finding) for way, finding in findings.items()}
