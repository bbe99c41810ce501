# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""The figures as pictures: SVG, written by hand so that nothing is needed."""

import math
import os
import statistics

from table import known

COLOURS = "#0b62a4", "#c8500a", "#2e8b57", "#7a3e9d", "#555555"
DASHES = "", "7 4", "2 3", "9 3 2 3", "4 4"
PANEL = 300, 230        # width, height of the frame
LEFT, TOP, GAP, BELOW = 62, 58, 88, 58
PERCENT = [0, 25, 50, 75, 100]


def nice_step(span):
    """1, 2 or 5 times a power of ten; five steps or so."""
    raw = span / 5 or 1
    power = 10 ** math.floor(math.log10(raw))
    return next(power * n for n in (1, 2, 5, 10) if power * n >= raw)


def ticks_to(top):
    """From 0 to the first that is not below top."""
    step = nice_step(top)
    return [i * step for i in range(math.ceil(top / step) + 1)]


def escape(text):
    """For XML."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


class Panel:
    """A frame with axes, and lines in it."""

    def __init__(self, place, title, across, up):
        (self.title, self.across, self.up) = title, across, up
        self.left = LEFT + place * (PANEL[0] + GAP)
        self.lines = []         # (points, colour, dashes, marked)

    def add(self, points, number, marked=False):
        """A line; number tells which driver."""
        if points:
            self.lines.append((points, number % len(COLOURS), marked))

    def bounds(self, axis):
        """What the lines reach."""
        return max(point[axis] for points, _, _ in self.lines
                   for point in points)

    def x(self, value, ticks):
        """In pixels."""
        return self.left + PANEL[0] * value / ticks[-1]

    @staticmethod
    def y(value, ticks):
        """In pixels."""
        return TOP + PANEL[1] * (1 - value / ticks[-1])

    def axes(self, ticks_x, ticks_y):
        """The frame, its marks, its words."""
        right, bottom = self.left + PANEL[0], TOP + PANEL[1]
        yield (f'<rect x="{self.left}" y="{TOP}" width="{PANEL[0]}" '
               f'height="{PANEL[1]}" fill="none" stroke="#333"/>')
        for value in ticks_y:
            at = self.y(value, ticks_y)
            yield (f'<path d="M{self.left} {at:.1f}H{right}" '
                   'stroke="#ddd"/>')
            yield text_at(self.left - 6, at + 4, f"{value:g}", "end")
        for value in ticks_x:
            at = self.x(value, ticks_x)
            yield f'<path d="M{at:.1f} {bottom}v5" stroke="#333"/>'
            yield text_at(at, bottom + 19, f"{value:g}")
        middle = self.left + PANEL[0] / 2
        yield text_at(middle, bottom + 40, self.across)
        yield text_at(middle, TOP - 10, self.title, weight="bold")
        yield (f'<text transform="translate({self.left - 46} '
               f'{TOP + PANEL[1] / 2}) rotate(-90)" '
               f'text-anchor="middle">{escape(self.up)}</text>')

    def draw(self, ticks_x=None, ticks_y=None):
        """All of it, as SVG."""
        if not self.lines:
            return
        ticks_x = ticks_x or ticks_to(self.bounds(0))
        ticks_y = ticks_y or ticks_to(self.bounds(1))
        yield from self.axes(ticks_x, ticks_y)
        for points, number, marked in self.lines:
            at = [(self.x(x, ticks_x), self.y(y, ticks_y)) for x, y in points]
            path = "L".join(f"{x:.1f} {y:.1f}" for x, y in at)
            yield (f'<path d="M{path}" fill="none" stroke-width="2" '
                   f'stroke="{COLOURS[number]}" '
                   f'stroke-dasharray="{DASHES[number]}"/>')
            for x, y in at if marked else ():
                yield (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" '
                       f'fill="{COLOURS[number]}"/>')


def text_at(x, y, words, anchor="middle", weight="normal"):
    """A line of text."""
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{escape(words)}</text>')


def legend(names):
    """Which line is whose."""
    for number, name in enumerate(names):
        colour = number % len(COLOURS)
        x = LEFT + 170 * number
        yield (f'<path d="M{x} 20h30" stroke-width="2" '
               f'stroke="{COLOURS[colour]}" '
               f'stroke-dasharray="{DASHES[colour]}"/>')
        yield text_at(x + 38, 24, name, "start")


def picture(names, panels):
    """The whole file; a panel is (Panel, ticks_x, ticks_y)."""
    width = LEFT + len(panels) * (PANEL[0] + GAP)
    height = TOP + PANEL[1] + BELOW
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
           f'height="{height}" font-family="sans-serif" font-size="12">')
    yield "<!-- SPDX-FileCopyrightText: 2026 The ccidtrack authors -->"
    yield "<!-- SPDX-License-Identifier: BSD-2-Clause -->"
    yield f'<rect width="{width}" height="{height}" fill="#fff"/>'
    yield from legend(names)
    for panel, ticks_x, ticks_y in panels:
        yield from panel.draw(ticks_x, ticks_y)
    yield "</svg>"


def distribution(samples):
    """Points of how many percent took at most so many microseconds."""
    ordered = sorted(samples)
    n = len(ordered)
    return [(ordered[0] / 1e3, 0)] + [
        (sample / 1e3, 100 * (i + 1) / n) for i, sample in enumerate(ordered)]


def latency_panels(results):
    """What was inserted, what was removed."""
    for place, (key, title) in enumerate((
            ("insert-latency", "Insertion, card powered up"),
            ("remove-latency", "Removal"))):
        panel = Panel(place, title, "us from the interrupt to the client",
                      "% of movements within")
        longest = 0
        for number, figures in enumerate(results.values()):
            samples = known(figures.get(key, ()))
            if samples:
                panel.add(distribution(samples), number)
                ordered = sorted(samples)
                longest = max(longest, ordered[len(ordered) * 95 // 100])
        yield panel, longest


def cut_off(panel, longest):
    """Ticks that leave out what only a few in a hundred took."""
    ticks = ticks_to(longest / 1e3 * 1.1)
    panel.lines = [([p for p in points if p[0] <= ticks[-1]], *rest)
                   for points, *rest in panel.lines]
    return panel, ticks, PERCENT


def by_readers(results, panel, keys, scale):
    """A line for each driver; keys are (readers, key of the figure)."""
    for number, figures in enumerate(results.values()):
        points = [(n, statistics.median(known(figures[key])) / scale)
                  for n, key in keys if known(figures.get(key, ()))]
        panel.add(points, number, marked=True)
    return panel, [0, 4, 8, 12, 16], None


def readers_panels(results):
    """What it costs that there are others."""
    some = 1, 4, 16
    yield by_readers(
        results, Panel(0, "Latency of one reader, others busy", "readers",
                       "us, median"),
        [(n + 1, f"latency-told-{n}") for n in (0, 1, 4, 15)], 1e3)
    yield by_readers(
        results, Panel(1, "CPU time of an APDU, all busy", "readers",
                       "us in pcscd"),
        [(n, f"crowd-cpu-{n}") for n in some], 1e3)
    yield by_readers(
        results, Panel(2, "APDUs of all readers", "readers",
                       "thousands a second"),
        [(n, f"throughput-{n}") for n in some], 1e3)


def write(path, lines):
    """A file of them."""
    with open(path, "w", encoding="ascii") as file:
        for line in lines:
            print(line, file=file)


def write_all(results, directory):
    """latency.svg and readers.svg."""
    panels = [cut_off(*panel) for panel in latency_panels(results)
              if panel[0].lines]
    if panels:
        write(os.path.join(directory, "latency.svg"),
              picture(results, panels))
    write(os.path.join(directory, "readers.svg"),
          picture(results, list(readers_panels(results))))
