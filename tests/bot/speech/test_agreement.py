"""What several readings of the same speech say of each other."""

import pytest

from bot.domain import Segment
from bot.speech.agreement import agree, doubt_unless_agreed, unlike, without_echoes, without_repeats

TOLD = "Shut up, you idiot. I will kill you."


def sentence(text: str, doubt: float = 0.1) -> Segment:
    return Segment(0.0, 1.0, text, doubt)


@pytest.mark.parametrize(
    ("said", "untold", "doubt"),
    [
        ("You are an idiot.", "you are an idiot", 0.1),
        ("You are an idiot.", "you are in India", 0.6),
        ("Roshan, you idiot!", "Russian, you idiot", 0.1),
        ("You are an idiot.", "", 0.6),
    ],
    ids=["both heard it", "only who was told", "a name of the game", "nothing heard"],
)
def test_a_sentence_is_sure_where_it_is_heard_without_being_told_of_it(said, untold, doubt):
    [kept] = doubt_unless_agreed([sentence(said)], [untold], allowed="Roshan")

    assert kept.doubt == doubt


def test_agreement_makes_nothing_less_doubtful():
    assert doubt_unless_agreed([sentence("gg", 0.9)], ["gg"], allowed="") == [sentence("gg", 0.9)]
    assert doubt_unless_agreed([sentence("gg", 0.9)], [], allowed="") == [sentence("gg", 0.9)]


def test_what_only_says_what_was_told_is_an_echo():
    readings = ["I will kill you, I will kill you.", "you idiot", "kill the boss"]

    assert without_echoes(readings, TOLD, ["a bullet kit bus"]) == ["kill the boss"]
    assert without_echoes(readings, TOLD, ["you will get it"]) == readings


def test_what_is_said_twice_in_a_row_is_kept_once():
    said = [sentence("Nobody."), sentence("nobody"), sentence("Push."), sentence("Nobody.")]

    assert [each.text for each in without_repeats(said)] == ["Nobody.", "Push.", "Nobody."]


def test_other_readings_of_the_same_words_say_nothing_new():
    said = [sentence("Listen to this more on.")]
    others = [sentence("listen to this more on"), sentence("Listen to this moron."), sentence("listen to this moron")]

    assert unlike(said, others) == (others[1],)


def test_readings_agree_where_they_have_the_same_words_in_the_same_order():
    said = [sentence("Push left."), sentence("He is low!")]

    assert agree(said, ["push left he is low"])
    assert not agree(said, ["push left he is slow"])
    assert not agree(said, ["he is low push left"])
    assert not agree(said, [])
