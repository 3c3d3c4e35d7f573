"""Untrusted bytes to sound, with every limit explicit.

FFmpeg parses what a stranger uploaded, so this runs in the child process of `bot.speech.decoder_process` and nowhere
else. It decodes packet by packet: a decoder that stops at the first damaged packet lets one bad packet hide the rest
of a clip that every player plays.
"""

import io
import time
from collections.abc import Iterator

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from bot.errors import ClipRejected, NoSoundTrack
from bot.speech.limits import ClipLimits
from bot.speech.sound import CHANNELS, FRAME_BYTES, RATE, SAMPLE_BYTES, Sound

_OPEN = {
    # What a chat client plays. FFmpeg probes the content, so without the list a "voice.ogg" may be a playlist.
    "format_whitelist": "ogg,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mp3,wav,flac,aac",
    "codec_whitelist": "opus,libopus,vorbis,libvorbis,flac,mp3,mp3float,aac,aac_fixed,alac,"
    "pcm_u8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s32le,pcm_f32le,pcm_f64le,pcm_alaw,pcm_mulaw",
    "protocol_whitelist": "",
    "probesize": str(1 << 20),
    "analyzeduration": "2000000",
}
_RATES = range(8_000, 192_001)
_CHANNELS = range(1, 9)


def decode(data: bytes, limits: ClipLimits) -> Sound:
    """Decode a clip to 16 kHz stereo.

    Raise ClipRejected where it holds no usable sound or costs more than the limits allow.
    """
    limits.admit(len(data))
    try:
        container = av.open(io.BytesIO(data), mode="r", metadata_errors="ignore", options=_OPEN)
    except MemoryError:
        # FFmpeg's own is an FFmpegError too, and says nothing of the file.
        raise
    except (av.FFmpegError, OSError, ValueError) as error:
        raise ClipRejected("not audio, or not in a format that is listened to") from error
    with container:
        track = container.streams.best("audio")
        if not isinstance(track, AudioStream):
            raise NoSoundTrack("no sound in it")
        notes = _hidden_tracks(container)
        _check(track.codec_context.sample_rate, track.codec_context.channels)
        track.codec_context.thread_count = 1
        reading = _Reading(limits)
        reading.read(container, track)
        return reading.sound(notes)


def _hidden_tracks(container: InputContainer) -> tuple[str, ...]:
    others = len(container.streams.audio) - 1
    return (f"{others} more sound track(s) in the file were not heard",) if others else ()


def _check(rate: int, channels: int) -> None:
    if rate not in _RATES:
        raise ClipRejected(f"a sample rate of {rate} Hz, outside {_RATES.start} to {_RATES.stop - 1}")
    if channels not in _CHANNELS:
        raise ClipRejected(f"{channels} channels, at most {_CHANNELS.stop - 1} are taken")


class _Reading:
    """Read one track to its end or to the first limit."""

    def __init__(self, limits: ClipLimits) -> None:
        self._limits = limits
        self._deadline = time.monotonic() + limits.wall_seconds
        self._tape = _Tape()
        self._full = int(limits.max_seconds * RATE) * FRAME_BYTES
        self._bad_packets = 0
        self._broken_off = False

    def read(self, container: InputContainer, track: AudioStream) -> None:
        packets = container.demux(track)
        while len(self._tape.pcm) <= self._full:
            if time.monotonic() > self._deadline:
                raise ClipRejected(f"takes more than {self._limits.wall_seconds:g} s to decode")
            try:
                packet = next(packets, None)
            except MemoryError:
                raise
            except (av.FFmpegError, OSError):
                self._broken_off = True
                break
            if packet is None:
                break
            self._take(packet)
        self._tape.flush()

    def _take(self, packet: "av.Packet[AudioStream]") -> None:
        try:
            for frame in packet.decode():
                self._tape.add(frame)
        except MemoryError:
            raise
        except (av.FFmpegError, ValueError) as error:
            self._bad_packets += 1
            if self._bad_packets > self._limits.max_bad_packets:
                raise ClipRejected(f"more than {self._limits.max_bad_packets} damaged packets") from error

    def sound(self, notes: tuple[str, ...]) -> Sound:
        pcm = self._tape.pcm
        if not pcm:
            raise ClipRejected("no sound in it that can be decoded" if self._bad_packets else "no sound in it")
        return Sound(bytes(memoryview(pcm)[: self._full]), notes + tuple(self._losses()))

    def _losses(self) -> Iterator[str]:
        if len(self._tape.pcm) > self._full:
            yield f"only the first {self._limits.max_seconds:g} s were heard"
        if self._broken_off:
            yield f"the file is damaged after {len(self._tape.pcm) / (RATE * FRAME_BYTES):.0f} s"
        if self._bad_packets:
            yield f"{self._bad_packets} damaged packet(s) were skipped"


class _Tape:
    """Hold the sound so far, whatever format the frames come in."""

    def __init__(self) -> None:
        self.pcm = bytearray()
        self._format: tuple[str, str, int] | None = None
        self._resampler: AudioResampler | None = None

    def add(self, frame: AudioFrame) -> None:
        _check(frame.sample_rate, frame.layout.nb_channels)
        found = (frame.format.name, frame.layout.name, frame.sample_rate)
        if found != self._format:
            # A resampler refuses, or mangles, frames unlike its first; a stream may change its format midway.
            self.flush()
            layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
            self._format, self._resampler = found, AudioResampler(format="s16", layout=layout, rate=RATE)
        # Times are the file's claim; without them the frames are simply laid end to end.
        frame.pts = None
        self._run(frame)

    def flush(self) -> None:
        self._run(None)
        self._resampler = None

    def _run(self, frame: AudioFrame | None) -> None:
        if self._resampler is None:
            return
        for piece in self._resampler.resample(frame):
            size = piece.samples * SAMPLE_BYTES * piece.layout.nb_channels
            samples = memoryview(piece.planes[0])[:size]
            self.pcm += samples if piece.layout.nb_channels == CHANNELS else _twice(samples)


def _twice(mono: memoryview) -> bytearray:
    # FFmpeg would make stereo of mono 3 dB quieter; here the voice keeps its level.
    stereo = bytearray(CHANNELS * len(mono))
    for channel in range(CHANNELS):
        for byte in range(SAMPLE_BYTES):
            stereo[channel * SAMPLE_BYTES + byte :: FRAME_BYTES] = mono[byte::SAMPLE_BYTES]
    return stereo
