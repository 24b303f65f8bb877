"""GET /api/v1/sessions, one of them, and /api/v1/transports: pages, filters, scopes, refusals.

SPDX-License-Identifier: MPL-2.0
"""

import itertools
import json
import urllib.parse

import pytest
from pyzmq_mesh import Publisher
from test_access import PROGRESS, new_token, publish, status_of

from mesh import SLOWNESS, wait_until

LIMIT_S = 20 * SLOWNESS
SESSIONS = "/api/v1/sessions"
TRANSPORTS = "/api/v1/transports"


@pytest.fixture
def hosts(mesh):
    """A broker, an sse-bridge, and two hosts that publish, which say nothing in between."""
    mesh.start_broker("--set", "mesh/lost_after=10m")
    mesh.start_sse()
    both = {host: Publisher(f"py-{host}", host, mesh.dir) for host in ("left", "right")}
    yield both
    for publisher in both.values():
        publisher.close()


def ask(mesh, path, token=None, status=200):
    got, body, headers = status_of(mesh, path, token or mesh.token)
    assert got == status, body
    kind = "application/json" if status == 200 else "application/problem+json"
    assert headers["Content-Type"] == kind
    return json.loads(body)


def refusal(mesh, path, status):
    problem = ask(mesh, path, status=status)
    assert problem["status"] == status and problem["title"]
    return problem["detail"]


def ids(answer):
    return [session["session_id"] for session in answer["sessions"]]


def wait_for_sessions(mesh, count):
    wait_until(lambda: len(ids(ask(mesh, f"{SESSIONS}?limit=1000"))) == count, LIMIT_S,
               f"{count} sessions")


def test_sessions_are_listed_paged_and_filtered(mesh, hosts):
    for number in range(7):
        publish(hosts["left"], f"left {number}/ü")
    publish(hosts["right"], "right")
    wait_for_sessions(mesh, 8)
    every = ids(ask(mesh, SESSIONS))
    assert sorted(every) == sorted([*(f"left {number}/ü" for number in range(7)), "right"])
    pages, path = [], f"{SESSIONS}?limit=3"
    while path:
        page = ask(mesh, path)
        pages.append(ids(page))
        path = f"{SESSIONS}?limit=3&cursor={page['next_cursor']}" if "next_cursor" in page else None
    assert [len(page) for page in pages] == [3, 3, 2] and list(itertools.chain(*pages)) == every
    assert ids(ask(mesh, f"{SESSIONS}?host=right")) == ["right"]
    assert ids(ask(mesh, f"{SESSIONS}?state=ended")) == []
    one = ask(mesh, f"{SESSIONS}/{urllib.parse.quote('left 3/ü', safe='')}")
    assert one["host"] == "left" and one["state"] == "running" and one["events_seen"] == 1
    assert one["last_event"] == PROGRESS
    # From its cursor a stream goes on exactly after its last event.
    stream = mesh.stream(f"/events?since={one['cursor']}")
    assert stream.wait("stream.opened", LIMIT_S)[0].data["verdict"] == "exact"


def test_transports_are_those_who_are_there(mesh, hosts):
    def listed(query=""):
        return {row["transport_id"]: row for row in ask(mesh, TRANSPORTS + query)["transports"]}
    # Ready is who can stream; the list of programs comes with the broker's first answer.
    wait_until(lambda: status_of(mesh, TRANSPORTS, mesh.token)[0] == 200, LIMIT_S, "first list")
    wait_until(lambda: {"py-left", "py-right"} <= listed().keys(), LIMIT_S, "both publishers")
    rows = listed()
    assert rows["py-left"]["host"] == "left" and rows["py-left"]["joined_at"] > 0
    assert any(row["transport_type"] == "sse" for row in rows.values())
    assert listed("?host=right").keys() == {"py-right"}
    first = ask(mesh, f"{TRANSPORTS}?limit=1")
    second = ask(mesh, f"{TRANSPORTS}?limit=1000&cursor={first['next_cursor']}")
    assert [row["transport_id"] for row in first["transports"] + second["transports"]] \
        == sorted(rows)
    counts = json.loads(mesh.get("/health")[2])["transports"]
    assert counts["sse"] == 1 and sum(counts.values()) == len(rows)
    hosts.pop("right").close()
    wait_until(lambda: "py-right" not in listed(), LIMIT_S, "end of one that left")


def test_a_scope_confines_what_is_listed(mesh, hosts):
    publish(hosts["left"], "mine")
    publish(hosts["left"], "not mine")
    publish(hosts["right"], "elsewhere")
    wait_for_sessions(mesh, 3)
    wait_until(lambda: status_of(mesh, TRANSPORTS, mesh.token)[0] == 200, LIMIT_S, "first list")
    of_host = new_token(mesh, "--scope", "api;host=left")
    assert set(ids(ask(mesh, SESSIONS, of_host))) == {"mine", "not mine"}
    wait_until(lambda: [row["transport_id"] for row in ask(mesh, TRANSPORTS, of_host)["transports"]]
               == ["py-left"], LIMIT_S, "transports of the host")
    of_session = new_token(mesh, "--scope", "api;session=mine")
    assert ids(ask(mesh, SESSIONS, of_session)) == ["mine"]
    assert ask(mesh, TRANSPORTS, of_session)["transports"] == []
    assert ask(mesh, f"{SESSIONS}/mine", of_session)["session_id"] == "mine"
    hidden = ask(mesh, f"{SESSIONS}/elsewhere", of_session, 404)
    assert hidden == ask(mesh, f"{SESSIONS}/never", of_session, 404)
    of_events = new_token(mesh, "--scope", "events")
    ask(mesh, SESSIONS, of_events, 403)
    assert status_of(mesh, SESSIONS)[0] == 401


def test_what_is_wrong_is_refused_by_name(mesh, hosts):
    for query, words in {"?colour=red": "allowed are state, host, cursor, limit",
                         "?limit=0": "from 1 to 1000", "?limit=1001": "from 1 to 1000",
                         "?limit=1&limit=2": "twice", "?state=over": "running|ended",
                         "?cursor=x": "next_cursor", "?host": "no value",
                         "?host=a%00b": "no value"}.items():
        assert words in refusal(mesh, SESSIONS + query, 400), query
    assert "allowed are type, host, cursor" in refusal(mesh, f"{TRANSPORTS}?state=ended", 400)
    assert "no parameter" in refusal(mesh, f"{SESSIONS}/x?host=y", 400)
    for name in ("x", "%00", "a%00b", "%", "%zz", "x" * 128, "x" * 1000):
        assert "no session" in refusal(mesh, f"{SESSIONS}/{name}", 404)


def test_what_the_monitor_would_serve_does_not_exist(mesh, hosts):
    for name in ("requests", "providers", "alerts", "history", "stats", "sessions/", "sessions/a/b"):
        assert "there is nothing here" in refusal(mesh, f"/api/v1/{name}", 404)


def test_requests_to_the_api_are_counted_and_limited(mesh, hosts):
    mesh.start_sse("--set", "http/api_requests=3", "--set", "http/api_window=1h")
    token = new_token(mesh, "--scope", "api")
    for left in (2, 1, 0):
        status, _, headers = status_of(mesh, SESSIONS, token)
        assert status == 200 and "Retry-After" not in headers
        assert (headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == ("3", str(left))
        assert 0 < int(headers["RateLimit-Reset"]) <= 3600
    status, body, headers = status_of(mesh, TRANSPORTS, token)
    assert status == 429 and json.loads(body)["status"] == 429
    assert headers["Content-Type"] == "application/problem+json"
    assert 1100 < int(headers["Retry-After"]) <= 1200
    # Another caller has a bucket of its own, and what watches the program is not counted.
    assert status_of(mesh, SESSIONS, mesh.token)[2]["RateLimit-Remaining"] == "2"
    status, _, headers = status_of(mesh, "/health")
    assert status in (200, 503) and "RateLimit-Limit" not in headers


def test_the_description_names_what_exists_and_nothing_else(mesh, hosts):
    publish(hosts["left"], "x")
    wait_for_sessions(mesh, 1)
    wait_until(lambda: status_of(mesh, TRANSPORTS, mesh.token)[0] == 200, LIMIT_S, "first list")
    described = ask(mesh, "/openapi.json")
    assert described["openapi"] == "3.1.0" and described["servers"] == [{"url": "/"}]
    there = refusal(mesh, "/nothing", 404).partition("what there is: ")[2].split(", ")
    assert set(there) == {path for path in described["paths"] if "{" not in path}
    for path, methods in described["paths"].items():
        assert len(methods) == 1
        for method, operation in methods.items():
            concrete = path.replace("{session_id}", "x")
            answers = operation["responses"]
            for token in (mesh.token, None):
                status, _, headers = status_of(mesh, concrete, token, method.upper(),
                                               "{}" if method == "post" else None)
                assert str(status) in answers, f"{method} {path} is answered {status}"
                kind = headers.get_content_type() if status != 204 else None
                assert kind is None or kind in answers[str(status)]["content"], path
                assert (status == 401) == (token is None and "security" not in operation), path
            other = "DELETE"
            assert status_of(mesh, concrete, mesh.token, other)[0] == 405
            for parameter in operation["parameters"]:
                if parameter["in"] == "query":
                    refused = status_of(mesh, f"{concrete}?{parameter['name']}=", mesh.token)
                    assert b"no parameter" not in refused[1], parameter
                    assert b"is not known" not in refused[1], parameter
