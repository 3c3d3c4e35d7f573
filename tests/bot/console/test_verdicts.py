"""What is said of one text or clip: with the times at which it was said."""

from bot.console.verdicts import Opinion, lines_of, to_row
from bot.domain import Action, Decision, Mode, Segment, Transcript
from bot.policy import nothing
from tests.fakes.chat import verdict

FLAGGED = Decision(Action.FLAG, Action.WARN, Mode.LIVE, "insult", 0.95, ("P(insult) 0.95",))
SEGMENTS = (
    Segment(0.0, 2.0, "well played", 0.1, language="en"),
    Segment(42.4, 44.0, " you idiot\x1b[2J", 0.25, track=1, language="en"),
    Segment(3725.0, 3726.0, "push left", 0.3),
)
LONG = Transcript(SEGMENTS, 3730.0, 0.3, complete=False, notes=("cut off",), foreign="Ger\u202eman")


def shown(opinion: Opinion) -> str:
    return "\n".join(line.plain for line in lines_of(opinion, ascii_only=True))


def opinion(decision: Decision = FLAGGED, transcript: Transcript | None = LONG, at: float | None = 42.4) -> Opinion:
    return Opinion("you idiot", verdict(insult=0.95), decision, (), transcript, at)


def test_what_was_said_in_a_clip_is_listed_with_its_times_and_doubts() -> None:
    text = shown(opinion())

    assert "decision: flag (the rule asks for warn), for insult, said at 0:42" in text
    assert "     0:00  well played  (doubt 0.10)" in text
    assert "     0:42  you idiot\\x1b[2J  (doubt 0.25)" in text
    assert "  1:02:05  push left  (doubt 0.30)" in text
    assert "heard in 3730.0 s of sound, doubt 0.30; language en; most of it in Ger\\u202eman" in text
    assert "cut off" in text


def test_a_clip_of_which_nothing_comes_names_no_moment() -> None:
    assert "said at" not in shown(opinion(nothing("all is well")))


def test_a_clip_of_one_part_is_not_listed_again() -> None:
    text = shown(opinion(transcript=Transcript(SEGMENTS[:1], 2.0, 0.1)))

    assert "well played" not in text
    assert "language en" in text


def test_a_long_clip_is_listed_in_bounded_length() -> None:
    many = tuple(Segment(n, n + 1, f"part {n}", 0.1) for n in range(1000))

    text = shown(opinion(transcript=Transcript(many, 1000.0, 0.1)))

    assert "part 39" in text
    assert "part 40" not in text
    assert "and 960 more" in text


def test_a_typed_text_has_neither_time_nor_transcript() -> None:
    typed = opinion(transcript=None, at=None)

    assert "said at" not in shown(typed)
    assert (to_row(typed)["at_s"], to_row(typed)["transcript"]) == (None, None)


def test_json_has_every_part_with_its_time_doubt_track_and_language() -> None:
    row = to_row(opinion())

    assert row["at_s"] == 42.4
    transcript = row["transcript"]
    assert isinstance(transcript, dict)
    assert transcript["foreign"] == "Ger\u202eman"
    assert transcript["segments"][1] == {
        "start_s": 42.4,
        "end_s": 44.0,
        "text": " you idiot\x1b[2J",
        "doubt": 0.25,
        "track": 1,
        "language": "en",
    }
    assert transcript["segments"][2]["language"] is None
