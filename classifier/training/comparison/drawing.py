"""How the pictures are drawn: palette, inks and markers, and the way from a figure to SVG in a page."""

import io
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import matplotlib.style
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from classifier.training.comparison.outcome import Floats

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""The palette of Okabe and Ito (2008), less black and yellow, which vanish on a dark or a light page."""

_DASHES: tuple[tuple[float, ...], ...] = ((), (5, 2), (1.5, 1.5), (6, 2, 1.5, 2))
_MARKERS = {
    "o": "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",
    "s": "M-3.6-3.6h7.2v7.2h-7.2Z",
    "^": "M0-4.6L4.4 3.6H-4.4Z",
    "D": "M0-5L5 0L0 5L-5 0Z",
    "v": "M0 4.6L4.4-3.6H-4.4Z",
}
"""The markers of matplotlib with their outlines for the legend."""

_INK, MUTED, _LINE = "#010203", "#040506", "#070809"
_INKS = {_INK: "currentColor", MUTED: "var(--muted)", _LINE: "var(--line)"}
"""Stand-ins that become the inks of the page; no other part of a picture has these colours."""

_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "referee",
    "font.size": 9.5,
    "font.family": "DejaVu Sans",
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _LINE,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "figure.facecolor": "none",
    "lines.linewidth": 1.8,
}
_NOTHING = {"Date": None, "Creator": None, "Format": None, "Type": None}


@dataclass(frozen=True, slots=True)
class Picture:
    """Hold a picture as SVG to stand in a page, with the words for those who cannot see it."""

    svg: Markup
    alt: str


@dataclass(frozen=True, slots=True)
class Look:
    """Say how a setting is drawn: by colour, dashes and marker, so that colour alone never tells two apart."""

    colour: str
    dashes: tuple[float, ...]
    marker: str

    @property
    def outline(self) -> str:
        """Return the marker as an SVG path around the origin."""
        return _MARKERS[self.marker]

    @property
    def pattern(self) -> str:
        """Return the dashes as SVG has them."""
        return " ".join(f"{2 * dash:g}" for dash in self.dashes) or "none"


def look(place: int) -> Look:
    """Return the look of the setting that stands at that place of the comparison."""
    markers, colours = tuple(_MARKERS), len(_COLOURS)
    return Look(_COLOURS[place % colours], _DASHES[place % len(_DASHES)], markers[place % len(markers)])


def mark(axes: Axes, style: Look, x: Sequence[float] | Floats, y: Sequence[float] | Floats, *, size: float) -> None:
    """Draw the marker of a look at each place, with an edge that stands out on any page."""
    axes.plot(
        x,
        y,
        style.marker,
        color=style.colour,
        markersize=size,
        markeredgecolor=_INK,
        markeredgewidth=0.8,
        clip_on=False,
    )


def drawing() -> AbstractContextManager[None]:
    """Return a context in which matplotlib draws in the style of the page, whatever its user has configured."""
    return matplotlib.style.context(["default", _STYLE])


def to_svg(name: str, figure: Figure) -> Markup:
    """Return the figure as an SVG element whose ids begin with `name`, so that several can stand in one page."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata=_NOTHING)
    drawn = stream.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    # matplotlib's own style element would apply to the whole page; the page has the same rule for pictures alone.
    drawn = re.sub(r"<style.*?</style>|<metadata.*?</metadata>", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r'( id="|href="#|url\(#)', rf"\1{name}-", drawn)
    for stand_in, ink in _INKS.items():
        drawn = drawn.replace(stand_in, ink)
    return Markup(drawn)  # noqa: S704  the picture holds no text from outside
