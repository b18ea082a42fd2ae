"""Line charts as SVG, without a library: what the plots in ``docs/pictures`` are drawn with.

>>> drawn = chart("Squares", "n", "n²", {"of n": [(1, 1), (2, 4), (3, 9)]})
>>> drawn.startswith("<svg"), drawn.count("<circle")
(True, 3)
"""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 640, 380
LEFT, RIGHT, TOP, BOTTOM = 64, 150, 40, 48
COLOURS = ("#1f5f8b", "#b3541e", "#3c7a3c", "#7a3c6f", "#5b5b5b")
DASHES = ("", "6 3", "2 3", "8 3 2 3", "1 2")  # lines are told apart without colour as well
STEPS = (1, 2, 2.5, 5, 10)

STYLE = 'font-family="system-ui, sans-serif" font-size="12" role="img" aria-labelledby="t"'

Line = Sequence[tuple[float, float]]


def chart(title: str, across: str, up: str, lines: Mapping[str, Line], *, most: float | None = None) -> str:
    """Return a chart: each line has a name and points; both axes begin at 0. ``most`` bounds the upper axis."""
    xs = [x for line in lines.values() for x, _ in line]
    ys = [y for line in lines.values() for _, y in line]
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    x_step, y_step = step(max(xs)), step(most or max(ys))
    x_end, y_end = rounded_up(max(xs), x_step), rounded_up(most or max(ys), y_step)

    def at(x: float, y: float) -> str:
        return f"{LEFT + width * x / x_end:.1f},{TOP + height * (1 - min(y, y_end) / y_end):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {STYLE}>',
        f'<title id="t">{escape(title)}</title>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="24" font-size="14" fill="#16232f">{escape(title)}</text>',
    ]
    parts += grid(x_end, x_step, y_end, y_step, width, height)
    parts.append(f'<text x="{LEFT + width / 2:.0f}" y="{HEIGHT - 10}" text-anchor="middle">{escape(across)}</text>')
    middle = TOP + height / 2
    parts.append(f'<text text-anchor="middle" transform="translate(16 {middle:.0f}) rotate(-90)">{escape(up)}</text>')
    for number, (name, line) in enumerate(lines.items()):
        parts += curve(name, [at(x, y) for x, y in line], number)
    return "\n".join([*parts, "</svg>", ""])


def grid(x_end: float, x_step: float, y_end: float, y_step: float, width: float, height: float) -> list[str]:
    """Return the axes with their figures."""
    parts = []
    for n in range(round(y_end / y_step) + 1):
        y = TOP + height * (1 - n * y_step / y_end)
        parts.append(f'<path d="M{LEFT} {y:.1f}h{width}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{n * y_step:g}</text>')
    for n in range(round(x_end / x_step) + 1):
        x = LEFT + width * n * x_step / x_end
        parts.append(f'<text x="{x:.1f}" y="{TOP + height + 18}" text-anchor="middle">{n * x_step:g}</text>')
    return parts


def curve(name: str, points: Sequence[str], number: int) -> list[str]:
    """Return one line, its points, and its name in the legend."""
    colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
    x, y = WIDTH - RIGHT + 16, TOP + 12 + 20 * number
    found = [f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-dasharray="{dash}"/>']
    found += [f'<circle cx="{p.split(",")[0]}" cy="{p.split(",")[1]}" r="2.5" fill="{colour}"/>' for p in points]
    found.append(f'<path d="M{x} {y - 4}h22" stroke="{colour}" stroke-dasharray="{dash}"/>')
    return [*found, f'<text x="{x + 28}" y="{y}">{escape(name)}</text>']


def step(most: float) -> float:
    """Return a round distance between figures, so that there are some five of them."""
    size = 1.0
    while size * 10 <= most / 5:
        size *= 10
    while size > most / 5:
        size /= 10
    return next(size * n for n in STEPS if size * n >= most / 6)


def rounded_up(value: float, by: float) -> float:
    return -(-value // by) * by
