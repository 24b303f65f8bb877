#!/usr/bin/env python3
"""relay_cost - what the stdio-bridge adds to a command: throughput, latency, start, memory.

SPDX-License-Identifier: MPL-2.0

usage: tests/bench/relay_cost.py [--bin DIR] [--mib N] [--rounds N] [--lines N] [--json FILE]

No mesh runs, so the observer parses and keeps all the while. Runs take turns, with and without,
and medians are compared, since other work on the machine then hits both. Prints a table and
JSON; fails only when bytes are missing: a time is no test.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
ECHO = "import os\nwhile data := os.read(0, 4096): os.write(1, data)\n"


def environment(folder):
    return {"PATH": os.environ["PATH"], "HOME": folder, "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder, "AIDERMESH_BRIDGE_LINGER": "0"}


def drain(words, env, size):
    """MiB/s at which the command's output arrives here."""
    started = time.perf_counter()
    process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    got = 0
    buffer = bytearray(1 << 17)
    while count := process.stdout.readinto(buffer):
        got += count
    if process.wait() != 0 or got != size:
        sys.exit(f"relay_cost: {words[0]} gave {got} of {size} bytes")
    return size / (1 << 20) / (time.perf_counter() - started)


def echoes(words, env, lines):
    """Seconds from a line to its echo, sorted."""
    process = subprocess.Popen(words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               bufsize=0)
    took = []
    for number in range(lines + 50):
        line = b"line %d\n" % number
        started = time.perf_counter()
        process.stdin.write(line)
        if process.stdout.read(4096) != line:
            sys.exit("relay_cost: an echo is not what was said")
        if number >= 50:
            took.append(time.perf_counter() - started)
        time.sleep(0.0005)
    process.stdin.close()
    process.wait()
    return sorted(took)


def starts(words, env):
    started = time.perf_counter()
    subprocess.run(words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - started


def resident_kib(bridge, env):
    """Proportional memory of relay and observer of an idle session."""
    process = subprocess.Popen([*bridge, "cat"], env=env, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    time.sleep(1.0)
    sizes = {}
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if not entry.name.isdigit():
                continue
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            name = (entry / "comm").read_text().strip()
            if entry.name == str(process.pid) or (parent == str(process.pid)
                                                  and name == "bridge-observer"):
                rollup = (entry / "smaps_rollup").read_text()
                sizes[name] = next(int(line.split()[1]) for line in rollup.splitlines()
                                   if line.startswith("Pss:"))
        except OSError:
            continue
    process.stdin.close()
    process.wait()
    return sizes


def percentile(values, share):
    return values[min(len(values) - 1, int(len(values) * share))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default=str(ROOT / "build" / "bin"))
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lines", type=int, default=2000)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    size = options.mib << 20
    result = {}
    with tempfile.TemporaryDirectory(prefix="relay-") as folder:
        env = environment(folder)
        bridge = [str(pathlib.Path(options.bin) / "aidermesh-stdio-bridge"), "--"]
        ways = {
            "cat": ["sh", "-c", f"yes aidermesh | head -c {size} | cat"],
            "bridge": [*bridge, "sh", "-c", f"yes aidermesh | head -c {size}"],
        }
        rates = {way: [] for way in ways}
        for _ in range(options.rounds):
            for way, words in ways.items():
                rates[way].append(drain(words, env, size))
        for way, values in rates.items():
            result[f"{way}_mib_s"] = round(statistics.median(values))
        result["of_cat"] = round(result["bridge_mib_s"] / result["cat_mib_s"], 3)

        echo = [sys.executable, "-c", ECHO]
        bare = echoes(echo, env, options.lines)
        wrapped = echoes([*bridge, *echo], env, options.lines)
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            result[f"bare_{name}_us"] = round(percentile(bare, share) * 1e6)
            result[f"wrapped_{name}_us"] = round(percentile(wrapped, share) * 1e6)
            result[f"added_{name}_us"] = result[f"wrapped_{name}_us"] - result[f"bare_{name}_us"]

        plain = [starts(["true"], env) for _ in range(40)]
        through = [starts([*bridge, "true"], env) for _ in range(40)]
        result["start_added_ms"] = round(
            (statistics.median(through) - statistics.median(plain)) * 1e3, 2)
        result["resident_kib"] = resident_kib(bridge, env)

    for name, value in result.items():
        print(f"{name:20} {value}")
    text = json.dumps(result)
    print(text)
    if options.json:
        pathlib.Path(options.json).write_text(text + "\n")


if __name__ == "__main__":
    main()
