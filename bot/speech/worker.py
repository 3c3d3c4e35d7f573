"""The decoding child: `python -m bot.speech.worker LIMITS`, clips in on stdin, sound out on stdout.

It confines itself before the first byte of a clip arrives: bounded memory, bounded processor time for each clip, and no
file may be written, nor a core dump, so that sound cannot reach the disk. It ends when stdin does. Unix only.
"""

import json
import math
import resource
import sys

from bot.errors import ClipRejected, NoSoundTrack
from bot.speech.decode import decode
from bot.speech.frames import Frame, read_frame, write_frame
from bot.speech.limits import ClipLimits


def main() -> None:
    """Say that the child is ready, then answer one clip after the other."""
    limits = ClipLimits(**json.loads(sys.argv[1]))
    _confine(limits)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    write_frame(sink, Frame({"ready": True}))
    while (request := read_frame(source)) is not None:
        _allow_processor_time(limits.wall_seconds)
        write_frame(sink, _answer(request.payload, limits))


def _confine(limits: ClipLimits) -> None:
    space = limits.memory_mb << 20
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _allow_processor_time(seconds: float) -> None:
    # The limit counts from the start of the process, so it moves up with each clip; the system kills at the limit.
    usage = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(usage.ru_utime + usage.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _answer(data: bytes, limits: ClipLimits) -> Frame:
    try:
        sound = decode(data, limits)
    except ClipRejected as error:
        return Frame({"rejected": str(error), "no_track": isinstance(error, NoSoundTrack)})
    except MemoryError:
        return Frame({"rejected": f"needs more than {limits.memory_mb} MB to decode"})
    return Frame({"notes": list(sound.notes)}, sound.pcm)


if __name__ == "__main__":
    main()
