"""One session, read by curl and by the SSE client libraries that people use.

SPDX-License-Identifier: MPL-2.0
"""

import json
import subprocess
import threading
import time

import httpx
import httpx_sse
import pytest
from fake_llm import FakeLLM
from mesh import ROOT, SUPPORT, Frame, FrameParser, Frames
from wrapped import run_aider

PATH = "/events/aider?since=earliest"


class Process(Frames):
    """A reader that is a program: what it prints becomes frames."""

    def __init__(self, words, parse):
        super().__init__()
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE)
        self._thread = threading.Thread(target=self._read, args=(parse,), daemon=True)
        self._thread.start()

    def _read(self, parse):
        while data := self.process.stdout.read1(65536):
            for frame in parse(data, time.monotonic()):
                self.add(frame)
        self.end("the reader ended")

    def close(self):
        self.process.kill()
        self.process.wait(10)
        self._thread.join(10)
        self.process.stdout.close()


class JsonLines:
    """What read_events.mjs prints."""

    def __init__(self):
        self._rest = b""
        self.said = []    # opened and failed

    def __call__(self, data, at):
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in map(json.loads, lines):
            if "type" in line:
                yield Frame(line["id"], line["type"], line["data"], at)
            else:
                self.said.append(line)


class HttpxReader(Frames):
    """PyPI's httpx-sse, in a thread."""

    def __init__(self, mesh):
        super().__init__()
        self.client = httpx.Client(headers=mesh.headers, timeout=None, trust_env=False)
        self._thread = threading.Thread(target=self._read, args=(mesh.url + PATH,), daemon=True)
        self._thread.start()

    def _read(self, url):
        try:
            with httpx_sse.connect_sse(self.client, "GET", url) as source:
                for event in source.iter_sse():
                    self.add(Frame(event.id, event.event, event.json(), time.monotonic()))
        except (httpx.HTTPError, httpx.StreamError) as error:
            self.end(repr(error))

    def close(self):
        self._thread.join(10)
        self.client.close()


def aider_types():
    defined = json.loads((ROOT / "docs" / "events.schema.json").read_text())["$defs"]
    return [name for name in defined if name.startswith("aider.")]


@pytest.fixture
def readers(mesh):
    opened = {}
    yield opened
    for reader in opened.values():
        reader.close()


def test_curl_httpx_sse_and_eventsource_read_the_same_events_in_the_same_order(mesh, readers):
    mesh.start()
    lines = JsonLines()
    readers["curl"] = Process(["curl", "-sN", "-H", f"Authorization: Bearer {mesh.token}",
                               mesh.url + PATH], FrameParser().feed)
    readers["eventsource"] = Process(
        ["node", str(SUPPORT / "node" / "read_events.mjs"), str(ROOT / "build" / "node"),
         mesh.url + PATH, mesh.token, *aider_types()], lines)
    httpx_reader = HttpxReader(mesh)
    with FakeLLM(["rate_limit", "ok"]) as llm:
        run = run_aider(mesh, llm)
    # The monitor may speak of a session that took long, and does so in its own time.
    expected = [(f.id, f.type, f.data) for f in run.told]
    assert len(expected) >= 6
    for name, reader in [*readers.items(), ("httpx-sse", httpx_reader)]:
        reader.wait("aider.session_completed", 10)
        got = [(f.id, f.type, f.data) for f in reader.all("aider.*") if "throttling" not in f.type]
        assert got == expected, name
    assert lines.said == [{"opened": True}]
    # The server's end of the stream ends what httpx-sse reads, too.
    mesh.stop()
    httpx_reader.close()


def test_a_reader_that_comes_back_with_its_last_id_gets_exactly_the_rest(mesh):
    mesh.start()
    with FakeLLM(["rate_limit", "ok"]) as llm:
        run = run_aider(mesh, llm)
    for cut in range(len(run.frames)):
        stream = mesh.stream("/events/aider", {"Last-Event-ID": run.frames[cut].id})
        opened = stream.wait("stream.opened", 5)[0]
        assert opened.data["verdict"] == "exact"
        rest = run.frames[cut + 1:]
        if rest:
            stream.wait("aider.session_completed", 5)
        assert [f.id for f in stream.all("aider.*")] == [f.id for f in rest]
        stream.close()


def test_the_families_of_streams_have_the_types_they_promise(mesh):
    mesh.start()
    progress = mesh.stream("/events/progress?since=earliest")
    errors = mesh.stream("/events/errors?since=earliest")
    mesh_family = mesh.stream("/events/mesh?since=earliest")
    with FakeLLM(["rate_limit", "ok"]) as llm:
        run = run_aider(mesh, llm)
    progress.wait("aider.session_completed", 10)
    errors.wait("aider.rate_limit_detected", 10)
    mesh_family.wait("mesh.transport_left", 10, where=lambda d: d["transport_type"] == "stdio")
    limits = [f.id for f in run.frames if f.type == "aider.rate_limit_detected"]
    assert [f.id for f in errors.all("aider.*")] == limits
    assert [f.id for f in progress.all("aider.*")] == \
        [f.id for f in run.frames if f.id not in limits]
    assert mesh_family.all("aider.*") == []
    assert all(f.type.split(".")[0] in ("mesh", "stream") for f in mesh_family.all())


def test_a_request_without_the_token_is_refused(mesh):
    mesh.start()
    status, headers, body = mesh.get("/events/aider", headers={"Accept": "text/event-stream"})
    assert status == 401 and mesh.token.encode() not in body
    wrong = {"Authorization": "Bearer " + "x" * len(mesh.token)}
    assert mesh.get("/events/aider", headers=wrong)[0] == 401
    assert mesh.get("/livez", headers={})[0] == 200
