"""aider_run - runs the real aider in a throw-away home and repository, against loopback only.

SPDX-License-Identifier: MPL-2.0

prepare() makes the home, the git repository and the environment; AiderRun.command() gives the
argument vector; run() runs it and keeps what came out, when. Whoever wraps aider puts the
wrapper's own words in front: `run(aider, prefix=["aidermesh-stdio-bridge", "--"])`.
"""

from __future__ import annotations

import codecs
import dataclasses
import fcntl
import json
import os
import pathlib
import pty
import select
import struct
import subprocess
import termios
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDE = 4000    # columns: one message stays one line
MAX_OUTPUT_BYTES = 4 * 1024 * 1024
GIT_TIME = "2026-01-01T00:00:00+00:00"

# What aider knows of the fake model. The file keeps aider from fetching the real one, and the
# prices make it print costs.
PRICES = {name: {"max_tokens": 4096, "max_input_tokens": 100000, "max_output_tokens": 4096,
                 "input_cost_per_token": 0.000003, "output_cost_per_token": 0.000015,
                 "litellm_provider": "openai", "mode": "chat"}
          for name in ("openai/fake", "fake", "openai/fake-weak", "fake-weak")}
# A model into whose context nothing fits, for aider's own estimate.
PRICES["openai/fake-small"] = {**PRICES["openai/fake"], "max_input_tokens": 400}


def find_aider():
    """The aider program: $AIDERMESH_TEST_AIDER, or the virtual environment below build/."""
    named = os.environ.get("AIDERMESH_TEST_AIDER")
    if named:
        return pathlib.Path(named)
    return ROOT / "build" / "aider-venv" / "bin" / "aider"


@dataclasses.dataclass
class AiderRun:
    """One prepared place to run aider in. Paths are absolute."""

    aider: pathlib.Path
    home: pathlib.Path
    repo: pathlib.Path
    env: dict
    history: pathlib.Path
    analytics: pathlib.Path

    def command(self, message=None, *extra, model="openai/fake", plain=True, files=("a.py",)):
        """The recommended command line. Without a message aider is interactive."""
        words = [str(self.aider), "--model", model, "--no-check-update",
                 "--no-show-model-warnings", "--no-show-release-notes", "--no-analytics",
                 "--analytics-log", str(self.analytics),
                 "--chat-history-file", str(self.history),
                 "--no-gitignore", "--map-tokens", "0", "--no-detect-urls",
                 "--no-suggest-shell-commands", "--no-auto-lint"]
        if plain:
            words += ["--no-pretty", "--no-fancy-input"]
        if message is not None:
            words += ["--yes-always", "--message", message]
        return words + list(extra) + list(files)

    def git(self, *words):
        """Run git in the repository. Returns what it printed."""
        return subprocess.run(["git", *words], cwd=self.repo, env=self.env, check=True,
                              stdout=subprocess.PIPE, text=True, timeout=30).stdout

    def nest(self, name, files):
        """Make a repository of its own inside the repository, with these files committed."""
        inner = dataclasses.replace(self, repo=self.repo / name)
        inner.repo.mkdir()
        inner.git("init", "-q")
        inner.add(files)

    def add(self, files):
        """Write files into the repository and commit them."""
        for name, content in files.items():
            (self.repo / name).parent.mkdir(parents=True, exist_ok=True)
            (self.repo / name).write_text(content)
            self.git("add", "--", name)
        self.git("commit", "-q", "-m", "start")

    def analytics_events(self):
        if not self.analytics.exists():
            return []
        return [json.loads(line) for line in self.analytics.read_text().splitlines()]


def prepare(folder, base_url, files=None, columns=WIDE, aider=None, env=None):
    """Make a home and a repository with `files` committed below folder, which must exist.

    base_url is the fake server's. columns None leaves COLUMNS unset: aider then wraps at 80.
    env adds to the environment; a value of None takes a variable away.
    Raises FileNotFoundError when there is no aider to run.
    """
    aider = pathlib.Path(aider) if aider else find_aider()
    if not aider.exists():
        raise FileNotFoundError(f"no aider at {aider}; tests/run.sh installs it")
    folder = pathlib.Path(folder)
    home = folder / "home"
    repo = folder / "project"
    caches = home / ".aider" / "caches"
    caches.mkdir(parents=True)
    repo.mkdir()
    (caches / "model_prices_and_context_window.json").write_text(json.dumps(PRICES))

    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "TMPDIR": str(folder),
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
        "OPENAI_API_BASE": base_url,
        "OPENAI_API_KEY": "sk-fake",
        "BROWSER": "true",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        # Whatever would leave this host meets a closed port instead.
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1,localhost",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Test User",
        "GIT_AUTHOR_EMAIL": "test@example.com",
        "GIT_COMMITTER_NAME": "Test User",
        "GIT_COMMITTER_EMAIL": "test@example.com",
        # Fixed, so that the commits of two equal runs have equal names.
        "GIT_AUTHOR_DATE": GIT_TIME,
        "GIT_COMMITTER_DATE": GIT_TIME,
    }
    if columns is not None:
        environment["COLUMNS"] = str(columns)
    environment.update(env or {})
    environment = {name: value for name, value in environment.items() if value is not None}
    run_ = AiderRun(aider, home, repo, environment, folder / "chat.history.md",
                    folder / "analytics.jsonl")
    (home / ".gitconfig").write_text(
        "[init]\n\tdefaultBranch = main\n[user]\n\tname = Test User\n"
        "\temail = test@example.com\n[commit]\n\tgpgsign = false\n")
    run_.git("init", "-q")
    run_.add(files or {"a.py": "x = 1\n"})
    return run_


@dataclasses.dataclass
class Outcome:
    """What a run left. stdout of a run under a terminal holds both streams."""

    rc: int    # exit status, or minus the signal
    stdout: str
    stderr: str
    timeline: list    # {"t": seconds since the start, "data": text}, one per read
    took_s: float
    acted: int    # how many of the actions were reached


@dataclasses.dataclass
class Action:
    """When `after` has appeared in the output (past what earlier actions matched), `when()` is
    true, and delay_s later: send text, a signal, or call something."""

    after: str | None = None
    when: object = None    # polled, every 0.2 s at the latest
    send: str | None = None
    signal: int | None = None
    call: object = None    # called with the process
    delay_s: float = 0.0


def run(prepared, command, prefix=(), actions=(), terminal=False, timeout_s=120.0, size=(24, 80),
        stdin_text=None):
    """Run a command in the prepared repository. Returns an Outcome.

    With terminal=True a pseudo-terminal is its stdin, stdout and stderr. Raises TimeoutError,
    having killed the process, when it takes longer than timeout_s.
    """
    master = None
    if terminal:
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[0], size[1], 0, 0))
        streams = {"stdin": slave, "stdout": slave, "stderr": slave}
    else:
        interactive = stdin_text is not None or any(action.send for action in actions)
        streams = {"stdin": subprocess.PIPE if interactive else subprocess.DEVNULL,
                   "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    started = time.monotonic()
    child = subprocess.Popen([*prefix, *command], cwd=prepared.repo, env=prepared.env,
                             start_new_session=True,
                             preexec_fn=_take_terminal if terminal else None, **streams)
    if terminal:
        os.close(slave)
    try:
        session = _Session(child, master, list(actions), started)
        if stdin_text is not None:
            child.stdin.write(stdin_text.encode())
            child.stdin.close()
        session.follow(started + timeout_s)
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream:
                stream.close()
        if master is not None:
            os.close(master)
    return session.outcome()


def _take_terminal():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class _Session:
    """Reads a running child and performs the actions."""

    def __init__(self, child, master, actions, started):
        self.child = child
        self.master = master
        self.actions = actions
        self.started = started
        self.timeline = []
        self.text = {"out": "", "err": ""}
        self.acted = 0
        self.searched = 0    # where in the output the next action's text may begin
        self.due = None    # when the action that was matched shall happen
        decoder = codecs.getincrementaldecoder("utf-8")
        self.decoders = {"out": decoder("replace"), "err": decoder("replace")}
        self.read_bytes = 0
        self.took_s = 0.0

    def follow(self, deadline):
        streams = ({self.master: "out"} if self.master is not None else
                   {self.child.stdout.fileno(): "out", self.child.stderr.fileno(): "err"})
        while streams:
            now = time.monotonic()
            if now > deadline:
                raise TimeoutError(f"still running; so far: {self.text['out'][-2000:]}")
            wait_s = min(deadline - now, 0.2)
            if self.due is not None:
                wait_s = min(wait_s, max(0.0, self.due - now))
            ready, _, _ = select.select(list(streams), [], [], wait_s)
            for fd in ready:
                if not self._read(fd, streams[fd]):
                    del streams[fd]
            self._act()
        self.child.wait(max(0.1, deadline - time.monotonic()))
        self.took_s = time.monotonic() - self.started

    def _read(self, fd, stream):
        try:
            data = os.read(fd, 65536)
        except OSError:    # a terminal whose other side is closed
            data = b""
        self.read_bytes += len(data)
        if self.read_bytes > MAX_OUTPUT_BYTES:
            raise RuntimeError("the program prints without end")
        text = self.decoders[stream].decode(data, final=not data)
        self.text[stream] += text
        if text and stream == "out":
            self.timeline.append({"t": round(time.monotonic() - self.started, 3), "data": text})
            if self.master is not None and "\x1b[6n" in text:
                os.write(self.master, b"\x1b[1;1R")    # where is the cursor? A terminal answers.
        return bool(data)

    def _act(self):
        if self.acted == len(self.actions):
            return
        action = self.actions[self.acted]
        now = time.monotonic()
        if self.due is None:
            if action.when is not None and not action.when():
                return
            if action.after is not None:
                at = self.text["out"].find(action.after, self.searched)
                if at < 0:
                    return
                self.searched = at + len(action.after)
            self.due = now + action.delay_s
        if now < self.due:
            return
        self.due = None
        self.acted += 1
        if action.send is not None:
            fd = self.master if self.master is not None else self.child.stdin.fileno()
            os.write(fd, action.send.encode())
        if action.signal is not None:
            self.child.send_signal(action.signal)
        if action.call is not None:
            action.call(self.child)

    def outcome(self):
        return Outcome(self.child.returncode, self.text["out"], self.text["err"], self.timeline,
                       self.took_s, self.acted)
