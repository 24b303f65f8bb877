"""Ten thousand clients of one sse-bridge, while programs die: each has each of its events, once.

SPDX-License-Identifier: MPL-2.0
"""

import json
import os
import random
import re
import resource

import pytest
from mesh import SLOWNESS, Program, wait_until

CLIENTS, ALL, STALLED, RESTLESS, SESSIONS, RATE = 10_000, 100, 100, 100, 500, 200
LIMIT_S = 300 * SLOWNESS    # for what hangs
STOP_S = 60                 # to say goodbye to all of them, on a machine that does other work
# Room for what is sent in a minute: how long somebody was away then decides nothing. In five minutes
# those who do not read fall behind it.
RING = ["--set", "http/ring_bytes=16MiB"]
RING_MIB = 16
CUT_SHARE = 0.001
CLIENT_KIB = 6              # docs/PERFORMANCE.md: what a client that waits may take
FILES = CLIENTS + 1000


@pytest.fixture(params=["short", "full"])
def events(request):
    """As many as are sent in a minute, or in five."""
    return {"short": 60, "full": 300}[request.param] * RATE


@pytest.fixture(autouse=True)
def many_files():
    """The programs need as many open files as there are clients."""
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert most == resource.RLIM_INFINITY or most >= FILES, \
        f"this machine lets a program open {most} files, of which {FILES} are needed"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before, FILES), most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


class Crowd(Program):
    """tests/support/sse_crowd.c, and what it says."""

    def __init__(self, mesh, events, seed):
        wishes = [CLIENTS, ALL, STALLED, RESTLESS, SESSIONS, RATE, events, seed]
        header = f"Authorization: Bearer {mesh.token}"
        super().__init__(mesh, "sse_crowd",
                         [mesh.dir, str(mesh.port), header, *map(str, wishes)])

    def output(self):
        return self.out.read_text(errors="replace")

    def sent(self):
        told = re.findall(r"^sent (\d+)$", self.output(), re.M)
        return int(told[-1]) if told else 0

    def wait_for(self, fact, what):
        def holds():
            self.must_run()
            return fact()
        wait_until(holds, LIMIT_S, what, step_s=0.1)

    def wait_for_sent(self, count):
        self.wait_for(lambda: self.sent() >= count, f"{count} events sent")


def resident_mib(program):
    with open(f"/proc/{program.process.pid}/smaps_rollup", encoding="ascii") as file:
        return int(re.search(r"^Rss:\s+(\d+) kB", file.read(), re.M).group(1)) / 1024


def restart_broker(mesh, broker):
    broker.kill()
    return mesh.start_broker()


def test_each_of_ten_thousand_has_its_events_once_whatever_dies(mesh, events):
    seed = int(os.environ.get("AIDERMESH_TEST_SEED") or random.randrange(1, 1 << 32))
    print(f"AIDERMESH_TEST_SEED={seed}")
    broker = mesh.start_broker()
    sse = mesh.start_sse(*RING)
    port = mesh.port
    empty_mib = resident_mib(sse)
    crowd = Crowd(mesh, events, seed)
    crowd.wait_for(lambda: "here\n" in crowd.output(), "crowd that is here")
    assert resident_mib(sse) - empty_mib < CLIENTS * CLIENT_KIB / 1024

    crowd.wait_for_sent(events // 6)
    early_mib = resident_mib(sse)
    broker = restart_broker(mesh, broker)
    crowd.wait_for_sent(events * 2 // 6)
    broker = restart_broker(mesh, broker)
    crowd.wait_for_sent(events * 3 // 6)
    before_mib = resident_mib(sse)
    sse.stop(limit_s=STOP_S)
    # Nobody asks whether it is ready: ten thousand come back at once.
    sse = mesh.start_only("aidermesh-sse-bridge", *RING, "--set", f"http/port={port}")
    crowd.wait_for_sent(events * 5 // 6)
    crowd.wait(LIMIT_S)
    late_mib = resident_mib(sse)
    told = json.loads(crowd.output().splitlines()[-1])
    print(f"{told}; resident {early_mib:.0f}, {before_mib:.0f}, {late_mib:.0f} MiB")

    assert crowd.process.returncode == 0, crowd.said()
    assert told["sent"] == events
    assert told["delivered"] == told["owed"] > events * (CLIENTS // SESSIONS)
    assert told["gaps"] == 0
    assert told["cut"] <= CLIENTS * CUT_SHARE
    # The ring is filled meanwhile, and again after the restart; nothing else grows.
    assert before_mib < early_mib + 1.5 * RING_MIB
    assert late_mib < before_mib + 1.5 * RING_MIB
    for program in (sse, broker):
        program.stop(limit_s=STOP_S)
