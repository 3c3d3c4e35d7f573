"""`/privacy`: what everybody may know and erase about themselves, and about nobody else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import simcord

from bot.cogs.reviewing import privacy
from bot.community import ERASED
from bot.domain import Action, Decision, Incident, Mode, Outcome, Review, ReviewVerdict
from tests.fakes.answers import put, said, texts_of
from tests.fakes.discord_bench import DiscordBench, open_discord

OTHER = "42"
HOSTILE = "@everyone **big** ``` <@1>\nsecond line"


@asynccontextmanager
async def served(folder: Path, **settings: object) -> AsyncIterator[DiscordBench]:
    """Open a server that was set up."""
    async with open_discord(folder, privacy.setup, **settings) as bench:
        await bench.set_up()
        yield bench


async def ask(
    bench: DiscordBench, command: str, person: simcord.MemberActor | None = None
) -> simcord.InteractionResult:
    result = await (person or bench.ann).slash(bench.lobby, f"privacy {command}")
    assert result.ephemeral
    return result


async def erase(bench: DiscordBench, person: simcord.MemberActor | None = None) -> str:
    """Have somebody erase their data, and return what they are told."""
    asked = await ask(bench, "erase", person)
    return said(await (person or bench.ann).click(asked.response, label="Erase my data"))


async def shown(bench: DiscordBench, incident: Incident) -> int:
    """Show an incident on a card of its own; return the card's number."""
    card = await bench.stores.cards.attach(incident, timedelta(0))
    assert await bench.bot.cards.show(card.id)
    return card.id


def card_texts(bench: DiscordBench) -> list[str]:
    raw = bench.env.backend.messages.get(bench.review.id, {}).values()
    return ["\n".join(texts_of(message.components)) for message in raw]


async def review(bench: DiscordBench, incident: Incident, verdict: ReviewVerdict, by: int, note: str = "") -> None:
    now = bench.bot.services.clock.now()
    await bench.stores.incidents.review(Review(incident.id, verdict, str(by), now, None, note))


async def test_everybody_is_told_what_is_stored_and_for_how_long_the_settings_say(tmp_path: Path):
    async with served(tmp_path, content_days=7, incident_days=1) as bench:
        for person in (bench.ann, bench.mia, bench.olga):
            told = said(await ask(bench, "info", person))
            assert "the text 7 days, the rest 1 day." in told
            assert "encrypted" in told
            assert "train no model" in told
            assert "nobody is profiled across servers" in told
            assert "/privacy erase" in told
            assert len(told) <= 2000


async def test_my_data_are_the_incidents_about_me_in_this_server_newest_first(tmp_path: Path):
    timeout = Decision(Action.TIMEOUT, Action.TIMEOUT, Mode.LIVE, "hate", 0.97, (), True, timedelta(minutes=10))
    async with served(tmp_path) as bench:
        await put(bench, "1", "first words")
        await put(bench, "2", None, decision=timeout, outcome=Outcome.DONE)
        await put(bench, "3", "taken back words", decision=timeout, outcome=Outcome.UNDONE)
        await put(bench, "4", "said by ben", author=str(bench.ben.id))
        await put(bench, "5", "said elsewhere", community=OTHER)
        told = said(await ask(bench, "my_data"))

    assert "3 incidents, newest first" in told
    lines = [line for line in told.splitlines() if line.startswith("2026-")]
    assert lines == [
        "2026-01-01 00:00 UTC | hate, very likely (0.97) | timed out for 10 minutes, taken back | waits for a verdict "
        '| "taken back words"',
        "2026-01-01 00:00 UTC | hate, very likely (0.97) | timed out for 10 minutes | waits for a verdict "
        "| the text has expired",
        "2026-01-01 00:00 UTC | insult, very likely (0.97) | nothing was done automatically | waits for a verdict "
        '| "first words"',
    ]


async def test_who_has_nothing_stored_is_told_so(tmp_path: Path):
    async with served(tmp_path) as bench:
        await put(bench, "1", author=str(bench.ben.id))

        assert said(await ask(bench, "my_data")) == "Nothing about you is stored in this server."


async def test_my_data_name_neither_moderators_nor_reporters_nor_their_notes(tmp_path: Path):
    async with served(tmp_path) as bench:
        incident = await put(bench, "1", outcome=Outcome.FAILED, outcome_detail=f"asked for by {bench.mia.id}")
        await review(bench, incident, ReviewVerdict.REPORT, bench.ben.id, "he did it again")
        await review(bench, incident, ReviewVerdict.CONFIRM, bench.mia.id, "clear case")
        told = said(await ask(bench, "my_data"))

        assert "confirmed" in told
        for secret in (str(bench.ben.id), str(bench.mia.id), "again", "clear case"):
            assert secret not in told


async def test_hostile_words_stay_in_their_line(tmp_path: Path):
    async with served(tmp_path) as bench:
        await put(bench, "1", HOSTILE)
        result = await ask(bench, "my_data")

        assert said(result).count("```") == 2
        assert "second line" in next(line for line in said(result).splitlines() if "@everyone" in line)
        assert result.response is not None
        assert result.response.message.mentions == []


async def test_many_incidents_come_as_a_file_with_whole_texts(tmp_path: Path):
    async with served(tmp_path) as bench:
        for number in range(30):
            await put(bench, str(number), f"{number} {'long ' * 200}end")
        result = await ask(bench, "my_data")

        assert len(said(result)) <= 2000
        assert result.response is not None
        [file] = result.response.attachments
        lines = (await file.read()).decode().splitlines()
        assert len(lines) == 30
        assert all(line.endswith('end"') for line in lines)


async def test_nothing_is_erased_before_the_button_is_pressed(tmp_path: Path):
    async with served(tmp_path) as bench:
        await put(bench, "1")
        asked = await ask(bench, "erase")
        assert "cannot be brought back" in said(asked)
        assert (await bench.stores.incidents.get(1)).text == "you idiot"

        kept = await bench.ann.click(asked.response, label="Keep it")

        assert said(kept) == "Nothing was erased."
        assert kept.response is not None
        assert kept.response.components == []
        assert (await bench.stores.incidents.get(1)).text == "you idiot"


async def test_erasing_drops_my_words_and_my_name_here_and_leaves_those_of_others(tmp_path: Path):
    async with served(tmp_path) as bench:
        mine = [await put(bench, str(number)) for number in range(2)]
        bens = await put(bench, "3", author=str(bench.ben.id))
        elsewhere = await put(bench, "4", community=OTHER)
        told = await erase(bench)

        assert "Erased: 2 incidents." in told
        assert "timeouts, kicks and bans stay" in told
        for incident in mine:
            left = await bench.stores.incidents.get(incident.id)
            assert (left.text, left.author, left.key.message) == (None, ERASED, f"erased:{incident.id}")
        for incident in (bens, elsewhere):
            assert await bench.stores.incidents.get(incident.id) == incident
        assert said(await ask(bench, "my_data")) == "Nothing about you is stored in this server."


async def test_cards_that_show_what_was_erased_are_redrawn_and_others_are_left_alone(tmp_path: Path):
    async with served(tmp_path) as bench:
        await shown(bench, await put(bench, "1", days_ago=1))
        await shown(bench, await put(bench, "2", "a second one"))
        await shown(bench, await put(bench, "3", "said by ben", author=str(bench.ben.id)))
        assert sum(str(bench.ann.id) in text for text in card_texts(bench)) == 2
        await erase(bench)

        first, second, bens = card_texts(bench)
        for text in (first, second):
            assert "the text has expired or was erased" in text
            assert str(bench.ann.id) not in text
            assert "you idiot" not in text
            assert "a second one" not in text
        assert "said by ben" in bens


async def test_a_card_that_was_never_sent_is_not_sent_by_erasing(tmp_path: Path):
    async with served(tmp_path) as bench:
        await bench.stores.cards.attach(await put(bench, "1"), timedelta(0))
        await erase(bench)

        assert card_texts(bench) == []


async def test_a_card_that_discord_does_not_redraw_stops_nothing(tmp_path: Path):
    async with served(tmp_path) as bench:
        await shown(bench, await put(bench, "1"))
        bench.env.inject_error("PATCH", f"/channels/{bench.review.id}/messages/*", status=403, code=50013)

        assert "Erased: 1 incident." in await erase(bench)
        assert (await bench.stores.incidents.get(1)).text is None


async def test_who_has_no_incidents_still_loses_their_name_on_reports(tmp_path: Path):
    async with served(tmp_path) as bench:
        incident = await put(bench, "1")
        await review(bench, incident, ReviewVerdict.REPORT, bench.ben.id, "look")
        told = await erase(bench, bench.ben)

        assert "Nothing about you is stored" in told
        assert "lost your name" in told
        [report] = await bench.stores.incidents.reviews(incident.id)
        assert (report.moderator, report.note) == (ERASED, "")


async def test_a_question_that_nobody_answers_expires_and_erases_nothing(tmp_path: Path):
    async with served(tmp_path) as bench:
        await put(bench, "1")
        asked = await ask(bench, "erase")
        await bench.env.advance_time(301)

        assert asked.response is not None
        assert "the question has expired" in asked.response.content
        assert asked.response.components == []
        assert (await bench.stores.incidents.get(1)).text == "you idiot"
