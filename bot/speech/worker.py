"""The decoding child: `python -m bot.speech.worker LIMITS`, clips in on stdin, sound out on stdout.

It confines itself before the first byte of a clip arrives: bounded memory, bounded processor time for each clip, and no
file or socket can be opened any more, so that a clip can reach neither the disk nor the network. It ends when stdin
does. Unix only.
"""

import io
import json
import math
import resource
import sys
import wave
from functools import partial
from typing import BinaryIO

from bot.errors import ClipRejected, NoSoundTrack
from bot.speech.decode import decode
from bot.speech.frames import Frame, read_frame, write_frame
from bot.speech.limits import ClipLimits
from bot.speech.sound import SAMPLE_BYTES


def main() -> None:
    """Say that the child is ready, then answer one clip after the other."""
    limits = ClipLimits(**json.loads(sys.argv[1]))
    _warm_up()
    _confine(limits)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    write_frame(sink, Frame({"ready": True}))
    while (request := read_frame(source)) is not None:
        _allow_processor_time(limits.wall_seconds)
        write_frame(sink, Frame(_answer(request.payload, limits, sink)))


def _warm_up() -> None:
    """Decode a moment of silence: libraries load parts of themselves at first use, and soon no file can be opened."""
    held = io.BytesIO()
    with wave.open(held, "wb") as clip:
        clip.setparams((2, SAMPLE_BYTES, 8_000, 0, "NONE", ""))
        clip.writeframes(bytes(8_000))
    decode(held.getvalue(), ClipLimits(), lambda _track, _piece: None)


def _confine(limits: ClipLimits) -> None:
    space = limits.memory_mb << 20
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Pipes that are open stay open.
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def _allow_processor_time(seconds: float) -> None:
    # The limit counts from the start of the process, so it moves up with each clip; the system kills at the limit.
    usage = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(usage.ru_utime + usage.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _answer(data: bytes, limits: ClipLimits, sink: BinaryIO) -> dict[str, object]:
    """Send the sound as it is decoded; return how it ended."""
    try:
        notes = decode(data, limits, partial(_send, sink))
    except ClipRejected as error:
        return {"rejected": str(error), "no_track": isinstance(error, NoSoundTrack)}
    except MemoryError:
        return {"rejected": f"needs more than {limits.memory_mb} MB to decode"}
    return {"notes": list(notes)}


def _send(sink: BinaryIO, track: int, piece: bytes) -> None:
    write_frame(sink, Frame({"track": track}, piece))


if __name__ == "__main__":
    main()
