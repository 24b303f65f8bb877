"""wrapped - the real aider, run through the real stdio-bridge of a scenario's mesh.

SPDX-License-Identifier: MPL-2.0
"""

from __future__ import annotations

import dataclasses

import aider_run
from mesh import PATIENCE_S, SLOWNESS, Mesh

COMPLETED_WITHIN_S = PATIENCE_S
AIDER_LIMIT_S = 120.0 * SLOWNESS


@dataclasses.dataclass
class Run:
    """What aider left, and the frames of its one session."""

    outcome: aider_run.Outcome
    prepared: aider_run.AiderRun
    session: str
    frames: list

    def of(self, type_):
        """The payloads of the session's events of a type, in order."""
        return [frame.data for frame in self.frames if frame.type == f"aider.{type_}"]

    def one(self, type_):
        found = self.of(type_)
        assert len(found) == 1, f"{len(found)} {type_} instead of one: {found}"
        return found[0]

    @property
    def told(self):
        """The frames that the bridge itself made; the monitor speaks of the session, too."""
        return [frame for frame in self.frames if "throttling" not in frame.type]

    @property
    def types(self):
        return [frame.type.removeprefix("aider.") for frame in self.told]


def bridge_words(mesh, *words):
    return [*mesh.program("aidermesh-stdio-bridge"), *words, "--"]


def environment(mesh):
    """What aider's environment needs of the mesh's."""
    return {key: value for key, value in mesh.env.items()
            if key.startswith("XDG_") or key.endswith("SAN_OPTIONS") or key == "AIDERMESH_HOST"}


def prepare(mesh, llm, name="aider", **settings):
    """A home and a repository for one aider, which finds this mesh and no other."""
    place = mesh.folder / name
    place.mkdir()
    return aider_run.prepare(place, llm.base_url, env=environment(mesh), **settings)


def run_aider(mesh: Mesh, llm, message="say hello", *, bridge=(), name="aider",
              timeout_s=AIDER_LIMIT_S, prepared=None, extra=(), command=None, **how):
    """Run aider through the bridge to its end, and wait for the end of its session."""
    prepared = prepared or prepare(mesh, llm, name)
    before = {frame.data["session_id"] for frame in mesh.events.all("aider.session_completed")}
    outcome = aider_run.run(prepared, command or prepared.command(message, *extra),
                            prefix=bridge_words(mesh, *bridge), timeout_s=timeout_s, **how)
    done = mesh.events.wait("aider.session_completed", COMPLETED_WITHIN_S,
                            where=lambda data: data["session_id"] not in before)
    session = done[0].data["session_id"]
    return Run(outcome, prepared, session, mesh.events.all("aider.*", session=session))


def check_order(run):
    """What holds for every session of one turn."""
    assert run.types[0] == "session_started" and run.types[-1] == "session_completed", run.types
    request = run.one("request_started")["request_id"]
    assert run.one("request_completed")["request_id"] == request
    assert run.types.index("request_started") < run.types.index("request_completed")
    started = run.one("session_started")
    assert started["mode"] == "cli" and started["host"] == "test-host"
    assert started["working_dir"] == str(run.prepared.repo)
    sources = {frame.data["source"] for frame in run.told}
    assert len(sources) == 1, sources
    numbers = [frame.data["seq"] for frame in run.told]
    assert numbers == sorted(set(numbers)), numbers
