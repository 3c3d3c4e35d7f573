"""What a reader needs to know of the machine to compare two measurements."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_CPU_INFO = Path("/proc/cpuinfo")
_INT8 = ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")
"""Names under which processors say that they multiply small integers quickly."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Describe where something was measured; `int8` are the processor's own words for quick small integers."""

    processor: str
    cores: int
    int8: tuple[str, ...]
    system: str
    python: str
    libraries: dict[str, str]

    def told(self) -> str:
        """Return it as one line."""
        quick = f" with {', '.join(self.int8)}" if self.int8 else ""
        libraries = ", ".join(f"{name} {number}" for name, number in self.libraries.items())
        return f"{self.processor}, {self.cores} cores{quick}; {self.system}; Python {self.python}; {libraries}"

    def as_values(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return asdict(self)


def this_machine(libraries: Sequence[str]) -> Machine:
    """Describe this machine, and which versions of these libraries it has."""
    return Machine(
        processor(),
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        tuple(name for name in _INT8 if name in _flags()),
        f"{platform.system()} {platform.machine()}",
        platform.python_version(),
        {name: _version(name) for name in libraries},
    )


def processor(info: Path = _CPU_INFO) -> str:
    """Return the name of this machine's processor, as far as it tells."""
    return _field("model name", info) or platform.processor() or platform.machine()


def _flags(info: Path = _CPU_INFO) -> frozenset[str]:
    return frozenset((_field("flags", info) or _field("Features", info)).split())


def _field(name: str, info: Path) -> str:
    try:
        lines = info.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    values = (line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name)
    return next(values, "")


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"
