"""Pictures of what benchmarks/run measured, as SVG: ratios as bars, and costs as log-log lines with slopes."""
import math
from xml.sax.saxutils import escape

# The report's colours on a light page (expunge/report/palette.cpp).
TEXT, MUTED, RULE, SURFACE = "#1b1d20", "#5f646b", "#e2e2dd", "#fcfcfa"
AHEAD, BEHIND = "#0069a8", "#c4001d"
LINES = ["#0069a8", "#bd4b00", "#007a58", "#a03374", "#4a2fa8", "#6b3a1e"]
FONT = "system-ui, sans-serif"


def short(value):
    """Three digits at most, without an exponent where that is short: 0.012, 4.31, 1,240."""
    if value == 0 or not 1e-4 <= abs(value) < 1e7:
        return f"{value:.2g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def amount(value, measure):
    if measure == "models_per_s":
        return f"{short(value)} models/s"
    return f"{short(value * 1000)} ms" if value < 0.1 else f"{short(value)} s"


def text(x, y, words, colour=TEXT, anchor="start", size=12, weight="normal", turned=False):
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
    return (f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}" font-size="{size}" '
            f'font-weight="{weight}"{turn}>{escape(words)}</text>')


def line(x1, y1, x2, y2, colour, width=1.0, dash=""):
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"{dashes}/>')


def picture(width, height, title, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="{FONT}" role="img">\n<title>{escape(title)}</title>\n'
            f'<rect width="{width}" height="{height}" fill="{SURFACE}"/>\n' + "\n".join(parts) + "\n</svg>\n")


class LogScale:
    """Positions of positive numbers between two ends, which may lie either way round."""

    def __init__(self, values, begin, end, margin=0.06):
        low, high = math.log10(min(values)), math.log10(max(values))
        room = max((high - low) * margin, 0.05)
        self.low, self.high, self.begin, self.end = low - room, high + room, begin, end

    def __call__(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)

    def ticks(self):
        """1, 2 and 5 of every decade, or the decades alone where these are many."""
        steps = (1, 2, 5) if self.high - self.low < 2.5 else (1,)
        found = [step * 10.0**power for power in range(math.floor(self.low), math.ceil(self.high) + 1)
                 for step in steps]
        return [t for t in found if self.low <= math.log10(t) <= self.high]


def slope(points):
    """Least squares of log y on log x; None for fewer than two different x."""
    logs = [(math.log(x), math.log(y)) for x, y in points]
    mean_x = sum(x for x, _ in logs) / len(logs)
    mean_y = sum(y for _, y in logs) / len(logs)
    power = sum((x - mean_x)**2 for x, _ in logs)
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / power if power > 0 else None


def ratios(title, groups):
    """groups: [(heading, [(peer, median, lowest, highest)])]. A bar from 1 for each peer, on a log axis."""
    values = [v for _, rows in groups for row in rows for v in row[1:]]
    left, right, top = 290, 690, 78
    scale = LogScale(values + [1], left, right)
    parts = [text(20, 28, title, size=15, weight="bold"),
             text(20, 47, "How many times as fast expunge is: medians, lines from the lowest to the highest round. "
                  "Red: expunge is behind.", MUTED)]
    y, marks = top, []
    for heading, rows in groups:
        marks.append(text(20, y + 13, heading, weight="bold"))
        y += 22
        for peer, median, lowest, highest in rows:
            colour = AHEAD if median >= 1 else BEHIND
            a, b = sorted((scale(1), scale(median)))
            marks.append(text(left - 10, y + 12, peer, anchor="end"))
            marks.append(f'<rect x="{a:.1f}" y="{y + 2}" width="{max(b - a, 1):.1f}" height="13" fill="{colour}" '
                         'fill-opacity="0.7"/>')
            marks.append(line(scale(lowest), y + 8.5, scale(highest), y + 8.5, TEXT, 1.5))
            marks.append(text(max(scale(highest), b, scale(1)) + 7, y + 12.5, short(median), colour, weight="bold"))
            y += 20
        y += 8
    for tick in scale.ticks():
        parts.append(line(scale(tick), top - 4, scale(tick), y, RULE))
        parts.append(text(scale(tick), y + 15, f"{tick:g}", MUTED, "middle", 11))
    parts.append(line(scale(1), top - 4, scale(1), y, TEXT, 1.2))
    return picture(760, y + 30, title, parts + marks)


def spread(positions, distance, low, high):
    """Positions moved apart to `distance`, within the ends where they fit, in their own order."""
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    placed, last = list(positions), low - distance
    for i in order:
        last = placed[i] = max(positions[i], last + distance)
    excess = last - high
    if excess > 0:
        for i in reversed(order):
            placed[i] = min(placed[i], high)
            high = placed[i] - distance
    return placed


def scaling(title, x_name, y_name, series):
    """series: [(name, [(x, median, lowest, highest)])]. Points, ranges, and fitted straight lines with slopes."""
    left, right, top, bottom = 70, 470, 46, 340
    xs = [p[0] for _, points in series for p in points]
    ys = [v for _, points in series for p in points for v in p[1:]]
    across, up = LogScale(xs, left, right), LogScale(ys, bottom, top)
    parts = [text(20, 26, title, size=15, weight="bold")]
    for tick in sorted(set(xs)):
        parts.append(line(across(tick), top, across(tick), bottom, RULE))
        parts.append(text(across(tick), bottom + 16, f"{tick:,}", MUTED, "middle", 11))
    for tick in up.ticks():
        parts.append(line(left, up(tick), right, up(tick), RULE))
        parts.append(text(left - 7, up(tick) + 4, f"{tick:g}", MUTED, "end", 11))
    parts.append(text((left + right) / 2, bottom + 36, x_name, MUTED, "middle"))
    parts.append(text(20, (top + bottom) / 2, y_name, MUTED, "middle", turned=True))
    ends = []
    for i, (_, points) in enumerate(series):
        colour = LINES[i % len(LINES)]
        medians = [(x, median) for x, median, _, _ in points]
        fitted = slope(medians)
        if fitted is not None:
            logs = [(math.log(x), math.log(y)) for x, y in medians]
            middle = sum(y for _, y in logs) / len(logs) - fitted * sum(x for x, _ in logs) / len(logs)
            first, last = (math.exp(middle + fitted * math.log(x)) for x in (medians[0][0], medians[-1][0]))
            parts.append(line(across(medians[0][0]), up(first), across(medians[-1][0]),
                              up(last), colour, 1.2, "5 4"))
        for x, median, lowest, highest in points:
            parts.append(line(across(x), up(lowest), across(x), up(highest), colour, 1.5))
            parts.append(f'<circle cx="{across(x):.1f}" cy="{up(median):.1f}" r="4" fill="{colour}"/>')
        ends.append(up(medians[-1][1]))
    for (name, points), at, y, i in zip(series, ends, spread(ends, 32, top + 8, bottom - 18), range(len(series))):
        colour = LINES[i % len(LINES)]
        fitted = slope([(x, median) for x, median, _, _ in points])
        parts.append(line(across(points[-1][0]) + 6, at, right + 12, y, RULE))
        parts.append(text(right + 16, y + 2, name, colour, weight="bold"))
        if fitted is not None:
            parts.append(text(right + 16, y + 16, f"slope {fitted:.2f}", colour, size=11))
    return picture(760, bottom + 52, title, parts)
