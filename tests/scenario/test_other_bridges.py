"""What users of other bridges report of streams, health and shutting down: not so here.

SPDX-License-Identifier: MPL-2.0

The names say whose report it was. What concerns one session's processes and bytes stands in
test_stdio_bridge_bugs.py.
"""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

import anyio
import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mesh import SLOWNESS, wait_until
from pyzmq_mesh import Publisher

WITHIN_S = 20 * SLOWNESS
PROGRESS = "aider.session_progress"


@pytest.fixture
def publisher(mesh):
    mesh.start_broker()
    with Publisher("py-publisher", "py-host", mesh.dir) as publisher:
        yield publisher


def publish(publisher, count, session="s-1"):
    for number in range(count):
        publisher.publish(PROGRESS, session, {"stage": "banner", "message": f"line {number}"})
    publisher.drain(WITHIN_S)


def descriptors(program):
    return len(os.listdir(f"/proc/{program.process.pid}/fd"))


def sessions(mesh):
    """By id: running or ended."""
    status, _, body = mesh.get("/api/v1/sessions")
    assert status == 200, body
    return {row["session_id"]: row for row in json.loads(body)["sessions"]}


def processes_of(mesh, besides=()):
    """Whoever has this mesh's environment, apart from the programs that the test has started."""
    mark = f"XDG_RUNTIME_DIR={mesh.run_dir}\0".encode()
    known = {program.process.pid for program in mesh.programs} | set(besides)
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(entry.name) not in known and mark in (entry / "environ").read_bytes():
                found.append(int(entry.name))
    return found


# ---- 19: a second client (supergateway 138, 153), a stray request (112), probes (126) ----

def test_supergateway_138_153_a_second_stream_harms_neither_the_first_nor_the_bridge(mesh, publisher):
    bridge = mesh.start_sse()
    first = mesh.stream("/events/aider")
    second = mesh.stream("/events/aider")
    for stream in (first, second):
        stream.wait("stream.opened", WITHIN_S)
    publish(publisher, 3)
    second.wait(PROGRESS, WITHIN_S, count=3)
    second.close()
    third = mesh.stream("/events/aider")
    third.wait("stream.opened", WITHIN_S)
    publish(publisher, 3)
    assert [frame.data["seq"] for frame in first.wait(PROGRESS, WITHIN_S, count=6)] == \
        [1, 2, 3, 4, 5, 6]
    third.wait(PROGRESS, WITHIN_S, count=3)
    bridge.must_run()


def test_supergateway_112_requests_that_belong_to_no_session_end_nobody(mesh, publisher):
    bridge = mesh.start_sse()
    stream = mesh.stream("/events/aider")
    stream.wait("stream.opened", WITHIN_S)
    for line in ("POST /message", "POST /message?sessionId=none", "POST /events", "POST /mcp",
                 "POST /", "DELETE /events/aider", "PUT /health", "OPTIONS *", "BREW /pot"):
        for body in (b"", b'{"jsonrpc":"2.0","id":1,"method":"ping"}', b"\0\xff\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", mesh.port), WITHIN_S) as client:
                client.sendall(f"{line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {mesh.token}"
                               f"\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
                answer = client.recv(4096)
                assert answer.startswith(b"HTTP/1.1 4"), (line, body, answer)
    publish(publisher, 1)
    stream.wait(PROGRESS, WITHIN_S)
    bridge.must_run()


def test_supergateway_126_probes_by_the_hundred_restart_nothing_and_leave_nothing_open(mesh, publisher):
    bridge = mesh.start_sse()

    def probe(count):
        for _ in range(count):
            for path in ("/livez", "/readyz", "/health", "/metrics"):
                assert mesh.get(path)[0] == 200
            with socket.create_connection(("127.0.0.1", mesh.port), WITHIN_S):
                pass    # as a load balancer looks whether somebody listens
    probe(5)
    before = descriptors(bridge)
    probe(60)
    wait_until(lambda: descriptors(bridge) <= before, WITHIN_S, "end of the probes' connections")
    bridge.must_run()
    health = json.loads(mesh.get("/health")[2])
    assert health["status"] == "healthy" and health["active_sse_connections"]["total"] == 0


# ---- 20: a client that vanished without a word (supergateway 160), one that closes (141) ----

def test_supergateway_160_a_frozen_stream_holds_no_session_and_no_process_of_one(mesh):
    mesh.start()
    frozen = subprocess.Popen(
        ["curl", "-sN", "-H", f"Authorization: Bearer {mesh.token}", f"{mesh.url}/events"],
        stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: json.loads(mesh.get("/health")[2])
                   ["active_sse_connections"]["total"] == 2, WITHIN_S, "second stream")
        frozen.send_signal(signal.SIGSTOP)
        bridge = mesh.start_bridge("--mode", "cli", "--", "sh", "-c", "sleep 0.1; exit 4")
        assert bridge.wait(WITHIN_S) == 4
        done = mesh.events.wait("aider.session_completed", WITHIN_S)[0].data
        wait_until(lambda: sessions(mesh).get(done["session_id"], {}).get("state") == "ended",
                   WITHIN_S, "session that is listed as ended")
        wait_until(lambda: not processes_of(mesh), WITHIN_S, "end of the session's processes")
    finally:
        frozen.kill()
        frozen.wait()


WRAPPED_SERVER = """
import os, signal, subprocess, sys, time
# As npx and uvx do: a launcher, the server below it, and a worker of its own session below that.
if len(sys.argv) == 1:
    server = subprocess.Popen([sys.executable, __file__, "server"])
    signal.signal(signal.SIGTERM, signal.SIG_IGN if os.environ.get("STUBBORN") else signal.SIG_DFL)
    while True: time.sleep(600)
if sys.argv[1] == "server":
    worker = subprocess.Popen([sys.executable, __file__, "worker"], start_new_session=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    from mcp.server.fastmcp import FastMCP
    server = FastMCP("wrapped")
    @server.tool()
    def pids() -> list[int]: return [os.getppid(), os.getpid(), worker.pid]
    server.run()
    time.sleep(600)    # what the end of stdin does not end
if sys.argv[1] == "worker":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True: time.sleep(600)
"""


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


async def ask_for_pids(words, env):
    server = StdioServerParameters(command=words[0], args=words[1:], env=env)
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        answer = await session.call_tool("pids", {})
        return [int(content.text) for content in answer.content]


@pytest.mark.parametrize("env", [{}, {"STUBBORN": "1"}], ids=["asked", "killed"])
def test_supergateway_141_metamcp_128_273_336_a_client_that_closes_leaves_no_tree(mesh, env):
    """The official client closes stdin, then sends SIGTERM, then SIGKILL, to the bridge alone."""
    mesh.start_broker()
    script = mesh.folder / "server.py"
    script.write_text(WRAPPED_SERVER)
    words = [*mesh.program("aidermesh-stdio-bridge"), "--mode", "mcp", "--", sys.executable,
             str(script)]
    pids = anyio.run(ask_for_pids, words, {**mesh.env, **env})
    assert len(set(pids)) == 3
    wait_until(lambda: not any(is_alive(pid) for pid in pids), WITHIN_S, "end of the whole tree")
    wait_until(lambda: not processes_of(mesh), WITHIN_S, "end of the session's processes")


# ---- 21: races between starting and ending (MetaMCP 273) ----

@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_metamcp_273_bridges_ended_while_they_start_leave_nothing(mesh, number):
    mesh.start_broker()
    words = [*mesh.program("aidermesh-stdio-bridge"), "--mode", "mcp", "--", "sleep", "600"]
    for step in range(6):
        running = [subprocess.Popen(words, env=mesh.env, stdin=subprocess.PIPE,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                   for _ in range(4)]
        # At another moment of the start each time: before the command, with it, after it.
        with contextlib.suppress(subprocess.TimeoutExpired):
            running[0].wait(0.004 * step * SLOWNESS)
        for process in running:
            process.send_signal(number)
        for process in running:
            process.stdin.close()
            assert process.wait(WITHIN_S) == -number
    wait_until(lambda: not processes_of(mesh), WITHIN_S, "end of every process of 24 bridges")


# ---- 22: health that tells the truth (mcp-proxy 197, mcpo 225) ----

def test_mcp_proxy_197_mcpo_225_each_session_is_told_as_what_it_is_and_trouble_is_503(mesh):
    mesh.start()
    lives = mesh.start_bridge("--mode", "cli", "--", "sleep", "600")
    crashes = mesh.start_bridge("--mode", "cli", "--", "sh", "-c", "kill -SEGV $$")
    assert crashes.wait(WITHIN_S) == -signal.SIGSEGV
    dead = mesh.events.wait("aider.session_completed", WITHIN_S)[0].data
    assert (dead["outcome"], dead["signal"]) == ("killed", 11)
    started = mesh.events.wait("aider.session_started", WITHIN_S, count=2)
    alive, = {frame.data["session_id"] for frame in started} - {dead["session_id"]}

    def both():
        listed = sessions(mesh)
        return len(listed) == 2 and listed[dead["session_id"]]["state"] == "ended" and listed
    listed = wait_until(both, WITHIN_S, "both, one of them ended")
    assert listed[alive]["state"] == "running"
    assert (listed[dead["session_id"]]["state"], listed[dead["session_id"]]["outcome"]) == \
        ("ended", "killed")

    # One session's end is no trouble of the mesh's; a broker that is gone is.
    assert mesh.get("/health")[0] == 200
    broker = next(program for program in mesh.programs if program.name == "aidermesh-broker")
    broker.kill()
    wait_until(lambda: mesh.get("/health")[0] == 503, WITHIN_S, "503")
    wait_until(lambda: mesh.get("/readyz")[0] == 503, WITHIN_S, "503 of /readyz")
    assert mesh.get("/livez")[0] == 200
    lives.process.terminate()
    assert lives.wait(WITHIN_S) == -signal.SIGTERM


# ---- 23: quiet streams, and coming back (opencode 29190, 15247; trigger.dev 2134; logicle 1014) ----

def test_trigger_dev_2134_logicle_1014_a_stream_with_nothing_to_say_is_kept_open_by_comments(
        mesh, publisher):
    mesh.start_sse("--set", "http/comment_every=1s")
    stream = mesh.stream("/events/aider")
    opened = stream.wait("stream.opened", WITHIN_S)[0]
    head = stream.response.headers
    # What proxies in between are asked for.
    assert head["X-Accel-Buffering"] == "no" and head["Cache-Control"] == "no-store"
    assert opened.retry > 0
    wait_until(lambda: stream.parser.comments >= 2, WITHIN_S, "comments on a quiet stream")
    assert not stream.ended and not stream.all(PROGRESS)
    publish(publisher, 1)
    stream.wait(PROGRESS, WITHIN_S)


def test_opencode_29190_15247_who_was_cut_off_is_told_when_to_come_back_and_misses_nothing(
        mesh, publisher):
    bridge = mesh.start_sse()
    stream = mesh.stream("/events/aider")
    assert stream.wait("stream.opened", WITHIN_S)[0].retry > 0
    publish(publisher, 4)
    last = stream.wait(PROGRESS, WITHIN_S, count=4)[1]
    bridge.kill()
    wait_until(lambda: stream.ended, WITHIN_S, "end of the stream")
    publish(publisher, 3)
    mesh.start_sse()
    again = mesh.stream("/events/aider", {"Last-Event-ID": last.id})
    assert again.wait("stream.opened", WITHIN_S)[0].data["verdict"] == "exact"
    assert [frame.data["seq"] for frame in again.wait(PROGRESS, WITHIN_S, count=5)] == \
        [3, 4, 5, 6, 7]
