#!/usr/bin/env python3
"""broker - the broker beside zmq_proxy and nats-server, in one run on one machine.

SPDX-License-Identifier: MPL-2.0

usage: tests/bench/broker.py [--build DIR] [--rounds N] [--measure MS] [--only ROW]...
           [--variant NAME[@PROGRAM][:SECTION/KEY=VALUE,...]]... [--no-acks] [--realtime] [--short]

Each server runs on core 0, all its clients in one process on core 1. In every round each row asks
each candidate in turn, so that what else the machine does meets them all. Prints medians with their
spread, what they are beside zmq_proxy in the same round, and the aims; writes them to
<build>/bench/broker.json. Fails only when an event was lost, doubled or out of order: a time is no
test.

  --variant   a broker with these settings, e.g. mem:broker/journal=memory, or another build of it,
              e.g. before@/tmp/before/aidermesh-broker; default "memory", without a journal, and
              "journal", with one. The rate of the first is judged beside zmq_proxy, that of the
              others beside it; latency and replay that of each
  --only      rows to run, by name: 1x1 100x1 1x10 100x10 latency-1 latency-10 replay replay-file
              start idle
  --realtime  under the round robin scheduler (needs root): on a machine that does other work
  --short     only whether it all works: one round, some milliseconds each
"""

import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVER_CORE, LOAD_CORE = 0, 1
START_S = 10
LOAD_S = 60             # beyond what is measured
REPLAY_EVENTS = 60000
REPLAY_IN_MEMORY = 100    # events, where replay is to come from the file
LARGE_JOURNAL_BYTES = 1 << 30
IDLE_S = 10
PROXY, NATS = "zmq_proxy", "nats-server"

THROUGHPUT = [(1, 1), (100, 1), (1, 10), (100, 10)]    # publishers, subscribers
LATENCY = [1, 10]                                      # subscribers
LATENCY_RATE = 10000


class Failed(Exception):
    pass


def pinned(core, realtime):
    word = ["chrt", "--rr", "1"] if realtime else []
    cores = sorted(os.sched_getaffinity(0))
    return [*word, "taskset", "-c", str(cores[min(core, len(cores) - 1)])]


def wait_for(what, ask):
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if found := ask():
            return found
        time.sleep(0.01)
    raise Failed(f"{what} did not start within {START_S} s")


class Server:
    """A server on its core, in a folder of its own, ended with the block."""

    core = SERVER_CORE

    def __init__(self, options, words, environment=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
        self.log = self.folder / "log"
        words = [word.replace("{folder}", str(self.folder)) for word in words]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*pinned(self.core, options.realtime), *words], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, env=environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
        shutil.rmtree(self.folder, ignore_errors=True)

    def said(self, pattern):
        """What the log has of a pattern, once it has it."""
        def ask():
            if self.process.poll() is not None:
                raise Failed(f"{self.process.args}: {self.log.read_text(errors='replace')}")
            return re.search(pattern, self.log.read_text(errors="replace"))
        return wait_for(self.process.args[-1], ask)

    def cpu_s(self):
        """CPU time of all threads; the kernel counts it in nanoseconds here."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def resident_mib(self):
        """Resident memory, and of it what it has its share in."""
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return [int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M).group(1)) / 1024
                for name in ("Rss", "Pss")]


class Proxy(Server):
    modes = ("raw",)

    def __init__(self, options):
        super().__init__(options, [str(options.build / "bench" / "zmq_proxy")])
        publish, subscribe = self.said(r"(tcp://\S+) (tcp://\S+)").groups()
        self.endpoints = ["--publish", publish, "--subscribe", subscribe]


class Nats(Server):
    modes = ("nats",)

    def __init__(self, options):
        super().__init__(options, ["nats-server", "-a", "127.0.0.1", "-p", "-1",
                                   "--ports_file_dir", "{folder}"])
        self.said("Server is ready")
        ports = wait_for("nats-server", lambda: list(self.folder.glob("*.ports")))[0]
        text = wait_for("nats-server", ports.read_text)
        self.endpoints = ["--publish", re.search(r"127\.0\.0\.1:\d+", text).group()]


def settings_of(places):
    return [f"--set={key}={value}" for key, value in places.items()]


def places_in(folder):
    return {"mesh/runtime_dir": f"{folder}/run", "mesh/state_dir": f"{folder}/state",
            "mesh/discovery_file": f"{folder}/run/discovery.json"}


def plain_environment():
    return {name: value for name, value in os.environ.items() if not name.startswith("AIDER")}


class Broker(Server):
    modes = ("raw", "acks")

    def __init__(self, options, program, settings):
        places = {**places_in("{folder}"), **{f"broker/bind_{name}": "tcp://127.0.0.1:*"
                                              for name in ("publish", "subscribe", "control")}}
        words = settings_of(places) + [f"--set={setting}" for setting in settings]
        super().__init__(options, [program or str(options.build / "bin" / "aidermesh-broker"),
                                   *words], plain_environment())
        self.said(r"\bready\b")
        self.endpoints = []
        for name in ("publish", "subscribe", "control"):
            self.endpoints += [f"--{name}", self.said(rf"{name} on (tcp://\S+)").group(1)]


class Beside(Server):
    """Another program of the mesh, beside a broker."""

    def __init__(self, options, name, broker, pattern):
        places = {**places_in(broker.folder), "http/port": 0}
        super().__init__(options, [str(options.build / "bin" / name), *settings_of(places)],
                         plain_environment())
        self.said(pattern)


def load(options, server, mode, *words):
    words = [str(options.build / "bench" / "mesh_load"), mode, *server.endpoints,
             "--server", str(server.process.pid), *map(str, words)]
    done = subprocess.run([*pinned(LOAD_CORE, options.realtime), *words], capture_output=True,
                          text=True, timeout=LOAD_S + options.measure / 1000)
    if done.returncode != 0:
        raise Failed(f"{' '.join(words)}: {done.stderr}{server.log.read_text(errors='replace')}")
    return json.loads(done.stdout)


# ---- candidates: name -> (how to start it, mode of the load)

def candidates(options):
    found = {PROXY: (Proxy, "raw")}
    if options.nats:
        found[NATS] = (Nats, "nats")
    for name, program, settings in options.variants:
        def start(options, *more, program=program, settings=settings):
            return Broker(options, program, [*settings, *more])
        found[name] = (start, "raw")
        if options.acks:
            found[f"{name}, acks"] = (start, "acks")
    return found


def brokers_only(options):
    names = [name for name, _, _ in options.variants]
    return {name: how for name, how in candidates(options).items() if name in names}


# ---- rows: name -> (candidates, what is measured of one)

def throughput(publishers, subscribers):
    def measure(options, start, mode):
        with start(options) as server:
            return load(options, server, mode, "--publishers", publishers,
                        "--subscribers", subscribers, "--measure", options.measure)
    return candidates, measure


def latency(subscribers):
    def measure(options, start, mode):
        with start(options) as server:
            return load(options, server, mode, "--subscribers", subscribers,
                        "--rate", LATENCY_RATE, "--measure", options.measure)
    return candidates, measure


def replay(*settings):
    def measure(options, start, _mode):
        with start(options, *settings) as server:
            filled = load(options, server, "raw", "--measure", options.measure)
            while filled["sent"] < REPLAY_EVENTS and not options.short:
                # Each load is a newcomer to the broker, with the same numbers: another source.
                filled["sent"] += load(options, server, "acks",
                                       "--measure", options.measure)["sent"]
            return load(options, server, "replay", "--measure", options.measure)
    return measure


def keeps_a_journal(settings):
    return "broker/journal=memory" not in settings


def with_a_journal(options):
    names = [name for name, _, settings in options.variants if keeps_a_journal(settings)]
    return {name: how for name, how in candidates(options).items() if name in names}


def seconds_to_start(options, start, settings, then):
    began = time.monotonic()
    with start(options, *settings) as server:
        took = time.monotonic() - began
        then(server)
    return took


def measure_start(options, start, _mode):
    """From the program's start to "ready", with a journal that was stopped, and killed."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as folder:
        filled = pathlib.Path(folder) / "bench-journal.db"
        large = LARGE_JOURNAL_BYTES // 100 if options.short else LARGE_JOURNAL_BYTES
        subprocess.run([str(options.build / "tests" / "journal_append"), folder, "--fill",
                        "--large-bytes", str(large)], check=True, stdout=subprocess.DEVNULL)
        os.sync()    # what a start waits for is not how it was filled
        settings = [f"broker/journal={filled}", "broker/retain_bytes=16GiB"]

        def kill_under_load(server):
            load(options, server, "raw", "--measure", options.measure)
            server.process.kill()

        figures = {"stopped_s": seconds_to_start(options, start, settings, kill_under_load),
                   "killed_s": seconds_to_start(options, start, settings, lambda server: None)}
        return {**figures, "mib": filled.stat().st_size / (1 << 20)}


def measure_idle(options, start, _mode):
    """The broker alone, and with the two other programs that always run."""
    seconds = 0.5 if options.short else IDLE_S
    with start(options) as broker, \
            Beside(options, "aidermesh-sse-bridge", broker, r"feed-state live") as sse, \
            Beside(options, "aidermesh-monitor", broker, r"broker-found") as monitor:
        servers = [broker, sse, monitor]
        time.sleep(0.5)    # what a start costs is not idle cost
        before = [server.cpu_s() for server in servers]
        time.sleep(seconds)
        percent = [(server.cpu_s() - was) / seconds * 100
                   for server, was in zip(servers, before)]
        resident, share = map(sum, zip(*(server.resident_mib() for server in servers)))
        return {"cpu_percent": percent[0], "resident_mib": broker.resident_mib()[0],
                "all_cpu_percent": sum(percent), "all_resident_mib": resident,
                "all_share_mib": share}


ROWS = {
    **{f"{p}x{s}": throughput(p, s) for p, s in THROUGHPUT},
    **{f"latency-{s}": latency(s) for s in LATENCY},
    "replay": (brokers_only, replay()),
    "replay-file": (with_a_journal, replay(f"broker/memory_events={REPLAY_IN_MEMORY}")),
    "start": (with_a_journal, measure_start),
    "idle": (brokers_only, measure_idle),
}

COLUMNS = {    # row's beginning -> columns: JSON member, heading, format
    "latency": [("p50_us", "p50 us", ".0f"), ("p99_us", "p99 us", ".0f"),
                ("p999_us", "p99.9 us", ".0f"), ("cpu_s_per_million_in", "CPU s/M in", ".2f")],
    "replay": [("out_per_s", "events/s", ",.0f"), ("cpu_s_per_million_out", "CPU s/M", ".2f")],
    "start": [("stopped_s", "s after a stop", ".3f"), ("killed_s", "s after a kill", ".3f"),
              ("mib", "MiB", ",.0f")],
    "idle": [("cpu_percent", "CPU %", ".3f"), ("resident_mib", "MiB", ".1f"),
             ("all_cpu_percent", "CPU % of three", ".3f"),
             ("all_resident_mib", "MiB of three", ".1f"),
             ("all_share_mib", "MiB, shared once", ".1f")],
    "": [("in_per_s", "in/s", ",.0f"), ("cpu_s_per_million_in", "CPU s/M in", ".2f"),
         ("server_busy", "its core busy", ".2f"), ("load_busy", "load's core busy", ".2f")],
}


def columns_of(row):
    return next(columns for start, columns in COLUMNS.items() if row.startswith(start))


def run_row(options, row):
    """name of a candidate -> its figures, one dictionary a round."""
    choose, measure = ROWS[row]
    chosen = choose(options)
    figures = {name: [] for name in chosen}
    for number in range(options.rounds):
        names = list(chosen)
        for name in names[number % len(names):] + names[:number % len(names)]:
            figure = measure(options, *chosen[name])
            for busy, cpu in (("server_busy", "cpu_s"), ("load_busy", "load_cpu_s")):
                if cpu in figure:
                    figure[busy] = figure[cpu] / figure["seconds"]
            figures[name].append(figure)
    return figures


def summed_up(figures, member):
    values = sorted(figure[member] for figure in figures)
    return statistics.median(values), values[0], values[-1]


def beside(figures, name, other, member):
    """The median of the ratios to another candidate in the same round."""
    if name == other or not figures.get(other) or member not in figures[other][0]:
        return None
    ratios = [a[member] / b[member] for a, b in zip(figures[name], figures[other])
              if b[member] > 0]
    return statistics.median(ratios) if ratios else None


def show(row, figures):
    columns = columns_of(row)
    print(f"\n{row}: median (least to most), x beside {PROXY} in the same round")
    print(f"  {'':18}" + "".join(f"{heading:>36}" for _, heading, _ in columns))
    for name, rounds in figures.items():
        line = f"  {name:18}"
        for member, _, form in columns:
            median, least, most = summed_up(rounds, member)
            ratio = beside(figures, name, PROXY, member)
            text = f"{median:{form}} ({least:{form}} to {most:{form}})"
            line += f"{text + (f' x{ratio:.2f}' if ratio else ''):>36}"
        print(line, flush=True)


# ---- aims

def rate_aims(name, first, row, figures):
    """The first variant keeps no journal on disk; one that does is judged beside it."""
    if name == first:
        rate = beside(figures, name, PROXY, "in_per_s")
        cpu = beside(figures, name, PROXY, "cpu_s_per_million_in")
        yield f"{name} {row}: rate beside {PROXY}", rate, ">= 0.9", rate >= 0.9
        yield f"{name} {row}: CPU beside {PROXY}", cpu, "<= 1.3", cpu <= 1.3
    else:
        rate = beside(figures, name, first, "in_per_s")
        yield f"{name} {row}: rate beside {first}", rate, ">= 0.8", rate >= 0.8
    if NATS in figures:
        rate = beside(figures, name, NATS, "in_per_s")
        cpu = beside(figures, name, NATS, "cpu_s_per_million_in")
        yield f"{name} {row}: rate beside {NATS}", rate, "> 1", rate > 1
        yield f"{name} {row}: CPU beside {NATS}", cpu, "< 1", cpu < 1


def latency_aims(name, figures):
    p50 = beside(figures, name, PROXY, "p50_us")
    p99, p999 = (summed_up(figures[name], member)[0] / 1000 for member in ("p99_us", "p999_us"))
    yield f"{name} latency-1: p50 beside {PROXY}", p50, "<= 2", p50 <= 2
    yield f"{name} latency-1: p99, ms", p99, "< 5", p99 < 5
    yield f"{name} latency-1: p99.9, ms", p999, "< 20", p999 < 20


def aims(options, results):
    """(what, figure, bound, whether it is met); a variant is judged in its raw form."""
    first = options.variants[0][0]
    for name, _, _ in options.variants:
        for row in ("100x1", "100x10"):
            if row in results:
                yield from rate_aims(name, first, row, results[row])
        if "latency-1" in results:
            yield from latency_aims(name, results["latency-1"])
        yield from other_aims(name, results)


def other_aims(name, results):
    for row in ("replay", "replay-file"):
        if name in results.get(row, {}):
            rate = summed_up(results[row][name], "out_per_s")[0]
            yield f"{name} {row}: events/s", rate, ">= 300000", rate >= 300000
    if name in results.get("start", {}):
        for member in ("stopped_s", "killed_s"):
            took = summed_up(results["start"][name], member)[0]
            yield f"{name} start with 1 GiB: {member}", took, "< 1", took < 1
    if name in results.get("idle", {}):
        cpu = summed_up(results["idle"][name], "all_cpu_percent")[0]
        resident = summed_up(results["idle"][name], "all_resident_mib")[0]
        yield f"{name} idle, three programs: CPU %", cpu, "< 1", cpu < 1
        yield f"{name} idle, three programs: MiB", resident, "< 40", resident < 40


def machine(options):
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {"cpu": model.group(1) if model else platform.machine(), "cores": os.cpu_count(),
            "kernel": platform.release(), "load_average": os.getloadavg()[0],
            "realtime": options.realtime, "rounds": options.rounds,
            "measure_ms": options.measure}


def variant(text):
    name, _, settings = text.partition(":")
    name, _, program = name.partition("@")
    return name, program, settings.split(",") if settings else []


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "plain")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", type=int, default=2000, help="milliseconds a measurement")
    parser.add_argument("--only", action="append", choices=list(ROWS), help="only these rows")
    parser.add_argument("--variant", dest="variants", type=variant, action="append",
                        help="NAME[@PROGRAM][:SETTING=VALUE,...]")
    parser.add_argument("--realtime", action="store_true")
    parser.add_argument("--no-acks", dest="acks", action="store_false",
                        help="without the mesh's own publishers")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--json", type=pathlib.Path, help="default: <build>/bench/broker.json")
    options = parser.parse_args()
    options.variants = options.variants or [("memory", "", ["broker/journal=memory"]),
                                            ("journal", "", [])]
    if options.short:
        options.rounds, options.measure = 1, 100
    options.nats = shutil.which("nats-server") is not None
    return options


def main():
    options = arguments()
    about = machine(options)
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    if not options.nats:
        print(f"{NATS} is not installed: its rows are left out")
    results = {}
    try:
        for row in options.only or ROWS:
            results[row] = run_row(options, row)
            show(row, results[row])
    except (Failed, subprocess.TimeoutExpired) as failure:
        print(f"broker.py: {failure}", file=sys.stderr)
        return 1
    judged = [] if options.short else list(aims(options, results))
    if judged:
        print("\naims")
    for what, figure, bound, met in judged:
        print(f"  {what:64} {figure:12,.2f}  {bound:10} {'met' if met else 'MISSED'}")
    path = options.json or options.build / "bench" / "broker.json"
    path.write_text(json.dumps({"machine": about, "rows": results, "aims": [
        {"what": what, "figure": figure, "bound": bound, "met": met}
        for what, figure, bound, met in judged]}, indent=1) + "\n")
    print(f"\nwritten to {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
