"""One incident as its moderators read it: a line of a list, or everything that is known of it."""

from collections.abc import Iterator, Sequence

from bot.clip_time import clip_time
from bot.community import Card
from bot.domain import REPORTED, UNCHECKED, Incident, Review
from bot.ui.face import link_of, mention
from bot.ui.judgement import share_words
from bot.ui.panel import Panel
from bot.ui.quote import escaped, spoiler
from bot.ui.words import category_words, done_words, doubt_words, found_words, place_words, state_words, verdict_words

LONGEST_QUOTE = 700
"""More of a text than this is sent as a file."""

_LINE_QUOTE = 40
_MOST_REVIEWS, _LONGEST_NOTE = 12, 150
_MOST_CATEGORIES = 6
_WAITING, _DECIDED = 0xF0B232, 0x80848E


def incident_line(incident: Incident) -> str:
    """Return an incident as one line of a list."""
    words = [
        f"**#{incident.id}** <t:{int(incident.at.timestamp())}:R> {mention(incident.author)}",
        escaped(found_words(incident), 60),
        escaped(state_words(incident), 50),
        _short(incident),
    ]
    return " · ".join(word for word in words if word)


def incident_panel(incident: Incident, reviews: Sequence[Review], card: Card | None) -> Panel:
    """Return everything about an incident: what was said and found, decided and done, and every verdict on it."""
    blocks = (
        f"### Incident {incident.id}: {escaped(found_words(incident), 80)}\n{_where(incident, card)}",
        _said(incident),
        "\n".join(_decided(incident)),
        _verdicts(incident, reviews),
        _numbers(incident),
    )
    return Panel(tuple(block for block in blocks if block), _WAITING if incident.state.waits else _DECIDED)


def _short(incident: Incident) -> str:
    if incident.text is None:
        return "*text gone*"
    at = "" if incident.clip_at is None else f" at {clip_time(incident.clip_at)}"
    return spoiler(incident.text, _LINE_QUOTE) + at if incident.text.strip() else ""


def _where(incident: Incident, card: Card | None) -> str:
    channel = incident.key.channel
    place = f" in <#{channel}>" if channel.isdigit() else ""
    line = f"{mention(incident.author)}{place}, {place_words(incident)}, <t:{int(incident.at.timestamp())}:f>"
    links = [link_of(incident), _card_link(card)]
    return "\n".join([line, ", ".join(link for link in links if link) or "-# there is no message to go to"])


def _card_link(card: Card | None) -> str:
    if card is None or card.channel is None or card.message is None:
        return ""
    return f"[its card](https://discord.com/channels/{card.community}/{card.channel}/{card.message})"


def _said(incident: Incident) -> str:
    lines = []
    if incident.text is None:
        lines.append("*the text has expired or was erased*")
    elif incident.text.strip():
        lines.append(spoiler(incident.text, LONGEST_QUOTE))
        if incident.words:
            lines.append(f"because of: {spoiler(', '.join(incident.words), 200)}")
    else:
        lines.append("*no text*")
    if incident.clip_name is not None:
        doubt = f", {doubt_words(incident.transcript_doubt)}" if incident.transcript_doubt is not None else ""
        lines.append(f"clip {escaped(incident.clip_name, 80)}{doubt}")
    return "\n".join(lines)


def _decided(incident: Incident) -> Iterator[str]:
    yield f"**Done:** {escaped(done_words(incident), 300)}"
    yield f"**Now:** {escaped(state_words(incident), 80)}"
    if incident.final_category not in (None, incident.decision.category):
        yield f"the model's category was {escaped(category_words(incident.decision.category), 40)}"
    yield from (f"-# {escaped(reason, 200)}" for reason in incident.decision.reasons)


def _verdicts(incident: Incident, reviews: Sequence[Review]) -> str:
    if not reviews:
        return "No moderator has said anything yet."
    left_out = len(reviews) - _MOST_REVIEWS
    head = f"{left_out} earlier ones are left out here." if left_out > 0 else ""
    return "\n".join(filter(None, ["**Verdicts**", head, *map(_verdict, reviews[-_MOST_REVIEWS:])]))


def _verdict(review: Review) -> str:
    note = f": {escaped(review.note, _LONGEST_NOTE)}" if review.note else ""
    moment = f"<t:{int(review.at.timestamp())}:f>"
    return f"- {moment} {mention(review.moderator)}: {escaped(verdict_words(review), 80)}{note}"


def _numbers(incident: Incident) -> str:
    if incident.decision.category in (UNCHECKED, REPORTED):
        return ""
    ranked = sorted(incident.categories.items(), key=lambda entry: -entry[1])[:_MOST_CATEGORIES]
    named = ", ".join(f"{escaped(category_words(name), 40)} {share_words(p)}" for name, p in ranked)
    return f"-# P(toxic) {share_words(incident.toxic)}: {named}; model {escaped(incident.model_version, 60)}"
