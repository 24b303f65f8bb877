"""SIGTERM ends each program with 0 within a second, whatever it is doing.

SPDX-License-Identifier: MPL-2.0

Under sanitizers, which look for leaks at the end, three seconds are allowed; the same scenarios
run on the plain build, where one second is one second.
"""

import json
import signal
import subprocess
import sys
import time

import pytest
from mesh import STOP_LIMIT_S


def busy(mesh):
    """A mesh with a stream open and events passing."""
    mesh.start()
    bridge = mesh.start_bridge("--mode", "ndjson", stdin=subprocess.PIPE)
    for number in range(100):
        line = {"type": "aider.session_progress",
                "data": {"session_id": "s", "stage": "banner", "message": str(number)}}
        bridge.process.stdin.write(json.dumps(line).encode() + b"\n")
    bridge.process.stdin.flush()
    mesh.events.wait("aider.session_progress", 10, count=100)
    return {program.name.removeprefix("aidermesh-"): program for program in mesh.programs}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("name", ["broker", "monitor", "sse-bridge", "stdio-bridge"])
def test_a_signal_ends_the_program_with_0_within_a_second(mesh, name, number):
    print(f"{name}: {busy(mesh)[name].stop(number):.3f} s")


def test_the_end_of_stdin_ends_the_bridge_with_0_as_soon_as_the_broker_has_everything(mesh):
    programs = busy(mesh)
    bridge = programs["stdio-bridge"]
    started = time.monotonic()
    bridge.process.stdin.close()
    assert bridge.wait(10) == 0
    assert time.monotonic() - started < STOP_LIMIT_S


@pytest.mark.parametrize("name", ["monitor", "sse-bridge"])
def test_a_program_that_has_lost_its_broker_ends_as_soon(mesh, name):
    programs = busy(mesh)
    programs["broker"].kill()
    print(f"{name}: {programs[name].stop():.3f} s")
    programs["stdio-bridge"].kill()    # it waits for the broker to take what it has


@pytest.mark.parametrize("name", ["monitor", "sse-bridge"])
def test_a_program_that_never_had_a_broker_ends_as_soon(mesh, name):
    if name == "monitor":
        program = mesh.start_monitor()
    else:
        port_file = mesh.folder / "port"
        program = mesh.start_only("aidermesh-sse-bridge", "--set", "http/port=0",
                                  "--set", f"http/port_file={port_file}")
    mesh.wait_for_handlers(program)
    program.stop()


def test_the_end_of_a_stream_is_said_to_its_client(mesh):
    programs = busy(mesh)
    programs["sse-bridge"].stop()
    closing = mesh.events.wait("stream.closing", 5)
    assert closing[0].data["reason"]


def test_sigterm_to_the_bridge_reaches_the_command_and_its_end_is_the_bridges(mesh):
    mesh.start()
    command = ("import signal, sys; signal.signal(15, lambda *_: sys.exit(42));"
               " print('up', flush=True); signal.pause()")
    bridge = mesh.start_bridge("--", sys.executable, "-c", command, stdin=subprocess.DEVNULL)
    mesh.wait_for_output(bridge, "up")
    bridge.process.send_signal(signal.SIGTERM)
    assert bridge.wait(10) == 42
    done = mesh.events.wait("aider.session_completed", 10)[0].data
    assert done["exit_code"] == 42 and done["success"] is False
