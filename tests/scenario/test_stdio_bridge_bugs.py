"""What users of other bridges report, and whatever else might stand in a session's way.

SPDX-License-Identifier: MPL-2.0

Promise 3: nothing that happens to observer, broker, disk or installation changes what the session
shows or how it ends. And nothing remains of a session whose bridge is killed or told to stop.
"""

import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys

import pytest
from mesh import PATIENCE_S, SLOWNESS, bin_dir, wait_until
from test_stdio_relay import LIMIT_S, Bridge, Terminal, in_shell, is_alive, py, sh

WITHIN_S = 15 * SLOWNESS
BRIDGE = "aidermesh-stdio-bridge"
# A tree as launchers make them: a shell, a child in the background, one that has left its group,
# and one that ignores what asks it to end.
TREE = """
import os, signal, subprocess, sys, time
def start(script, **how):
    return subprocess.Popen([sys.executable, "-c", "import signal, time\\n" + script], **how).pid
pids = [os.getpid(), start("time.sleep(600)"), start("time.sleep(600)", start_new_session=True),
        start("signal.signal(15, signal.SIG_IGN); signal.signal(1, signal.SIG_IGN); time.sleep(600)"),
        int(subprocess.run(["sh", "-c", "sleep 600 >/dev/null & echo $!"], stdout=subprocess.PIPE).stdout)]
print(*pids, flush=True)
"""
WAIT = "time.sleep(600)"


@pytest.fixture
def bridge(folder):
    made = Bridge(folder)
    yield made
    made.check()


def tree_of(process):
    pids = [int(word) for word in process.stdout.readline().split()]
    assert len(pids) == 5 and all(is_alive(pid) for pid in pids[1:])
    return pids


def none_of(pids):
    wait_until(lambda: not any(is_alive(pid) for pid in pids), WITHIN_S, "end of them all")


# ---- 20: orphans (supergateway 108, 124, 141, 155, 139), 21: MetaMCP 162, 336 ----

@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
@pytest.mark.parametrize("whom", [os.kill, os.killpg], ids=["bridge", "group"])
def test_supergateway_108_124_nothing_remains_of_a_killed_or_stopped_bridge(bridge, whom, number):
    """Nor when the whole process group is meant, as launchers do: the command may be first."""
    process = bridge.popen(py(TREE + WAIT), process_group=0)
    pids = tree_of(process)
    whom(process.pid, number)
    assert process.wait(LIMIT_S) == -number
    none_of(pids)
    process.communicate()


def test_supergateway_108_on_a_terminal_too(bridge):
    out = bridge.folder / "pids"
    with Terminal(bridge, [*bridge.words(), *py(TREE.replace("flush=True", "file=open("
                                                f"{str(out)!r}, 'w'), flush=True") + WAIT)]) as terminal:
        wait_until(lambda: out.exists() and len(out.read_text().split()) == 5, WITHIN_S, "tree")
        pids = [int(word) for word in out.read_text().split()]
        terminal.process.kill()
        none_of(pids)


def test_what_a_command_leaves_when_it_ends_by_itself_is_left(bridge):
    process = bridge.popen(py(TREE))
    pids = tree_of(process)
    assert process.wait(LIMIT_S) == 0
    process.stdout.close()
    process.stderr.close()
    try:
        assert all(is_alive(pid) for pid in pids[1:])
    finally:
        for pid in pids[1:]:
            os.kill(pid, signal.SIGKILL)


def test_supergateway_155_the_end_of_the_launcher_reaches_the_server(bridge):
    """The launcher is killed: the server hears the end of its stdin, as without a bridge."""
    words = [*bridge.words("--mode", "mcp"), *py("import sys; sys.stdin.read(); open('ended', 'w')")]
    launcher = subprocess.Popen(
        py(f"import subprocess, time; subprocess.Popen({words!r}, stdin=subprocess.PIPE);"
           " print('up', flush=True); time.sleep(600)"),
        env=bridge.env, cwd=bridge.folder, stdout=subprocess.PIPE)
    assert launcher.stdout.readline() == b"up\n"
    launcher.kill()
    launcher.wait(LIMIT_S)
    wait_until((bridge.folder / "ended").exists, WITHIN_S, "end of the server")
    launcher.stdout.close()


def test_supergateway_139_a_server_that_dies_at_once_is_seen_to_by_its_client(bridge):
    out, err, status = bridge.run(sh("echo no key >&2; exit 9"), "--mode", "mcp",
                                  data=b'{"jsonrpc":"2.0","id":0,"method":"initialize"}\n')
    assert (out, err, status) == (b"", b"no key\n", 9)


def test_metamcp_162_sessions_leave_no_processes_behind(bridge):
    mark = f"XDG_RUNTIME_DIR={bridge.run_dir}\0".encode()

    def ours():
        found = 0
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                found += mark in (entry / "environ").read_bytes()
            except OSError:
                pass
        return found
    for _ in range(10):
        running = [bridge.popen(sh("echo; read x"), stdin=subprocess.PIPE) for _ in range(3)]
        for process in running:
            assert process.stdout.readline() == b"\n"
        for process, end in zip(running, (signal.SIGKILL, signal.SIGTERM, None)):
            if end:
                process.send_signal(end)
            process.communicate(timeout=LIMIT_S)
    wait_until(lambda: ours() == 0, WITHIN_S, "end of every process of thirty sessions")


# ---- 22: mcp-proxy 247 ----

def test_mcp_proxy_247_a_dead_command_is_said_to_be_dead(mesh):
    mesh.start()
    program = mesh.start_bridge("--", sys.executable, "-c", "import signal; signal.pause()")
    started = mesh.events.wait("aider.session_started", WITHIN_S)[0].data
    (command,) = wait_until(lambda: children_of(program.process.pid, deep=True), WITHIN_S, "command")
    os.kill(command, signal.SIGKILL)
    assert program.wait(WITHIN_S) == -signal.SIGKILL
    done = mesh.events.wait("aider.session_completed", WITHIN_S, session=started["session_id"])[0]
    assert done.data["outcome"] == "killed" and done.data["success"] is False


def children_of(pid, deep=False):
    """Who has been started; deep: by the guardian, which is the bridge's child."""
    found = []
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        name = pathlib.Path(f"/proc/{child}/comm").read_text().strip()
        if deep and name == "bridge-guardian":
            found += children_of(int(child))
        elif not deep:
            found.append(int(child))
    return found


# ---- a broken installation ----

def test_the_bridge_needs_nothing_but_the_c_library():
    said = subprocess.run(["readelf", "-d", str(bin_dir() / BRIDGE)], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    needed = [line.partition("[")[2].rstrip("]") for line in said.splitlines() if "(NEEDED)" in line]
    assert [name for name in needed if not name.startswith(("libasan", "libubsan", "libtsan"))] == \
        ["libc.so.6"]


@pytest.mark.parametrize("broken", ["no observer", "a library is missing"])
def test_without_an_observer_the_command_runs_and_a_line_says_so(bridge, broken):
    place = bridge.folder / "bin"
    place.mkdir()
    shutil.copy(bin_dir() / BRIDGE, place)
    env = {}
    if broken == "a library is missing":
        shutil.copy(bin_dir() / "aidermesh-observer", place)
        (place / "libczmq.so.4").write_bytes(b"")
        env = {"LD_LIBRARY_PATH": str(place)}
    process = subprocess.Popen([place / BRIDGE, "--", *sh("echo up; read x; echo got $x; exit 5")],
                               env={**bridge.env, **env}, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"up\n"
    line = process.stderr.readline()
    assert b"the session goes on unobserved" in line
    out, err = process.communicate(b"this\n", timeout=LIMIT_S)
    assert (out, err, process.returncode) == (b"got this\n", b"", 5)


@pytest.mark.parametrize("env", [
    {"AIDERMESH_NO_SUCH": "1"},
    {"AIDERMESH_CONFIG": "/nonexistent/aidermesh.cfg"},
    {"AIDERMESH_CONFIG": "/etc/passwd"},
    {"AIDERMESH_BRIDGE_LABELS": "no-equals-sign"},
    {"AIDERMESH_BRIDGE_MODE": "nonsense"},
], ids=["unknown variable", "no file", "bad file", "bad label", "bad value"])
def test_a_broken_configuration_is_said_in_a_line_and_stops_nobody(bridge, env):
    out, err, status = bridge.run(sh("echo out; exit 7"), env=env)
    assert (out, status) == (b"out\n", 7)
    assert err.startswith(b"aidermesh-stdio-bridge: ") and err.count(b"\n") == 1


@pytest.mark.parametrize("env", [
    {"XDG_RUNTIME_DIR": "/nonexistent/run"}, {"XDG_RUNTIME_DIR": "/dev/null"},
    {"HOME": "", "XDG_STATE_HOME": ""}, {"XDG_STATE_HOME": "/proc/state"},
], ids=["no runtime directory", "a file for a directory", "no home", "no state"])
def test_without_its_directories_the_command_runs(bridge, env):
    out, err, status = bridge.run(sh("echo out; exit 7"), env=env)
    assert (out, status) == (b"out\n", 7), err


@pytest.mark.parametrize("descriptors", [5, 8, 10, 12, 14, 17, 20])
def test_with_few_descriptors_the_command_runs(bridge, descriptors):
    out, _, status = bridge.run(
        sh("echo out; exit 7"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors)))
    assert (out, status) == (b"out\n", 7)


# ---- terminals ----

def test_what_a_command_sets_on_its_terminal_stays(bridge):
    for prefix in ("", " ".join(bridge.words()) + " "):
        with Terminal(bridge, sh(f"{prefix}stty -echo intr ^X; stty -a; stty echo")) as terminal:
            text, status = terminal.rest()
            assert status == 0 and " -echo " in text and "intr = ^X" in text


def test_a_job_in_the_background_writes_lines_as_it_would(bridge):
    for prefix in ("", " ".join(bridge.words()) + " "):
        with in_shell(bridge) as shell:
            shell.expect("JOB> ")
            shell.type(f"{prefix}sh -c 'printf \"a\\nb\\r\\nc\\n\"; echo end of it' &\n")
            shell.expect("of it' &\r\n")
            assert shell.expect(r"a\r+\nb\r+\nc\r+\n").group() == "a\r\nb\r\r\nc\r\n"
            shell.expect("end of it\r\n")
            shell.type("exit\n")
            assert shell.rest()[1] == 0


# ---- a broker that does not answer ----

def test_with_a_stopped_broker_a_session_is_the_same_and_its_events_come_afterwards(mesh):
    mesh.start()
    broker = next(program for program in mesh.programs if program.name == "aidermesh-broker")
    words = sh("for i in 1 2 3; do echo out $i; echo err $i >&2; done; exit 6")
    bare = subprocess.run(words, capture_output=True, timeout=PATIENCE_S)
    broker.process.send_signal(signal.SIGSTOP)
    try:
        wrapped = subprocess.run([*mesh.program(BRIDGE), "--set", "bridge/linger=120s", "--", *words],
                                 env=mesh.env, capture_output=True, timeout=PATIENCE_S)
    finally:
        broker.process.send_signal(signal.SIGCONT)
    assert (wrapped.stdout, wrapped.stderr, wrapped.returncode) == \
        (bare.stdout, bare.stderr, bare.returncode)
    done = mesh.events.wait("aider.session_completed", WITHIN_S)[0].data
    assert done["exit_code"] == 6
    assert mesh.events.all("aider.session_started", session=done["session_id"])


def test_where_no_relay_can_be_made_the_bridge_becomes_the_command(bridge):
    process = bridge.popen(py("import os; print(os.getpid())"),
                           preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (5, 5)))
    out, err = process.communicate(timeout=LIMIT_S)
    assert int(out) == process.pid and b"the command runs unobserved" in err
