"""tcp_broker - a broker that listens on TCP too, and how it fares.

SPDX-License-Identifier: MPL-2.0
"""

import dataclasses
import os
import pathlib
import re
import subprocess

from mesh import SLOWNESS, wait_until
from pyzmq_mesh import Publisher, Subscriber, key_of, uuid7

LIMIT_S = 20 * SLOWNESS
DOORS = ("publish", "subscribe", "control")
# What a peer of each socket calls itself.
PEER = {"publish": b"PUB", "subscribe": b"SUB", "control": b"DEALER"}
MIB = 1024 * 1024


@dataclasses.dataclass
class Broker:
    """A broker that listens on TCP too, and the key of those who may come in."""

    mesh: object
    program: object
    ports: dict
    key: tuple | None

    def serve(self):
        """Prove that an event still goes from a publisher to a subscriber."""
        self.program.must_run()
        mark = f"mark-{uuid7()}"
        peers = []
        try:
            reader = Subscriber(f"reader-{mark}", "py-host", self.mesh.dir, key=self.key)
            peers.append(reader)
            writer = Publisher(f"writer-{mark}", "py-host", self.mesh.dir, key=self.key)
            peers.append(writer)
            writer.publish("aider.session_progress", mark, {"stage": "banner", "message": "-"})
            writer.drain(LIMIT_S)
            while next(iter(reader.events(1, LIMIT_S))).session != mark:
                pass
        finally:
            for peer in peers:
                peer.context.destroy(linger=0)    # also where the broker is gone

    def memory(self):
        """Resident bytes."""
        text = open(f"/proc/{self.program.process.pid}/status", encoding="ascii").read()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) * 1024

    def cpu_s(self):
        """Seconds of a core it has used."""
        fields = open(f"/proc/{self.program.process.pid}/stat", encoding="ascii").read()
        fields = fields.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def open_files(self):
        return len(list(pathlib.Path(f"/proc/{self.program.process.pid}/fd").iterdir()))


def start(mesh, keys=False, words=()):
    key = None
    if keys:
        done = subprocess.run([*mesh.program("aidermesh"), "keys", "new", "known", "operate"],
                              env=mesh.env, text=True, capture_output=True, timeout=60, check=True)
        key = key_of(done.stdout.strip())
    listen = [word for door in DOORS for word in (
        "--set", f"broker/bind_{door}=tcp://127.0.0.1:*,{mesh.endpoint(door)}")]
    program = mesh.start_broker(*listen, *words)
    wait_until(lambda: " ready " in program.said(), LIMIT_S, "broker that is ready")
    ports = {door: int(re.search(rf"listening.*{door} on tcp://127.0.0.1:(\d+)",
                                 program.said())[1]) for door in DOORS}
    return Broker(mesh, program, ports, key)
