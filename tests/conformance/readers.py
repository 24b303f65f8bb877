"""readers - four clients of an event stream, looked at in one way.

SPDX-License-Identifier: MPL-2.0

curl and httpx-sse read one answer; what comes after it is their caller's to do, here as the HTML
standard has an EventSource do it: 200 and an event stream that ends is asked for again, after
`retry` and with the last id; anything else is final. npm's eventsource and Chromium's do all of it
themselves.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import shutil
import subprocess
import tempfile
import threading
import urllib.parse
import urllib.request

import httpx
import httpx_sse
import sse_standard

HERE = pathlib.Path(__file__).resolve().parent
NODE_MODULES = HERE.parents[1] / "build" / "node"
RETRY_S = 3.0
START_TIMEOUT_S = 120


@dataclasses.dataclass(frozen=True)
class Got:
    type: str
    data: str
    last_id: str


class Reader:
    """What happened to one client, oldest first: Got, or the name of the state it went into."""

    def __init__(self, relay):
        self.relay = relay
        self.happened = []
        self._changed = threading.Condition()

    def say(self, what):
        with self._changed:
            self.happened.append(what)
            self._changed.notify_all()

    def take(self, told):
        """One object, as page.html and read_events.mjs tell it."""
        self.say(told["state"] if "state" in told else Got(**told))

    @property
    def events(self):
        with self._changed:
            return [what for what in self.happened if isinstance(what, Got)]

    @property
    def states(self):
        with self._changed:
            return [what for what in self.happened if isinstance(what, str)]

    def wait(self, fact, timeout_s, what):
        """Until fact(self) holds; fails by saying what was missed, and what was there."""
        def holds():
            return fact(self)
        with self._changed:
            if self._changed.wait_for(holds, timeout_s):
                return
        asked = [(exchange.path, exchange.asked.get("last-event-id"), exchange.status)
                 for exchange in self.relay.exchanges]
        raise AssertionError(f"{self.name} did not get to {what} within {timeout_s:.0f} s; it"
                             f" asked {asked} and had {self.happened[-12:]}")

    def wait_event(self, type_, timeout_s, count=1):
        def found():
            return [event for event in self.events if event.type == type_]
        self.wait(lambda _: len(found()) >= count, timeout_s, f"{count} x {type_}")
        return found()

    def wait_state(self, state, timeout_s, count=1):
        self.wait(lambda _: self.states.count(state) >= count, timeout_s,
                  f"the state {state} ({count} x)")

    def wait_requests(self, count, timeout_s):
        """Until so many requests are answered; the last of these."""
        assert self.relay.wait(
            lambda all_: len(all_) >= count and all_[count - 1].status, timeout_s), \
            f"{self.name} made {len(self.relay.exchanges)} of {count} requests: {self.happened}"
        return self.relay.exchanges[count - 1]


class Looped(Reader):
    """What reads one answer, in the loop that the standard describes."""

    def __init__(self, relay, types):
        super().__init__(relay)
        del types    # it hands over all
        self.last_id = ""
        self.retry_s = RETRY_S
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stopped.is_set():
            if self._read_once():
                self.say("closed")
                return
            self.say("connecting")
            self._stopped.wait(self.retry_s)

    def opened(self, status, content_type):
        """Whether it is a stream; what else comes is final."""
        if status != 200 or content_type.partition(";")[0].strip() != "text/event-stream":
            return False
        self.say("open")
        return True

    def headers(self):
        return {"Last-Event-ID": self.last_id} if self.last_id else {}

    def hand_over(self, type_, data, last_id, retry_ms):
        if retry_ms is not None:
            self.retry_s = retry_ms / 1000
        # httpx-sse forgets the id with each answer: an empty one is none.
        self.last_id = last_id or self.last_id
        self.say(Got(type_, data, last_id))

    def close(self):
        self._stopped.set()
        self._hang_up()
        self._thread.join(START_TIMEOUT_S)


class Curl(Looped):
    name = "curl"

    def __init__(self, relay, types):
        self._process = None
        super().__init__(relay, types)

    def _read_once(self):
        """Whether the answer is final."""
        words = [word for name, value in self.headers().items()
                 for word in ("-H", f"{name}: {value}")]
        self._process = subprocess.Popen(
            ["curl", "-sNi", "--noproxy", "*", "-H", "Accept: text/event-stream", *words,
             self.relay.url], stdout=subprocess.PIPE)
        with self._process as process:
            head = []
            while line := process.stdout.readline().strip():
                head.append(line.decode("latin-1"))
            if not head:
                return False    # no answer: the network
            fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
            if not self.opened(int(head[0].split()[1]), fields.get("content-type", "")):
                process.kill()
                return True
            reader = sse_standard.Reader(self.last_id)
            while data := process.stdout.read1(65536):
                for event in reader.feed(data):
                    self.hand_over(event.type, event.data, event.last_id, reader.retry_ms)
        return False

    def _hang_up(self):
        if self._process:
            self._process.kill()


class HttpxSse(Looped):
    name = "httpx-sse"

    def __init__(self, relay, types):
        self._client = httpx.Client(timeout=None, trust_env=False)
        super().__init__(relay, types)

    def _read_once(self):
        with contextlib.suppress(httpx.TransportError), httpx_sse.connect_sse(
                self._client, "GET", self.relay.url, headers=self.headers()) as source:
            response = source.response
            if not self.opened(response.status_code, response.headers.get("Content-Type", "")):
                return True
            for event in source.iter_sse():
                self.hand_over(event.event, event.data, event.id, event.retry)
        return False

    def _hang_up(self):
        self.relay.cut()    # a read that waits is not ended by closing the client

    def close(self):
        super().close()
        self._client.close()


class NpmEventSource(Reader):
    name = "eventsource"

    def __init__(self, relay, types):
        super().__init__(relay)
        self._process = subprocess.Popen(
            ["node", str(HERE / "read_events.mjs"), str(NODE_MODULES), relay.url, *types],
            stdout=subprocess.PIPE)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self._process.stdout:
            self.take(json.loads(line))

    def close(self):
        self._process.kill()
        self._thread.join(START_TIMEOUT_S)
        self._process.stdout.close()
        self._process.wait()


class Browser:
    """One Chromium without a window, for as many pages as are asked for."""

    def __init__(self):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="mesh-chromium-", dir="/tmp"))
        # Without a sandbox, which root has not and containers forbid: it loads pages of ours only,
        # and finds no other host.
        with open(self._folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
                 "--disable-dev-shm-usage", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync", "--disable-extensions",
                 "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
                 "--disable-backgrounding-occluded-windows", "--no-proxy-server",
                 "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                 f"--user-data-dir={self._folder}", "--remote-debugging-port=0", "about:blank"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                # What it keeps beside its profile goes there, too.
                env={"HOME": str(self._folder), "PATH": "/usr/local/bin:/usr/bin:/bin"})
        self._port = None

    def _ask(self, path):
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", method="PUT")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=START_TIMEOUT_S) as answer:
            return answer.read()

    def _wait_for_port(self):
        port_file = self._folder / "DevToolsActivePort"
        waited = threading.Event()
        for _ in range(START_TIMEOUT_S * 20):
            text = port_file.read_text() if port_file.exists() else ""
            if "\n" in text:
                return int(text.splitlines()[0])
            assert self._process.poll() is None, self.said()
            waited.wait(0.05)
        raise AssertionError(f"chromium does not start: {self.said()}")

    def said(self):
        return (self._folder / "log").read_text(errors="replace")[-3000:]

    def open(self, url):
        """A new page; its id."""
        self._port = self._port or self._wait_for_port()
        return json.loads(self._ask("/json/new?" + urllib.parse.quote(url, safe="")))["id"]

    def close_page(self, page):
        self._ask(f"/json/close/{page}")

    def close(self):
        self._process.terminate()
        try:
            self._process.wait(START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


class ChromiumEventSource(Reader):
    name = "chromium"

    def __init__(self, relay, types, browser, page_relay=None):
        """The page comes from page_relay, of another origin, or from the stream's own."""
        super().__init__(relay)
        page_relay = page_relay or relay
        page_relay.on_said = self.take
        self._browser = browser
        query = urllib.parse.urlencode({"url": relay.url, "types": ",".join(types)})
        self._page = browser.open(f"{page_relay.origin}/.conformance/page?{query}")

    def close(self):
        self._browser.close_page(self._page)


ALL = {kind.name: kind for kind in (Curl, HttpxSse, NpmEventSource, ChromiumEventSource)}


def open_reader(name, relay, types, browser=None):
    if name == ChromiumEventSource.name:
        return ChromiumEventSource(relay, types, browser)
    return ALL[name](relay, types)
