"""/health, /livez and /readyz: what is stopped is named, and no longer when it is back.

SPDX-License-Identifier: MPL-2.0
"""

import json
import math
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest
from test_link import publisher, wait_drained

from mesh import ALONE, SANITIZER, SLOWNESS, fill, wait_until

LIMIT_S = 20 * SLOWNESS
# What is promised of what is installed, on a machine that has time.
NAMED_WITHIN_S = 3.0 if ALONE and not SANITIZER else 3 * LIMIT_S


def ask(mesh, path="/health"):
    status, headers, body = mesh.get(path, {})
    return status, headers, json.loads(body)


def parts(mesh):
    return {problem["part"] for problem in ask(mesh)[2]["problems"]}


def wait_named(mesh, part, since):
    """Wait until /health names a part, and check that this took no longer than is promised."""
    wait_until(lambda: part in parts(mesh), LIMIT_S, f"{part} among the problems")
    took_s = time.monotonic() - since
    assert took_s <= NAMED_WITHIN_S, f"{part} was named after {took_s:.2f} s"


def wait_report(mesh, fact, what):
    """Wait for one answer of /health of which all that is asked is true; give it."""
    def found():
        status, _, report = ask(mesh)
        return fact(status, report) and report
    return wait_until(found, LIMIT_S, what)


def wait_clear(mesh):
    report = wait_report(mesh, lambda status, report: report["status"] == "healthy"
                         and status == 200, "healthy mesh")
    assert report["problems"] == [] and "reason" not in report
    wait_until(lambda: mesh.get("/readyz", {})[0] == 200, LIMIT_S, "ready sse-bridge")


def wait_active(mesh):
    wait_until(lambda: ask(mesh)[2].get("monitor_status") == "active", LIMIT_S, "monitor")


def test_a_mesh_that_never_had_a_monitor_is_healthy(mesh):
    mesh.start_broker()
    mesh.start_sse()
    wait_report(mesh, lambda _, report: report.get("monitor_status") == "absent"
                and report["status"] == "healthy", "healthy mesh without a monitor")


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM])
def test_a_monitor_that_is_stopped_is_named_and_streams_are_served_on(mesh, number):
    mesh.start()
    wait_active(mesh)
    monitor = mesh.programs[-1]
    monitor.process.send_signal(number)
    wait_named(mesh, "monitor", time.monotonic())
    wait_report(mesh, lambda status, report: status == 200 and report["status"] == "degraded"
                and "monitor" in report["reason"], "200 of a mesh that is degraded")
    wait_until(lambda: mesh.get("/readyz", {})[0] == 200, LIMIT_S, "sse-bridge that is ready")
    if number == signal.SIGSTOP:
        monitor.process.send_signal(signal.SIGCONT)
    else:
        monitor.process.wait(LIMIT_S)
        mesh.start_only("aidermesh-monitor")
    wait_active(mesh)
    wait_clear(mesh)


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_broker_that_is_stopped_is_named_and_the_process_lives(mesh, number):
    mesh.start()
    wait_active(mesh)
    wait_clear(mesh)
    broker = mesh.programs[0]
    broker.process.send_signal(number)
    wait_named(mesh, "broker", time.monotonic())
    status, headers, report = ask(mesh)
    assert status == 503 and report["status"] == "unhealthy"
    assert report["coordinator_status"] == "unavailable"
    assert {"status", "timestamp", "active_sse_connections"} <= report.keys()
    status, headers, problem = ask(mesh, "/readyz")
    assert status == 503 and headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == 503 and "broker" in problem["detail"]
    assert ask(mesh, "/livez")[::2] == (200, {"status": "alive"})
    if number == signal.SIGSTOP:
        broker.process.send_signal(signal.SIGCONT)
    else:
        broker.process.wait(LIMIT_S)
        mesh.start_broker()
    wait_active(mesh)
    wait_clear(mesh)
    wait_report(mesh, lambda _, report: report["coordinator_status"] == "active", "active broker")


def test_a_full_disk_is_named_and_no_longer_when_there_is_room(mesh, small_disk):
    mesh.start_broker("--set", f"broker/journal={small_disk}/journal.db")
    mesh.start_sse()
    broker = mesh.programs[0]
    fill(small_disk / "filler")
    down_at = []

    def watch():
        # The broker says in its log when a write has failed.
        try:
            wait_until(lambda: "journal-down" in broker.said(), LIMIT_S, "full disk", 0.01)
            down_at.append(time.monotonic())
        except AssertionError:
            pass    # the main thread says what it misses
    watcher = threading.Thread(target=watch)
    watcher.start()
    program = publisher(mesh, 20000, 1)
    watcher.join()
    assert down_at, "the journal did not notice that its disk is full"
    wait_named(mesh, "journal", down_at[0])
    status, _, report = ask(mesh)
    assert status == 503 and "full" in report["reason"]
    assert report["journal"]["state"] == "down" and report["journal"]["reason"] == "disk_full"
    assert "full" in ask(mesh, "/readyz")[2]["detail"]
    (small_disk / "filler").unlink()
    wait_clear(mesh)
    wait_report(mesh, lambda _, report: report["journal"]["state"] == "up", "journal that is up")
    program.kill()


def test_health_prints_numbers_as_people_would(mesh):
    mesh.start_broker()
    mesh.start_sse()
    program = publisher(mesh, 50, 1)
    wait_drained([program])
    report = wait_report(mesh, lambda _, report: report["journal"].get("head", 0) >= 50
                         and report["position"] == report["head"] and report["ring"]["bytes"] > 0,
                         "report of all that was published")
    for path in ("/health", "/metrics"):
        text = mesh.get(path)[2].decode()
        for word in text.replace(",", " ").split():
            assert len(word.split(".")[-1]) <= 15 or not word.replace(".", "").isdigit(), word
    assert 1 <= report["journal"]["first"] <= report["journal"]["head"]
    assert 0 < report["ring"]["bytes"] < report["ring"]["limit_bytes"]


NAME = r"[a-z][a-z0-9_]*"
SAMPLE = re.compile(rf'({NAME})(?:\{{({NAME}="(?:[^"\\\n]|\\[\\"n])*"(?:,{NAME}="(?:[^"\\\n]|\\[\\"n])*")*)\}})?'
                    r' (-?[0-9.]+(?:e[+-]?[0-9]+)?)')


def exposition(text):
    """The samples of Prometheus text, as strictly as its format and its rules for names are."""
    assert text.endswith("\n") and "\r" not in text
    families, samples, open_family = {}, {}, None
    lines = iter(text[:-1].split("\n"))
    for line in lines:
        if line.startswith("# "):
            _, word, name, helps = line.split(" ", 3)
            assert word == "HELP" and re.fullmatch(NAME, name) and helps.endswith("."), line
            assert name not in families, f"{name} comes twice"
            word, type_name, kind = next(lines).removeprefix("# ").split(" ")
            assert (word, type_name) == ("TYPE", name) and kind in ("counter", "gauge"), name
            assert name.endswith("_total") == (kind == "counter"), f"{name} is a {kind}"
            families[name] = kind
            open_family = name
            continue
        found = SAMPLE.fullmatch(line)
        assert found, f"no sample: {line}"
        name, labels, value = found.groups()
        assert name == open_family, f"{name} stands among {open_family}"
        assert (name, labels) not in samples, f"{line} comes twice"
        assert math.isfinite(float(value)) and (families[name] == "gauge" or float(value) >= 0)
        samples[name, labels] = float(value)
    return families, samples


def test_metrics_are_what_prometheus_reads_and_of_bounded_labels(mesh):
    mesh.start()
    wait_drained([publisher(mesh, 50, 1)])
    wait_active(mesh)
    for wrong in ({}, {"Authorization": "Basic eA=="}, {"Authorization": "Bearer x"}):
        assert mesh.get("/metrics", wrong)[0] == 401

    def counted():
        """An answer that knows of all that was published; the broker's words come one by one."""
        status, headers, body = mesh.get("/metrics")
        assert status == 200
        assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        families, samples = exposition(body.decode())
        came = sum(value for (name, _), value in samples.items() if name == "aider_events_total")
        kept = samples.get(("aider_store_events", None), 0)
        return came >= 50 and kept >= 50 and (body, families, samples)
    body, families, samples = wait_until(counted, LIMIT_S, "/metrics with 50 events")
    for name in ("aider_mesh_build_info", "aider_sessions", "aider_events_total",
                 "aider_sse_clients", "aider_sse_dropped_total", "aider_sse_replay_total",
                 "aider_store_events", "process_resident_memory_bytes"):
        assert name in families, f"no {name}"
    for reason in ("no_token", "not_bearer", "wrong_token"):
        assert samples["aider_http_auth_failures_total", f'reason="{reason}"'] == 1
    assert len(samples) < 150
    said = " ".join(labels or "" for _, labels in samples)
    assert "test-host" not in said and "127.0.0.1" not in said
    tool = shutil.which("promtool")
    if tool:
        checked = subprocess.run([tool, "check", "metrics"], input=body, capture_output=True,
                                 check=False)
        assert checked.returncode == 0 and not checked.stderr, checked.stderr.decode()
