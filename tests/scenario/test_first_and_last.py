"""The first event after a connect and the last before a silence, again and again.

SPDX-License-Identifier: MPL-2.0

PUB drops what is sent before a subscription has come, and nothing follows a last event that would
show that it is missing. tests/support/mesh_turns.c publishes and follows with the library; it
ends with 1 when an event does not come, comes twice, or a gap is told.
"""

import os
import random

import pytest
from mesh import SLOWNESS, Program

SEED = int(os.environ.get("AIDERMESH_TEST_SEED", random.randrange(1 << 30)))
TURN_LIMIT_S = 0.5 * SLOWNESS


@pytest.mark.parametrize("turns", [100, 1000], ids=["short", "full"])
@pytest.mark.parametrize("mode", ["published", "followed", "silence"])
def test_the_one_event_of_each_turn_arrives(mesh, mode, turns):
    print(f"seed {SEED}")
    mesh.start_broker()
    program = Program(mesh, "mesh_turns", [mesh.dir, mode, str(turns), str(SEED)])
    assert program.wait(30 + turns * TURN_LIMIT_S) == 0, program.said()
    said = program.out.read_text()
    assert said.startswith(f"{turns} turns, ")
    print(f"  {mode}: {said.strip()}")
