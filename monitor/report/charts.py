"""Plain drawings as SVG: bars, lines and marks whose colours the page's style gives, so that they follow dark mode.

Drawn by hand and not by a plotting library: a picture of such a library has its colours and fonts baked in, needs the
library where models are trained, and cannot show one text in two languages.
"""

from collections.abc import Callable, Sequence
from html import escape
from math import ceil, floor, log10
from typing import Final, NamedTuple

WIDTH: Final = 720
_LEFT: Final = 56
_RIGHT: Final = 16
_TOP: Final = 14
_BOTTOM: Final = 34


class Text(NamedTuple):
    """A text for people, in Chinese and English."""

    zh: str
    en: str


class Series(NamedTuple):
    """One line or set of bars.

    Attributes:
        style: class of its colour: `first` or `second`.
        values: heights, one for each place.
    """

    style: str
    values: Sequence[float]


class Mark(NamedTuple):
    """A line across the drawing at a place of the horizontal axis."""

    at: float
    text: Text


def both(text: Text, tag: str = "span", attributes: str = "") -> str:
    """The text in both languages; the page shows one of them."""
    return "".join(
        f'<{tag} class="{lang}" lang="{lang}"{attributes}>{escape(said)}</{tag}>'
        for lang, said in zip(("zh", "en"), text, strict=True)
    )


class _Plane:
    """Where numbers lie in a drawing; the vertical axis begins at 0 or, on a logarithmic scale, at `least`."""

    def __init__(self, low: float, high: float, top: float, height: int, least: float | None = None) -> None:
        self.low, self.high = low, high if high > low else low + 1
        self.top, self.height, self.least = max(top, least or 0, 1e-9), height, least

    def x(self, value: float) -> float:
        return _LEFT + (value - self.low) / (self.high - self.low) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        if self.least is None:
            part = value / self.top
        else:
            decades = max(log10(self.top / self.least), 1e-9)
            part = log10(max(value, self.least) / self.least) / decades
        return self.height - _BOTTOM - part * (self.height - _TOP - _BOTTOM)

    def ticks(self) -> list[float]:
        """Round numbers of the vertical axis."""
        if self.least is None:
            return _round_steps(self.top)
        return [10.0**power for power in range(ceil(log10(self.least)), floor(log10(self.top)) + 1)]


def _round_steps(top: float) -> list[float]:
    rough = top / 4
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [step * number for number in range(int(top / step + 1e-9) + 1)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"


def _axes(plane: _Plane, axis: Text, shown: Callable[[float], str]) -> str:
    parts = []
    for value in plane.ticks():
        y = plane.y(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_number(value)}</text>')
    for number in range(6):
        value = plane.low + (plane.high - plane.low) * number / 5
        place = f'x="{plane.x(value):.1f}" y="{plane.height - 18}" text-anchor="middle"'
        parts.append(f'<text class="tick" {place}>{shown(value)}</text>')
    where = f' x="{WIDTH - _RIGHT}" y="{plane.height - 4}" text-anchor="end"'
    return "".join(parts) + _labels(axis, where)


def _labels(text: Text, where: str) -> str:
    return "".join(
        f'<text class="label {lang}" lang="{lang}"{where}>{escape(said)}</text>'
        for lang, said in zip(("zh", "en"), text, strict=True)
    )


def _marks(plane: _Plane, marks: Sequence[Mark]) -> str:
    parts = []
    for place, mark in enumerate(marks):
        if not plane.low <= mark.at <= plane.high:
            continue
        x = plane.x(mark.at)
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{plane.height - _BOTTOM}"/>')
        side, gap = ("end", -5) if x > WIDTH / 2 else ("start", 5)
        parts.append(_labels(mark.text, f' x="{x + gap:.1f}" y="{_TOP + 10 + 14 * place}" text-anchor="{side}"'))
    return "".join(parts)


def _drawing(title: Text, height: int, inner: str) -> str:
    named = escape(f"{title.zh} / {title.en}", quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{named}">{inner}</svg>'


def histogram(
    title: Text,
    axis: Text,
    edges: Sequence[float],
    series: Sequence[Series],
    marks: Sequence[Mark] = (),
    *,
    shown: Callable[[float], str] = _number,
    height: int = 240,
) -> str:
    """Bars between edges; the first series filled, further ones as steps over it.

    Args:
        title: read out in place of the drawing.
        axis: what lies along the horizontal axis.
        edges: limits of the bars, one more than values.
        series: shares or counts, 0 or more.
        marks: lines across.
        shown: how numbers along the axis read.
        height: of the drawing.
    """
    plane = _Plane(edges[0], edges[-1], max((max(one.values) for one in series), default=1), height)
    parts = [_axes(plane, axis, shown)]
    for number, one in enumerate(series):
        points = [(edges[0], 0.0)]
        for left, right, value in zip(edges, edges[1:], one.values, strict=False):
            points += [(left, value), (right, value)]
        points.append((edges[-1], 0.0))
        path = " ".join(f"{plane.x(x):.1f},{plane.y(y):.1f}" for x, y in points)
        parts.append(f'<polyline class="{"area" if number == 0 else "line"} {one.style}" points="{path}"/>')
    return _drawing(title, height, "".join(parts) + _marks(plane, marks))


def curve(
    title: Text,
    axis: Text,
    places: Sequence[float],
    values: Sequence[float],
    least: float,
    marks: Sequence[Mark] = (),
    *,
    shown: Callable[[float], str] = _number,
    height: int = 240,
) -> str:
    """A line over a logarithmic vertical axis that begins at `least`; arguments as for `histogram`."""
    plane = _Plane(places[0], places[-1], max(values, default=least), height, least)
    path = " ".join(f"{plane.x(x):.1f},{plane.y(y):.1f}" for x, y in zip(places, values, strict=True))
    inner = _axes(plane, axis, shown) + f'<polyline class="line first" points="{path}"/>' + _marks(plane, marks)
    return _drawing(title, height, inner)


def bars(title: Text, named: Sequence[tuple[str, float]], limits: Sequence[float], top: float) -> str:
    """A lying bar for each name, cut at `top`, with lines at limits; a bar over the last limit is marked `high`."""
    row, left = 18, 150
    height = row * len(named) + 24
    scale = (WIDTH - left - 60) / top
    parts = []
    for limit in limits:
        x = left + limit * scale
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height - 20}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{height - 6}" text-anchor="middle">{limit:g}</text>')
    for number, (name, value) in enumerate(named):
        y = number * row
        width = min(value, top) * scale
        style = "high" if limits and value > limits[-1] else "first"
        parts.append(f'<text class="tick" x="{left - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<rect class="bar {style}" x="{left}" y="{y + 3}" width="{max(width, 0.5):.1f}" height="12"/>')
        parts.append(f'<text class="tick" x="{left + width + 6:.1f}" y="{y + 13}">{value:.2f}</text>')
    return _drawing(title, height, "".join(parts))
