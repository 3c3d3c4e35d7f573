"""Clips heard while texts are scored: the real parts, with few loads."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from benchmarks.voice import beside
from benchmarks.voice.__main__ import main
from benchmarks.voice.beside import BesideText, Load

ARGUMENTS = ("benchmarks.voice", "--load-only", "--voice", "hibari", "--beside", "0.5", "--json", "figures.json")


@pytest.fixture(autouse=True)
def few_loads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(beside, "LOADS", (Load(0, 40.0), Load(2, 40.0), Load(1, 0.0)))
    monkeypatch.setattr(beside, "_ROUNDS", 1)
    monkeypatch.setattr(sys, "argv", list(ARGUMENTS))


def run() -> int:
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def test_clips_and_texts_are_measured_by_themselves_and_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0

    out = capsys.readouterr().out
    figures = json.loads(Path("figures.json").read_text(encoding="utf-8"))
    texts, both, clips = figures["beside_text"]
    assert "Clips beside text" in out
    assert (texts["texts"] > 0, texts["heard"], texts["real_time"]) == (True, 0, None)
    assert both["texts"] == both["text"]["count"] + both["lost"] > 0
    assert both["heard"] >= 2
    assert both["real_time"] > 0
    assert (clips["texts"], clips["text"]) == (0, None)
    assert clips["heard"] >= 1
    assert figures["memory"]["heard_mb"] > figures["memory"]["before_mb"]
    # Nothing else was asked for.
    assert figures["lines"] == figures["wordless"] == []


def test_what_was_measured_is_shown_and_written_when_it_is_interrupted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def stop(*_: object) -> None:
        await asyncio.sleep(0)
        raise KeyboardInterrupt

    monkeypatch.setattr(BesideText, "measure", stop)

    assert run() == 130
    said = capsys.readouterr()
    assert "interrupted" in said.err
    assert "after it; hearing takes" in said.out
    assert json.loads(Path("figures.json").read_text(encoding="utf-8"))["memory"]["before_mb"] > 0
