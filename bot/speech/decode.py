"""Untrusted bytes to sound, with every limit explicit.

FFmpeg parses what a stranger uploaded, so this runs in the child process of `bot.speech.decoder_process` and nowhere
else. It decodes packet by packet: a decoder that stops at the first damaged packet lets one bad packet hide the rest
of a clip that every player plays.
"""

import io
import time
from collections.abc import Callable, Iterator
from typing import cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags2
from av.container import InputContainer

from bot.errors import ClipRejected, NoSoundTrack
from bot.speech.limits import ClipLimits
from bot.speech.mixdown import Mixdown
from bot.speech.sound import RATE, SAMPLE_BYTES

# What a chat client plays. FFmpeg probes the content, so without the lists a "voice.ogg" may be a playlist.
_CODECS = (
    "opus,libopus,vorbis,libvorbis,flac,mp3,mp3float,aac,aac_fixed,alac,pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,"
    "pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_alaw,pcm_mulaw"
)
_OPEN = {
    "format_whitelist": "ogg,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mp3,wav,flac,aac",
    "codec_whitelist": _CODECS,
    "protocol_whitelist": "",
    "probesize": str(1 << 20),
    "analyzeduration": "2000000",
    # What an edit list of an MP4 cuts away is heard as well: some players do not look at it.
    "ignore_editlist": "1",
    # A WAV is heard to the end of the file, whatever length it states.
    "ignore_length": "1",
}
_NOTICED_S = 0.5
_RATES = range(8_000, 192_001)
_CHANNELS = range(1, 9)
# Their length is an estimate from the bit rate of the first packets.
_ESTIMATED = {"mp3", "aac"}
# More than both must be missing before a file counts as cut off: rounding and the padding of encoders are no loss.
_MISSING_SECONDS = 1.0
_MISSING_SHARE = 0.05
_WAV_UNKNOWN = 0x7FFF_0000
# The padding of an encoder does not make a clip too long that is just as long as allowed.
_SLACK = RATE // 5 * SAMPLE_BYTES

Deliver = Callable[[int, bytes], None]
"""Takes the number of a sound track, from 0, and the next piece of its sound."""


def decode(data: bytes, limits: ClipLimits, deliver: Deliver) -> tuple[str, ...]:
    """Decode the sound tracks of a clip to 16 kHz mono, hand them over piece by piece, return what is not in them.

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
        streams, notes = _choose(container, limits.max_tracks)
        origin = (container.start_time or 0) / av.time_base
        tracks = [_Track(place, stream, limits, deliver, origin) for place, stream in enumerate(streams)]
        reading = _Reading(limits, tracks)
        reading.read(container)
        return notes + tuple(dict.fromkeys(reading.losses(container, _wav_seconds(data))))


def _choose(container: InputContainer, wanted: int) -> tuple[list[AudioStream], tuple[str, ...]]:
    """Return the tracks to hear, the one that a player plays first, and notes on those that are not heard."""
    if not container.streams.audio:
        raise NoSoundTrack("no sound in it")
    usable, refused = [], []
    for stream in container.streams.audio:
        try:
            _check_codec(stream)
            usable.append(stream)
        except ClipRejected as error:
            refused.append(error)
    if not usable:
        raise refused[0]
    best = container.streams.best("audio")
    usable.sort(key=lambda stream: best is None or stream.index != best.index)
    return usable[:wanted], tuple(_unheard(len(usable) - wanted, refused))


def _unheard(more: int, refused: list[ClipRejected]) -> Iterator[str]:
    if refused:
        yield f"{len(refused)} sound track(s) cannot be decoded: {refused[0]}"
    if more > 0:
        yield f"{more} more sound track(s) were not heard"


def _check_codec(stream: AudioStream) -> None:
    context: av.AudioCodecContext | None = stream.codec_context
    if context is None or context.name not in _CODECS.split(","):
        raise ClipRejected("its sound is in a format that is not listened to")
    _check(context.sample_rate, context.channels)


def _check(rate: int, channels: int) -> None:
    if rate not in _RATES:
        raise ClipRejected(f"a sample rate of {rate} Hz, outside {_RATES.start} to {_RATES.stop - 1}")
    if channels not in _CHANNELS:
        raise ClipRejected(f"{channels} channels, at most {_CHANNELS.stop - 1} are taken")


class _Track:
    """Decode one track until it is full or is given up; `origin` is the time at which the file begins, in seconds."""

    def __init__(self, place: int, stream: AudioStream, limits: ClipLimits, deliver: Deliver, origin: float) -> None:
        self.stream = stream
        self.given_up: ClipRejected | None = None
        self.bytes = 0
        self.reached = 0.0
        self._origin: float | None = origin
        self._most_late = limits.max_seconds
        self._place = place
        self._full = int(limits.max_seconds * RATE) * SAMPLE_BYTES
        self._deliver = deliver
        self._mixdown = Mixdown(self._hand_on)
        stream.codec_context.thread_count = 1
        # Samples that the file declares to be padding are heard: that is its claim only.
        stream.codec_context.flags2 |= Flags2.skip_manual

    @property
    def overflows(self) -> bool:
        """Tell whether it holds more than is heard of it."""
        return self.bytes > self._full + _SLACK

    @property
    def wanted(self) -> bool:
        """Tell whether more of it is to be decoded."""
        return self.given_up is None and not self.overflows

    @property
    def seconds(self) -> float:
        """Return how much was decoded, or where the last packet ends, whichever is later."""
        return max(self.bytes / (RATE * SAMPLE_BYTES), self.reached)

    def take(self, packet: "av.Packet[AudioStream]") -> None:
        """Decode a packet; raise what FFmpeg makes of a damaged one."""
        self._note_time(packet)
        self._wait_for_start(packet)
        for frame in packet.decode():
            self._add(frame)

    def _wait_for_start(self, packet: "av.Packet[AudioStream]") -> None:
        """Put silence before sound that begins later than the file, as in a film: times are those of the file."""
        origin, self._origin = self._origin, None
        if origin is None or packet.pts is None or packet.time_base is None:
            return
        late = float(packet.pts * packet.time_base) - origin
        # A start beyond what is heard is no film's, but a claim that would have nothing heard.
        if _NOTICED_S < late < self._most_late / 2:
            self._hand_on(bytes(int(late * RATE) * SAMPLE_BYTES))

    def finish(self) -> None:
        """Hand on what is still held."""
        self._mixdown.flush()

    def _add(self, frame: AudioFrame) -> None:
        _check(frame.sample_rate, frame.layout.nb_channels)
        self._mixdown.add(frame)

    def _note_time(self, packet: "av.Packet[AudioStream]") -> None:
        if packet.pts is not None and packet.time_base is not None:
            self.reached = max(self.reached, float((packet.pts + (packet.duration or 0)) * packet.time_base))

    def _hand_on(self, piece: bytes) -> None:
        room = max(0, self._full - self.bytes)
        self.bytes += len(piece)
        if room:
            self._deliver(self._place, piece[:room])


class _Reading:
    """Read the wanted tracks in one pass, to the end of the file or to the first limit."""

    def __init__(self, limits: ClipLimits, tracks: list[_Track]) -> None:
        self._limits = limits
        self._deadline = time.monotonic() + limits.wall_seconds
        self._tracks = {track.stream.index: track for track in tracks}
        self._bad_packets = 0
        self._broken_off = False

    def read(self, container: InputContainer) -> None:
        for packet in self._packets(container):
            track = self._tracks[packet.stream.index]
            if track.wanted:
                self._take(track, packet)
            if not any(track.wanted for track in self._tracks.values()):
                break
        for track in self._tracks.values():
            track.finish()
        self._refuse_nothing()

    def _packets(self, container: InputContainer) -> Iterator["av.Packet[AudioStream]"]:
        streams = [track.stream for track in self._tracks.values()]
        packets = container.demux(*streams)
        while True:
            if time.monotonic() > self._deadline:
                raise ClipRejected(f"takes more than {self._limits.wall_seconds:g} s to decode")
            try:
                packet = next(packets, None)
            except MemoryError:
                raise
            except (av.FFmpegError, OSError):
                self._broken_off = True
                return
            if packet is None:
                return
            if isinstance(packet.stream, AudioStream):
                yield cast("av.Packet[AudioStream]", packet)

    def _take(self, track: _Track, packet: "av.Packet[AudioStream]") -> None:
        try:
            track.take(packet)
        except MemoryError:
            raise
        except ClipRejected as error:
            track.given_up = error
        except (av.FFmpegError, ValueError):
            self._bad_packets += 1
            if self._bad_packets > self._limits.max_bad_packets:
                track.given_up = ClipRejected(f"more than {self._limits.max_bad_packets} damaged packets")

    def _refuse_nothing(self) -> None:
        given_up = [track.given_up for track in self._tracks.values() if track.given_up is not None]
        if len(given_up) == len(self._tracks):
            raise given_up[0]
        if not any(track.bytes for track in self._tracks.values()):
            damaged = self._bad_packets or self._broken_off
            raise ClipRejected("no sound in it that can be decoded" if damaged else "no sound in it")

    def losses(self, container: InputContainer, wav_seconds: float) -> Iterator[str]:
        """Say what is not in the sound."""
        for track in self._tracks.values():
            if track.overflows:
                yield f"only the first {self._limits.max_seconds:g} s were heard"
            elif track.given_up is not None:
                number = container.streams.audio.index(track.stream) + 1
                yield f"sound track {number} was heard for {track.seconds:.0f} s only: {track.given_up}"
            else:
                yield from _cut_off(track, wav_seconds or _claimed_seconds(container, track.stream))
        if self._broken_off:
            yield f"the file is damaged after {max(track.seconds for track in self._tracks.values()):.0f} s"
        if self._bad_packets:
            yield f"{self._bad_packets} damaged packet(s) were skipped"


def _cut_off(track: _Track, claimed: float) -> Iterator[str]:
    missing = claimed - track.seconds
    if missing > max(_MISSING_SECONDS, _MISSING_SHARE * claimed):
        yield f"the file ends after {track.seconds:.0f} s, it claims {claimed:.0f} s"


def _claimed_seconds(container: InputContainer, stream: AudioStream) -> float:
    """Return how long the file says that a track lasts, 0 where it does not say it."""
    if container.format.name in _ESTIMATED:
        return 0.0
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    # Matroska states a length for the whole file: a picture may well outlast the sound.
    only_sound = len(container.streams) == len(container.streams.audio) == 1
    return (container.duration or 0) / av.time_base if only_sound else 0.0


def _wav_seconds(data: bytes) -> float:
    """Return how long a WAV file says that it lasts, 0 where it does not; FFmpeg tells only how long it can be."""
    place, rate = 12, 0
    while data[:4] == b"RIFF" and len(data) >= place + 20:
        name, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        if name == b"fmt ":
            rate = int.from_bytes(data[place + 16 : place + 20], "little")
        if name == b"data":
            # What is written while it is recorded has no length yet, or the largest.
            return size / rate if rate and size < _WAV_UNKNOWN else 0.0
        place += 8 + size + size % 2
    return 0.0
