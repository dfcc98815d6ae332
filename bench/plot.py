"""Small plots as SVG: a logarithmic axis for the size, ranges and medians for what was measured."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 420, 300
_LEFT, _TOP, _RIGHT, _BOTTOM = 70, 40, 20, 50
# Told apart without colours too, by their dashes.
_STYLES = (("#1b6ca8", ""), ("#c2571a", "6 3"), ("#3d7d3d", "2 3"))


@dataclass(frozen=True)
class Line:
    """Measurements of one kind: for each size, one value a round."""

    name: str
    points: Sequence[tuple[int, Sequence[float]]]


@dataclass(frozen=True)
class Panel:
    """One plot."""

    title: str
    lines: Sequence[Line]


def draw(panels: Sequence[Panel], axis: str) -> str:
    """Return the panels side by side."""
    content = "".join(
        f'<g transform="translate({i * _WIDTH} 0)">{_panel(panel, axis)}</g>' for i, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH * len(panels)} {_HEIGHT}"'
        f' font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n{content}</svg>\n'
    )


def _panel(panel: Panel, axis: str) -> str:
    sizes = sorted({size for line in panel.lines for size, _ in line.points})
    top = _above(max(value for line in panel.lines for _, values in line.points for value in values))
    first, last = math.log10(sizes[0]), math.log10(sizes[-1])

    def x(size: int) -> float:
        share = (math.log10(size) - first) / (last - first) if last > first else 0.5
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - value / top * (_HEIGHT - _TOP - _BOTTOM)

    parts = [_text(_WIDTH / 2, 20, panel.title, "middle", bold=True), _text(_WIDTH / 2, _HEIGHT - 12, axis, "middle")]
    for step in range(5):
        value = top * step / 4
        parts.append(f'<path d="M{_LEFT} {y(value):.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        parts.append(_text(_LEFT - 6, y(value) + 4, f"{value:,.0f}", "end"))
    parts += [_text(x(size), _HEIGHT - _BOTTOM + 16, f"{size:,}", "middle") for size in sizes]
    for i, (line, (colour, dashes)) in enumerate(zip(panel.lines, _STYLES, strict=False)):
        middle = [(x(size), y(statistics.median(values))) for size, values in line.points]
        path = "L".join(f"{at:.1f} {of:.1f}" for at, of in middle)
        stroke = f'stroke="{colour}" fill="none" stroke-width="2"'
        parts.append(f'<path d="M{path}" {stroke} stroke-dasharray="{dashes}"/>')
        for size, values in line.points:
            # Least to most, a little apart from the other lines'.
            at = x(size) + 4 * (i - 1)
            parts.append(f'<path d="M{at:.1f} {y(min(values)):.1f}V{y(max(values)):.1f}" {stroke}/>')
        parts.append(f'<path d="M{_LEFT + 10} {_TOP + 14 * i}h24" {stroke} stroke-dasharray="{dashes}"/>')
        parts.append(_text(_LEFT + 40, _TOP + 4 + 14 * i, line.name, "start"))
    return "\n".join(parts) + "\n"


def _above(value: float) -> float:
    """Return a round number that is at least this, with room for the names."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1.5, 2, 3, 4, 6, 8, 10, 15) if step * power >= value * 1.25)


def _text(x: float, y: float, text: str, anchor: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'
