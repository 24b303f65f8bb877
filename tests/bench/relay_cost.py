#!/usr/bin/env python3
"""relay_cost - what the stdio-bridge adds to a command, and how fast its observer understands.

SPDX-License-Identifier: MPL-2.0

usage: tests/bench/relay_cost.py [--bin DIR] [--mib N] [--rounds N] [--lines N] [--sessions N]
                                 [--json FILE]

Throughput beside cat in a pipe and script(1) on a terminal, latency, start, memory, and what
aider_parse says where it is built; in about three minutes. No mesh runs, so the observer parses
and keeps all the while; but for the time that a whole session takes, where there is a broker that
is stopped. Runs take turns, with and without, and medians over the turns of ratios and differences
within one are told, since other work on the machine then hits both. Prints the tables of
docs/PERFORMANCE.md and JSON; fails only when bytes are missing: a time is no test.
"""

import argparse
import fcntl
import json
import os
import pathlib
import pty
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import termios
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# A session of about two seconds that says something all the while.
SESSION = ("import time\n"
           "for number in range(100): print('line', number, flush=True); time.sleep(0.02)\n")
ECHO = "import os\nwhile data := os.read(0, 4096): os.write(1, data)\n"


def environment(folder):
    return {"PATH": os.environ["PATH"], "HOME": folder, "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder, "AIDERMESH_BRIDGE_LINGER": "0",
            "AIDERMESH_FEATURES_FALLBACK": "false"}


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


def stopped_broker(broker, env):
    """A broker that listens, and is stopped."""
    process = subprocess.Popen([broker], env=env, stderr=subprocess.DEVNULL)
    control = pathlib.Path(env["XDG_RUNTIME_DIR"]) / "aidermesh" / "control"
    until = time.monotonic() + 30
    while not control.exists():
        if process.poll() is not None or time.monotonic() > until:
            sys.exit("relay_cost: the broker does not start")
        time.sleep(0.02)
    process.send_signal(signal.SIGSTOP)
    return process


def sessions(bridge, broker, env, rounds):
    """Seconds that a session takes, bare and wrapped, while the broker answers nobody."""
    process = stopped_broker(broker, env)
    took = {"bare": [], "wrapped": []}
    try:
        for _ in range(rounds):
            for way, prefix in (("bare", []), ("wrapped", bridge)):
                took[way].append(starts([*prefix, sys.executable, "-c", SESSION], env))
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait()
    return {way: statistics.median(seconds) for way, seconds in took.items()}


def shown(words, env, size):
    """MiB/s at which the command's output arrives on a terminal; line ends count as one byte."""
    master, slave = pty.openpty()
    settings = termios.tcgetattr(slave)
    settings[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, settings)
    started = time.perf_counter()
    process = subprocess.Popen(words, env=env, stdin=slave, stdout=slave, stderr=slave,
                               start_new_session=True,
                               preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(slave)
    got = 0
    try:
        while data := os.read(master, 1 << 17):
            got += len(data)
    except OSError:
        pass    # the other side is closed
    os.close(master)
    if process.wait() != 0 or got < size:
        sys.exit(f"relay_cost: {words[0]} showed {got} of {size} bytes")
    return size / (1 << 20) / (time.perf_counter() - started)


def processes(mark):
    """Our processes: pid to name."""
    found = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            name = (entry / "comm").read_text().strip()
            if mark in (entry / "environ").read_bytes() and (
                    name.startswith("bridge-") or name == "aidermesh-stdio"):
                found[entry] = name
        except OSError:
            continue
    return found


def idle(bridge, env, sessions):
    """What idle sessions take: KiB by kind of process (Pss, and Rss), and the CPU's share."""
    running = [subprocess.Popen([*bridge, "cat"], env=env, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE) for _ in range(sessions)]
    mark = f"XDG_RUNTIME_DIR={env['XDG_RUNTIME_DIR']}\0".encode()
    until = time.monotonic() + 60
    while len(processes(mark)) < 3 * sessions and time.monotonic() < until:
        time.sleep(0.2)
    time.sleep(3)
    ours = processes(mark)
    sizes = {}
    for entry, name in ours.items():
        rollup = (entry / "smaps_rollup").read_text()
        for kind in ("Pss", "Rss"):
            size = next(int(line.split()[1]) for line in rollup.splitlines()
                        if line.startswith(f"{kind}:"))
            sizes[f"{kind} {name}"] = sizes.get(f"{kind} {name}", 0) + size

    def ticks():
        return sum(sum(int(word) for word in
                       (entry / "stat").read_text().rpartition(")")[2].split()[11:13])
                   for entry in ours)
    before = ticks()
    time.sleep(10)
    share = (ticks() - before) / os.sysconf("SC_CLK_TCK") / 10 / sessions
    for process in running:
        process.stdin.close()
        process.stdout.close()
        process.wait()
    return {name: round(size / sessions) for name, size in sorted(sizes.items())}, share


def percentile(values, share):
    return values[min(len(values) - 1, int(len(values) * share))]


def beside(other, measure, ways, env, size, rounds):
    """The bridge's rate, and the median of what it is of the other's in the same turn."""
    rates = {way: [] for way in ways}
    for _ in range(rounds):
        for way, words in ways.items():
            rates[way].append(measure(words, env, size))
    ratios = [ours / theirs for ours, theirs in zip(rates["bridge"], rates[other])]
    return {f"{other}_mib_s": round(statistics.median(rates[other])),
            f"beside_{other}_mib_s": round(statistics.median(rates["bridge"])),
            f"of_{other}": round(statistics.median(ratios), 3),
            f"of_{other}_least": round(min(ratios), 3)}


def streams():
    """A mebibyte of each kind of stream."""
    message = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"content": [
        {"type": "text", "text": "x" * 900}], "isError": False}}).encode() + b"\n"
    return {"yes": b"aidermesh\n" * 104858, "noise": random.Random(7).randbytes(1 << 20),
            "no_end": b"x" * (1 << 20), "mcp": message * ((1 << 20) // len(message))}


def piped(bridge, env, options):
    """What the bridge passes on beside cat, for each stream; from memory, one at a time."""
    result = {}
    for name, block in streams().items():
        mode = "mcp" if name == "mcp" else "cli"
        with tempfile.NamedTemporaryFile(prefix="relay-", dir="/dev/shm") as file:
            for _ in range(options.mib):
                file.write(block)
            file.flush()
            ways = {"cat": ["sh", "-c", f"cat {file.name} | cat"],
                    "bridge": [*bridge, "--mode", mode, "--", "cat", file.name]}
            rates = beside("cat", drain, ways, env, options.mib * len(block), options.rounds)
        result.update({f"{name}_{key}": value for key, value in rates.items()})
    return result


def on_terminal(bridge, env, options):
    size = (options.mib << 20) // 4    # a terminal is slower by far
    command = f"yes aidermesh | head -c {size}"
    ways = {"script": ["script", "-qfec", command, "/dev/null"],
            "bridge": [*bridge, "--", "sh", "-c", command]}
    return beside("script", shown, ways, env, size, options.rounds)


def latency(bridge, env, options):
    echo = [sys.executable, "-c", ECHO]
    turns = [(echoes(echo, env, options.lines),
              echoes([*bridge, "--", *echo], env, options.lines)) for _ in range(options.rounds)]
    result = {}
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        pairs = [(percentile(bare, share), percentile(wrapped, share)) for bare, wrapped in turns]
        result[f"bare_{name}_us"] = round(statistics.median(bare for bare, _ in pairs) * 1e6)
        result[f"added_{name}_us"] = round(
            statistics.median(wrapped - bare for bare, wrapped in pairs) * 1e6)
    return result


def beginning(bridge, env):
    added = []
    for _ in range(40):
        plain = starts(["true"], env)
        added.append(starts([*bridge, "--", "true"], env) - plain)
        time.sleep(0.1)    # the observer of the last one ends meanwhile
    return {"start_added_ms": round(statistics.median(added) * 1e3, 2)}


def at_rest(bridge, env, sessions):
    result = {"sessions": sessions}
    for name, count in (("one", 1), ("many", sessions)):
        sizes, share = idle([*bridge, "--"], env, count)
        for kind in ("Pss", "Rss"):
            result[f"idle_{name}_{kind.lower()}_kib"] = sum(
                size for key, size in sizes.items() if key.startswith(kind))
        result[f"idle_{name}_kib"] = sizes
        result[f"idle_{name}_cpu_percent"] = round(share * 100, 4)
    return result


def understood(parser, folder):
    """MB/s that the observer understands, by what is printed; nothing where that is not built."""
    if not parser.exists():
        return {}
    text = pathlib.Path(folder) / "captures"
    captures = sorted((ROOT / "tests" / "fixtures" / "captures").glob("*/stdout.txt"))
    text.write_bytes(b"".join(path.read_bytes() for path in captures))
    rates = pathlib.Path(folder) / "rates.json"
    subprocess.run([parser, "--text", text, "--json", rates], check=True,
                   stdout=subprocess.DEVNULL)
    return {"understood_mb_s": json.loads(rates.read_text())}


def tables(result, options):
    """The tables of docs/PERFORMANCE.md."""
    def mib(kib):
        return f"{kib / 1024:.1f} MiB"

    def ratio(name, other="cat"):
        return (f"{result[f'{name}of_{other}']:.2f} (least of a turn"
                f" {result[f'{name}of_{other}_least']:.2f};"
                f" {result[f'{name}beside_{other}_mib_s']} MiB/s)")

    many = result["sessions"]
    rows = [
        (f"pipe, {options.mib} MiB of `yes`, × `cat`", ratio("yes_"), "0.9"),
        ("the same of noise", ratio("noise_"), "0.9"),
        ("the same of a line without end", ratio("no_end_"), "0.9"),
        ("the same of an MCP server's messages", ratio("mcp_"), ""),
        (f"terminal, {options.mib // 4} MiB, × `script`", ratio("", "script"), "0.9"),
        ("a line's echo, added", f"p50 {result['added_p50_us'] / 1000:.3f} ms; p99"
         f" {result['added_p99_us'] / 1000:.3f} ms where the bare echo's own is"
         f" {result['bare_p99_us'] / 1000:.3f} ms", "p99 < 1 ms"),
        ("a session beside a stopped broker, × the bare one's time",
         f"{result['session_of_bare_with_stopped_broker']:.3f}", "1.02"),
        ("start of `true`, added, median of 40", f"{result['start_added_ms']:.1f} ms", ""),
        ("an idle session, Pss", f"{mib(result['idle_one_pss_kib'])} alone,"
         f" {mib(result['idle_many_pss_kib'])} each of {many}", "6 MiB"),
        ("the same, Rss, which counts shared libraries each time",
         f"{mib(result['idle_one_rss_kib'])} alone, {mib(result['idle_many_rss_kib'])} each", ""),
        ("an idle session, processor", f"{result['idle_many_cpu_percent']:.3f} % of a core each"
         f" of {many}", "0.1 %"),
    ]
    print("| what | figure | aim |\n| --- | --- | --- |")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    if "understood_mb_s" in result:
        print("\n| what AIDER prints | MB/s |\n| --- | --- |")
        for name, rate in result["understood_mb_s"].items():
            print(f"| {name} | {rate:.0f} |")
    print()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "plain" / "bin")
    parser.add_argument("--mib", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lines", type=int, default=2000)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    result = {}
    with tempfile.TemporaryDirectory(prefix="relay-", ignore_cleanup_errors=True) as folder:
        env = environment(folder)
        bridge = [str(options.bin / "aidermesh-stdio-bridge")]
        result.update(piped(bridge, env, options))
        result.update(on_terminal(bridge, env, options))
        result.update(latency(bridge, env, options))
        whole = sessions([*bridge, "--"], str(options.bin / "aidermesh-broker"), env,
                         options.rounds)
        result["session_s"] = round(whole["bare"], 3)
        result["session_of_bare_with_stopped_broker"] = round(whole["wrapped"] / whole["bare"], 4)
        result.update(beginning(bridge, env))
        result.update(at_rest(bridge, env, options.sessions))
        result.update(understood(options.bin.parent / "bench" / "aider_parse", folder))

    tables(result, options)
    text = json.dumps(result)
    print(text)
    if options.json:
        pathlib.Path(options.json).write_text(text + "\n")


if __name__ == "__main__":
    main()
