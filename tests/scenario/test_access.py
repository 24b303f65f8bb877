"""Who may read what over HTTP: scopes, revocation, expiry, cookies, tickets, guessers, proxies.

SPDX-License-Identifier: MPL-2.0
"""

import http.client
import json
import re
import subprocess

import pytest
from mesh import PATIENCE_S, SLOWNESS, Mesh, Stream, wait_until
from pyzmq_mesh import Publisher

PROGRESS = "aider.session_progress"
LIFE_S = 5 * SLOWNESS


@pytest.fixture
def publishers(mesh):
    """Two hosts that publish."""
    mesh.start_broker()
    both = {host: Publisher(f"py-{host}", host, mesh.dir) for host in ("left", "right")}
    yield both
    for publisher in both.values():
        publisher.close()


def publish(publisher, session="s-1"):
    publisher.publish(PROGRESS, session, {"stage": "banner", "message": "x"})
    publisher.drain(10)


def token_verb(mesh, *words):
    return subprocess.run([*mesh.program("aidermesh"), "token", *words], env=mesh.env,
                          capture_output=True, text=True, timeout=PATIENCE_S)


def new_token(mesh, *words):
    made = token_verb(mesh, "new", *words)
    assert made.returncode == 0, made.stderr
    token = made.stdout.strip()
    # The sse-bridge looks at the file every second.
    wait_until(lambda: status_of(mesh, "/events", token, method="HEAD")[0] != 401, PATIENCE_S,
               "token that is known")
    return token


def status_of(mesh, path, token=None, method="GET", body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", mesh.port, timeout=PATIENCE_S)
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    answer = response.status, response.read() if method != "HEAD" and \
        response.headers.get_content_type() != "text/event-stream" else b"", response.headers
    connection.close()
    return answer


def open_stream(mesh, path, token=None, **headers):
    if token:
        headers["Authorization"] = f"Bearer {token}"
    stream = Stream(mesh.url, path, headers)
    mesh.streams.append(stream)
    stream.wait("stream.opened", PATIENCE_S)
    return stream


def test_a_token_shows_its_scope_and_nothing_else(mesh, publishers):
    mesh.start_sse()
    token = new_token(mesh, "--scope", "events;host=left", "--scope", "events;session=shared",
                      "reader")
    stream = open_stream(mesh, "/events", token)
    publish(publishers["right"], "hidden")
    publish(publishers["right"], "shared")
    publish(publishers["left"], "s-1")
    seen = stream.wait(PROGRESS, PATIENCE_S, count=2)
    assert [(f.data["host"], f.data["session_id"]) for f in seen] == [
        ("right", "shared"), ("left", "s-1")]
    # What lies outside is refused by rule.
    status, body, _ = status_of(mesh, "/metrics", token)
    assert status == 403 and b"scope" in body
    narrow = new_token(mesh, "--scope", "events;host=left;session=s-1")
    for path in ("/events?host=right", "/events?session=s-1,s-2"):
        status, body, _ = status_of(mesh, path, narrow)
        assert status == 403 and b"not within the scope" in body
    listed = token_verb(mesh, "list")
    assert "reader" in listed.stdout and "events;host=left" in listed.stdout
    assert token not in listed.stdout and listed.returncode == 0


def test_a_revoked_token_ends_its_streams_and_no_others(mesh, publishers):
    mesh.start_sse()
    token = new_token(mesh, "--scope", "events", "gone-soon")
    theirs = open_stream(mesh, "/events", token)
    ours = open_stream(mesh, "/events", mesh.token)
    assert token_verb(mesh, "revoke", "gone-soon").returncode == 0
    closing, = theirs.wait("stream.closing", PATIENCE_S)
    assert closing.data["reason"] == "token_revoked"
    wait_until(lambda: theirs.ended, PATIENCE_S, "end of the stream")
    assert status_of(mesh, "/events", token)[0] == 401
    publish(publishers["left"])
    ours.wait(PROGRESS, PATIENCE_S)
    again = token_verb(mesh, "revoke", "gone-soon")
    assert again.returncode == 1 and "no token" in again.stderr


def test_a_token_that_ends_says_so_before_and_then_is_wrong(mesh, publishers):
    mesh.start_sse()
    token = new_token(mesh, "--expires", f"{LIFE_S}s")
    stream = open_stream(mesh, "/events", token)
    warning, last = stream.wait("stream.closing", LIFE_S + PATIENCE_S, count=2)
    assert warning.data["reason"] == last.data["reason"] == "token_expired"
    assert 0 < warning.data["in"] <= LIFE_S and "in" not in last.data
    assert status_of(mesh, "/events", token)[0] == 401


def test_a_token_has_its_own_number_of_streams(mesh, publishers):
    mesh.start_sse("--set", "http/clients_per_token=2")
    token = new_token(mesh)
    kept = [open_stream(mesh, "/events", token) for _ in range(2)]
    status, body, headers = status_of(mesh, "/events", token)
    assert status == 429 and b"clients_per_token" in body and headers["Retry-After"]
    open_stream(mesh, "/events", mesh.token)
    kept[0].close()
    wait_until(lambda: status_of(mesh, "/events", token)[0] == 200, PATIENCE_S, "room again")


def ticket_for(mesh, url, token, **headers):
    status, body, _ = status_of(mesh, "/api/v1/ticket", token, "POST",
                                json.dumps({"url": url}), **headers)
    assert status == 201, body
    return json.loads(body)


def test_a_ticket_opens_one_stream_at_a_time_and_survives_a_restart(mesh, publishers):
    mesh.start_sse()
    url = f"/events?types={PROGRESS}"
    answer = ticket_for(mesh, url, mesh.token)
    assert answer["url"] == f"{url}&ticket={answer['ticket']}" and answer["expires_in"] == 60
    first = open_stream(mesh, answer["url"])
    publish(publishers["left"])
    event, = first.wait(PROGRESS, PATIENCE_S)
    # A browser that comes back, also before its old connection is seen to be gone.
    second = open_stream(mesh, answer["url"], **{"Last-Event-ID": event.id})
    closing, = first.wait("stream.closing", PATIENCE_S)
    assert closing.data["reason"] == "replaced"
    port = mesh.port
    mesh.programs[-1].stop()
    mesh.start_sse("--port", str(port))
    third = open_stream(mesh, answer["url"] + f"&last_event_id={event.id}")
    assert third.all("stream.opened")[0].data["verdict"] in ("exact", "live")
    wait_until(lambda: second.ended, PATIENCE_S, "end of the stream before")


def test_a_ticket_is_for_its_url_origin_and_token_only(mesh, publishers):
    mesh.start_sse("--set", "http/allow_origins=https://a.example")
    scoped = new_token(mesh, "--scope", "events;host=left", "scoped")
    ticket = ticket_for(mesh, "/events", scoped)["ticket"]
    for path in ("/events?types=aider.*&ticket=", "/events/aider?ticket=", "/metrics?ticket="):
        assert status_of(mesh, path + ticket)[0] == 401
    assert status_of(mesh, "/events?ticket=" + ticket, Origin="https://a.example")[0] == 401
    assert status_of(mesh, f"/events?ticket={ticket[:-1]}{'0' if ticket[-1] != '0' else '1'}")[
        0] == 401
    stream = open_stream(mesh, "/events?ticket=" + ticket)
    publish(publishers["right"])
    publish(publishers["left"])
    assert [f.data["host"] for f in stream.wait(PROGRESS, PATIENCE_S)] == ["left"]
    # Revoking the token ends what was opened in its name.
    assert token_verb(mesh, "revoke", "scoped").returncode == 0
    assert stream.wait("stream.closing", PATIENCE_S)[0].data["reason"] == "token_revoked"
    # A foreign page may ask where it is allowed, and its ticket is good for it alone.
    there = ticket_for(mesh, "/events", mesh.token, Origin="https://a.example")["ticket"]
    assert status_of(mesh, "/events?ticket=" + there)[0] == 401
    assert status_of(mesh, "/events?ticket=" + there, Origin="https://a.example")[0] == 200
    for body in ("", "{}", '{"url": "/metrics"}', '{"url": "/events#x"}', '{"url": 5}', "[1",
                 '{"url": "/events", "to": 1}'):
        status, answer, _ = status_of(mesh, "/api/v1/ticket", mesh.token, "POST", body)
        assert status == 400 and b"url" in answer, body
    assert status_of(mesh, "/api/v1/ticket", mesh.token, "POST", "x" * 70000)[0] == 413


def test_a_sign_in_is_a_cookie_that_no_foreign_page_can_use_to_ask(mesh, publishers):
    mesh.start_sse()
    status, _, headers = status_of(mesh, "/api/v1/signin", mesh.token, "POST")
    assert status == 204
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Secure" not in cookie
    assert mesh.token not in cookie
    shown = cookie.split(";")[0]
    assert status_of(mesh, "/metrics", Cookie=shown)[0] == 200
    assert ticket_for(mesh, "/events", None, Cookie=shown, Origin=mesh.url)["ticket"]
    status, body, _ = status_of(mesh, "/api/v1/ticket", None, "POST", '{"url": "/events"}',
                                Cookie=shown, Origin="https://evil.example")
    assert status == 403 and b"origin" in body
    assert status_of(mesh, "/metrics", Cookie=shown[:-1])[0] == 401
    assert status_of(mesh, "/api/v1/signin", None, "POST")[0] == 401
    status, _, headers = status_of(mesh, "/api/v1/signin", mesh.token, "POST",
                                   **{"X-Forwarded-Proto": "https"})
    assert "; Secure" in headers["Set-Cookie"]


def test_behind_a_proxy_each_client_has_its_own_limits(mesh, publishers):
    mesh.start_sse("--set", "http/trusted_proxies=127.0.0.0/8",
                   "--set", "http/clients_per_address=1", "--set", "http/base_path=/mesh")
    def ask(client, token):
        return status_of(mesh, "/mesh/events", token, **{"X-Forwarded-For": client})
    for _ in range(10):
        assert ask("192.0.2.1", "wrong")[0] == 401

    def refused():
        status, body, headers = ask("192.0.2.1", mesh.token)
        if status == 429:
            return body, headers
        ask("192.0.2.1", "wrong")    # one of them is forgotten every six seconds
        return None
    body, headers = wait_until(refused, PATIENCE_S, "guesser that is refused")
    assert b"wrong tokens" in body and int(headers["Retry-After"]) <= 7
    assert status_of(mesh, "/elsewhere/events", mesh.token)[0] == 404
    answer = ticket_for(mesh, "/mesh/events", mesh.token)
    assert answer["url"].startswith("/mesh/events?ticket=")
    # Some proxies take the path off, others leave it.
    open_stream(mesh, answer["url"])
    open_stream(mesh, answer["url"].removeprefix("/mesh"))
    kept = Stream(mesh.url, "/mesh/events", {**mesh.headers, "X-Forwarded-For": "192.0.2.2"})
    mesh.streams.append(kept)
    kept.wait("stream.opened", PATIENCE_S)
    status, body, _ = ask("192.0.2.2", mesh.token)
    assert status == 429 and b"clients_per_address" in body
    assert ask("192.0.2.3, 127.0.0.9", mesh.token)[0] == 200


def test_no_secret_is_logged(mesh, publishers):
    mesh.start_sse("--log-level", "debug")
    token = new_token(mesh)
    ticket = ticket_for(mesh, "/events", token)["ticket"]
    open_stream(mesh, "/events?ticket=" + ticket)
    status_of(mesh, "/events", "amt_" + "0" * 77)
    said = mesh.programs[-1].said()
    for secret in (mesh.token, token, ticket.rpartition(".")[2], "amt_000"):
        assert secret not in said
    assert not re.search(r"[0-9a-f]{64}", said)


def test_a_damaged_file_of_tokens_is_said_and_makes_none_good(tmp_path_factory):
    with Mesh(tmp_path_factory.mktemp("m")) as mesh:
        mesh.start_broker()
        mesh.start_sse()
        token = new_token(mesh)
        path = mesh.folder / "state" / "aidermesh" / "tokens.json"
        kept = path.read_text()
        path.write_text(kept[:-20])
        wait_until(lambda: "tokens-unreadable" in mesh.programs[-1].said(), PATIENCE_S,
                   "word of the damage")
        assert status_of(mesh, "/events", token)[0] == 401
        assert status_of(mesh, "/events", mesh.token)[0] == 200
        path.write_text(kept)
        wait_until(lambda: status_of(mesh, "/events", token)[0] == 200, PATIENCE_S,
                   "token that is good again")
