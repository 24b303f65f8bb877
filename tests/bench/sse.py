#!/usr/bin/env python3
"""sse - the sse-bridge beside nchan, a plain Node.js server and the bare loop, in one run.

SPDX-License-Identifier: MPL-2.0

usage: tests/bench/sse.py [--build DIR] [--rounds N] [--measure MS] [--only ROW]... [--realtime]
                          [--short] [--json FILE]

Each server runs on core 0; all its clients in one process, sse_load, and for the sse-bridge the
broker, on core 1. In every round each row asks each candidate in turn, so that what else the
machine does meets them all. Prints medians with their spread and the aims, writes them to
<build>/bench/sse.json; tables.py makes the tables of docs/PERFORMANCE.md of it. Fails only when an
event was lost, doubled or out of order: a time is no test. nchan is measured where it is installed
(tests/bench/install-nchan.sh).

  fanout-N    N clients, each gets every event, as fast as it goes
  rate-NxR    N clients, R events a second, for CPU and latency
  sparse-N    500 events a second that each concern 1 of N connected clients, who differ in session
  filters-NxF 500 events a second beside N clients with F different filters that match none
  stalled-100 fanout-100 with 100 further clients that never read
  resume-100  clients that connect, resume 100 events, and go; 50 at once
  idle-N      memory of N clients that wait
  gzip-N, gzip_rate-NxR, tls-N, tls_rate-NxR
              fanout-N and rate-NxR of the sse-bridge alone, beside the same with clients that ask
              for gzip, or come by TLS. As fast as it goes, only one of GZIP_CHECKED clients unpacks
              and checks what it gets, or the load's core would be what is measured: the others
              count bytes, and deliveries are those of the checked ones times their part. At a fixed
              rate, all do. --only gzip --only tls runs these alone
"""

import argparse
import contextlib
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

from broker import (LOAD_CORE, Broker, Failed, Server, machine, pinned, places_in,
                    plain_environment, settings_of, summed_up, wait_for)

ROOT = pathlib.Path(__file__).resolve().parents[2]
NCHAN_MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
LOAD_S = 100    # beyond what is measured
OURS, NCHAN, NODE, LIMIT = "sse-bridge", "nchan", "node", "limit"
GZIP, TLS = f"{OURS}, gzip", f"{OURS}, TLS"
SPARSE_RATE = 500
GZIP_CHECKED = 20

NGINX = """
load_module {module};
daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile 20000;
error_log {folder}/error.log error;
pid {folder}/nginx.pid;
events {{ worker_connections 19000; }}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    nchan_shared_memory_size 512M;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location ~ /pub/(\\w+)$ {{
            nchan_publisher;
            nchan_channel_id $1;
            nchan_message_buffer_length 512;
            nchan_message_timeout 5m;
        }}
        location ~ /s/(\\w+)$ {{
            nchan_subscriber eventsource;
            nchan_channel_id $1;
            nchan_subscriber_first_message newest;
        }}
    }}
}}
"""


class MeshBroker(Broker):
    core = LOAD_CORE


class Target:
    """A server that runs, and how its clients and its events get to it."""

    quiet_path = "/s/5{}"    # numbers that no event has
    path = "/s/{}"
    words = ()

    def __init__(self, pid, http, feed):
        self.pid, self.http, self.feed = pid, http, feed


class BridgeTarget(Target):
    path = "/events?session=s{}"
    quiet_path = "/events?session=q{}"

    def __init__(self, pid, http, feed, words):
        super().__init__(pid, http, feed)
        self.words = ("--opened", *words)


class Bridge(Server):
    def __init__(self, options, broker, settings):
        places = {**places_in(broker.folder), "http/port": 0, "http/port_file": "{folder}/port",
                  "http/token": "false", "http/filters": 20000, **settings}
        super().__init__(options, [str(options.build / "bin" / "aidermesh-sse-bridge"),
                                   *settings_of(places)], plain_environment())
        self.said(r"feed-state live")


@contextlib.contextmanager
def sse_bridge(options, words=(), settings=None):
    with MeshBroker(options, "", ["broker/journal=memory"]) as broker, \
            Bridge(options, broker, settings or {}) as bridge:
        publish = broker.endpoints[broker.endpoints.index("--publish") + 1]
        port = (bridge.folder / "port").read_text().strip()
        yield BridgeTarget(bridge.process.pid, port, f"mesh:{publish}", words)


@contextlib.contextmanager
def sse_bridge_tls(options):
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as folder:
        key, certificate = (pathlib.Path(folder) / name for name in ("key.pem", "certificate.pem"))
        done = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "3",
             "-keyout", str(key), "-out", str(certificate)],
            capture_output=True, text=True, timeout=LOAD_S)
        if done.returncode != 0:
            raise Failed(f"openssl: {done.stderr}")
        with sse_bridge(options, ("--tls",), {"http/tls_certificate": certificate,
                                              "http/tls_key": key}) as target:
            yield target


def free_port():
    """nginx wants a number. Nobody else on this machine takes it in the next moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Nginx(Server):
    def __init__(self, options):
        self.port = free_port()
        text = NGINX.format(module=NCHAN_MODULE, folder="{folder}", port=self.port)
        script = ('printf "%s" "$1" >"$2"/nginx.conf; '
                  'exec nginx -e "$2"/error.log -p "$2" -c "$2"/nginx.conf')
        super().__init__(options, ["sh", "-c", script, "sh", text, "{folder}"])
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")

        def worker():
            if self.process.poll() is not None:
                raise Failed(f"nginx: {self.log.read_text(errors='replace')}")
            return children.read_text().split()
        self.worker = int(wait_for("nginx's worker", worker)[0])


@contextlib.contextmanager
def nchan(options):
    with Nginx(options) as nginx:
        yield Target(nginx.worker, nginx.port, f"posts:{nginx.port}")


def plain(*words):
    """One of our two plain servers, which say their ports."""
    @contextlib.contextmanager
    def start(options):
        expanded = [word.format(build=options.build, here=ROOT / "tests/bench") for word in words]
        with Server(options, expanded) as server:
            http, feed = server.said(r"http (\d+) feed (\d+)").groups()
            yield Target(server.process.pid, http, f"lines:{feed}")
    return start


CANDIDATES = {
    OURS: sse_bridge,
    NCHAN: nchan,
    NODE: plain("node", "{here}/sse_node.mjs"),
    LIMIT: plain("{build}/bench/sse_loop", "1"),
    f"{LIMIT} x16": plain("{build}/bench/sse_loop", "16"),
    f"{LIMIT} x64": plain("{build}/bench/sse_loop", "64"),
    GZIP: lambda options: sse_bridge(options, ("--unzip-every", 1)),
    TLS: sse_bridge_tls,
}
PEERS = [OURS, NCHAN, NODE, LIMIT]
ALL = [*PEERS, f"{LIMIT} x16", f"{LIMIT} x64"]


def load(options, target, *words, path=None):
    words = [str(options.build / "bench" / "sse_load"), "--http", target.http, "--path",
             path or target.path, "--feed", target.feed, "--server", target.pid,
             "--measure", options.measure, *target.words, *words]
    words = list(map(str, words))
    done = subprocess.run([*pinned(LOAD_CORE, options.realtime), *words], capture_output=True,
                          text=True, timeout=LOAD_S + options.measure / 1000)
    if done.returncode != 0:
        raise Failed(f"{' '.join(words)}: {done.stderr}")
    return json.loads(done.stdout)


# ---- rows: name -> (candidates, what is measured of one that runs)

def fanout(clients, stalled=0, checked=1):
    # A window of more, times so many clients, is what kernels and slow servers take long to drain.
    window = 128 if clients <= 1000 else 48
    return lambda options, target: load(
        options, target, "--clients", clients, "--stalled", stalled, "--window", window,
        *(["--unzip-every", checked] if checked > 1 and "--unzip-every" in target.words else []))


def rate(clients, events):
    return lambda options, target: load(options, target, "--clients", clients, "--rate", events,
                                        "--measure", 2 * options.measure)


def sparse(clients):
    return lambda options, target: load(
        options, target, "--quiet", clients - 1, "--quiet-path", target.quiet_path,
        "--quiet-filters", clients, "--rate", SPARSE_RATE)


def filters(clients, different):
    """An event is told from those that match by its payload: no topic says a provider."""
    return lambda options, target: load(
        options, target, "--quiet", clients, "--quiet-path", "/events?provider=p{}",
        "--quiet-filters", different, "--rate", SPARSE_RATE)


def resume(events):
    return lambda options, target: load(options, target, "--resume", events)


def idle(clients):
    return lambda options, target: load(options, target, "--clients", clients, "--idle")


FANOUT = [1, 100, 1000, 10000]
RATES = [(100, 200), (1000, 20), (10000, 2)]
SPARSE = [100, 1000, 10000]
ZIPPED = [(100, 200), (1000, 20)]
SECURED = [(100, 200)]
FILTERS = [(1000, 10), (10000, 10), (1000, 1000), (10000, 1000)]
ROWS = {
    **{f"fanout-{n}": (ALL, fanout(n)) for n in FANOUT},
    **{f"rate-{n}x{r}": (PEERS, rate(n, r)) for n, r in RATES},
    **{f"sparse-{n}": (PEERS, sparse(n)) for n in SPARSE},
    **{f"filters-{n}x{f}": ([OURS], filters(n, f)) for n, f in FILTERS},
    "stalled-100": (PEERS, fanout(100, 100)),
    "resume-100": ([OURS, NCHAN], resume(100)),
    "idle-10000": (PEERS, idle(10000)),
    **{f"gzip-{n}": ([OURS, GZIP], fanout(n, checked=GZIP_CHECKED)) for n, _ in ZIPPED},
    **{f"gzip_rate-{n}x{r}": ([OURS, GZIP], rate(n, r)) for n, r in ZIPPED},
    **{f"tls-{n}": ([OURS, TLS], fanout(n)) for n, _ in SECURED},
    **{f"tls_rate-{n}x{r}": ([OURS, TLS], rate(n, r)) for n, r in SECURED},
}
# Of these rows each figure is also told as a part of the plain one's in the same round.
BESIDE_PLAIN = {"cpu_s_per_million": "cpu_beside_plain", "bytes_per_delivery": "bytes_beside_plain"}

COLUMNS = {    # row's beginning -> columns: JSON member, heading, format
    "fanout": [("per_s", "deliveries/s", ",.0f"), ("cpu_s_per_million", "CPU s/M", ".2f")],
    "stalled": [("per_s", "deliveries/s", ",.0f"), ("server_rss_kib", "Rss KiB", ",.0f")],
    "rate": [("cpu_s_per_million", "CPU s/M", ".2f"), ("p50_us", "p50 us", ",.0f"),
             ("p99_us", "p99 us", ",.0f")],
    "sparse": [("cpu_us_per_event", "CPU us/event", ".1f")],
    "filters": [("cpu_us_per_event", "CPU us/event", ".1f")],
    "resume": [("resumed_per_s", "resumed/s", ",.0f"), ("cpu_us_per_resume", "CPU us each", ".1f")],
    "gzip": [("per_s", "deliveries/s", ",.0f"), ("cpu_s_per_million", "CPU s/M", ".2f"),
             ("cpu_beside_plain", "CPU x plain", ".2f"),
             ("bytes_per_delivery", "bytes each", ",.0f"),
             ("bytes_beside_plain", "bytes x plain", ".2f"), ("load_busy", "load's core", ".2f")],
    "tls": [("per_s", "deliveries/s", ",.0f"), ("cpu_s_per_million", "CPU s/M", ".2f"),
            ("cpu_beside_plain", "CPU x plain", ".2f"), ("load_busy", "load's core", ".2f")],
    "gzip_rate": [("cpu_s_per_million", "CPU s/M", ".2f"),
                  ("cpu_beside_plain", "CPU x plain", ".2f"),
                  ("bytes_per_delivery", "bytes each", ",.0f"),
                  ("bytes_beside_plain", "bytes x plain", ".2f"),
                  ("p50_us", "p50 us", ",.0f"), ("p99_us", "p99 us", ",.0f")],
    "tls_rate": [("cpu_s_per_million", "CPU s/M", ".2f"),
                 ("cpu_beside_plain", "CPU x plain", ".2f"), ("p50_us", "p50 us", ",.0f"),
                 ("p99_us", "p99 us", ",.0f")],
    "idle": [("bytes_per_client", "bytes/client", ",.0f"), ("connect_s", "s to connect", ".2f")],
}


def run_row(options, row):
    """name of a candidate -> its figures, one dictionary a round."""
    chosen, measure = ROWS[row]
    chosen = [name for name in chosen if name in options.candidates]
    figures = {name: [] for name in chosen}
    for number in range(options.rounds):
        turn = number % len(chosen)
        for name in chosen[turn:] + chosen[:turn]:
            with CANDIDATES[name](options) as target:
                figures[name].append(measure(options, target))
    if row.split("-")[0] in ("gzip", "gzip_rate", "tls", "tls_rate"):
        for rounds in figures.values():
            for figure, plainly in zip(rounds, figures[OURS]):
                figure.update({beside: figure[member] / plainly[member] if plainly[member] else 0
                               for member, beside in BESIDE_PLAIN.items()})
    return figures


def show(row, figures):
    columns = COLUMNS[row.split("-")[0]]
    print(f"\n{row}: median (least to most)")
    print(f"  {'':18}" + "".join(f"{heading:>36}" for _, heading, _ in columns))
    for name, rounds in figures.items():
        line = f"  {name:18}"
        for member, _, form in columns:
            median, least, most = summed_up(rounds, member)
            line += f"{f'{median:{form}} ({least:{form}} to {most:{form}})':>36}"
        print(line, flush=True)


# ---- aims

def median_of(results, row, name, member):
    figures = results.get(row, {}).get(name)
    return summed_up(figures, member)[0] if figures else None


def compared(results, row, member, other, bound, at_least=False):
    """One aim: our figure beside another's in the same row; nothing when one is missing."""
    ours, theirs = (median_of(results, row, name, member) for name in (OURS, other))
    if ours is None or not theirs:
        return
    ratio = ours / theirs
    met = ratio >= bound if at_least else ratio <= bound
    yield (f"{row}: {member} beside {other}", ratio, f"{'>=' if at_least else '<='} {bound}", met)


def aims(results):
    for clients, times in ((100, 10), (1000, 10), (10000, 8)):
        row = f"fanout-{clients}"
        yield from compared(results, row, "per_s", NCHAN, times, at_least=True)
        yield from compared(results, row, "per_s", f"{LIMIT} x16", 0.85, at_least=True)
    yield from compared(results, "fanout-1000", "cpu_s_per_million", f"{LIMIT} x16", 1.15)
    for clients, events in RATES:
        row = f"rate-{clients}x{events}"
        yield from compared(results, row, "cpu_s_per_million", LIMIT, 1.15)
        yield from compared(results, row, "cpu_s_per_million", NCHAN, 1)
        yield from compared(results, row, "p99_us", LIMIT, 1.1)
        yield from compared(results, row, "p99_us", NCHAN, 1)
    yield from compared(results, "sparse-10000", "cpu_us_per_event", NCHAN, 0.5)
    few, many = (median_of(results, f"sparse-{n}", OURS, "cpu_us_per_event")
                 for n in (100, 10000))
    if few and many:
        yield "sparse: 10 000 connected beside 100", many / few, "<= 1.3", many / few <= 1.3
    for clients, events in ZIPPED:
        for row in (f"gzip-{clients}", f"gzip_rate-{clients}x{events}"):
            for beside, bound in (("cpu_beside_plain", 1), ("bytes_beside_plain", 0.5)):
                ratio = median_of(results, row, GZIP, beside)
                if ratio:    # 0 is none: nothing was delivered
                    yield f"{row}: {beside}", ratio, f"<= {bound}", ratio <= bound
    each = median_of(results, "idle-10000", OURS, "bytes_per_client")
    if each:
        yield "idle: bytes for a client", each, "< 6144", each < 6144
    yield from compared(results, "resume-100", "resumed_per_s", NCHAN, 1, at_least=True)
    alone, beside = (median_of(results, row, OURS, "per_s")
                     for row in ("fanout-100", "stalled-100"))
    if alone and beside:
        yield "stalled: rate beside its own without", beside / alone, ">= 0.95", \
            beside / alone >= 0.95
    few, many = (median_of(results, f"filters-{n}x1000", OURS, "cpu_us_per_event")
                 for n in (1000, 10000))
    if few and many:
        yield "filters: 10 000 clients beside 1 000", many / few, "<= 1.3", many / few <= 1.3


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "plain")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--measure", type=int, default=1000, help="milliseconds a measurement")
    parser.add_argument("--only", action="append", metavar="ROW",
                        help="only rows that begin like this")
    parser.add_argument("--realtime", action="store_true")
    parser.add_argument("--short", action="store_true", help="only whether it all works")
    parser.add_argument("--json", type=pathlib.Path, help="default: <build>/bench/sse.json")
    options = parser.parse_args()
    if options.short:
        options.rounds, options.measure = 1, 100
    wanted = options.only or [""]
    options.rows = [row for row in ROWS if any(row.startswith(name) for name in wanted)]
    if not options.rows:
        parser.error(f"no row begins so; there are {', '.join(ROWS)}")
    there = {NCHAN: NCHAN_MODULE.exists() and shutil.which("nginx"), NODE: shutil.which("node")}
    options.candidates = [name for name in CANDIDATES if there.get(name, True)]
    return options


def main():
    options = arguments()
    about = machine(options)
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    for name in CANDIDATES:
        if name not in options.candidates:
            print(f"{name} is not installed: it is left out")
    results = {}
    try:
        for row in options.rows:
            results[row] = run_row(options, row)
            show(row, results[row])
    except (Failed, subprocess.TimeoutExpired) as failure:
        print(f"sse.py: {failure}", file=sys.stderr)
        return 1
    judged = [] if options.short else list(aims(results))
    if judged:
        print("\naims")
    for what, figure, bound, met in judged:
        print(f"  {what:64} {figure:12,.2f}  {bound:10} {'met' if met else 'MISSED'}")
    path = options.json or options.build / "bench" / "sse.json"
    path.write_text(json.dumps({"machine": about, "rows": results, "aims": [
        {"what": what, "figure": figure, "bound": bound, "met": met}
        for what, figure, bound, met in judged]}, indent=1) + "\n")
    print(f"\nwritten to {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
