#!/usr/bin/env python3
"""tables - the tables of docs/PERFORMANCE.md, from what broker.py and sse.py have written.

SPDX-License-Identifier: MPL-2.0

usage: tests/bench/tables.py FILE.json...       rows of a later file take the place of a former's
"""

import json
import statistics
import sys

import sse

PROXY = "zmq_proxy"


def summed_up(figures, member, form):
    values = sorted(figure[member] for figure in figures)
    return (format(statistics.median(values), form),
            f"{format(values[0], form)} to {format(values[-1], form)}")


def cell(figures, member, form):
    return "{} ({})".format(*summed_up(figures, member, form))


def beside_proxy(row, name, member):
    if name == PROXY:
        return ""
    ratios = [a[member] / b[member] for a, b in zip(row[name], row[PROXY]) if b[member] > 0]
    return f"{statistics.median(ratios):.2f}" if ratios else ""


def table(*lines):
    print("| " + " | ".join(lines[0]) + " |")
    print("|" + " --- |" * len(lines[0]))
    for line in lines[1:]:
        print("| " + " | ".join(line) + " |")
    print()


def throughput(rows):
    lines = [("publishers × subscribers", "events/s in", "×", "CPU s per million in", "×",
              "its core busy", "the load's core")]
    for name, row in rows.items():
        title = name.replace("x", " × ") + ": "
        for who, figures in row.items():
            lines.append((title + who, cell(figures, "in_per_s", ",.0f"),
                          beside_proxy(row, who, "in_per_s"),
                          cell(figures, "cpu_s_per_million_in", ".2f"),
                          beside_proxy(row, who, "cpu_s_per_million_in"),
                          summed_up(figures, "server_busy", ".2f")[0],
                          summed_up(figures, "load_busy", ".2f")[0]))
            title = ""
    table(*lines)


def latency(rows):
    lines = [("10 000 events/s", "p50 µs", "p99 µs", "p99.9 µs", "CPU s per million")]
    for name, row in rows.items():
        title = f"{name.removeprefix('latency-')} subscribed: "
        for who, figures in row.items():
            lines.append((title + who, *(cell(figures, member, ",.0f")
                                         for member in ("p50_us", "p99_us", "p999_us")),
                          summed_up(figures, "cpu_s_per_million_in", ".0f")[0]))
            title = ""
    table(*lines)


OTHERS = {    # row -> (what, member, format, unit)
    "replay": [("replay of the newest", "out_per_s", ",.0f", "events/s")],
    "replay-file": [("replay from the file", "out_per_s", ",.0f", "events/s")],
    "start": [("start with 1 GiB after a stop", "stopped_s", ".2f", "s"),
              ("start with 1 GiB after a kill under load", "killed_s", ".2f", "s")],
    "idle": [("idle, the broker alone", "cpu_percent", ".3f", "% of a core"),
             ("idle, the broker alone", "resident_mib", ".1f", "MiB"),
             ("idle, with sse-bridge and monitor", "all_cpu_percent", ".3f", "% of a core"),
             ("idle, with sse-bridge and monitor", "all_resident_mib", ".1f", "MiB"),
             ("... what they share counted once", "all_share_mib", ".1f", "MiB")],
}


def others(rows):
    lines = [("what", "which", "figure", "spread")]
    for name, row in rows.items():
        for what, member, form, unit in OTHERS[name]:
            for who, figures in row.items():
                median, spread = summed_up(figures, member, form)
                lines.append((what, who, f"{median} {unit}", spread))
    table(*lines)


def streams(rows):
    """The rows of sse.py, those that tell the same together."""
    for kind, columns in sse.COLUMNS.items():
        lines = [(kind, "server", *(heading for _, heading, _ in columns))]
        for name, row in rows.items():
            if name.split("-")[0] == kind:
                lines += [(name.partition("-")[2], who,
                           *(cell(figures, member, form) for member, _, form in columns))
                          for who, figures in row.items()]
        if len(lines) > 1:
            table(*lines)


def main():
    rows, aims = {}, {}
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            result = json.load(file)
        rows.update(result["rows"])
        aims.update({aim["what"]: aim for aim in result["aims"]})
        print(", ".join(f"{name} {value}" for name, value in result["machine"].items()) + "\n")
    if any(name[0].isdigit() for name in rows):
        throughput({name: row for name, row in rows.items() if name[0].isdigit()})
        latency({name: row for name, row in rows.items() if name.startswith("latency")})
        others({name: row for name, row in rows.items() if name in OTHERS})
    streams(rows)
    table(("aim", "figure", "bound", ""),
          *((aim["what"], f"{aim['figure']:,.2f}", aim["bound"],
             "met" if aim["met"] else "**missed**") for aim in aims.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
