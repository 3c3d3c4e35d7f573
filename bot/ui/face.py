"""What a card says: its text, within the room that a message has, whatever the members wrote."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.case import Case
from bot.community import ERASED
from bot.domain import REPORTED, UNCHECKED, Incident, Platform, Review, Surface
from bot.ui.quote import escaped, spoiler
from bot.ui.words import (
    category_words,
    done_words,
    doubt_words,
    duration_words,
    found_words,
    place_words,
    verdict_words,
)

_SIZES = ((5, 400), (5, 200), (5, 90), (3, 60), (1, 40))
"""How many incidents are shown, and how much of each text, the first of these that fits."""

_MOST_NAMED, _MOST_NOTES = 6, 3
_YELLOW, _ORANGE, _RED, _BLUE, _GREY = 0xF0B232, 0xE67E22, 0xDA373C, 0x5865F2, 0x80848E


@dataclass(frozen=True, slots=True)
class Sight:
    """Hold a case with what a card tells beside it.

    `past` counts the member's earlier incidents by category within `window`; `severity` ranks categories; `name` is
    empty where only the id is known.
    """

    case: Case
    name: str = ""
    past: Mapping[str, int] | None = None
    window: timedelta = timedelta(days=90)
    severity: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Face:
    """Hold the text of a card in blocks, none of them empty, and its colour."""

    blocks: tuple[str, ...]
    colour: int


def face_of(sight: Sight, room: int) -> Face:
    """Return what a card says in at most `room` characters, as Discord counts them, line ends between blocks included.

    It takes `room` of 1,000 and more.
    """
    for shown, most in _SIZES:
        blocks = tuple(block for block in _blocks(sight, shown, most) if block)
        if sum(_length(block) + 1 for block in blocks) <= room:
            break
    else:
        number = gravest(sight.case, sight.severity).id
        blocks = (
            _title(sight, 30),
            f"There is too much to show here: see `/incidents show {number}`.",
            _verdict(sight),
        )
    return Face(tuple(block for block in blocks if block), _colour(sight))


def mention(person: str) -> str:
    """Return a person as a mention, which pings nobody where the message allows no mentions."""
    if person == ERASED:
        return "somebody whose data were erased"
    return f"<@{person}>" if person.isascii() and person.isdigit() else escaped(person, 40)


def link_of(incident: Incident) -> str:
    """Return where an incident was said, as a link; nothing where there is no such place to go to."""
    key = incident.key
    message = key.message.removeprefix("thread:")
    if key.platform is not Platform.DISCORD or not message.isdigit():
        return ""
    place = f"{key.channel}/{message}" if message == key.message else message
    return f"[go to it](https://discord.com/channels/{key.community}/{place})"


def moment_words(review: Review) -> str:
    """Return when somebody said something, in the reader's own time."""
    return f"<t:{int(review.at.timestamp())}:R>"


def first_words(first: Review) -> str:
    """Tell a moderator who was first, and what they said."""
    return f"{mention(first.moderator)} was first: {escaped(verdict_words(first), 80)}, {moment_words(first)}."


def gravest(case: Case, severity: Mapping[str, int] | None) -> Incident:
    """Return the incident of a card that stands for all of it."""
    rank = severity or {}
    return max(case.incidents, key=lambda each: (rank.get(each.category, 0), each.decision.confidence, each.id))


def _blocks(sight: Sight, shown: int, most: int) -> list[str]:
    incidents = sight.case.incidents
    left_out = len(incidents) - shown
    more = f"-# and {left_out} more, see `/incidents show {incidents[0].id}`" if left_out > 0 else ""
    quotes = [_quote(incident, most, alone=len(incidents) == 1) for incident in incidents[-shown:]]
    return [_title(sight, most), more, *quotes, _facts(sight, most), _verdict(sight)]


def _title(sight: Sight, most: int) -> str:
    author = sight.case.card.author
    name = f" ({escaped(sight.name, min(most, 64))})" if sight.name and author != ERASED else ""
    found = escaped(found_words(gravest(sight.case, sight.severity)), 80)
    numbers = [incident.id for incident in sight.case.incidents]
    listed = f"incident {numbers[0]}" if len(numbers) == 1 else f"incidents {numbers[0]} to {numbers[-1]}"
    return f"### {mention(author)}{name}: {found}\n-# {listed}"


def _quote(incident: Incident, most: int, *, alone: bool) -> str:
    link, words = link_of(incident), ", ".join(incident.words)
    where = f"{place_words(incident)}, <t:{int(incident.at.timestamp())}:t>" + (f", {link}" if link else "")
    # The title says it already where there is only one.
    found = "" if alone else f"**{escaped(found_words(incident), 80)}**, "
    lines = [found + where, _said(incident, most)]
    if incident.text is not None and words:
        lines.append(f"Because of: {spoiler(words, most)}")
    if incident.transcript_doubt is not None:
        lines.append(f"A transcript, {doubt_words(incident.transcript_doubt)}")
    if incident.decision.category == UNCHECKED:
        lines.append(escaped("; ".join(incident.decision.reasons), most))
    if incident.decision.category != REPORTED:
        lines.append(f"**Referee:** {escaped(done_words(incident), max(most, 60))}")
    return "\n".join(lines)


def _said(incident: Incident, most: int) -> str:
    if incident.text is None:
        return "*the text has expired or was erased*"
    if not incident.text.strip():
        return "*nothing was heard*" if incident.surface is Surface.CLIP else "*no text*"
    return spoiler(incident.text, most)


def _facts(sight: Sight, most: int) -> str:
    case = sight.case
    lines = [_past(sight)]
    for who, what in ((case.owner, "Taken over by"), (case.escalated, "Escalated by")):
        if who is not None:
            lines.append(f"{what} {mention(who.moderator)} {moment_words(who)}")
    for reviews, what in ((case.reports, "Reported by"), (case.acts, "Done by hand by")):
        if len(reviews) > _MOST_NOTES:
            lines.append(f"{what} {len(reviews)} people or times; the last:")
        lines += [_noted(what, review, min(most, 150)) for review in reviews[-_MOST_NOTES:]]
    return "\n".join(line for line in lines if line)


def _noted(what: str, review: Review, most: int) -> str:
    note = f": {escaped(review.note, most)}" if review.note else ""
    return f"{what} {mention(review.moderator)} {moment_words(review)}{note}"


def _past(sight: Sight) -> str:
    if sight.past is None or sight.case.card.author == ERASED:
        return ""
    window = duration_words(sight.window)
    if not sight.past:
        return f"Nothing else in this server in {window}."
    counted = Counter(sight.past).most_common()
    named = [f"{number} {escaped(category_words(name), 40)}" for name, number in counted[:_MOST_NAMED]]
    rest = sum(number for _, number in counted[_MOST_NAMED:])
    return f"Before, in this server ({window}): {', '.join(named)}" + (f", {rest} other" if rest else "")


def _verdict(sight: Sight) -> str:
    decided = sight.case.decided
    if decided is None:
        return ""
    words = escaped(verdict_words(decided), 80)
    return f"**{words[:1].upper()}{words[1:]}**, says {mention(decided.moderator)} {moment_words(decided)}"


def _colour(sight: Sight) -> int:
    severity, category = sight.severity or {}, gravest(sight.case, sight.severity).category
    if not sight.case.waits:
        return _GREY
    if category not in severity:
        return _BLUE
    share = severity[category] / max(1, *severity.values())
    return _RED if share > 2 / 3 else _ORANGE if share > 1 / 3 else _YELLOW


def _length(text: str) -> int:
    """Return the number of UTF-16 units: whichever of the two Discord counts, it is no more."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
