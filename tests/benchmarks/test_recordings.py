from pathlib import Path

import numpy as np
import pytest

from benchmarks.voice.recording import ogg
from benchmarks.voice.recordings import read_recordings
from bot.errors import InputError


def table(folder: Path, *lines: str) -> None:
    (folder / "transcripts.tsv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def test_recordings_are_read_with_what_is_said_and_how_long_they_are(tmp_path: Path) -> None:
    (tmp_path / "one.ogg").write_bytes(ogg(np.zeros(96_000, np.float32)))
    table(tmp_path, "file\ttranscript\tsource", 'one.ogg\tpush "left\tme')

    [recording] = read_recordings(tmp_path)

    assert (recording.name, recording.said) == ("one.ogg", 'push "left')
    assert recording.seconds == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["file\ttranscript"], "names no recording"),
        (["name\ttext", "one.ogg\thello"], "line 2: the columns file and transcript are needed"),
        (["file\ttranscript", "one.ogg"], "line 2: the columns file and transcript are needed"),
        (["file\ttranscript", "gone.ogg\thello"], "line 2: gone.ogg cannot be read"),
        (["file\ttranscript", "transcripts.tsv\thello"], "line 2: transcripts.tsv cannot be read"),
    ],
)
def test_a_folder_that_cannot_be_used_is_told_with_the_line(tmp_path: Path, lines: list[str], why: str) -> None:
    table(tmp_path, *lines)

    with pytest.raises(InputError, match=why):
        read_recordings(tmp_path)


def test_a_folder_without_a_table_is_told_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"transcripts\.tsv is not there; write one line a file"):
        read_recordings(tmp_path)
