"""A member who reports and reports: the moderators are not flooded, and the bot is not kept busy."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from simcord.backend import serializers

from bot.cogs.reviewing.report_limit import MOST, MOST_TRIED, WINDOW, ReportLimit
from tests.access.ground import open_ground

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_attempts_that_came_to_nothing_are_bounded_as_well_and_forgotten_in_time():
    limit = ReportLimit()
    for number in range(MOST_TRIED):
        at = NOON + timedelta(seconds=number)
        assert limit.take("1", "ben", at)
        limit.give_back("1", "ben", at)

    assert not limit.take("1", "ben", NOON + WINDOW - timedelta(seconds=1))
    assert limit.take("1", "ben", NOON + WINDOW + timedelta(seconds=MOST_TRIED))


async def test_reporting_one_message_again_and_again_soon_costs_no_look_into_the_database(
    tmp_path: Path, monkeypatch: Any
):
    async with open_ground(tmp_path) as ground:
        message = await ground.message(ground.arena)
        message["author"] = dict(serializers.user_payload(ground.bench.env.backend.get_user(ground.people["hal"])))
        target = message["id"]
        data = {"id": "1", "name": "Report to moderators", "type": 3, "target_id": target}
        data["resolved"] = {"messages": {target: message}}
        looked, desk = [], ground.bench.bot.services.desk
        report = desk.report

        async def counted(*given: Any) -> Any:
            looked.append(given)
            return await report(*given)

        monkeypatch.setattr(desk, "report", counted)

        told = [(await ground.use("ann", ground.arena, 2, data)).text for _ in range(3 * MOST_TRIED)]

        assert len(looked) == MOST_TRIED
        assert "Thank you" in told[0]
        assert all("before" in each for each in told[1:MOST_TRIED])
        assert all("Wait a little" in each for each in told[MOST_TRIED:])
        assert len(await ground.bench.incidents()) == 1
        assert MOST < MOST_TRIED
