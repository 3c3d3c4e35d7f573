from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from bot.domain import Action, Clip, Decision, Incident, Mode, Platform, SourceKey, Transcript
from tests.fakes.chat import START, heard, line

INCIDENT = Incident(
    key=SourceKey(Platform.LOG, "arena", "lobby", "m1"),
    author="ann",
    at=START,
    text="you are a sock",
    decision=Decision(Action.FLAG, Action.FLAG, Mode.LIVE, "insult", 0.9, ("a reason",)),
    toxic=0.9,
    categories={"insult": 0.9},
    model_version="test-1",
)


def test_actions_rise_from_none_to_ban() -> None:
    assert sorted(Action, key=lambda action: action.strictness) == [
        Action.NONE,
        Action.FLAG,
        Action.WARN,
        Action.DELETE,
        Action.TIMEOUT,
        Action.KICK,
        Action.BAN,
    ]


@pytest.mark.parametrize("action", Action)
def test_everything_beyond_a_flag_punishes(action: Action) -> None:
    assert action.punishes is (action not in {Action.NONE, Action.FLAG})


def test_a_transcript_reads_as_one_line() -> None:
    assert heard(" push left ", "now").text == "push left now"
    assert Transcript((), 3.0, 0.0).text == ""


def test_the_sound_of_a_clip_stays_out_of_its_repr() -> None:
    assert "hum" not in repr(Clip("clip.ogg", b"hum"))
    assert "hum" not in repr(line("m1", clip=Clip("clip.ogg", b"hum")))


def test_the_moderators_category_comes_before_the_policys() -> None:
    assert INCIDENT.category == "insult"
    assert replace(INCIDENT, final_category="hate").category == "hate"


def test_the_probabilities_of_an_incident_cannot_be_changed() -> None:
    given = {"insult": 0.9}
    incident = replace(INCIDENT, categories=given)
    given["insult"] = 0.1

    assert incident.categories == {"insult": 0.9}
    frozen: Any = incident.categories
    with pytest.raises(TypeError):
        frozen["insult"] = 0.1


def test_values_are_frozen() -> None:
    frozen: Any = INCIDENT
    with pytest.raises(FrozenInstanceError):
        frozen.author = "ben"


def test_an_edit_is_another_source_than_the_message_it_changes() -> None:
    assert line("m1").key == line("m1").key
    assert len({line("m1").key, line("m1").key, line("m1", revision="1").key}) == 2
