"""Incidents as the console shows them."""

from bot.console.incident_views import incident_lines, incident_row
from bot.domain import Action, Decision, Incident, Mode, Platform, SourceKey, Surface
from tests.fakes.chat import START


def spoken(clip_name: str | None, clip_at: float | None) -> Incident:
    return Incident(
        key=SourceKey(Platform.LOG, "arena", "lobby", "m1"),
        author="ann",
        at=START,
        text="you idiot",
        decision=Decision(Action.FLAG, Action.FLAG, Mode.LIVE, "insult", 0.9, ("a rule",)),
        toxic=0.9,
        categories={"insult": 0.9},
        model_version="test-1",
        clip_name=clip_name,
        clip_at=clip_at,
        surface=Surface.CLIP,
    )


def shown(incident: Incident) -> str:
    return "\n".join(line.plain for line in incident_lines(incident, (), ascii_only=True))


def test_an_incident_of_a_clip_is_shown_with_its_place_in_it():
    assert "a.ogg, at 0:42" in shown(spoken("a.ogg", 42.9))
    assert "a.ogg\n" in shown(spoken("a.ogg", None))
    assert "(its name has expired), at 0:42" in shown(spoken(None, 42.9))
    assert "clip" not in shown(spoken(None, None))


def test_the_place_in_the_clip_is_written_in_seconds():
    assert incident_row(spoken("a.ogg", 42.918))["clip_at"] == 42.92
    assert incident_row(spoken("a.ogg", None))["clip_at"] is None
