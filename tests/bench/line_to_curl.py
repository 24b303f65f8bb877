#!/usr/bin/env python3
"""line_to_curl - from a line on the bridge's stdin to what curl prints, through the whole chain.

SPDX-License-Identifier: MPL-2.0

usage: tests/bench/line_to_curl.py [--bin DIR] [--events N] [--rate N] [--json FILE]

Prints p50, p99, p99.9 and max, as a table and as one line of JSON. Fails only when not every
event arrived, once and in order: a time is no test.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "scenario")]

from mesh import Mesh    # noqa: E402

WARM_UP = 50
PATIENCE_S = 20
NUMBER = re.compile(rb'"message":"n=(\d+)"')


class Curl:
    """Reads the stream; notes when each number was read from curl's pipe."""

    def __init__(self, mesh):
        self.process = subprocess.Popen(
            ["curl", "-sN", "-H", f"Authorization: Bearer {mesh.token}",
             f"{mesh.url}/events/aider?since=earliest"], stdout=subprocess.PIPE)
        self.read_at = {}
        self.order = []
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        rest = b""
        fd = self.process.stdout.fileno()
        while data := os.read(fd, 65536):
            at = time.perf_counter()
            *lines, rest = (rest + data).split(b"\n")
            with self.changed:
                for found in filter(None, map(NUMBER.search, lines)):
                    self.order.append(int(found.group(1)))
                    self.read_at[self.order[-1]] = at
                self.changed.notify_all()

    def wait_for(self, count):
        with self.changed:
            return self.changed.wait_for(lambda: len(self.order) >= count, PATIENCE_S)

    def close(self):
        self.process.kill()
        self.process.wait(10)
        self.thread.join(10)
        self.process.stdout.close()


def measure(mesh, count, rate):
    """Returns the order of arrival and the latencies in milliseconds."""
    mesh.start()
    curl = Curl(mesh)
    bridge = mesh.start_bridge("--mode", "ndjson", stdin=subprocess.PIPE)
    sent_at = {}
    try:
        began = time.perf_counter()
        for number in range(count + WARM_UP):
            if number == WARM_UP:
                if not curl.wait_for(WARM_UP):
                    break
                began = time.perf_counter() - WARM_UP / rate
            while (left := began + number / rate - time.perf_counter()) > 0:
                time.sleep(left)    # the pace of the load, not a wait for anything
            line = json.dumps({"type": "aider.session_progress", "data": {
                "session_id": "bench", "stage": "banner", "message": f"n={number}"}}) + "\n"
            sent_at[number] = time.perf_counter()
            bridge.process.stdin.write(line.encode())
            bridge.process.stdin.flush()
        curl.wait_for(count + WARM_UP)
        bridge.process.stdin.close()
        bridge.wait(PATIENCE_S)
    finally:
        curl.close()
    latencies = sorted((curl.read_at[n] - sent_at[n]) * 1000 for n in sent_at
                       if n >= WARM_UP and n in curl.read_at)
    return curl.order, latencies


def percentile(values, share):
    return values[min(len(values) - 1, int(share * len(values)))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", help="where the programs are (default: build/bin)")
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=200.0, help="events a second")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures to this file, too")
    options = parser.parse_args()
    if options.bin:
        os.environ["AIDERMESH_BIN"] = options.bin
    with tempfile.TemporaryDirectory(prefix="mesh-", dir="/tmp") as folder, Mesh(folder) as mesh:
        order, latencies = measure(mesh, options.events, options.rate)
    expected = list(range(options.events + WARM_UP))
    if order != expected:
        print(f"line_to_curl: {len(order)} of {len(expected)} events arrived, or not in order")
        return 1
    figures = {"events": options.events, "rate_per_s": options.rate,
               "p50_ms": percentile(latencies, 0.5), "p99_ms": percentile(latencies, 0.99),
               "p999_ms": percentile(latencies, 0.999), "max_ms": latencies[-1]}
    figures = {name: round(value, 3) for name, value in figures.items()}
    print(f"from the line to curl, {options.events} events at {options.rate:.0f} a second:")
    for name in ("p50_ms", "p99_ms", "p999_ms", "max_ms"):
        print(f"  {name.removesuffix('_ms'):>5} {figures[name]:9.3f} ms")
    print(f"  the aim, all below 100 ms: {'met' if figures['max_ms'] < 100 else 'MISSED'}")
    text = json.dumps(figures)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
