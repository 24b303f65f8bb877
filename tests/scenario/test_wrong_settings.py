"""What is wrong with a configuration is said before the work, and stops no wrapped command.

SPDX-License-Identifier: MPL-2.0
"""

import subprocess

import pytest
from mesh import SLOWNESS, START_LIMIT_S

EVERYWHERE = ["aidermesh-broker", "aidermesh-sse-bridge", "aidermesh-monitor"]
WRONG = [
    (EVERYWHERE, "mesh/seeds=localhost:5773", "mesh/seeds"),
    (EVERYWHERE, "mesh/runtime_dir=run/here", "mesh/runtime_dir"),
    (EVERYWHERE, "mesh/lost_after=500ms", "mesh/lost_after is 500 ms"),
    (["aidermesh-sse-bridge"], "http/token_value=secret", "http/token_value"),
    (["aidermesh-broker"], "broker/bind_control=tcp://127.0.0.1", "broker/bind_control"),
    (["aidermesh-broker"], "broker/bind_publish=udp://127.0.0.1:5771", "broker/bind_publish"),
]


def call(mesh, name, *words, env=None):
    return subprocess.run([*mesh.program(name), *words], env={**mesh.env, **(env or {})},
                          capture_output=True, text=True, timeout=START_LIMIT_S, check=False)


@pytest.mark.parametrize("program, setting, named", [
    (program, setting, named) for programs, setting, named in WRONG for program in programs])
def test_a_check_and_a_start_refuse_alike(mesh, program, setting, named):
    checked = call(mesh, program, "--check-config", "--set", setting)
    started = call(mesh, program, "--set", setting)
    assert checked.returncode == started.returncode == 2
    assert named in checked.stderr and named in started.stderr


def test_a_command_runs_whatever_the_environment_says(mesh):
    env = {"AIDERMESH_NONSENSE": "1", "AIDERMESH_MESH_HEARTBEAT": "often"}
    ran = call(mesh, "aidermesh-stdio-bridge", "--set", "bridge/linger=0", "--",
               "sh", "-c", "echo out; exit 7", env=env)
    assert (ran.returncode, ran.stdout) == (7, "out\n")
    assert "AIDERMESH_NONSENSE" in ran.stderr and '"often"' in ran.stderr
    checked = call(mesh, "aidermesh-stdio-bridge", "--check-config", env=env)
    assert checked.returncode == 125


WRONG_LABELS = [
    ("bridge/labels", "no-equals-sign", 'the label "no-equals-sign" is not KEY=VALUE'),
    ("bridge/labels", "a=1,a=2", 'the label "a=2" has a key that an earlier one has'),
    ("bridge/labels", ",".join(f"k{i}=v" for i in range(33)), "there are 33 labels, allowed: 32"),
    ("bridge/name", "n" * 257, "has 257 bytes, allowed: 256"),
]


@pytest.mark.parametrize("key, value, named", WRONG_LABELS)
def test_a_wrong_label_refuses_an_option_and_never_a_command(mesh, key, value, named):
    option = "--name" if key == "bridge/name" else "--label"
    refused = call(mesh, "aidermesh-stdio-bridge", option, value, "--", "echo", "ran")
    assert (refused.returncode, refused.stdout) == (125, "")
    assert named in refused.stderr
    env = {f"AIDERMESH_{key.replace('/', '_').upper()}": value}
    ran = call(mesh, "aidermesh-stdio-bridge", "--set", "bridge/linger=0", "--", "echo", "ran",
               env=env)
    assert (ran.returncode, ran.stdout) == (0, "ran\n")
    assert "passed over: the" in ran.stderr and named in ran.stderr
    checked = call(mesh, "aidermesh-stdio-bridge", "--check-config", env=env)
    assert checked.returncode == 125 and named in checked.stderr


def test_what_is_right_of_wrong_labels_is_told(mesh):
    mesh.start()
    ran = call(mesh, "aidermesh-stdio-bridge", "--", "true",
               env={"AIDERMESH_BRIDGE_LABELS": "team=blue,nonsense,job=7"})
    assert ran.returncode == 0 and 'passed over: the label "nonsense"' in ran.stderr
    (started,) = mesh.events.wait("aider.session_started", 15 * SLOWNESS)
    assert started.data["labels"] == {"team": "blue", "job": "7"}
