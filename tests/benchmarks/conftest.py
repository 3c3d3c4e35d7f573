from collections.abc import Callable
from dataclasses import replace

import pytest

from benchmarks.voice.lines import Line
from benchmarks.voice.trials import Trial
from benchmarks.voice.ways import Finding, Way

NOTHING = Finding(heard="", flagged=False, punished=False, unchecked=False, category="", took=1.0)


@pytest.fixture
def trial() -> Callable[..., Trial]:
    """Make a trial of 10 s of which the named ways flagged the line, every way having heard it right."""

    def make(category: str, text: str, *flagged: Way, heard: str | None = None, **more: object) -> Trial:
        found = {way: replace(NOTHING, heard=text, flagged=way in flagged) for way in Way}
        if heard is not None:
            found[Way.VOICE] = replace(found[Way.VOICE], heard=heard)
        found[Way.VOICE] = replace(found[Way.VOICE], **more)
        return Trial(Line(0, category, text), "no noise", "someone", 1.0, "", 10.0, found)

    return make
