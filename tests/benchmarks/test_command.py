import json
import sys
from pathlib import Path

import pytest

from benchmarks.machine import processor
from benchmarks.voice.__main__ import main

QUICK = ("--voice", "hibari", "--lines", "0", "--long-clips", "0", "--wordless", "0", "--beside", "0")


@pytest.fixture(autouse=True)
def a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["benchmarks.voice", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def test_a_measurement_prints_its_tables_and_writes_its_figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code = run(monkeypatch, *QUICK, "--lines", "2", "--snr", "5", "--wordless", "1", "--json", "figures.json")

    out, err = capsys.readouterr()
    figures = json.loads(Path("figures.json").read_text(encoding="utf-8"))
    assert code == 0
    assert "clear voices: hibari" in out
    assert "lines: 0 of 2\n" in err
    assert all(f"\n{title}" in out for title in ("Hearing", "Finding", "Voices", "Kinds of noise", "Clips without"))
    assert list(figures["conditions"]) == ["no noise", "5 dB"]
    quiet = figures["conditions"]["no noise"]
    assert (quiet["clips"], quiet["recall"]["text"]) == (2, {"count": 1, "of": 1})
    assert quiet["word_errors"]["voice"] < 0.2
    assert quiet["real_time"]["voice"] > 0
    assert [clip["voice"]["punished"] for clip in figures["wordless"]] == [False]
    # What a measurement keeps is what it was asked to write.
    assert [path.name for path in tmp_path.iterdir()] == ["figures.json"]


def test_a_voice_that_is_not_there_ends_it_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--voice", "parrot") == 2
    assert capsys.readouterr().err.startswith("referee: there is no voice parrot; the voices are ")


def test_a_speech_model_that_is_not_there_ends_it_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *QUICK, "--model", "./nowhere") == 2
    assert "referee: there is no folder ./nowhere" in capsys.readouterr().err


def test_with_speech_switched_off_nothing_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REFEREE_SPEECH", "false")

    assert run(monkeypatch, *QUICK) == 2
    assert "speech is switched off; set REFEREE_SPEECH to true" in capsys.readouterr().err


def test_a_processor_is_named_where_the_machine_tells_it(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: Abacus 3000\n", encoding="utf-8")

    assert processor(info) == "Abacus 3000"
    assert processor(tmp_path / "gone") != ""
