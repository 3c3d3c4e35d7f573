"""`/incidents`: what the moderators of one server see of what was flagged there, and nobody else."""

import csv
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import simcord

from bot.cogs.reviewing import incident_pages, incidents
from bot.cogs.reviewing.incident_file import NOTICE, FileFormat, write
from bot.cogs.reviewing.incident_pages import LIFETIME_S, newest, page_of
from bot.cogs.reviewing.incident_search import looked_words, search
from bot.domain import (
    REPORTED,
    UNCHECKED,
    Action,
    Decision,
    Incident,
    IncidentQuery,
    Mode,
    Outcome,
    Platform,
    Review,
    ReviewState,
    ReviewVerdict,
    SourceKey,
    Surface,
)
from bot.errors import UnknownIncident
from bot.ui.incident_view import incident_line
from tests.fakes.answers import put, said, texts_of
from tests.fakes.chat import START
from tests.fakes.discord_bench import DiscordBench, open_discord

OTHER = "42"
HOSTILE = "@everyone **big** ||shown|| <@1> ``` [x](https://evil.example)"
HUGE = 2**53 - 1


@asynccontextmanager
async def listing(folder: Path) -> AsyncIterator[DiscordBench]:
    """Open a server that was set up."""
    async with open_discord(folder, incidents.setup) as bench:
        await bench.set_up()
        yield bench


async def ask(bench: DiscordBench, command: str, person: simcord.MemberActor | None = None, **options: object) -> str:
    """Return what Mia, or somebody else, is told in private."""
    result = await (person or bench.mia).slash(bench.lobby, f"incidents {command}", **options)
    assert result.ephemeral
    return said(result)


async def give(bench: DiscordBench, incident: Incident, verdict: ReviewVerdict, **rest: object) -> None:
    moderator = str(rest.pop("moderator", bench.mia.id))
    review = Review(incident.id, verdict, moderator, bench.bot.services.clock.now(), **rest)  # type: ignore[arg-type]
    await bench.stores.incidents.review(review)


async def exported(bench: DiscordBench, **options: object) -> tuple[str, str]:
    """Return the answer to an export, and the file."""
    result = await bench.mia.slash(bench.lobby, "incidents export", **options)
    assert result.ephemeral
    assert result.response is not None
    [file] = result.response.attachments
    return said(result), (await file.read()).decode("utf-8-sig")


def numbers(told: str) -> list[int]:
    """Return the numbers of the incidents on a page, in order."""
    return [int(line.split("**")[1].removeprefix("#")) for line in told.splitlines() if line.startswith("**#")]


async def test_members_may_use_none_of_it_and_are_offered_nothing(tmp_path: Path):
    async with listing(tmp_path) as bench:
        await put(bench, "1")
        calls: tuple[tuple[str, dict[str, object]], ...] = (
            *(("list", {}), ("mine", {}), ("show", {"id": 1}), ("reopen", {"id": 1})),
            *(("search", {"text": "idiot"}), ("export", {"format": "csv"})),
        )
        for command, options in calls:
            assert "Only moderators may do this" in await ask(bench, command, bench.ann, **options)
        assert await bench.ann.autocomplete(bench.lobby, "incidents show", "id", "") == []
        assert await bench.ann.autocomplete(bench.lobby, "incidents reopen", "id", "") == []
        assert (await bench.stores.incidents.get(1)).state is ReviewState.OPEN


async def test_a_list_tells_what_who_when_and_how_it_stands(tmp_path: Path):
    async with listing(tmp_path) as bench:
        await put(bench, "1")
        told = await ask(bench, "list")

        assert f"**#1** <t:1767225600:R> <@{bench.ann.id}> · insult, very likely (0.97)" in told
        assert "waits for a verdict · ||you idiot||" in told


async def test_an_empty_list_says_so(tmp_path: Path):
    async with listing(tmp_path) as bench:
        for command, options in (("list", {}), ("mine", {}), ("search", {"text": "x"})):
            assert "There are none." in await ask(bench, command, **options)
        assert "no such incidents" in await ask(bench, "export", format="csv")


async def test_a_list_is_narrowed_by_state_category_member_and_days(tmp_path: Path):
    async with listing(tmp_path) as bench:
        old = await put(bench, "1", days_ago=9)
        hate = await put(bench, "2", category="hate")
        bens = await put(bench, "3", author=str(bench.ben.id))
        closed, escalated = await put(bench, "4"), await put(bench, "5")
        await give(bench, closed, ReviewVerdict.DISMISS)
        await give(bench, escalated, ReviewVerdict.ESCALATE)

        for options, expected in (
            ({"state": "waiting"}, [escalated, bens, hate, old]),
            ({"state": "open"}, [bens, hate, old]),
            ({"state": "escalated"}, [escalated]),
            ({"state": "dismissed"}, [closed]),
            ({"state": "confirmed"}, []),
            ({"category": "hate"}, [hate]),
            ({"category": "no ' such -- category"}, []),
            ({"member": bench.ben}, [bens]),
            ({"days": 8}, [escalated, closed, bens, hate]),
            ({"state": "waiting", "member": bench.ann, "days": 1}, [escalated, hate]),
        ):
            assert numbers(await ask(bench, "list", **options)) == [each.id for each in expected], options


async def test_no_command_shows_another_servers_incidents_or_those_of_a_chat_log(tmp_path: Path):
    async with listing(tmp_path) as bench:
        other = await put(bench, "1", "you idiot over there", community=OTHER)
        log = await put(bench, "2", key=SourceKey(Platform.LOG, bench.community, "lobby", "2"))
        await give(bench, other, ReviewVerdict.CONFIRM)
        await give(bench, log, ReviewVerdict.CONFIRM)

        for command, options in (("list", {}), ("mine", {}), ("search", {"text": "idiot"})):
            assert "There are none." in await ask(bench, command, **options)
        assert "no such incidents" in await ask(bench, "export", format="json")
        for number in (other.id, log.id):
            for command in ("show", "reopen"):
                assert await ask(bench, command, id=number) == (
                    f"There is no incident {number} in this server; it may have expired."
                )
            assert (await bench.stores.incidents.get(number)).state is ReviewState.CONFIRMED
        assert await bench.mia.autocomplete(bench.lobby, "incidents reopen", "id", "") == []
        assert all(isinstance(error.__cause__, UnknownIncident) for error in bench.env.errors)


async def test_numbers_that_are_none_are_unknown_and_nothing_of_the_machine_is_told(tmp_path: Path):
    async with listing(tmp_path) as bench:
        for number in (0, -1, 7, HUGE, -HUGE):
            told = await ask(bench, "show", id=number)
            assert told == f"There is no incident {number} in this server; it may have expired."
        assert len(bench.env.errors) == 5


async def test_pages_turn_to_older_and_back_and_each_incident_is_on_one(tmp_path: Path):
    async with listing(tmp_path) as bench:
        for number in range(23):
            await put(bench, str(number), f"you idiot {number}")
        result = await bench.mia.slash(bench.lobby, "incidents list")
        pages = [numbers(said(result))]
        for label in ("Older", "Older", "Newer"):
            result = await bench.mia.click(result.response, label=label)
            pages.append(numbers(said(result)))

        assert pages == [[*range(23, 13, -1)], [*range(13, 3, -1)], [3, 2, 1], [*range(13, 3, -1)]]
        assert buttons(result.response) == {"Newer": False, "Older": False}


async def test_the_first_and_the_last_page_have_one_button_that_works_and_a_short_list_has_none(tmp_path: Path):
    async with listing(tmp_path) as bench:
        await put(bench, "one")
        alone = await bench.mia.slash(bench.lobby, "incidents list")
        assert buttons(alone.response) == {}

        for number in range(11):
            await put(bench, str(number))
        first = await bench.mia.slash(bench.lobby, "incidents list")
        assert buttons(first.response) == {"Newer": True, "Older": False}
        last = await bench.mia.click(first.response, label="Older")
        assert buttons(last.response) == {"Newer": False, "Older": True}


def buttons(answer: simcord.ResponseMessage | None) -> dict[str, bool]:
    """Return the buttons of an answer, and whether they are switched off."""
    assert answer is not None
    rows = (part for row in answer.components for part in row["components"])
    return {part["label"]: part.get("disabled", False) for part in rows}


async def test_who_no_longer_moderates_turns_no_page(tmp_path: Path):
    async with listing(tmp_path) as bench:
        for number in range(11):
            await put(bench, str(number))
        first = await bench.mia.slash(bench.lobby, "incidents list")
        bench.env.backend.guilds[bench.guild.id].members[bench.mia.id].role_ids.clear()

        refused = await bench.mia.click(first.response, label="Older")

        assert "Only moderators may do this" in said(refused)
        assert first.response is not None
        assert numbers(first.response.content)[0] == 11


async def test_buttons_that_expire_say_so_and_go(tmp_path: Path):
    async with listing(tmp_path) as bench:
        for number in range(11):
            await put(bench, str(number))
        first = await bench.mia.slash(bench.lobby, "incidents list")
        await bench.env.advance_time(LIFETIME_S + 1)

        assert first.response is not None
        assert "The buttons of this list have expired" in first.response.content
        assert buttons(first.response) == {}


async def test_incidents_that_come_between_two_pages_move_nothing(tmp_path: Path):
    async with listing(tmp_path) as bench:
        for number in range(12):
            await put(bench, str(number))
        first = await bench.mia.slash(bench.lobby, "incidents list")
        await put(bench, "new")
        second = await bench.mia.click(first.response, label="Older")

        assert numbers(said(second)) == [2, 1]


async def test_hostile_texts_stay_text_in_a_list_and_in_full(tmp_path: Path):
    async with listing(tmp_path) as bench:
        incident = await put(bench, "1", HOSTILE, words=("@everyone", "||out||"), clip_name="**x**.ogg")
        await give(bench, incident, ReviewVerdict.ESCALATE, note="**bold** @here")

        for told in (await ask(bench, "list"), await ask(bench, "show", id=1), await ask(bench, "search", text="<@1>")):
            assert "@everyone" not in told
            assert "**big**" not in told
            assert "**bold**" not in told
            assert "**x**" not in told
            assert "https://evil" not in told
            assert "<@1>" not in told.replace("\\<@1>", "").replace("\\<@\u200b1>", "")


async def test_a_page_of_the_longest_texts_fits_into_a_message(tmp_path: Path):
    async with listing(tmp_path) as bench:
        for number in range(12):
            await put(bench, str(number), "*|" * 2000, category="x" * 40, author=str(2**63))
        told = await ask(bench, "list")

    assert len(told) <= 2000
    assert len(numbers(told)) >= 5


async def test_everything_about_an_incident_is_shown_with_links_and_every_verdict(tmp_path: Path):
    decision = Decision(
        Action.TIMEOUT, Action.TIMEOUT, Mode.LIVE, "insult", 0.97, ("rung 2",), True, timedelta(hours=1)
    )
    async with listing(tmp_path) as bench:
        incident = await put(bench, "777", decision=decision, outcome=Outcome.REFUSED, outcome_detail="role too high")
        card = await bench.stores.cards.attach(incident, timedelta(0))
        await bench.stores.cards.sent(card.id, "5", "6")
        await give(bench, incident, ReviewVerdict.REPORT, moderator=bench.ben.id, note="look")
        await give(bench, incident, ReviewVerdict.RELABEL, category="hate")
        told = await ask(bench, "show", id=1)

        assert "### Incident 1: hate (a moderator's category)" in told
        assert f"<@{bench.ann.id}> in <#{bench.lobby.id}>, in a message, <t:1767225600:f>" in told
        assert f"https://discord.com/channels/{bench.community}/{bench.lobby.id}/777" in told
        assert f"https://discord.com/channels/{bench.community}/5/6" in told
        assert "||you idiot||" in told
        assert "because of: ||idiot||" in told
        assert "a timeout of 1 hour: not allowed: role too high" in told
        assert "-# rung 2" in told
        assert "confirmed as hate" in told
        assert "the model's category was insult" in told
        assert f"<@{bench.ben.id}>: reported: look" in told
        assert f"<@{bench.mia.id}>: confirmed as hate" in told
        assert "P(toxic) 0.98: insult 0.97; model test-1" in told


async def test_what_was_said_in_a_clip_is_told_and_exported_with_its_place_in_the_clip(tmp_path: Path):
    async with listing(tmp_path) as bench:
        await put(bench, "1", "you idiot", surface=Surface.CLIP, clip_name="a.ogg", clip_at=42.0, transcript_doubt=0.1)
        listed, shown = await ask(bench, "list"), await ask(bench, "show", id=1)
        _, table = await exported(bench, format="csv")
        _, document = await exported(bench, format="json")

    assert "||you idiot|| at 0:42" in listed
    assert "in a voice clip at 0:42" in shown
    assert [row["clip_at"] for row in csv.DictReader(io.StringIO(table, newline=""))] == ["42.0"]
    assert [row["clip_at"] for row in json.loads(document)["incidents"]] == [42.0]


async def test_a_text_too_long_to_show_comes_as_a_file(tmp_path: Path):
    async with listing(tmp_path) as bench:
        await put(bench, "1", "you idiot " * 400)
        result = await bench.mia.slash(bench.lobby, "incidents show", id=1)

        assert "(cut)" in said(result)
        assert result.followups[-1].ephemeral
        [file] = result.followups[-1].attachments
        assert (await file.read()).decode() == "you idiot " * 400


async def test_what_expired_was_erased_or_never_had_a_text_is_shown_as_that(tmp_path: Path):
    async with listing(tmp_path) as bench:
        await put(bench, "1", None)
        await put(bench, "2", "")
        await put(bench, "3", author=str(bench.ben.id))
        await bench.stores.incidents.erase(bench.community, str(bench.ben.id))

        assert "the text has expired or was erased" in await ask(bench, "show", id=1)
        assert "*no text*" in await ask(bench, "show", id=2)
        erased = await ask(bench, "show", id=3)
        assert "somebody whose data were erased" in erased
        assert "no message to go to" in erased
        assert str(bench.ben.id) not in erased
        assert numbers(await ask(bench, "list")) == [3, 2, 1]


async def test_an_incident_with_many_verdicts_still_fits(tmp_path: Path):
    async with listing(tmp_path) as bench:
        incident = await put(bench, "1", "*" * 4000, words=("<" * 300,))
        for _ in range(40):
            await give(bench, incident, ReviewVerdict.ESCALATE, note="|" * 500)
        result = await bench.mia.slash(bench.lobby, "incidents show", id=1)

        assert result.response is not None
        assert sum(map(len, texts_of(result.response.components))) <= 4000
        assert "### Incident 1" in said(result)


async def test_a_server_that_knows_no_layouts_gets_plain_text(tmp_path: Path):
    async with listing(tmp_path) as bench:
        await put(bench, "1", "*" * 4000)
        bench.env.inject_error("POST", "/webhooks/*", status=400)
        result = await bench.mia.slash(bench.lobby, "incidents show", id=1)

        assert result.response is not None
        assert "### Incident 1" in result.response.content
        assert result.response.content.count("||") % 2 == 0


async def test_a_verdict_is_taken_back_once_and_kept_with_who_did_it(tmp_path: Path):
    async with listing(tmp_path) as bench:
        incident = await put(bench, "1")
        card = await bench.stores.cards.attach(incident, timedelta(0))
        await bench.bot.cards.show(card.id)
        assert "waits for a verdict already" in await ask(bench, "reopen", id=1)

        await give(bench, incident, ReviewVerdict.DISMISS)
        await bench.bot.cards.show(card.id)
        assert "False alarm" in shown_card(bench)
        assert "waits for a verdict again" in await ask(bench, "reopen", id=1)

        assert (await bench.stores.incidents.get(1)).state is ReviewState.OPEN
        last = (await bench.stores.incidents.reviews(1))[-1]
        assert (last.verdict, last.moderator) == (ReviewVerdict.REOPEN, str(bench.mia.id))
        assert "says" not in shown_card(bench)


def shown_card(bench: DiscordBench) -> str:
    [message] = bench.env.backend.messages[bench.review.id].values()
    return "\n".join(texts_of(message.components))


async def test_mine_are_those_i_gave_a_verdict_on_or_took_over_but_not_those_i_reported(tmp_path: Path):
    async with listing(tmp_path) as bench:
        decided, taken, reported, theirs = [await put(bench, str(number)) for number in range(4)]
        await give(bench, decided, ReviewVerdict.CONFIRM)
        await give(bench, taken, ReviewVerdict.TAKE_OVER)
        await give(bench, reported, ReviewVerdict.REPORT)
        await give(bench, theirs, ReviewVerdict.CONFIRM, moderator=bench.ada.id)

        assert numbers(await ask(bench, "mine")) == [taken.id, decided.id]


async def test_a_search_finds_texts_whatever_their_case_and_says_how_far_it_looked(tmp_path: Path):
    async with listing(tmp_path) as bench:
        found = await put(bench, "1", "You  IDIOT, straße")
        await put(bench, "2", "something else")
        await put(bench, "3", None)
        told = await ask(bench, "search", text="you idiot, STRASSE")

    assert numbers(told) == [found.id]
    assert "found 1; looked at the newest 3, 1 of them without a text any more, which is all there are" in told


async def test_a_search_turns_pages_too_and_leaves_out_what_is_gone_meanwhile(tmp_path: Path):
    async with listing(tmp_path) as bench:
        for number in range(12):
            await put(bench, str(number), "you idiot", days_ago=0)
            await put(bench, f"other {number}", "well played")
        first = await bench.mia.slash(bench.lobby, "incidents search", text="IDIOT")
        second = await bench.mia.click(first.response, label="Older")

        assert numbers(said(second)) == [3, 1]


async def test_a_search_looks_at_so_many_and_no_more(tmp_path: Path):
    async with listing(tmp_path) as bench:
        for number in range(5):
            await put(bench, str(number), "you idiot")
        store, here = bench.stores.incidents, IncidentQuery(community=bench.community)
        some, all_of_them = await search(store, here, "idiot", 3), await search(store, here, "idiot", 5)

    assert (some.numbers, some.looked_at, some.more) == ((5, 4, 3), 3, True)
    assert "older ones were not looked at" in looked_words(some)
    assert (all_of_them.looked_at, all_of_them.more) == (5, False)


async def test_reading_newest_first_crosses_its_own_pages_and_stops_where_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(incident_pages, "_READ_AT_ONCE", 2)
    async with listing(tmp_path) as bench:
        for number in range(7):
            await put(bench, str(number))
        query = IncidentQuery(community=bench.community)
        some = [each.id async for each in newest(bench.stores.incidents, query, 5)]
        every = [each.id async for each in newest(bench.stores.incidents, query, 100)]

    assert some == [7, 6, 5, 4, 3]
    assert every == [7, 6, 5, 4, 3, 2, 1]


async def test_an_export_is_a_spreadsheet_that_runs_nothing(tmp_path: Path):
    texts = ("=1+1", "+1", "-1", "@sum", "\t=1", "\r=1", 'a, "quoted"\nline', "naïve \ud800")
    async with listing(tmp_path) as bench:
        for number, text in enumerate(texts):
            await put(bench, str(number), text)
        told, file = await exported(bench, format="csv")
        rows = list(csv.DictReader(io.StringIO(file, newline="")))

        assert [row["id"] for row in rows] == [str(number) for number in range(len(texts), 0, -1)]
        read = [row["text"] for row in reversed(rows)]
        assert read[:6] == [f"'{text}" for text in texts[:6]]
        assert read[6] == texts[6]
        assert read[7] == "naïve ?"
        assert {row["author"] for row in rows} == {str(bench.ann.id)}
        assert {row["state"] for row in rows} == {"open"}
        assert f"The newest {len(texts)} incidents." in told
        assert "forbids training models" in told


async def test_an_export_as_json_says_in_the_file_what_it_may_not_be_used_for(tmp_path: Path):
    async with listing(tmp_path) as bench:
        await put(bench, "1", 'you "idiot" \ud800 =1')
        closed = await put(bench, "2", None)
        await give(bench, closed, ReviewVerdict.CONFIRM)
        await put(bench, "3", days_ago=3)
        _, file = await exported(bench, format="json")
        told, confirmed = await exported(bench, format="json", state="confirmed", days=2)

    content = json.loads(file)
    assert content["notice"] == NOTICE
    assert [row["id"] for row in content["incidents"]] == [3, 2, 1]
    assert content["incidents"][2]["text"] == 'you "idiot" ? =1'
    [row] = json.loads(confirmed)["incidents"]
    assert (row["id"], row["text"], row["state"]) == (2, None, "confirmed")
    assert told.startswith("1 incident.")


async def test_an_export_names_no_moderator_and_no_reporter(tmp_path: Path):
    async with listing(tmp_path) as bench:
        incident = await put(bench, "1")
        await give(bench, incident, ReviewVerdict.REPORT, moderator=bench.ben.id)
        await give(bench, incident, ReviewVerdict.CONFIRM)
        for form in ("csv", "json"):
            _, file = await exported(bench, format=form)
            assert str(bench.ben.id) not in file
            assert str(bench.mia.id) not in file


@pytest.mark.parametrize("form", FileFormat)
async def test_a_file_that_is_full_keeps_the_newest_stays_readable_and_says_that_it_was_cut(form: FileFormat):
    async def some() -> AsyncIterator[Incident]:
        for number in range(10, 0, -1):
            yield incident(number)

    whole, few = await write(some(), form), await write(some(), form, most_rows=3)
    small = await write(some(), form, most_bytes=len(whole.data) - 1)

    assert (whole.rows, whole.cut) == (10, False)
    assert (few.rows, few.cut) == (3, True)
    assert (small.rows, small.cut) == (9, True)
    assert len(small.data) < len(whole.data)
    text = few.data.decode("utf-8-sig")
    read = json.loads(text)["incidents"] if form is FileFormat.JSON else list(csv.DictReader(io.StringIO(text)))
    assert [int(row["id"]) for row in read] == [10, 9, 8]


def incident(number: int) -> Incident:
    """Return an incident that no store has seen."""
    key = SourceKey(Platform.DISCORD, "1", "2", str(number))
    decision = Decision(Action.FLAG, Action.FLAG, Mode.LIVE, "insult", 0.9, ())
    return Incident(key, "3", START, "you idiot", decision, 0.9, {"insult": 0.9}, "test-1", id=number)


def test_a_page_ends_where_the_message_is_full_and_the_next_begins_there():
    listed = [incident(number) for number in range(30, 0, -1)]

    page = page_of("head", listed, most=30)

    assert page.text.splitlines()[0] == "head"
    assert 5 < len(numbers(page.text)) < 30
    assert page.older == numbers(page.text)[-1]
    assert page_of("head", listed[-1:]).older is None
    assert incident_line(listed[0]) in page.text


async def test_ids_are_offered_by_their_first_digits_and_tell_nothing_that_was_said(tmp_path: Path):
    async with listing(tmp_path) as bench:
        for number in range(12):
            await put(bench, str(number))
        await give(bench, await bench.stores.incidents.get(11), ReviewVerdict.CONFIRM)

        waiting = await bench.mia.autocomplete(bench.lobby, "incidents show", "id", "1")
        decided = await bench.mia.autocomplete(bench.lobby, "incidents reopen", "id", "")
        nonsense = await bench.mia.autocomplete(bench.lobby, "incidents show", "id", "'; drop")

    assert [choice["value"] for choice in waiting] == [12, 10, 1]
    assert waiting[0]["name"] == "#12, 01 Jan 00:00 UTC: insult, very likely (0.97), waits for a verdict"
    assert [choice["value"] for choice in decided] == [11]
    assert nonsense == []


async def test_no_more_ids_are_offered_than_discord_takes(tmp_path: Path):
    async with listing(tmp_path) as bench:
        for number in range(30):
            await put(bench, str(number), category="x" * 40)
        offered = await bench.mia.autocomplete(bench.lobby, "incidents show", "id", "")

    assert [choice["value"] for choice in offered] == list(range(30, 5, -1))
    assert all(len(choice["name"]) <= 100 for choice in offered)


async def test_categories_are_offered_with_those_that_no_model_has(tmp_path: Path):
    async with listing(tmp_path) as bench:
        names = bench.bot.services.communities.basis.labels.names
        every = await bench.mia.autocomplete(bench.lobby, "incidents list", "category", "")
        some = await bench.mia.autocomplete(bench.lobby, "incidents list", "category", "INS")

    assert [choice["value"] for choice in every] == [*names, UNCHECKED, REPORTED]
    assert "insult" in [choice["value"] for choice in some]
    assert UNCHECKED not in [choice["value"] for choice in some]
