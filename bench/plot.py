"""Line plots as SVG, without any library."""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 360
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 60, 45
COLOURS = ("#0b6e4f", "#c1440e", "#5b5f97", "#b08900")


def steps(largest, wanted=5):
    """Round numbers from 0 to beyond `largest`."""
    raw = max(largest, 1e-9) / wanted
    magnitude = 10 ** math.floor(math.log10(raw))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw)
    return [step * i for i in range(math.ceil(largest / step) + 1)]


def lines(title, x_label, series, limit=None):
    """`series`: {name: [(x, y)...]}; a dashed line marks the `limit` if any value comes near it."""
    points = [point for values in series.values() for point in values]
    largest_y = max((y for _, y in points), default=1)
    xs, ys = steps(max((x for x, _ in points), default=1)), steps(largest_y)

    def at(x, y):
        return (LEFT + (WIDTH - LEFT - RIGHT) * x / xs[-1], HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y / ys[-1])

    def text(x, y, words, anchor="middle", style=""):
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{escape(words)}</text>'

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           text(LEFT, 20, title, "start", ' font-size="15"'),
           text(WIDTH / 2, HEIGHT - 8, x_label)]
    for y in ys:
        left, height = at(0, y)
        out.append(f'<path d="M{left:.1f} {height:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(text(left - 6, height + 4, f"{y:g}", "end"))
    for x in xs:
        out.append(text(at(x, 0)[0], HEIGHT - BOTTOM + 16, f"{x:g}"))
    if limit and largest_y > limit / 2:
        out.append(f'<path d="M{LEFT} {at(0, limit)[1]:.1f}H{WIDTH - RIGHT}" stroke="#999" stroke-dasharray="5 4"/>')
    for i, (name, values) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        corners = [at(x, y) for x, y in sorted(values)]
        out.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in corners)}" fill="none" '
                   f'stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in corners]
        out.append(f'<rect x="{LEFT + i * 200}" y="34" width="14" height="4" fill="{colour}"/>')
        out.append(text(LEFT + i * 200 + 20, 40, name, "start"))
    return "\n".join(out) + "\n</svg>\n"
