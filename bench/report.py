#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns the rows that the benchmarks print into one table and one JSON file.

usage: report.py OUTPUT.json ROWS.jsonl [HYPERFINE.json ...]

Hyperfine's files are named ROUND.COMMAND.json; the rounds alternate between the
commands, so they are rows like any other.
"""
import collections
import glob
import json
import os
import platform
import re
import statistics
import sys


def first_line(path, default="-"):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readline().strip() or default
    except OSError:
        return default


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        found = re.search(r"^(?:model name|Processor|cpu)\s*:\s*(.+)$", file.read(), re.M)
    return found.group(1) if found else platform.machine()


def last_cache():
    """The largest cache that the first CPU reports."""
    sizes = {}
    for path in glob.glob("/sys/devices/system/cpu/cpu0/cache/index*/size"):
        sizes[int(first_line(os.path.join(os.path.dirname(path), "level"), "0"))] = first_line(path)
    return f"L{max(sizes)} {sizes[max(sizes)]}" if sizes else "-"


def virtual():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        return "hypervisor" in file.read()


def mitigations():
    active = {}
    for path in sorted(glob.glob("/sys/devices/system/cpu/vulnerabilities/*")):
        line = first_line(path)
        if line != "Not affected":
            active[os.path.basename(path)] = line
    return active


def machine():
    return collections.OrderedDict(
        kernel=f"{platform.release()} {platform.machine()}",
        cpu=cpu_model(),
        vcpus=len(os.sched_getaffinity(0)),
        virtual=virtual(),
        last_cache=last_cache(),
        yama_ptrace_scope=first_line("/proc/sys/kernel/yama/ptrace_scope", "no Yama"),
        transparent_hugepage=first_line("/sys/kernel/mm/transparent_hugepage/enabled"),
        mitigations=mitigations(),
        user="root" if os.geteuid() == 0 else "unprivileged",
        load_average=" ".join(f"{load:.2f}" for load in os.getloadavg()),
    )


def summary(values):
    """As measure.c does: the median, and all but a twentieth of the rounds on either side."""
    ordered = sorted(values)
    n, edge, half = len(ordered), len(ordered) // 20, int(-(-0.98 * len(ordered) ** 0.5 // 1))
    middle = n // 2
    return {
        "median": statistics.median_high(ordered),
        "low": ordered[edge],
        "high": ordered[n - 1 - edge],
        "sure_low": ordered[max(0, middle - half)],
        "sure_high": ordered[min(n - 1, middle + half)],
    }


def hyperfine_rows(paths):
    """One row: the first command, by name, against the second."""
    times = collections.defaultdict(dict)
    for path in paths:
        number, command, _ = os.path.basename(path).split(".")
        with open(path, encoding="utf-8") as file:
            result = json.load(file)["results"][0]
        times[command][number] = statistics.median(result["times"]) * 1e9
    if not {"machvm", "gdb"} <= times.keys():
        return []
    rounds = sorted(times["machvm"].keys() & times["gdb"].keys())
    ours = [times["machvm"][r] for r in rounds]
    rival = [times["gdb"][r] for r in rounds]
    return [{
        "group": "1 MiB into a live process",
        "name": "whole command",
        "ours": "machvm write --input",
        "rival": "gdb --batch restore",
        "rounds": len(rounds),
        "repetitions": 3,
        "ours_ns": summary(ours),
        "rival_ns": summary(rival),
        "ratio": summary([a / b for a, b in zip(ours, rival)]),
        "extra_ns": summary([a - b for a, b in zip(ours, rival)]),
        "goal": "ratio",
        "limit": 1.0,
        "note": "by hyperfine, from exec to exit; gdb's start is most of its time",
    }]


def judge(row):
    """Sets row["met"], and row["sure"]: does the run decide it, or could another one differ?"""
    if "goal" not in row:
        return
    figure = {"ratio": "ratio", "extra_ns": "extra_ns", "ns": "ours_ns"}[row["goal"]]
    row["met"] = row[figure]["median"] <= row["limit"]
    row["sure"] = not row[figure]["sure_low"] <= row["limit"] < row[figure]["sure_high"]


def time_text(ns):
    for limit, unit, divisor in ((1e3, "ns", 1), (1e6, "us", 1e3), (1e9, "ms", 1e6)):
        if abs(ns) < limit:
            break
    else:
        unit, divisor = "s", 1e9
    value = ns / divisor
    return f"{value:.{0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2}f} {unit}"


def range_text(figure):
    return f"{time_text(figure['median'])} [{time_text(figure['low'])}, {time_text(figure['high'])}]"


def goal_text(row):
    if "goal" not in row:
        return "", ""
    limit = {
        "ratio": lambda: f"<= {row['limit']:g} x",
        "extra_ns": lambda: f"<= +{time_text(row['limit'])}",
        "ns": lambda: f"<= {time_text(row['limit'])}",
    }[row["goal"]]()
    return limit, ("met" if row["met"] else "NOT MET") + ("" if row["sure"] else " ?")


HEADS = ("", "machvm [90 % of rounds]", "rival [90 % of rounds]", "ratio", "extra", "goal", "")


def table(rows):
    lines, group = [], None
    for row in rows:
        if row["group"] != group:
            group = row["group"]
            lines.append((group,))
        limit, verdict = goal_text(row)
        rival = row.get("rival")
        # The side that is judged is named where it is not machvm's obvious routine.
        label = row["name"] + (f": {row['ours']}" if row["ours"].startswith("+") or "goal" not in row else "")
        lines.append((
            f"  {label}" + (f" / {rival}" if rival else ""),
            range_text(row["ours_ns"]),
            range_text(row["rival_ns"]) if rival else "",
            f"{row['ratio']['median']:.3g} x" if rival else "",
            ("+" if row["extra_ns"]["median"] >= 0 else "") + time_text(row["extra_ns"]["median"]) if rival else "",
            limit,
            verdict,
        ))
    widths = [max(len(line[i]) for line in lines + [HEADS] if len(line) > 1) for i in range(len(HEADS))]
    for line in [HEADS] + lines:
        if len(line) == 1:
            print(f"\n{line[0]}")
            continue
        cells = [line[0].ljust(widths[0])] + [text.rjust(width) for text, width in zip(line[1:6], widths[1:6])]
        print("  ".join(cells + [line[6]]).rstrip())


def main(output, rows_path, hyperfine_paths):
    with open(rows_path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    rows += hyperfine_rows(hyperfine_paths)
    order = list(dict.fromkeys(row["group"] for row in rows))
    rows.sort(key=lambda row: order.index(row["group"]))
    for row in rows:
        judge(row)
    host = machine()
    with open(output, "w", encoding="utf-8") as file:
        json.dump({"machine": host, "rows": rows}, file, indent=1)
        file.write("\n")
    for name, value in host.items():
        if isinstance(value, dict):
            value = "; ".join(f"{key}: {text}" for key, text in value.items()) or "none"
        print(f"{name.replace('_', ' ')}: {value}")
    print()
    table(rows)
    print()
    for row in rows:
        if "note" in row:
            print(f"{row['name']} / {row['rival']}: {row['note']}")
    judged = [row for row in rows if "goal" in row]
    met = sum(row["met"] for row in judged)
    unsure = sum(not row["sure"] for row in judged)
    print(f"\n{met} of {len(judged)} goals met" + (f"; {unsure} too close to call (?)" if unsure else ""))
    print(f"Medians over interleaved rounds; the ratio and the extra are medians of what each round says. All: {output}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
