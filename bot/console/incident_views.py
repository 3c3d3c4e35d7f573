"""Incidents as a table, in full, and as plain values."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich import box
from rich.table import Table
from rich.text import Text

from bot.clip_time import clip_time
from bot.console.render import STYLES, bars, clean, plain
from bot.console.verdicts import decision_row
from bot.domain import Incident, Review

_COLUMNS = ("id", "when (UTC)", "author", "category", "P", "action", "state", "text")
_WIDE = 110
_EDGES = 2
_PADDING = 3
_SHORTEST_TEXT = 12
_WIDEST_AUTHOR = 16
_STATE_STYLES = {"open": "yellow", "confirmed": "red", "dismissed": "green"}


def incident_row(incident: Incident) -> dict[str, object]:
    """Return an incident as plain values for JSON."""
    return {
        "id": incident.id,
        "state": incident.state.value,
        "category": incident.category,
        "platform": incident.key.platform.value,
        "community": incident.key.community,
        "channel": incident.key.channel,
        "message": incident.key.message,
        "author": incident.author,
        "at": incident.at.isoformat(),
        "created_at": incident.created_at.isoformat() if incident.created_at else None,
        "text": incident.text,
        "words": list(incident.words),
        "clip": incident.clip_name,
        "clip_at": None if incident.clip_at is None else round(incident.clip_at, 2),
        "transcript_doubt": incident.transcript_doubt,
        "toxic": round(incident.toxic, 6),
        "categories": {name: round(value, 6) for name, value in incident.categories.items()},
        "decision": decision_row(incident.decision),
        "outcome": incident.outcome.value,
        "outcome_detail": incident.outcome_detail,
        "model": incident.model_version,
    }


def review_row(review: Review) -> dict[str, object]:
    """Return a moderator's verdict as plain values for JSON."""
    return {
        "verdict": review.verdict.value,
        "moderator": review.moderator,
        "at": review.at.isoformat(),
        "category": review.category,
        "note": review.note,
    }


def incident_table(incidents: Iterable[Incident], *, width: int, title: str | None = None) -> Table:
    """Return incidents as a table, one line each, without the time and P where `width` leaves no room for them."""
    rows = [_cells(incident) for incident in incidents]
    left_out = () if width >= _WIDE else ("when (UTC)", "P")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    names = [name for name in _COLUMNS if name not in left_out]
    room = width - _EDGES
    for name in names[:-1]:
        least = max([len(name), *(row[name].cell_len for row in rows)])
        room -= least + _PADDING
        table.add_column(name, no_wrap=True, min_width=least, justify="right" if name in ("id", "P") else "left")
    table.add_column(names[-1], no_wrap=True)
    for row in rows:
        # Of a table that is too wide, only the text gives way: rich would take the numbers away first.
        row[names[-1]].truncate(max(room, _SHORTEST_TEXT), overflow="ellipsis")
        table.add_row(*(row[name] for name in names))
    return table


def _cells(incident: Incident) -> dict[str, Text]:
    decision = incident.decision
    author = plain(incident.author)
    author.truncate(_WIDEST_AUTHOR, overflow="ellipsis")
    cells = (
        Text(str(incident.id)),
        Text(f"{incident.at:%Y-%m-%d %H:%M}"),
        author,
        plain(incident.category, "magenta"),
        Text(f"{decision.confidence:.2f}"),
        Text(decision.action, STYLES[decision.action]),
        Text(incident.state, _STATE_STYLES[incident.state]),
        _text(incident, longest=200),
    )
    return dict(zip(_COLUMNS, cells, strict=True))


def incident_lines(incident: Incident, reviews: Sequence[Review], *, ascii_only: bool) -> list[Text]:
    """Return everything about an incident as lines to print."""
    key, decision = incident.key, incident.decision
    facts = {
        "text": _text(incident, longest=10_000),
        "words": plain(", ".join(incident.words)),
        "author": plain(incident.author, "bold"),
        "said": Text(f"{_moment(incident.at)} UTC"),
        "written": Text(f"{_moment(incident.created_at)} UTC" if incident.created_at else ""),
        "where": plain(f"{key.platform}: {key.community} / {key.channel}"),
        "clip": _clip(incident),
        "doubt": Text("" if incident.transcript_doubt is None else f"{incident.transcript_doubt:.2f} (of transcript)"),
        "category": plain(_category(incident), "magenta"),
        "action": Text(_action(incident), STYLES[decision.action]),
        "rule": Text(f"asks for {decision.would}, mode {decision.mode}" + (", counts as a strike" * decision.strike)),
        "outcome": plain(f"{incident.outcome}" + (f": {incident.outcome_detail}" if incident.outcome_detail else "")),
        "model": plain(incident.model_version),
    }
    lines = [Text(f"incident {incident.id}, {incident.state}", f"bold {_STATE_STYLES[incident.state]}")]
    lines += [Text(f"  {name:<9} ").append(value) for name, value in facts.items() if len(value)]
    lines += [Text("  because   ").append(plain(reason)) for reason in decision.reasons]
    if incident.categories:
        lines.append(Text(f"  P(toxic)  {incident.toxic:.3f}"))
        lines += bars(incident.categories, ascii_only=ascii_only)
    lines += [_review_line(review) for review in reviews]
    return lines


def _review_line(review: Review) -> Text:
    line = Text(f"  {_moment(review.at)}  {clean(review.moderator)}: {review.verdict}", "cyan")
    if review.category:
        line.append(f" to {clean(review.category)}")
    return line.append(f" ({clean(review.note)})" if review.note else "")


def _category(incident: Incident) -> str:
    if incident.final_category and incident.final_category != incident.decision.category:
        return f"{incident.final_category} (the model said {incident.decision.category})"
    return f"{incident.category}, P {incident.decision.confidence:.3f}"


def _action(incident: Incident) -> str:
    return f"{incident.decision.action}" + (f", {incident.outcome}" if incident.decision.action.punishes else "")


def _clip(incident: Incident) -> Text:
    if incident.clip_at is None:
        return plain(incident.clip_name or "")
    return plain(incident.clip_name or "(its name has expired)").append(f", at {clip_time(incident.clip_at)}")


def _text(incident: Incident, *, longest: int) -> Text:
    if incident.text is None:
        return Text("(expired)", "dim")
    return plain(incident.text, longest=longest) if incident.text.strip() else Text("(no text)", "dim")


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
