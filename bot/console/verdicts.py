"""What is said of one text or clip: judged as the pipeline judges it, and shown."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from bot.clip_time import clip_time
from bot.console.render import STYLES, bars, clean, highlighted, plain
from bot.domain import Action, Decision, Segment, Transcript

if TYPE_CHECKING:
    from classifier import Verdict, WordWeight

_MOST_SEGMENTS = 40


@dataclass(frozen=True, slots=True)
class Opinion:
    """Hold a text with its verdict, the words that made it, and what the policy asks for.

    Of a clip, `text` is what was judged worst, said at `at` seconds; the transcript is all that was heard.
    """

    text: str
    verdict: "Verdict"
    decision: Decision
    words: "tuple[WordWeight, ...]" = ()
    transcript: Transcript | None = None
    at: float | None = None


def to_row(opinion: Opinion) -> Mapping[str, object]:
    """Return the opinion as plain values for JSON."""
    category, probability = opinion.verdict.top
    return {
        "text": opinion.text,
        "at_s": None if opinion.at is None else round(opinion.at, 2),
        "toxic": round(opinion.verdict.toxic, 6),
        "category": category,
        "probability": round(probability, 6),
        "categories": {name: round(value, 6) for name, value in opinion.verdict.categories.items()},
        "words": [{"word": w.word, "start": w.start, "end": w.end, "weight": w.weight} for w in opinion.words],
        "decision": decision_row(opinion.decision),
        "partial": opinion.verdict.partial,
        "model": opinion.verdict.model_version,
        "transcript": None if opinion.transcript is None else _transcript_row(opinion.transcript),
    }


def decision_row(decision: Decision) -> Mapping[str, object]:
    """Return a decision as plain values for JSON."""
    return {
        "action": decision.action.value,
        "would": decision.would.value,
        "mode": decision.mode.value,
        "category": decision.category or None,
        "confidence": round(decision.confidence, 6),
        "duration_s": None if decision.duration is None else decision.duration.total_seconds(),
        "strike": decision.strike,
        "reasons": list(decision.reasons),
    }


def _transcript_row(transcript: Transcript) -> Mapping[str, object]:
    return {
        "text": transcript.text,
        "seconds": round(transcript.seconds, 2),
        "doubt": round(transcript.doubt, 3),
        "complete": transcript.complete,
        "notes": list(transcript.notes),
        "foreign": transcript.foreign or None,
        "segments": [_segment_row(segment) for segment in transcript.segments],
    }


def _segment_row(segment: Segment) -> Mapping[str, object]:
    return {
        "start_s": round(segment.start, 2),
        "end_s": round(segment.end, 2),
        "text": segment.text,
        "doubt": round(segment.doubt, 3),
        "track": segment.track,
        "language": segment.language or None,
    }


def lines_of(opinion: Opinion, *, ascii_only: bool) -> list[Text]:
    """Return an opinion as lines to print."""
    verdict, decision = opinion.verdict, opinion.decision
    category, probability = verdict.top
    lines = [highlighted(opinion.text, [(word.start, word.end) for word in opinion.words])]
    if not opinion.text.strip():
        lines = [Text("(no text)", "dim")]
    if opinion.transcript is not None:
        lines += _heard_lines(opinion.transcript)
    if opinion.transcript is not None and not opinion.text.strip():
        lines.append(Text("  no speech was heard, so there is nothing to score"))
    else:
        lines.append(Text(f"  P(toxic) {verdict.toxic:.3f}, most likely {category} ({probability:.3f})"))
        lines += bars(verdict.categories, ascii_only=ascii_only)
    if opinion.words:
        named = (f"{clean(word.word)} (+{word.weight:.2f})" for word in opinion.words)
        lines.append(Text("  words: " + ", ".join(named)))
    lines.append(_decision_line(opinion))
    lines += [plain(f"    because {reason}", "dim") for reason in decision.reasons]
    if verdict.partial:
        lines.append(Text("  the text is longer than what is read of one message: its rest was not judged", "yellow"))
    return lines


def _decision_line(opinion: Opinion) -> Text:
    decision = opinion.decision
    line = Text("  decision: ").append(said(decision)).append(f", for {decision.category}" * bool(decision.category))
    if opinion.at is not None and decision.action is not Action.NONE:
        line.append(f", said at {clip_time(opinion.at)}")
    return line


def _heard_lines(transcript: Transcript) -> Iterator[Text]:
    """Yield what there is to know of a transcript besides the text that was judged, and its parts where it has some."""
    languages = dict.fromkeys(segment.language for segment in transcript.segments if segment.language)
    parts = [f"heard in {transcript.seconds:.1f} s of sound, doubt {transcript.doubt:.2f}"]
    parts += [f"language {clean(', '.join(languages))}"] if languages else []
    parts += [f"most of it in {clean(transcript.foreign)}, which cannot be judged"] if transcript.foreign else []
    parts += [clean(note) for note in transcript.notes]
    yield Text("  (" + "; ".join(parts) + ")", "dim")
    if len(transcript.segments) < 2:
        return
    for segment in transcript.segments[:_MOST_SEGMENTS]:
        start = Text(f"  {clip_time(segment.start):>7}  ", "dim")
        yield start.append(plain(segment.text.strip(), "not dim")).append(f"  (doubt {segment.doubt:.2f})")
    if (more := len(transcript.segments) - _MOST_SEGMENTS) > 0:
        yield Text(f"           and {more} more; --json has them all", "dim")


def said(decision: Decision) -> Text:
    """Return a decision in a few words."""
    if decision.action is Action.NONE:
        return Text("nothing", "dim")
    shown = Text(str(decision.action), STYLES[decision.action])
    if decision.duration is not None:
        shown.append(f" {_length(int(decision.duration.total_seconds()))}")
    if decision.would is not decision.action:
        shown.append(f" (the rule asks for {decision.would})")
    return shown


def _length(seconds: int) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and not seconds % size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
