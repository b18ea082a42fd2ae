"""A line chart as SVG, in a few lines: curves against a limit, readable in light and dark, always the same bytes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 50, 60
COLOURS = ("#767676", "#0b6fb8", "#b8500b", "#2f8a3a")
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Curve:
    """A named line; the limit that others are compared with is dashed."""

    name: str
    points: Points
    dashed: bool = False


def plot(title: str, across: str, up: str, curves: Sequence[Curve]) -> str:
    """Return the chart. Both axes begin at 0."""
    wide = max(x for curve in curves for x, _ in curve.points)
    high = max(y for curve in curves for _, y in curve.points)

    def at(x: float, y: float) -> tuple[float, float]:
        right = LEFT + x / wide * (WIDTH - LEFT - RIGHT)
        return round(right, 1), round(HEIGHT - BOTTOM - y / high * (HEIGHT - TOP - BOTTOM), 1)

    rows = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif">',
        f"<title>{escape(title)}</title>",
        "<style>text{fill:#333;font-size:14px}@media(prefers-color-scheme:dark){text{fill:#ddd}}</style>",
        f'<text x="{LEFT}" y="24" style="font-size:16px">{escape(title)}</text>',
        *grid(wide, high, at),
        f'<text x="{(WIDTH + LEFT) // 2}" y="{HEIGHT - 14}" text-anchor="middle">{escape(across)}</text>',
        f'<g transform="rotate(-90 16 {HEIGHT // 2})">',
        f'<text x="16" y="{HEIGHT // 2}" text-anchor="middle">{escape(up)}</text></g>',
    ]
    for number, curve in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        dash = ' stroke-dasharray="6 4"' if curve.dashed else ""
        line = " ".join("{},{}".format(*at(x, y)) for x, y in curve.points)
        rows.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2"{dash} points="{line}"/>')
        y = TOP + 20 + 20 * number
        rows.append(f'<path d="M{LEFT + 14} {y - 5}h24" stroke="{colour}" stroke-width="2"{dash}/>')
        rows.append(f'<text x="{LEFT + 46}" y="{y}">{escape(curve.name)}</text>')
    return "\n".join([*rows, "</svg>"]) + "\n"


def grid(wide: float, high: float, at: Callable[[float, float], tuple[float, float]]) -> Iterator[str]:
    """Yield lines and figures of both axes."""
    for x in ticks(wide):
        right, down = at(x, 0)
        yield f'<path d="M{right} {down}V{TOP}" stroke="#8884"/>'
        yield f'<text x="{right}" y="{down + 20}" text-anchor="middle">{x:g}</text>'
    for y in ticks(high):
        right, down = at(0, y)
        yield f'<path d="M{right} {down}H{WIDTH - RIGHT}" stroke="#8884"/>'
        yield f'<text x="{right - 8}" y="{down + 5}" text-anchor="end">{y:g}</text>'


def ticks(most: float) -> list[float]:
    """Return at most seven round figures from 0 up to ``most``."""
    step = next(base * 10.0**power for power in range(-6, 12) for base in (1, 2, 5) if most / (base * 10.0**power) <= 6)
    return [round(step * number, 9) for number in range(int(most / step + 1e-9) + 1)]
