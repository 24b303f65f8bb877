"""aidermesh, the front end: what a person types, and what comes of it.

SPDX-License-Identifier: MPL-2.0
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from mesh import PATIENCE_S, START_LIMIT_S, Stream, wait_until
from pyzmq_mesh import Publisher

PROGRAMS = ("aidermesh-broker", "aidermesh-monitor", "aidermesh-sse-bridge")
HELLO = json.dumps({"type": "aider.session_progress",
                    "data": {"session_id": "s-1", "stage": "banner", "message": "hello"}})


def aidermesh(mesh, *words, timeout_s=PATIENCE_S, **options):
    """Run it to its end. Returns status, stdout and stderr."""
    return subprocess.run([*mesh.program("aidermesh"), *words], timeout=timeout_s, text=True,
                          env=options.pop("env", mesh.env), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def children(pid):
    """The processes that pid has started and that still run, by name."""
    found = {}
    for status in pathlib.Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines()
                          if ":\t" in line)
            words = (status.parent / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue    # it has ended meanwhile
        if fields.get("PPid", "").strip() == str(pid) and "Z" not in fields["State"]:
            found[pathlib.Path(words[0].decode()).name] = int(status.parent.name)
    return found


def gone(pid):
    try:
        return "Z (zombie)" in pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


def start_up(mesh, *words):
    """`aidermesh up` on a port of the kernel's choice, once it has said that it is up."""
    up = mesh.start_only("aidermesh", "up", "--port", "0", *words)

    def said():
        up.must_run()
        return re.search(r"is up at http://127\.0\.0\.1:(\d+) ", up.out.read_text())
    mesh.port = int(wait_until(said, 3 * START_LIMIT_S, "mesh that is up")[1])
    mesh.wait_for_output(up, "Wrap a session")
    return up


def publish(mesh, *lines):
    """Have a bridge publish JSON lines, and wait for its end."""
    words = [*mesh.program("aidermesh"), "run", "--mode", "ndjson"]
    subprocess.run(words, env=mesh.env, input="".join(line + "\n" for line in lines), text=True,
                   check=True, timeout=PATIENCE_S, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def publish_unclean(mesh, text):
    """Publish without a bridge, which would let no control character out."""
    with Publisher("py-unclean", "test-host", str(mesh.dir)) as publisher:
        publisher.publish("aider.session_progress", "s-1", {"stage": "banner", "message": text})
        publisher.drain(PATIENCE_S)


def message(text, session="s-1"):
    return json.dumps({"type": "aider.session_progress",
                       "data": {"session_id": session, "stage": "banner", "message": text}})


def start_tail(mesh, *words):
    """`aidermesh tail`, once its stream is open."""
    tail = mesh.start_only("aidermesh", "tail", "--port", str(mesh.port), *words)
    wait_until(lambda: tail.must_run() or "following" in tail.said(), START_LIMIT_S,
               "tail that follows")
    return tail


def lines_of(tail):
    return tail.out.read_text().splitlines()


# Usage

@pytest.mark.parametrize("words, status, said", [
    ([], 2, "usage: aidermesh VERB"),
    (["tial"], 2, "the nearest known is tail"),
    (["\x1b[31mred"], 2, r"\x1b[31mred"),
    (["--prot"], 2, "unknown option"),
    (["--log-level", "debug"], 2, "the verb comes first"),
    (["up", "--prot", "1"], 2, "--port"),
    (["up", "now"], 2, "one word too many"),
    (["up", "--port", "65536"], 2, "0 to 65535"),
    (["up", "--set", "http/prot=1"], 2, "http/port"),
    (["up", "--config", "/nonexistent.cfg"], 2, "/nonexistent.cfg"),
    (["tail", "--sesion", "x"], 2, "--session"),
    (["tail", "--last", "many"], 2, "tail/last"),
    (["token"], 2, "aidermesh token show"),
    (["token", "make"], 2, "aidermesh token show"),
    (["run"], 2, "aidermesh run -- aider"),
])
def test_wrong_usage_ends_with_2_and_says_what_is_right(mesh, words, status, said):
    done = aidermesh(mesh, *words)
    assert done.returncode == status and said in done.stderr, done
    assert "\x1b" not in done.stderr and done.stdout == ""


@pytest.mark.parametrize("words", [[], ["up"], ["run"], ["tail"], ["token"], ["token", "show"]])
def test_help_is_no_failure(mesh, words):
    done = aidermesh(mesh, *words, "--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: aidermesh"), done
    assert done.stderr == ""


@pytest.mark.parametrize("word", ["help", "-h"])
def test_help_is_found_under_its_usual_names(mesh, word):
    done = aidermesh(mesh, word)
    assert done.returncode == 0 and done.stdout == aidermesh(mesh, "--help").stdout


@pytest.mark.parametrize("words", [[], ["up"], ["tail"]])
def test_version_is_said_by_the_program_and_its_verbs(mesh, words):
    done = aidermesh(mesh, *words, "--version")
    assert done.returncode == 0
    assert re.fullmatch(r"aidermesh[a-z ]* \d+\.\d+\.\d+ \(protocol \d+\)\n", done.stdout)


# up

def test_the_curl_line_that_up_prints_works_when_pasted_in_another_terminal(mesh):
    up = start_up(mesh)
    line = re.search(r"^ *(curl -N .*)$", up.out.read_text(), re.M)[1]
    other_terminal = {"PATH": mesh.env["PATH"], "HOME": mesh.env["HOME"],
                      "ASAN_OPTIONS": mesh.env["ASAN_OPTIONS"]}
    shell = subprocess.Popen(["bash", "-c", "exec " + line], env=other_terminal,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True)
    try:
        first = [shell.stdout.readline() for _ in range(3)]
        assert any("stream.opened" in said for said in first), first
        publish(mesh, HELLO)
        while "aider.session_progress" not in (said := shell.stdout.readline()):
            assert said, "the stream ended before the event came"
    finally:
        shell.kill()
        shell.wait()
        shell.stdout.close()
    up.stop()


def test_up_without_token_prints_a_line_without_one(mesh):
    up = start_up(mesh, "--no-token")
    assert f"curl -N http://127.0.0.1:{mesh.port}/events/aider\n" in up.out.read_text()
    stream = Stream(mesh.url, "/events/aider")
    assert stream.status == 200
    stream.close()
    up.stop()


def test_up_prints_no_token(mesh):
    up = start_up(mesh)
    assert mesh.token not in up.out.read_text() + up.log.read_text()
    up.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_up_ends_with_0_and_takes_its_programs_along(mesh, number):
    up = start_up(mesh)
    pids = children(up.process.pid)
    assert sorted(pids) == sorted(PROGRAMS)
    # As a terminal does it: to the whole process group.
    os.killpg(up.process.pid, number)
    assert up.wait(PATIENCE_S) == 0, up.said()
    assert all(gone(pid) for pid in pids.values())
    assert "was killed" not in up.said()


def test_up_that_is_stopped_while_it_starts_ends_with_0(mesh):
    for _ in range(20):    # a start may be over before it can be stopped
        up = mesh.start_only("aidermesh", "up", "--port", "0")
        mesh.wait_for_handlers(up)
        up.stop()
        if "is up at" not in up.out.read_text():
            return
    pytest.fail("up was never stopped while it started")


def test_sighup_reloads_the_programs_and_ends_nobody(mesh):
    up = start_up(mesh)
    pids = children(up.process.pid)
    assert sorted(pids) == sorted(PROGRAMS)
    stream = mesh.stream("/events/mesh")
    up.process.send_signal(signal.SIGHUP)
    wait_until(lambda: up.said().count("reload") >= len(PROGRAMS), PATIENCE_S,
               "reload of all programs")
    assert children(up.process.pid) == pids and stream.ended is None
    up.stop()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_dies_is_named_and_ends_the_others(mesh, name):
    up = start_up(mesh)
    pids = children(up.process.pid)
    os.kill(pids[name], signal.SIGKILL)
    assert up.wait(PATIENCE_S) == 1
    assert f"{name} was killed by signal 9 (Killed); stopping the others" in up.said()
    assert all(gone(pid) for pid in pids.values())


def test_programs_do_not_outlive_an_up_that_is_killed(mesh):
    up = start_up(mesh)
    pids = children(up.process.pid)
    up.kill()
    for name, pid in pids.items():
        wait_until(lambda pid=pid: gone(pid), PATIENCE_S, f"end of {name}")


def test_a_second_mesh_is_refused_and_the_first_stays(mesh):
    up = start_up(mesh)
    done = aidermesh(mesh, "up", "--port", "0")
    assert done.returncode == 1
    assert f"already running in {mesh.dir}, at {mesh.url}" in done.stderr
    assert "aidermesh run -- aider" in done.stderr
    wait_until(lambda: mesh.get("/readyz")[0] == 200, PATIENCE_S, "mesh that serves")
    up.stop()


def test_a_broker_that_nobody_started_by_up_counts_as_a_mesh_too(mesh):
    mesh.start_broker()
    done = aidermesh(mesh, "up", "--port", "0")
    assert done.returncode == 1 and f"already running in {mesh.dir}" in done.stderr


def test_a_port_in_use_is_said(mesh):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = aidermesh(mesh, "up", "--port", str(port), timeout_s=3 * PATIENCE_S)
    assert done.returncode == 1
    assert str(port) in done.stderr and "aidermesh-sse-bridge ended with status" in done.stderr


def test_up_works_again_after_it_was_killed(mesh):
    killed = start_up(mesh)
    pids = children(killed.process.pid)
    killed.kill()
    for name, pid in pids.items():
        wait_until(lambda pid=pid: gone(pid), PATIENCE_S, f"end of {name}")
    up = start_up(mesh)
    wait_until(lambda: mesh.get("/readyz")[0] == 200, PATIENCE_S, "mesh that serves")
    up.stop()


# run

def test_run_passes_bytes_and_exit_status(mesh):
    mesh.start()
    code = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()); sys.exit(7)"
    given = bytes(range(256))
    done = subprocess.run([*mesh.program("aidermesh"), "run", "--", sys.executable, "-c", code],
                          env=mesh.env, input=given, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=PATIENCE_S)
    assert (done.returncode, done.stdout, done.stderr) == (7, given, b"")
    mesh.events.wait("aider.session_completed", PATIENCE_S)


def test_run_ends_by_the_signal_that_ended_the_command(mesh):
    code = "import os; os.kill(os.getpid(), 15)"
    done = aidermesh(mesh, "run", "--", sys.executable, "-c", code)
    assert done.returncode == -signal.SIGTERM


def test_run_of_a_command_that_is_not_there_is_127(mesh):
    done = aidermesh(mesh, "run", "--", "no-such-command-of-ours")
    assert done.returncode == 127 and "no-such-command-of-ours" in done.stderr


# token

def test_token_show_says_how_one_is_made_before_there_is_one(mesh):
    done = aidermesh(mesh, "token", "show")
    assert done.returncode == 1 and done.stdout == "" and "first start" in done.stderr


def test_token_show_prints_the_token_that_opens_the_stream(mesh):
    mesh.start()
    done = aidermesh(mesh, "token", "show")
    assert done.returncode == 0 and done.stdout == mesh.token + "\n"
    stream = Stream(mesh.url, "/events", {"Authorization": f"Bearer {done.stdout.strip()}"})
    assert stream.status == 200
    stream.close()


# tail

def test_tail_shows_each_event_on_one_line(mesh):
    mesh.start()
    tail = start_tail(mesh)
    publish(mesh, message("hello"), json.dumps(
        {"type": "aider.rate_limit_detected",
         "data": {"session_id": "0123456789abcdef", "provider": "openai", "attempt": 2,
                  "max_retries": 8, "estimated_delay": 0.5, "will_retry": True}}))
    mesh.wait_for_output(tail, "rate limited")
    line = next(line for line in lines_of(tail) if "rate_limit" in line)
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} test-host 89abcdef aider\.rate_limit_detected  "
                        r"rate limited by openai, attempt 2 of 9, next in 0\.5 s", line)
    tail.stop(signal.SIGINT)


def test_tail_begins_with_the_sessions_that_run_where_it_is_asked_to(mesh):
    mesh.start()
    with Publisher("py-sessions", "test-host", str(mesh.dir)) as publisher:
        for session in ("session-1", "session-2"):
            publisher.publish("aider.session_started", session, {
                "mode": "mcp", "model": "openai/gpt-4o", "working_dir": "/project"})
        publisher.publish("aider.session_completed", "session-2",
                          {"success": True, "outcome": "ok"})
        publisher.drain(PATIENCE_S)
    mesh.events.wait("aider.session_completed", START_LIMIT_S)
    tail = start_tail(mesh, "--snapshot")
    plain = start_tail(mesh)
    publish(mesh, message("hello"))
    for each in (tail, plain):
        mesh.wait_for_output(each, "hello")
    running = [line for line in lines_of(tail) if "stream.snapshot" in line]
    assert len(running) == 1 and re.fullmatch(
        r"\d\d:\d\d:\d\d\.\d{3} test-host ession-1 stream\.snapshot  session is running, "
        r"openai/gpt-4o, in /project; the last of it is aider\.session_started", running[0])
    assert lines_of(tail).index(running[0]) == 0
    assert not [line for line in lines_of(plain) if "stream.snapshot" in line]


def test_tail_resumes_over_a_restart_of_the_sse_bridge_without_loss_or_double(mesh):
    mesh.start_broker()
    bridge = mesh.start_sse()
    port = mesh.port
    tail = start_tail(mesh, "--type", "aider.session_progress")
    publish(mesh, message("before 1"), message("before 2"))
    mesh.wait_for_output(tail, "before 2")

    bridge.stop()
    publish(mesh, message("meanwhile 1"), message("meanwhile 2"))
    mesh.start_sse("--set", f"http/port={port}")
    mesh.wait_for_output(tail, "meanwhile 2")
    publish(mesh, message("after"))
    mesh.wait_for_output(tail, "after")

    shown = [line.rpartition("banner: ")[2] for line in lines_of(tail) if "banner: " in line]
    assert shown == ["before 1", "before 2", "meanwhile 1", "meanwhile 2", "after"], tail.said()
    assert "is lost" in tail.said() and "nothing is missing" in tail.said()
    tail.stop(signal.SIGINT)


def test_tail_json_gives_one_object_a_line_with_the_place_to_resume(mesh):
    mesh.start()
    tail = start_tail(mesh, "--json")
    publish_unclean(mesh, "h\u00e9llo \x1b[31m\x7f")
    mesh.wait_for_output(tail, "aider.session_progress")
    raw = tail.out.read_bytes()
    assert all(byte == 0x0A or 0x20 <= byte < 0x7F for byte in raw)
    lines = [json.loads(line) for line in raw.splitlines()]
    event = next(line for line in lines if line["event"] == "aider.session_progress")
    assert list(event) == ["id", "event", "data"]
    assert event["data"]["message"] == "h\u00e9llo \x1b[31m\x7f"
    assert lines[0]["event"] == "stream.opened"

    again = start_tail(mesh, "--json", "--since", event["id"])
    publish(mesh, message("next"))
    mesh.wait_for_output(again, "next")
    assert "\\u00E9llo" not in again.out.read_text()
    again.stop(signal.SIGINT)
    tail.stop(signal.SIGINT)


def test_tail_filters(mesh):
    mesh.start()
    tail = start_tail(mesh, "--session", "s-2", "--type", "aider.session_progress")
    publish(mesh, message("not this", "s-1"), message("this", "s-2"), message("last", "s-2"))
    mesh.wait_for_output(tail, "last")
    assert "not this" not in tail.out.read_text()
    tail.stop(signal.SIGINT)


def test_tail_begins_in_the_past_where_it_is_told_to(mesh):
    mesh.start()
    publish(mesh, *(message(f"number {n}") for n in range(5)))
    mesh.events.wait("aider.session_progress", PATIENCE_S, count=5)
    tail = start_tail(mesh, "--since", "earliest", "--type", "aider.session_progress")
    mesh.wait_for_output(tail, "number 4")
    assert len([line for line in lines_of(tail) if "number" in line]) == 5
    last = start_tail(mesh, "--last", "2", "--type", "aider.session_progress")
    mesh.wait_for_output(last, "number 4")
    assert [line[-1] for line in lines_of(last) if "number" in line] == ["3", "4"]
    tail.stop(signal.SIGINT)
    last.stop(signal.SIGINT)


def test_no_escape_sequence_of_an_event_reaches_the_terminal(mesh):
    mesh.start()
    tail = start_tail(mesh)
    publish_unclean(mesh, "\x1b]0;title\x07 \x1b[2J \x9b31m \u202e end")
    mesh.wait_for_output(tail, "end")
    raw = tail.out.read_bytes()
    assert not any(byte < 0x20 and byte != 0x0A or byte == 0x7F for byte in raw)
    assert b"\xc2\x9b" not in raw and "\u202e".encode() not in raw
    assert rb"\x1b]0;title\x07" in raw
    tail.stop(signal.SIGINT)


def test_tail_without_a_mesh_says_how_to_start_one(mesh):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))    # bound, but nobody listens
        done = aidermesh(mesh, "tail", "--port", str(unused.getsockname()[1]))
    assert done.returncode == 1 and "`aidermesh up` starts one" in done.stderr


def test_tail_with_a_wrong_token_ends_with_1(mesh):
    mesh.start()
    env = {**mesh.env, "AIDERMESH_HTTP_TOKEN_VALUE": "not-the-token-of-this-mesh"}
    done = aidermesh(mesh, "tail", "--port", str(mesh.port), env=env)
    assert done.returncode == 1 and "does not accept" in done.stderr
    assert "not-the-token" not in done.stderr


def test_tail_says_what_the_mesh_does_not_understand(mesh):
    mesh.start()
    done = aidermesh(mesh, "tail", "--port", str(mesh.port), "--since", "yesterday")
    assert done.returncode == 2 and "since" in done.stderr and "yesterday" in done.stderr


def test_tail_finds_the_port_of_a_running_up_by_itself(mesh):
    up = start_up(mesh)
    tail = mesh.start_only("aidermesh", "tail")
    wait_until(lambda: tail.must_run() or "following" in tail.said(), START_LIMIT_S,
               "tail that follows")
    tail.stop(signal.SIGINT)
    up.stop()


def test_tail_ends_when_nobody_reads_it_any_more(mesh):
    mesh.start()
    words = [*mesh.program("aidermesh"), "tail", "--port", str(mesh.port), "--since", "earliest"]
    with open(mesh.logs / "tail.err", "wb") as errors:
        tail = subprocess.Popen(words, env=mesh.env, stdout=subprocess.PIPE, stderr=errors)

    def ended():
        publish(mesh, message("more"))
        return tail.poll() is not None
    try:
        publish(mesh, message("one"))
        assert tail.stdout.readline()
        tail.stdout.close()
        wait_until(ended, PATIENCE_S, "tail that ends")
        assert tail.returncode == 0
    finally:
        tail.kill()
        tail.wait()


class StandIn:
    """A server that gives prepared answers, one a connection, and keeps the requests' heads."""

    STREAM = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
              b"Connection: close\r\n\r\n")

    def __init__(self, *answers):
        self.heads = []
        self.at = []
        self.answers = answers
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        for answer in self.answers:
            connection, _ = self.socket.accept()
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += connection.recv(65536)
                self.heads.append(head.decode())
                self.at.append(time.monotonic())
                connection.sendall(answer)

    def close(self):
        self.thread.join(PATIENCE_S)
        self.socket.close()


def frame(number, text):
    data = json.dumps({"stage": "banner", "message": text})
    return f"id: e-{number}\nevent: aider.session_progress\ndata: {data}\n\n".encode()


OVER = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


def test_tail_asks_again_from_where_it_was_after_as_long_as_it_is_told(mesh):
    server = StandIn(
        StandIn.STREAM + b"retry: 300\n\n" + frame(1, "one") + frame(2, "two")[:-1],
        b"HTTP/1.1 503 Full\r\nRetry-After: 1\r\nContent-Type: application/problem+json\r\n"
        b"Connection: close\r\n\r\n{\"detail\": \"too many streams\\u001b[31m\"}",
        StandIn.STREAM + frame(2, "two"), OVER)
    done = aidermesh(mesh, "tail", "--url", server.url + "/", "--type", "aider.*")
    server.close()
    assert done.returncode == 0, done.stderr
    assert [line.rpartition("banner: ")[2] for line in done.stdout.splitlines()] == ["one", "two"]
    shown = [re.findall(r"(?i)^last-event-id: (.*)\r$", head, re.M) for head in server.heads]
    assert shown == [[], ["e-1"], ["e-1"], ["e-2"]]
    assert all("GET /events?types=aider.* HTTP/1.1" in head for head in server.heads)
    assert server.at[1] - server.at[0] >= 0.3 and server.at[2] - server.at[1] >= 1
    assert "too many streams" in done.stderr and "\x1b" not in done.stderr


def test_tail_leaves_out_what_is_too_large_and_what_is_no_json_and_says_so(mesh):
    server = StandIn(StandIn.STREAM + frame(1, "x" * (1024 * 1024 + 1)) + frame(2, "small")
                     + b"id: e-3\nevent: aider.session_progress\ndata: {\n\n", OVER)
    done = aidermesh(mesh, "tail", "--url", server.url)
    server.close()
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1 and "small" in done.stdout
    assert "1 event(s) larger than" in done.stderr and "no JSON" in done.stderr
    assert "Last-Event-ID: e-3" in server.heads[1]


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>",
    b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\n\r\n",
], ids=["404", "html", "redirect"])
def test_tail_of_something_else_ends_with_1(mesh, answer):
    server = StandIn(answer)
    done = aidermesh(mesh, "tail", "--url", server.url)
    server.close()
    assert done.returncode == 1 and "no mesh" in done.stderr


def test_tail_of_one_session_ends_with_0_once_that_is_over(mesh):
    mesh.start()
    tail = mesh.start_only("aidermesh", "tail", "--port", str(mesh.port), "--session", "s-9")
    wait_until(lambda: "following" in tail.said(), START_LIMIT_S, "tail that follows")
    publish(mesh, message("work", "s-9"), json.dumps(
        {"type": "aider.session_completed",
         "data": {"session_id": "s-9", "success": True, "outcome": "ok", "duration": 1.0}}))
    assert tail.wait(40 + PATIENCE_S) == 0, tail.said()
    assert "ended" in tail.said()
