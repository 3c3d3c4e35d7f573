from dataclasses import replace

import pytest

from benchmarks.voice.lines import Line
from benchmarks.voice.long_clips import LongTrial
from benchmarks.voice.ways import Way
from tests.benchmarks.conftest import NOTHING


@pytest.mark.parametrize(("at", "right"), [(None, None), (60.0, True), (61.9, True), (58.1, True), (63.0, False)])
def test_a_time_is_right_to_two_seconds(at: float | None, right: bool | None) -> None:
    findings = {Way.VOICE: replace(NOTHING, at=at)}

    assert LongTrial(Line(0, "insult", "x"), "hibari", 60.0, 180.0, findings, {}).told_when(Way.VOICE) is right
