"""Whoever uses whatever wherever, with whichever ids: the rule decides, and another server's business stays its own."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from discord import app_commands
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from simcord.backend import serializers

from bot.errors import RefereeError
from tests.access.beside import Do, beside
from tests.access.ground import MARKED, Ground, Told, open_ground
from tests.access.inventory import commands_of, is_select, items_of, menus_of, offers_of, views
from tests.access.rules import COMMANDS, ITEMS, MENUS, OFFERS, REFUSALS, VIEWS, Need, needed

PEOPLE = ("olga", "ada", "max", "mia", "rex", "gus", "hal", "ann", "bea", "otto", "sue")
UNKNOWN = 2**31 - 7
EXAMPLES = 120
FORGED = (
    "-1",
    "0",
    "00000000000000001",
    "٣",
    "１",
    "9" * 18,
    "9" * 40,
    "1\n",
    " 1",
    "1e3",
    "1:2",
    "",
    "null",
    "ⅷ",
    "१",
)
TEXTS = st.one_of(
    st.sampled_from(["insult", "hate", "a", "", "idiot", MARKED, "70%", "csv", "json", "live"]), st.text(max_size=20)
)
CHOSEN = ("hate", "insult", "600", "86400", "-1", "x", "")


@dataclass(frozen=True)
class Ids:
    """Hold numbers of every kind: a server's own, the other's, erased, purged, unknown, and none at all."""

    cards: Mapping[str, int]
    incidents: Mapping[str, int]


async def test_whatever_can_be_used_has_a_decision(tmp_path: Path) -> None:
    async with open_ground(tmp_path) as ground:
        bot = ground.bench.bot
        assert set(commands_of(bot)) == set(COMMANDS)
        assert set(menus_of(bot)) == set(MENUS)
        assert set(items_of(bot).values()) == set(ITEMS)
        assert offers_of(bot) == set(OFFERS)
        assert views() == set(VIEWS)


async def test_the_rule_decides_about_everything_for_everybody_and_nothing_is_revealed(tmp_path: Path) -> None:
    async with open_ground(tmp_path) as ground:
        items = items_of(ground.bench.bot).values()

        tried = await _tried(ground, PEOPLE, ("arena", "bazaar", None), [*COMMANDS, *MENUS, *OFFERS, *items], EXAMPLES)

        assert tried.total() >= EXAMPLES
        assert tried[True]
        assert tried[False]


async def test_a_moderator_who_names_a_number_of_another_server_learns_and_changes_nothing(tmp_path: Path) -> None:
    async with open_ground(tmp_path) as ground:
        naming = [
            name
            for name, command in commands_of(ground.bench.bot).items()
            if any(option.display_name == "id" for option in command.parameters)
        ]
        items = items_of(ground.bench.bot).values()

        tried = await _tried(ground, ("mia", "olga"), ("arena",), [*naming, *items], EXAMPLES)

        assert tried == {True: tried.total()}


async def _tried(
    ground: Ground, people: Sequence[str], places: Sequence[str | None], targets: Sequence[Any], examples: int
) -> Counter[bool]:
    """Let people use things at places; return how often they were allowed to."""
    gone = await _gone(ground)
    items = list(items_of(ground.bench.bot).items())
    tried: Counter[bool] = Counter()

    def law(do: Do) -> None:
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            # The servers go on from one example to the next: there is nothing to make smaller.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.data(), *(st.sampled_from(each) for each in (people, places, targets)))
        def holds(data: st.DataObject, person: str, place: str | None, target: Any) -> None:
            ids = do(_ids(ground, place, gone))
            attempt = _attempt(ground, data, target, ids, items)
            tried[do(_judged(ground, person, place, attempt))] += 1

        holds()

    await beside(law)
    _only_known_errors(ground)
    return tried


def _only_known_errors(ground: Ground) -> None:
    """Assert that nothing went wrong but what is told in a line, and values that Discord does not let through."""
    causes = [error.__cause__ or error for error in ground.bench.env.errors]
    known = (RefereeError, app_commands.AppCommandError, ValueError, KeyError)
    assert [cause for cause in causes if not isinstance(cause, known)] == []


@dataclass(frozen=True)
class Attempt:
    """Hold an interaction: what it needs, its kind and data; `unknown` is the same with a number that nothing has."""

    name: str
    need: Need
    kind: int
    data: Mapping[str, Any]
    number: str = "own"
    unknown: Mapping[str, Any] | None = None
    select: bool = False


def _attempt(ground: Ground, data: st.DataObject, target: Any, ids: Ids, items: Sequence[Any]) -> Attempt:
    if isinstance(target, type):
        return _press(data, target, ids, items, ground)
    if target in MENUS:
        return Attempt(target, MENUS[target], 2, {"menu": target})
    if target in OFFERS:
        command, option = target
        typed = data.draw(TEXTS)
        return Attempt(
            f"{command} {option}", OFFERS[target], 4, _command(command, {option: (3, typed)}, focused=option)
        )
    options, number = _options(ground, data, target, ids)
    need = needed(target, options)
    unknown = None
    if number in ("other", "erased there", "purged"):
        unknown = _command(target, {**options, "id": (4, UNKNOWN)})
    return Attempt(target, need, 2, _command(target, options), number, unknown)


def _options(ground: Ground, data: st.DataObject, name: str, ids: Ids) -> tuple[dict[str, tuple[int, Any]], str]:
    """Return options for a command, by what its own declaration says, values that Discord would refuse among them."""
    drawn: dict[str, tuple[int, Any]] = {}
    number = "own"
    for option in commands_of(ground.bench.bot)[name].parameters:
        if not option.required and not data.draw(st.booleans()):
            continue
        kind = option.type.value
        if option.display_name == "id":
            number = data.draw(st.one_of(st.just("other"), st.sampled_from(sorted(ids.incidents))))
            value: Any = ids.incidents[number]
        elif kind == 3:
            value = data.draw(
                st.one_of(TEXTS, st.sampled_from([c.value for c in option.choices])) if option.choices else TEXTS
            )
        elif kind == 4:
            value = data.draw(st.one_of(st.integers(1, 30), st.integers()))
        elif kind == 5:
            value = data.draw(st.booleans())
        else:
            value = data.draw(st.sampled_from(["here", "there"]))
        drawn[option.display_name] = (kind, value)
    return drawn, number


def _command(name: str, options: Mapping[str, tuple[int, Any]], *, focused: str = "") -> dict[str, Any]:
    root, *rest = name.split()
    leaf: list[dict[str, Any]] = [
        {"name": option, "type": kind, "value": value, **({"focused": True} if option == focused else {})}
        for option, (kind, value) in options.items()
    ]
    for part in reversed(rest):
        leaf = [{"name": part, "type": 1, "options": leaf}]
    return {"id": "1", "name": root, "type": 1, "options": leaf}


def _press(data: st.DataObject, item: Any, ids: Ids, items: Sequence[Any], ground: Ground) -> Attempt:
    """Return a press of a lasting item, its id made from its own pattern, with a number of any kind in it."""
    pattern = next(pattern for pattern, each in items if each is item)
    drawn = data.draw(st.from_regex(re.compile(pattern.pattern, re.ASCII), fullmatch=True))
    number = data.draw(st.one_of(st.just("other"), st.sampled_from([*ids.cards, "forged", "as drawn"])))
    custom_id, unknown = drawn, None
    if number in ids.cards:
        custom_id = _numbered(pattern, drawn, str(ids.cards[number]), str(ground.bazaar.id))
        if number in ("other", "erased there", "purged"):
            unknown = _pressed(_numbered(pattern, drawn, str(UNKNOWN), "1"), ())
    elif number == "forged":
        custom_id = _numbered(pattern, drawn, data.draw(st.sampled_from(FORGED)), data.draw(st.sampled_from(FORGED)))
    values = data.draw(st.lists(st.sampled_from(CHOSEN), max_size=2)) if is_select(item) else []
    if unknown is not None:
        unknown = {**unknown, "values": values}
    return Attempt(item.__name__, ITEMS[item], 3, _pressed(custom_id, values), number, unknown, is_select(item))


def _numbered(pattern: Any, drawn: str, card: str, guild: str) -> str:
    match = pattern.fullmatch(drawn)
    group = "card" if "card" in pattern.groupindex else "guild"
    start, end = match.span(group)
    return drawn[:start] + (card if group == "card" else guild) + drawn[end:]


def _pressed(custom_id: str, values: Sequence[str]) -> dict[str, Any]:
    return {"custom_id": custom_id, "values": list(values)}


async def _judged(ground: Ground, person: str, place: str | None, attempt: Attempt) -> bool:
    """Send it; raise AssertionError where the rule does not hold. Return whether it is allowed."""
    guild = {"arena": ground.arena, "bazaar": ground.bazaar.id, None: None}[place]
    manages, moderates = ground.standing(person, guild)
    allowed = {Need.MEMBER: ground.is_member(person, guild), Need.MODERATOR: moderates, Need.MANAGER: manages}[
        attempt.need
    ]
    before, others = ground.everything(), await ground.bazaars()
    acted = ground.acting.asked
    told = await _sent(ground, person, guild, attempt, attempt.data)
    where = f"{person} uses {attempt.name} in {place} with {dict(attempt.data)}: {told.text}"

    if not allowed and attempt.need is not Need.MEMBER:
        assert ground.everything() == before, where
        assert ground.acting.asked == acted, where
        assert not told.choices, where
        assert _refused(told, attempt), where
    if allowed:
        assert not any(refusal in told.text for refusal in REFUSALS), where
    if guild != ground.bazaar.id:
        assert MARKED not in told.sent.replace(MARKED, "", _typed(attempt)), where
        assert person == "otto" or str(ground.people["otto"]) not in told.sent, where
        assert await ground.bazaars() == others, where
    assert told.private, where
    assert attempt.kind != 3 or "Something went wrong" not in told.text, where
    if allowed and attempt.unknown is not None and place == "arena":
        again = await _sent(ground, person, guild, attempt, attempt.unknown)
        assert _without_numbers(told.text) == _without_numbers(again.text), where
    await ground.put_back()
    return allowed


def _refused(told: Told, attempt: Attempt) -> bool:
    """Tell whether somebody was told that they may not; an id that names nothing at all is not answered."""
    if attempt.kind == 4:
        return True
    if attempt.number == "forged" and not told.acknowledged:
        return True
    return any(refusal in told.text for refusal in REFUSALS) or "cannot be used here" in told.text


def _typed(attempt: Attempt) -> int:
    """Return how often the answer may repeat what its asker typed."""
    return 4 if MARKED in str(attempt.data) else 0


def _without_numbers(text: str) -> str:
    return re.sub(r"\d+", "N", text)


async def _sent(ground: Ground, person: str, guild: int | None, attempt: Attempt, data: Mapping[str, Any]) -> Told:
    if attempt.kind == 3:
        return await ground.press(person, guild, data["custom_id"], select=attempt.select, values=data["values"])
    if "menu" in data:
        return await ground.use(person, guild, 2, await _menu(ground, guild, data["menu"]))
    return await ground.use(person, guild, attempt.kind, _resolved(ground, guild, data))


async def _menu(ground: Ground, guild: int | None, name: str) -> dict[str, Any]:
    place = guild if guild is not None else ground.arena
    message = await ground.message(place)
    message["author"] = dict(serializers.user_payload(ground.bench.env.backend.get_user(ground.people["ann"])))
    target = message["id"]
    return {"id": "1", "name": name, "type": 3, "target_id": target, "resolved": {"messages": {target: message}}}


def _resolved(ground: Ground, guild: int | None, data: Mapping[str, Any]) -> dict[str, Any]:
    """Put people, roles, channels and files in place of what stands for them, this server's or the other's."""
    backend, here = ground.bench.env.backend, guild if guild is not None else ground.arena
    there = ground.bazaar.id if here == ground.arena else ground.arena
    resolved: dict[str, dict[str, Any]] = {}
    filled = dict(data)

    def fill(option: Mapping[str, Any]) -> dict[str, Any]:
        if "options" in option:
            return {**option, "options": [fill(each) for each in option["options"]]}
        at = here if option["value"] == "here" else there
        match option["type"]:
            case 6:
                one, kind = backend.get_user(ground.people["ann"]), "users"
                payload: Any = serializers.user_payload(one)
            case 7:
                one, kind = backend.get_channel(ground.lobby[at]), "channels"
                payload = {**serializers.channel_payload(backend, one), "permissions": "0"}
            case 8:
                one, kind = backend.guilds[at].roles[max(backend.guilds[at].roles)], "roles"
                payload = serializers.role_payload(one)
            case 11:
                file = backend.cdn.store_attachment(
                    backend.snowflake(), ground.lobby[here], "x.toml", b"version = 1", None
                )
                resolved.setdefault("attachments", {})[file["id"]] = file
                return {**option, "value": file["id"]}
            case _:
                return dict(option)
        resolved.setdefault(kind, {})[str(one.id)] = dict(payload)
        return {**option, "value": str(one.id)}

    filled["options"] = [fill(option) for option in data["options"]]
    return {**filled, "resolved": resolved}


async def _gone(ground: Ground) -> Mapping[str, tuple[int, int]]:
    """Return numbers of incidents and cards, of the other server, that were erased or are purged."""
    bench = ground.bench
    erased, erased_card = await ground.flagged(ground.bazaar.id, MARKED)
    await bench.stores.incidents.erase(str(ground.bazaar.id), str(ground.people["otto"]))
    return {"erased there": (erased.id, erased_card), "purged": (erased.id + 1_000_000, erased_card + 1_000_000)}


async def _ids(ground: Ground, place: str | None, gone: Mapping[str, tuple[int, int]]) -> Ids:
    """Return numbers of every kind as they are seen from a server, each incident waiting for a verdict."""
    own = ground.bazaar.id if place == "bazaar" else ground.arena
    other = ground.arena if place == "bazaar" else ground.bazaar.id
    mine = await _waiting(ground, own)
    theirs = await _waiting(ground, other)
    named = {"own": mine, "other": theirs, **gone, "unknown": (UNKNOWN, UNKNOWN)}
    incidents = {name: number for name, (number, _) in named.items()}
    odd = {"negative": -1, "none": 0, "huge": 2**53 - 1, "beyond": 2**70, "below": -(2**70)}
    return Ids({name: card for name, (_, card) in named.items()}, {**incidents, **odd})


async def _waiting(ground: Ground, guild: int) -> tuple[int, int]:
    known = _last.get((id(ground), guild))
    if known is not None and (await ground.bench.stores.incidents.get(known[0])).state.waits:
        return known
    incident, card = await ground.flagged(guild, MARKED if guild != ground.arena else "you idiot")
    _last[id(ground), guild] = (incident.id, card)
    return incident.id, card


_last: dict[tuple[int, int], tuple[int, int]] = {}
