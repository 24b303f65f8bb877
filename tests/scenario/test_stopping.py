"""SIGTERM ends each program with 0 within a second, whatever it is doing.

SPDX-License-Identifier: MPL-2.0

Under sanitizers, which look for leaks at the end, more is allowed; the same scenarios run on the
plain build, where one second is one second. A machine may stand still for as long: the best of
three times counts.
"""

import json
import signal
import subprocess
import sys
import time

import pytest
from mesh import PATIENCE_S, STOP_LIMIT_S, Mesh

TIMES = 3


def within_a_second(folder, end):
    """Whether at least one of three meshes has the program end in time; end(mesh) tells how long
    it took."""
    took = []
    while len(took) < TIMES and (not took or took[-1] > STOP_LIMIT_S):
        place = folder / str(len(took))
        place.mkdir(mode=0o700)
        with Mesh(place) as mesh:
            took.append(end(mesh))
    print(", ".join(f"{seconds:.3f} s" for seconds in took))
    assert took[-1] <= STOP_LIMIT_S, took


def busy(mesh):
    """A mesh with a stream open and events passing."""
    mesh.start()
    bridge = mesh.start_bridge("--mode", "ndjson", stdin=subprocess.PIPE)
    for number in range(100):
        line = {"type": "aider.session_progress",
                "data": {"session_id": "s", "stage": "banner", "message": str(number)}}
        bridge.process.stdin.write(json.dumps(line).encode() + b"\n")
    bridge.process.stdin.flush()
    mesh.events.wait("aider.session_progress", PATIENCE_S, count=100)
    return {program.name.removeprefix("aidermesh-"): program for program in mesh.programs}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("name", ["broker", "monitor", "sse-bridge", "stdio-bridge"])
def test_a_signal_ends_the_program_with_0_within_a_second(folder, name, number):
    within_a_second(folder, lambda mesh: busy(mesh)[name].stop(number))


def test_the_end_of_stdin_ends_the_bridge_with_0_as_soon_as_the_broker_has_everything(folder):
    def end(mesh):
        bridge = busy(mesh)["stdio-bridge"]
        started = time.monotonic()
        bridge.process.stdin.close()
        assert bridge.wait(PATIENCE_S) == 0
        return time.monotonic() - started
    within_a_second(folder, end)


@pytest.mark.parametrize("name", ["monitor", "sse-bridge"])
def test_a_program_that_has_lost_its_broker_ends_as_soon(folder, name):
    def end(mesh):
        programs = busy(mesh)
        programs["broker"].kill()
        took_s = programs[name].stop()
        programs["stdio-bridge"].kill()    # it waits for the broker to take what it has
        return took_s
    within_a_second(folder, end)


@pytest.mark.parametrize("name", ["monitor", "sse-bridge"])
def test_a_program_that_never_had_a_broker_ends_as_soon(folder, name):
    def end(mesh):
        if name == "monitor":
            program = mesh.start_monitor()
        else:
            program = mesh.start_only("aidermesh-sse-bridge", "--set", "http/port=0",
                                      "--set", f"http/port_file={mesh.folder / 'port'}")
        mesh.wait_for_handlers(program)
        return program.stop()
    within_a_second(folder, end)


def test_the_end_of_a_stream_is_said_to_its_client(mesh):
    programs = busy(mesh)
    programs["sse-bridge"].stop()
    closing = mesh.events.wait("stream.closing", PATIENCE_S)
    assert closing[0].data["reason"]


def test_sigterm_to_the_bridge_reaches_the_command_and_its_end_is_the_bridges(mesh):
    mesh.start()
    command = ("import signal, sys; signal.signal(15, lambda *_: sys.exit(42));"
               " print('up', flush=True); signal.pause()")
    bridge = mesh.start_bridge("--", sys.executable, "-c", command, stdin=subprocess.DEVNULL)
    mesh.wait_for_output(bridge, "up")
    bridge.process.send_signal(signal.SIGTERM)
    assert bridge.wait(PATIENCE_S) == 42
    done = mesh.events.wait("aider.session_completed", PATIENCE_S)[0].data
    assert done["exit_code"] == 42 and done["success"] is False
