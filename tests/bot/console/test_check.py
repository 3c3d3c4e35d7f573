import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bot.console.conftest import Ran

CLIPS = Path(__file__).parents[2] / "clips"

Run = Callable[..., Ran]


def test_a_text_is_judged_with_its_words_and_the_rules_that_speak(referee: Run) -> None:
    ran = referee("check", "you are an idiot")

    assert ran.code == 0
    assert "P(toxic) 0.98" in ran.out
    assert "words: idiot (+0.96)" in ran.out
    assert "decision: warn, for insult" in ran.out
    assert "because P(insult) 0.95, flagged from 0.50" in ran.out


def test_a_clean_text_asks_for_nothing(referee: Run) -> None:
    (row,) = referee("check", "--json", "well played").rows

    assert row["toxic"] < 0.1
    assert row["decision"]["action"] == "none"
    assert row["words"] == []


def test_json_names_where_the_words_stand_in_the_text_as_given(referee: Run) -> None:
    (row,) = referee("check", "--json", "YOU \u0456diot, or IDIOT").rows

    assert row["text"] == "YOU \u0456diot, or IDIOT"
    assert all(row["text"][word["start"] : word["end"]] == word["word"] for word in row["words"])
    assert row["category"] == "insult"
    assert set(row["categories"]) == {"insult", "threat", "spam"}
    assert row["decision"]["action"] == "warn"


def test_every_text_is_judged_alone(referee: Run) -> None:
    assert [row["decision"]["action"] for row in referee("check", "--json", "idiot", "gg", "kill").rows] == [
        "warn",
        "none",
        "flag",
    ]


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_texts_come_one_a_line_from_standard_input(referee: Run, arguments: tuple[str, ...]) -> None:
    ran = referee("check", "--json", *arguments, stdin=b"you idiot\r\n\xff\xfe\ngg")

    assert [row["text"] for row in ran.rows] == ["you idiot", "\ufffd\ufffd", "gg"]


@pytest.mark.parametrize(
    "text",
    ["", " ", "\0", "\ud800", "😀😀😀", "x" * 100_000, "idiot " * 20_000, "\u202e\u200b", "\x1b[31m"],
    ids=["empty", "blank", "nul", "surrogate", "emoji", "long", "many words", "invisible", "escape"],
)
def test_no_text_is_too_odd_to_be_judged(referee: Run, text: str) -> None:
    piped = text.encode("utf-8", "surrogatepass") + b"\n"

    assert referee("check", text).code == 0
    assert referee("check", stdin=piped).code == 0
    assert referee("check", "--json", text).rows[0]["text"] == text


def test_text_cannot_steer_the_terminal(referee: Run) -> None:
    ran = referee("check", "\x1b[31m[bold]idiot\u202e\r")

    assert "\x1b" not in ran.out
    assert "\r" not in ran.out
    assert "\\x1b[31m[bold]idiot\\u202e\\r" in ran.out


def test_a_text_too_long_to_be_read_whole_is_left_to_a_human(referee: Run) -> None:
    ran = referee("check", "good " * 20_000)

    assert "its rest was not judged" in ran.out
    assert "decision: flag, for unchecked" in ran.out


def test_nothing_is_stored(referee: Run, tmp_path: Path) -> None:
    referee("check", "you idiot")

    assert [path.name for path in tmp_path.iterdir()] == ["policy.toml"]


def test_a_recording_is_transcribed_and_judged(referee: Run) -> None:
    (row,) = referee("check", "--json", "--audio", CLIPS / "worthless.ogg").rows

    assert row["transcript"]["text"] == row["text"] != ""
    assert 0 <= row["transcript"]["doubt"] <= 1
    assert row["transcript"]["seconds"] > 1
    assert all(0 <= part["start_s"] < part["end_s"] for part in row["transcript"]["segments"])
    assert " ".join(part["text"] for part in row["transcript"]["segments"]) == row["transcript"]["text"]


def test_a_recording_is_judged_by_the_parts_of_the_pipeline_and_nothing_is_stored(referee: Run, tmp_path: Path) -> None:
    (policy,) = tmp_path.iterdir()
    policy.write_text(policy.read_text().replace("flag = 0.5\nact = 0.6", "flag = 0.000001\nact = 0.000002"))

    (row,) = referee("check", "--json", "--audio", CLIPS / "worthless.ogg").rows

    assert row["decision"]["action"] != "none"
    assert row["at_s"] == row["transcript"]["segments"][0]["start_s"]
    assert [path.name for path in tmp_path.iterdir()] == ["policy.toml"]


def test_a_film_without_sound_says_nothing_that_could_be_judged(referee: Run) -> None:
    ran = referee("check", "--audio", CLIPS / "no_sound.mp4")

    assert ran.code == 0
    assert "there is nothing to score" in ran.out
    assert "decision: nothing" in ran.out


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda path: path.write_text("not audio at all"), "could not be checked: not audio"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "is no file"),
        (os.mkfifo, "is no file"),
    ],
    ids=["text", "empty", "missing", "folder", "pipe"],
)
def test_a_recording_that_is_none_is_one_clear_line(
    referee: Run, tmp_path: Path, make: Callable[[Path], object], complaint: str
) -> None:
    path = tmp_path / "clip.ogg"
    make(path)

    ran = referee("check", "--audio", path)

    assert ran.code == 2
    assert ran.err.startswith("referee: ")
    assert ran.err.count("\n") == 1
    assert complaint in ran.err
    assert str(path) in ran.err


def test_a_recording_larger_than_allowed_is_not_read_whole(
    referee: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFEREE_CLIP_MEGABYTES", "1")
    (tmp_path / "clip.ogg").write_bytes(bytes(3 << 20))

    assert "too large" in referee("check", "--audio", "clip.ogg").err


def test_without_a_speech_model_the_way_to_one_is_told(referee: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFEREE_SPEECH_MODEL", "/nowhere")

    ran = referee("check", "--audio", CLIPS / "worthless.ogg")

    assert ran.code == 2
    assert "pip install" in ran.err


def test_speech_that_is_switched_off_is_said_to_be(referee: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFEREE_SPEECH", "false")

    assert "REFEREE_SPEECH" in referee("check", "--audio", CLIPS / "worthless.ogg").err


def test_a_text_and_a_recording_at_once_are_refused(referee: Run) -> None:
    assert referee("check", "gg", "--audio", CLIPS / "worthless.ogg").code == 2


@pytest.mark.parametrize(
    ("setting", "value", "complaint"),
    [
        ("MODEL", "nowhere", "manifest.json is missing"),
        ("POLICY", "nowhere.toml", "is not there"),
        ("THREADS", "none", "REFEREE_THREADS"),
    ],
)
def test_a_setting_that_leads_nowhere_is_one_clear_line(
    referee: Run, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, complaint: str
) -> None:
    monkeypatch.setenv(f"REFEREE_{setting}", value)

    ran = referee("check", "gg")

    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert ran.err.startswith("referee: ")
    assert complaint in ran.err
