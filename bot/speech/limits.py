"""How much of a clip is taken in, and at what cost."""

from dataclasses import asdict, dataclass

from bot.errors import ClipRejected, SettingsError


@dataclass(frozen=True, slots=True)
class ClipLimits:
    """Hold what one clip may cost.

    `max_bytes` is the size of the file; `max_tracks` of its sound tracks are heard, and `max_seconds` of each; what is
    left out is noted. `wall_seconds` bounds the decoding of the whole file, not the transcription; `memory_mb` is the
    address space of the decoding child; more than `max_bad_packets` damaged packets and the clip is refused.
    Raise SettingsError where a limit is not above zero (no damaged packet at all may be allowed).
    """

    max_bytes: int = 25 << 20
    max_seconds: float = 600.0
    wall_seconds: float = 20.0
    memory_mb: int = 400
    max_bad_packets: int = 200
    max_tracks: int = 3

    def __post_init__(self) -> None:
        # The system reads a negative limit as none at all.
        for name, value in asdict(self).items():
            if value <= 0 and name != "max_bad_packets":
                raise SettingsError(f"the clip limit {name} is {value}; set it above zero")

    def admit(self, size: int) -> None:
        """Raise ClipRejected where a file of `size` bytes is empty or too large."""
        if not size:
            raise ClipRejected("empty")
        if size > self.max_bytes:
            raise ClipRejected(f"too large: more than {self.max_bytes / 1e6:.1f} MB")
