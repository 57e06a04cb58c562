#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws throughput over size from what report.py has written.

usage: plot.py BENCH.json OUTPUT.svg
"""
import json
import math
import sys

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 60, 170, 30, 50
UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
SERIES = [
    ("write", "ours_ns", "mach_vm_write", "#0b5fa5", ""),
    ("write", "rival_ns", "process_vm_writev", "#0b5fa5", "5 4"),
    ("read", "ours_ns", "mach_vm_read_overwrite", "#b3541e", ""),
    ("read", "rival_ns", "process_vm_readv", "#b3541e", "5 4"),
    ("transaction", "ours_ns", "MACHVM_TRANSACTION", "#3c7d3c", ""),
]


def points(rows, verb, side):
    """(bytes, GB/s, and the two for all but a twentieth of the rounds on either side)"""
    found = []
    for row in rows:
        kind, number, unit = row["name"].split(" ")
        if kind == verb:
            size = int(number) * UNITS[unit]
            time = row[side]
            found.append((size, size / time["median"], size / time["high"], size / time["low"]))
    return sorted(found)


def size_name(size):
    for unit in ("GiB", "MiB", "KiB"):
        if size >= UNITS[unit]:
            return f"{size // UNITS[unit]} {unit}"
    return f"{size} B"


class Chart:
    def __init__(self, sizes, top):
        self.low, self.high = math.log2(min(sizes)), math.log2(max(sizes))
        self.top = top
        self.parts = []

    def x(self, size):
        return LEFT + (math.log2(size) - self.low) / (self.high - self.low) * (WIDTH - LEFT - RIGHT)

    def y(self, rate):
        return HEIGHT - BOTTOM - rate / self.top * (HEIGHT - TOP - BOTTOM)

    def text(self, x, y, text, anchor="middle"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>')

    def axes(self, sizes):
        step = max(1, round(self.top / 6))
        for rate in range(0, int(self.top) + 1, step):
            y = self.y(rate)
            self.parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
            self.text(LEFT - 8, y + 4, str(rate), "end")
        for size in sizes:
            self.text(self.x(size), HEIGHT - BOTTOM + 18, size_name(size))
        self.text(LEFT, TOP - 10, "GB/s", "end")
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "size of one transfer, in memory used before")

    def series(self, found, colour, dash):
        band = [f"{self.x(p[0]):.1f} {self.y(min(p[3], self.top)):.1f}" for p in found]
        band += [f"{self.x(p[0]):.1f} {self.y(p[2]):.1f}" for p in reversed(found)]
        self.parts.append(f'<path d="M{"L".join(band)}Z" fill="{colour}" opacity="0.10"/>')
        line = "L".join(f"{self.x(p[0]):.1f} {self.y(p[1]):.1f}" for p in found)
        self.parts.append(f'<path d="M{line}" fill="none" stroke="{colour}" stroke-width="2" '
                          f'stroke-dasharray="{dash}"/>')

    def legend(self, row, name, colour, dash):
        x, y = WIDTH - RIGHT + 12, TOP + 20 * row
        self.parts.append(f'<path d="M{x} {y}h24" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>')
        self.text(x + 30, y + 4, name, "start")

    def svg(self):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
                'font-family="sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="white"/>\n'
                + "\n".join(self.parts) + "\n</svg>\n")


def main(source, output):
    with open(source, encoding="utf-8") as file:
        rows = [row for row in json.load(file)["rows"] if row["group"] == "throughput"]
    if not rows:
        sys.exit("plot.py: no throughput was measured")
    lines = [(points(rows, verb, side), name, colour, dash) for verb, side, name, colour, dash in SERIES]
    sizes = sorted({p[0] for line in lines for p in line[0]})
    chart = Chart(sizes, math.ceil(max(p[1] for line in lines for p in line[0]) * 1.1))
    chart.axes(sizes)
    for row, (found, name, colour, dash) in enumerate(lines):
        chart.series(found, colour, dash)
        chart.legend(row, name, colour, dash)
    with open(output, "w", encoding="utf-8") as file:
        file.write(chart.svg())
    print(f"Throughput over size: {output}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
