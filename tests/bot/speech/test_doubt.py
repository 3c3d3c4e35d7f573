import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.speech.doubt import Reading, doubt, is_invention, without_loops

CLEAR = Reading("push the left lane now", logprob=-0.3, no_speech=0.05, compression=1.1, temperature=0.0)


def reading(**changed) -> Reading:
    fields = {name: getattr(CLEAR, name) for name in CLEAR.__slots__}
    return Reading(**fields | changed)


@pytest.mark.parametrize(
    "clear",
    [
        CLEAR,
        reading(logprob=-0.67, compression=0.6),
        reading(logprob=-0.61, no_speech=0.56, compression=0.3),
        reading(text="go go go, push it", seconds=0.8),
        reading(text="no, no, no, no, behind you"),
    ],
)
def test_clear_speech_is_hardly_doubted(clear):
    assert doubt(clear) < 0.4


@pytest.mark.parametrize(
    "failed",
    [
        reading(logprob=-1.0),
        reading(compression=2.4),
        reading(temperature=0.4),
        reading(no_speech=0.9),
        reading(text="Thank you for watching!"),
        reading(text="you are a noob " * 8),
        reading(text="and then we went down to the river to see the boats", seconds=0.5),
    ],
)
def test_what_fails_one_of_whispers_checks_is_doubted_whatever_the_rest_says(failed):
    assert doubt(failed) > 0.6


@pytest.mark.parametrize(
    "text",
    [
        "Thank you for watching!",
        "Thanks for watching.",
        " Please subscribe to my channel.",
        "Thanks for watching. Don't forget to like and subscribe!",
        "Subtitles by the Amara.org community",
        "[Music]",
        "I'll see you guys in the next video.",
    ],
)
def test_what_whisper_writes_on_silence_is_known(text):
    assert is_invention(text)


@pytest.mark.parametrize(
    "text", ["", "Thanks for watching my back, idiot.", "Please subscribe to my channel or I will find you.", "music"]
)
def test_a_known_phrase_does_not_cast_doubt_on_what_is_said_around_it(text):
    assert not is_invention(text)


@given(st.floats(-20, 0), st.floats(0, 1), st.floats(0, 40), st.floats(0, 1), st.floats(0, 5))
def test_doubt_stays_in_range_and_grows_with_a_worse_log_probability(logprob, no_speech, compression, temp, worse):
    better = doubt(Reading("gg", logprob, no_speech, compression, temp))

    assert 0.0 <= better <= doubt(Reading("gg", logprob - worse, no_speech, compression, temp)) <= 1.0


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("go go go, push", "go go go, push"),
        ("Nobody. Nobody. Nobody. Nobody. Nobody.", "Nobody Nobody Nobody."),
        ("shut up, you idiot " * 9, "shut up, you idiot shut up, you idiot shut up, you idiot "),
        ("no", "no"),
        ("", ""),
    ],
)
def test_a_loop_is_cut_and_says_what_it_says(text, kept):
    assert without_loops(text) == kept


@given(st.text("ab ,.", max_size=400))
def test_cutting_loops_takes_no_word_away_and_adds_none(text):
    assert set(without_loops(text).replace(",", " ").replace(".", " ").split()) == set(
        text.replace(",", " ").replace(".", " ").split()
    )
