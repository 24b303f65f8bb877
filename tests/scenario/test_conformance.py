"""The sse-bridge passes the conformance suite; and the suite finds what is wrong with a server.

SPDX-License-Identifier: MPL-2.0
"""

import sys

import pytest
from mesh import ROOT, SLOWNESS
from pyzmq_mesh import Publisher

sys.path.insert(0, str(ROOT / "tests" / "conformance"))

import checks    # noqa: E402
import conformance    # noqa: E402
import readers    # noqa: E402
import wrong_server    # noqa: E402

PATIENCE_S = 40 * SLOWNESS
# Found by what does not come: so many seconds are enough. What is slow must not look like a fault.
SHORT_S = {"no_ids": 3, "no_events": 3, "resume_ends": 8}
OF_CLIENTS = {check.__name__ for check in checks.CLIENTS}
# A line separator ends a line for what splits strings as Python does.
MESSAGE = "caf\u00e9 \u2028 data: x"


@pytest.fixture(scope="module")
def browser():
    browser = readers.Browser()
    yield browser
    browser.close()


def failures(results):
    return [str(result) for result in results if result.failure is not None]


def test_a_right_server_passes(browser):
    with wrong_server.Server() as server:
        target = checks.Target(server.url, wrong_server.HEADER, PATIENCE_S, PATIENCE_S)
        results = conformance.run(target, list(readers.ALL), browser)
    assert failures(results) == []
    assert len(results) == len(checks.WIRE) + len(checks.CLIENTS) * len(readers.ALL)


@pytest.mark.parametrize("fault", wrong_server.FAULTS)
def test_a_fault_is_found_by_its_check(browser, fault):
    check = wrong_server.FAULTS[fault]
    clients = list(readers.ALL) if check in OF_CLIENTS else []
    by = {wrong_server.ONLY_FOR[fault]} if fault in wrong_server.ONLY_FOR else set(clients)
    with wrong_server.Server(fault) as server:
        target = checks.Target(server.url, wrong_server.HEADER, SHORT_S.get(fault, PATIENCE_S),
                               comment_within_s=1 if fault == "silent" else PATIENCE_S)
        results = conformance.run(target, clients, browser, only=check)
    found = {result.client for result in results if result.failure is not None}
    assert found >= (by or {"wire"}), failures(results)


def test_every_check_has_a_fault_that_it_finds():
    without = OF_CLIENTS | {check.__name__ for check in checks.WIRE}
    # A server cannot have a client come back too early.
    assert without - set(wrong_server.FAULTS.values()) == {"it_waits_as_long_as_retry_says"}


def test_the_sse_bridge_passes(mesh, browser):
    mesh.start_broker()
    publisher = Publisher("py-publisher", "py-host", mesh.dir)
    mesh.start_sse("--set", "http/retry=500ms", "--set", "http/comment_every=1s")
    for _ in range(5):
        publisher.publish("aider.session_progress", "s-1", {"stage": "banner", "message": MESSAGE})
    publisher.drain(PATIENCE_S)
    mesh.stream("/events/aider?since=earliest").wait("aider.session_progress", PATIENCE_S, count=5)
    target = checks.Target(f"{mesh.url}/events/aider?since=earliest", mesh.headers, PATIENCE_S,
                           PATIENCE_S)
    results = conformance.run(target, list(readers.ALL), browser)
    publisher.close()
    assert failures(results) == []
    assert "aider.session_progress" in target.sample.types
