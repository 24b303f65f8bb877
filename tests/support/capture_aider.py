#!/usr/bin/env python3
"""capture_aider - runs the real aider case by case and keeps what it said, as fixtures.

SPDX-License-Identifier: MPL-2.0

    tests/support/capture_aider.py --list
    tests/support/capture_aider.py 429x2_then_ok interactive
    tests/support/capture_aider.py --all --jobs 4

Run it again when a new aider is out, and read the difference: what changed there is what the
stdio-bridge may have to learn. What belongs to this machine (paths, ports, host and user ids)
is replaced; a capture in which any of it is left is refused.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import dataclasses
import importlib.metadata
import json
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile

import aider_run
from aider_run import Action
from fake_llm import ERRORS, FakeLLM

RAISES = pathlib.Path(__file__).resolve().parent / "litellm_raises"
CAPTURES = aider_run.ROOT / "tests" / "fixtures" / "captures"
MAX_FILE_BYTES = 20_000
NO_USER = "00000000-0000-4000-8000-000000000000"
PROMPT = "a.py\r\n> "    # what stands before the cursor in the plain interactive mode
CTRL_C = "\x03"
PACKAGES = ("aider-chat", "litellm", "openai", "rich", "prompt_toolkit")


@dataclasses.dataclass
class Case:
    about: str
    script: object
    message: str | None = "say hello"
    extra: tuple = ()
    plain: bool = True
    columns: int | None = aider_run.WIDE
    terminal: bool = False
    actions: object = ()    # or a function of the server that gives them
    stdin_text: str | None = None
    refused: bool = False    # nobody listens where aider is sent
    model: str = "openai/fake"
    files: tuple = ("a.py",)
    repos: dict | None = None    # further repositories inside the first, as prepare() takes files
    env: dict | None = None    # as aider_run.prepare takes it; {base} is the server's address
    timeout_s: float = 180.0


def once_then_ok(name, about, **members):
    return Case(about, [{"do": name, **members}, "ok"])


def raised(name):
    """litellm itself raises a class that no answer of a server brings about, then a reply."""
    return Case(f"litellm raises {name}", ["ok"],
                env={"TEST_LITELLM_RAISES": name, "PYTHONPATH": str(RAISES)})


def interrupted(number, delay_s=0.5):
    """Send the signal once the first request has arrived and aider waits for the answer."""
    return lambda llm: [Action(when=lambda: llm.wait_for_requests(1, 0), signal=number,
                               delay_s=delay_s)]


COMMIT = {"do": "ok", "text": "fix: set x to two"}
EDIT = {"do": "edit", "path": "a.py", "content": "x = 2"}
BAD_DIFF = {"do": "ok", "text": "Ok.\n\na.py\n```\n<<<<<<< SEARCH\nnot there\n=======\ny = 3\n"
                                ">>>>>>> REPLACE\n```\n"}
REFUSALS = [{"do": "rate_limit", "retry_after": 1}, "unavailable", "overloaded", "server_error",
            "ok"]
ANTHROPIC = {"ANTHROPIC_API_BASE": "{base}", "ANTHROPIC_API_KEY": "sk-fake"}
DELAYS = ["Please try again in 5.3s.", 'Quota exceeded. {"retryDelay": "30s"}',
          "Please retry after 20 seconds."]
CHECK = "grep -q 42 a.py || { echo expected 42; exit 1; }"

CASES = {
    "ok": Case("one reply", ["ok"]),
    "429x2_then_ok": Case("rate limited twice, then a reply",
                          ["rate_limit", "rate_limit", "ok"]),
    "429x2_then_ok_80cols": Case("the same, wrapped at 80 columns",
                                 ["rate_limit", "rate_limit", "ok"], columns=None),
    "429_exhausted": Case("nine rate limits: aider gives up after 64 s, and exits 0",
                          ["rate_limit"]),
    "429_quota": once_then_ok("quota", "429 because the quota is used up"),
    "429_hidden": Case("the OpenAI client retries twice by itself, as Retry-After asks; only the"
                       " third refusal is printed",
                       {"steps": [{"do": "rate_limit", "retry_after": 1}] * 3 + ["ok"],
                        "should_retry": None}),
    "429_hidden_no_header": Case("the same without Retry-After: the client waits 0.5 s, then 1 s",
                                 {"steps": ["rate_limit"] * 3 + ["ok"], "should_retry": None}),
    "429_no_stream": Case("rate limited, then a reply that is not streamed",
                          ["rate_limit", "ok"], extra=("--no-stream",)),
    "401_auth": Case("wrong API key", ["auth"]),
    "401_no_key": Case("no API key at all: nothing is sent", ["ok"],
                       env={"OPENAI_API_KEY": None}),
    "403_forbidden": once_then_ok("forbidden", "403"),
    "404_not_found": Case("unknown model", ["not_found"]),
    "404_no_code": Case("404 from a server that gives no code",
                        [{"do": "error", "status": 404, "message": "Not found.", "type": None}]),
    "400_bad_request": Case("400", ["bad_request"]),
    "422_unprocessable": Case("422", ["unprocessable"]),
    "context_window": Case("the provider says that the context is too long", ["context_window"]),
    "context_estimate": Case("aider itself finds the context too long, and goes on", ["ok"],
                             model="openai/fake-small"),
    "content_policy": once_then_ok("content_policy", "refused for its content"),
    "408_request_timeout": once_then_ok("request_timeout", "408"),
    "500_server_error": once_then_ok("server_error", "500"),
    "502_bad_gateway": once_then_ok("bad_gateway", "502"),
    "503_unavailable": once_then_ok("unavailable", "503"),
    "504_gateway_timeout": once_then_ok("gateway_timeout", "504"),
    "504_80cols": dataclasses.replace(
        once_then_ok("gateway_timeout", "504, wrapped at 80 columns"), columns=None),
    "529_overloaded": once_then_ok("overloaded", "529"),
    "mixed_then_ok": Case("one ladder for errors of several kinds",
                          ["rate_limit", "server_error", "gateway_timeout", "overloaded", "ok"]),
    "groq": Case("errors as litellm words them for Groq", REFUSALS, model="groq/fake",
                 env={"GROQ_API_BASE": "{base}/v1", "GROQ_API_KEY": "sk-fake"}),
    "openrouter": Case("errors as litellm words them for OpenRouter", REFUSALS,
                       model="openrouter/fake/fake",
                       env={"OPENROUTER_API_BASE": "{base}/v1", "OPENROUTER_API_KEY": "sk-fake"}),
    "anthropic": Case("errors as litellm words them for Anthropic",
                      [*REFUSALS[:-1], "midstream_error", "ok"], model="anthropic/fake",
                      env=ANTHROPIC),
    "anthropic_401": Case("Anthropic: wrong API key",
                          [{"do": "auth", "message": "invalid x-api-key"}],
                          model="anthropic/fake", env=ANTHROPIC),
    "anthropic_context": Case("Anthropic: context overflow",
                              [{"do": "context_window",
                                "message": "prompt is too long: 205000 tokens > 200000 maximum"}],
                              model="anthropic/fake", env=ANTHROPIC),
    "timeout": Case("no answer within --timeout 2; three requests are one printed error",
                    [{"do": "hold", "seconds": 20}] * 3 + ["ok"], extra=("--timeout", "2")),
    "connection_refused": Case("nobody listens", ["ok"], refused=True),
    "connection_reset": Case("the connection is reset, three requests being one printed error",
                             ["reset"] * 3 + ["ok"]),
    "midstream_close": Case("the stream breaks off, then a reply", ["midstream_close", "ok"]),
    "midstream_reset": Case("the stream is reset, then a reply", ["midstream_reset", "ok"]),
    "midstream_error": Case("an error event inside the stream, then a reply",
                            ["midstream_error", "ok"]),
    "midstream_429": Case("a rate limit as an event inside the stream, then a reply",
                          [{"do": "midstream_error", "message": ERRORS["rate_limit"][3],
                            "code": "rate_limit_exceeded", "type": "tokens"}, "ok"]),
    "malformed_stream": Case("an event that is not JSON, then a reply", ["malformed", "ok"]),
    "malformed_no_stream": Case("a body that is not JSON, then a reply", ["malformed", "ok"],
                                extra=("--no-stream",)),
    "finish_length": Case("the reply hits the output limit", ["length"]),
    "empty_response": Case("a reply without text", ["empty"]),
    "slow_stream": Case("a reply that trickles",
                        [{"do": "slow", "text": "One two three four five six seven."}]),
    "edit_and_commit": Case("a file edited and committed", [EDIT, COMMIT], "set x to 2"),
    "edit_commitmsg_429": Case("rate limited while it asks for the commit message",
                               [EDIT, "rate_limit", "rate_limit", COMMIT], "set x to 2"),
    "edit_commitmsg_401": Case("no commit message to be had", [EDIT, "auth"], "set x to 2"),
    "edit_weak_model": Case("the commit message comes from a weak model", [EDIT, COMMIT],
                            "set x to 2", ("--weak-model", "openai/fake-weak")),
    "edit_format": Case("four replies that do not match the file", [BAD_DIFF], "set x to 2",
                        ("--edit-format", "diff")),
    "lint_then_ok": Case("a reply with a syntax error, mended after lint",
                         [{**EDIT, "content": "x = = 2"}, COMMIT, EDIT, COMMIT], "set x to 2",
                         ("--auto-lint",)),
    "test_then_ok": Case("a test fails, then passes",
                         [EDIT, COMMIT, {**EDIT, "content": "x = 42"}, COMMIT], "set x to 2",
                         ("--auto-test", "--test-cmd", CHECK)),
    "architect": Case("a main model plans, an editor model edits",
                      [{"do": "ok", "text": "Set x to 2."}, EDIT, COMMIT], "set x to 2",
                      ("--architect", "--editor-model", "openai/fake-weak")),
    "interactive": Case(
        "a terminal, plain: a prompt with one rate limit, /tokens, a prompt, /exit",
        ["rate_limit", "ok"], message=None, terminal=True,
        actions=[Action(PROMPT, send="say hello\n"), Action(PROMPT, send="/tokens\n"),
                 Action(PROMPT, send="say it again\n"), Action(PROMPT, send="/exit\n")]),
    "interactive_fancy": Case(
        "a terminal with all of aider's decoration, as people use it",
        ["rate_limit", {"do": "ok", "text": "Hello from the *model*.", "first_delay_s": 1.0}],
        message=None, terminal=True, plain=False, columns=None,
        actions=[Action("\x1b[6n", send="say hello\r", delay_s=1.0),
                 Action("received.", delay_s=0.5),
                 Action("> ", send="/exit\r", delay_s=1.0)]),
    "interactive_confirm": Case(
        "a terminal: after a fatal error aider asks a question and waits", ["auth"],
        message=None, terminal=True,
        actions=[Action(PROMPT, send="say hello\n"),
                 Action("ask again [Yes]: ", send="n\n", delay_s=0.5),
                 Action(PROMPT, send="/exit\n")]),
    "interactive_ctrl_c": Case(
        "a terminal: a request cancelled with Ctrl-C, then another",
        [{"do": "hold", "seconds": 30}, "ok"], message=None, terminal=True,
        actions=lambda llm: [Action(PROMPT, send="say hello\n"),
                             Action(when=lambda: llm.wait_for_requests(1, 0), send=CTRL_C,
                                    delay_s=0.5),
                             Action(PROMPT, send="say it again\n", delay_s=0.5),
                             Action(PROMPT, send="/exit\n")]),
    "interactive_ctrl_c_twice": Case(
        "a terminal: Ctrl-C twice ends aider", [{"do": "hold", "seconds": 30}], message=None,
        terminal=True,
        actions=lambda llm: [Action(PROMPT, send="say hello\n"),
                             Action(when=lambda: llm.wait_for_requests(1, 0), send=CTRL_C,
                                    delay_s=0.5),
                             Action(PROMPT, send=CTRL_C, delay_s=0.3)]),
    "interactive_eof": Case("stdin is a pipe that ends", ["ok"], message=None,
                            stdin_text="say hello\n"),
    "interactive_model": Case(
        "a terminal: a prompt, another model by /model, a prompt", ["ok"], message=None,
        terminal=True,
        actions=[Action(PROMPT, send="say hello\n"),
                 Action(PROMPT, send="/model openai/fake-weak\n"),
                 Action(PROMPT, send="say it again\n"), Action(PROMPT, send="/exit\n")]),
    "interactive_commands": Case(
        "a terminal: commands that ask no model, one that does, and one that fails", ["ok"],
        message=None, terminal=True,
        actions=[Action(PROMPT, send="/ls\n"), Action(PROMPT, send="/drop a.py\n"),
                 Action("\r\n> ", send="/add a.py\n"), Action(PROMPT, send="/ask what is x?\n"),
                 Action(PROMPT, send="/nonsense\n"), Action(PROMPT, send="!echo from the shell\n"),
                 Action("[Yes]: ", send="n\n"), Action(PROMPT, send="/exit\n")]),
    "interactive_new_file": Case(
        "a terminal: aider asks before it makes a file that is not in the chat",
        [{**EDIT, "path": "b.py"}, COMMIT], message=None, terminal=True,
        actions=[Action(PROMPT, send="make b.py\n"),
                 Action("[Yes]: ", send="y\n", delay_s=0.5),
                 Action("> ", when=None, send="/exit\n", delay_s=1.0)]),
    "crash": Case("an exception that nobody catches: an encoding that does not exist", ["ok"],
                  extra=("--encoding", "nonsense")),
    "interactive_crash": Case(
        "a terminal: the same, and the question it asks before it ends", ["ok"], message=None,
        extra=("--encoding", "nonsense"), terminal=True,
        actions=[Action("(Y/n) ", send="n\n", delay_s=0.5)]),
    "relaunch": Case("files of another repository: aider begins anew in the same process", ["ok"],
                     repos={"other": {"b.py": "y = 1\n"}}, files=("other/b.py",)),
    "history_unwritable": Case("a chat history that cannot be written", ["rate_limit", "ok"],
                               extra=("--chat-history-file", "/dev/full")),
    "retry_delay": Case("delays named in the ways providers name them",
                        [{"do": "error", "status": 429, "message": text} for text in DELAYS]
                        + ["ok"], model="groq/fake",
                        env={"GROQ_API_BASE": "{base}/v1", "GROQ_API_KEY": "sk-fake"}),
    **{name: raised(name) for name in (
        "APIResponseValidationError", "BudgetExceededError", "ImageFetchError",
        "InvalidRequestError", "JSONSchemaValidationError", "OpenAIError",
        "RouterRateLimitError", "UnprocessableEntityError", "UnsupportedParamsError")},
    "sigint_request": Case("SIGINT while a request is open", [{"do": "hold", "seconds": 30}],
                           actions=interrupted(signal.SIGINT)),
    "sigint_retry": Case("SIGINT in the sleep before a retry", ["rate_limit"],
                         actions=[Action("Retrying in 2.0", signal=signal.SIGINT, delay_s=0.5)]),
    "sigterm_request": Case("SIGTERM while a request is open", [{"do": "hold", "seconds": 30}],
                            actions=interrupted(signal.SIGTERM)),
}


@contextlib.contextmanager
def closed_port():
    """A port of ours on which nobody listens: bound, so that nobody else can take it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


class Sanitiser:
    """Replaces what belongs to this machine and this run."""

    def __init__(self, folder, prepared, port):
        venv = str(prepared.aider.parent.parent)
        self.pairs = [(str(prepared.repo), "/home/user/project"),
                      (str(prepared.home), "/home/user"), (str(folder), "/home/user"),
                      (str(prepared.aider), "aider"), (venv, "/home/user/aider-venv"),
                      (str(prepared.aider.resolve().parent.parent), "/home/user/aider-venv"),
                      (str(aider_run.ROOT), "/home/user"), (f"127.0.0.1:{port}",
                                                            "127.0.0.1:PORT")]
        self.pairs += [(prefix, "/usr") for prefix in {sys.base_prefix} if prefix != "/usr"]
        self.forbidden = [str(folder), folder.name, str(aider_run.ROOT), socket.gethostname(),
                          f":{port}"]

    def text(self, text):
        for old, new in self.pairs:
            text = text.replace(old, new)
        # The base interpreter of a virtual environment may live anywhere.
        text = re.sub(r'"/[^" ]*/lib/(python3\.\d+)/(?!site-packages)', r'"/usr/lib/\1/', text)
        # An uncaught exception's report tells what it runs on.
        text = re.sub(r"^(Platform|OS|Git version): [^\r\n]*", r"\1: of the user", text, flags=re.M)
        return re.sub(r'("user_id": ")[0-9a-f-]{36}', rf"\g<1>{NO_USER}", text)

    def timeline(self, timeline):
        """The entries, sanitised; neighbours between which a path was split become one."""
        entries = [dict(entry) for entry in timeline]
        whole = self.text("".join(entry["data"] for entry in entries))
        while True:
            clean = [{"t": entry["t"], "data": self.text(entry["data"])} for entry in entries]
            if "".join(entry["data"] for entry in clean) == whole:
                return clean
            entries = [{"t": pair[0]["t"], "data": "".join(entry["data"] for entry in pair)}
                       for pair in (entries[at:at + 2] for at in range(0, len(entries), 2))]

    def refuse_leftovers(self, name, text):
        for word in self.forbidden:
            if word and word in text:
                raise ValueError(f"{name} still holds {word!r}")
        if len(text.encode()) > MAX_FILE_BYTES:
            raise ValueError(f"{name} is larger than {MAX_FILE_BYTES} bytes")


def prepare(case, folder, port, env=None):
    """The place a case is run in; env adds to what the case itself wants."""
    prepared = aider_run.prepare(folder, f"http://127.0.0.1:{port}/v1", columns=case.columns,
                                 env={**(env or {}), **environment(case, port)})
    for name, files in (case.repos or {}).items():
        prepared.nest(name, files)
    return prepared


def words(case, prepared):
    return prepared.command(case.message, *case.extra, plain=case.plain, model=case.model,
                            files=case.files)


def play(case, llm, prepared, prefix=(), change=lambda actions: actions):
    """Run a case and do what a person does in it, or what change makes of it. Returns the
    outcome."""
    actions = change(case.actions(llm) if callable(case.actions) else case.actions)
    outcome = aider_run.run(prepared, words(case, prepared), prefix=prefix, actions=actions,
                            terminal=case.terminal, timeout_s=case.timeout_s,
                            stdin_text=case.stdin_text)
    if outcome.acted != len(actions):
        raise RuntimeError(f"only {outcome.acted} of {len(actions)} actions were reached;"
                           f" it said: {outcome.stdout[-1000:]}")
    return outcome


def capture(name, out):
    """Run one case and write its directory. Returns a line about it."""
    case = CASES[name]
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aider-")))
        folder = folder.resolve()
        llm = stack.enter_context(FakeLLM(case.script))
        port = stack.enter_context(closed_port()) if case.refused else llm.port
        prepared = prepare(case, folder, port)
        outcome = play(case, llm, prepared)
        sanitiser = Sanitiser(folder, prepared, port)
        requests = [{"n": r.number, "at_s": r.at_s, "model": r.model, "stream": r.stream,
                     "answer": r.answer, "outcome": r.outcome,
                     "client_retry": r.headers.get("x-stainless-retry-count")}
                    for r in llm.chat_requests]
        columns = "unset" if case.columns is None else case.columns
        files = {
            "stdout.txt": sanitiser.text(outcome.stdout),
            "stderr.txt": sanitiser.text(outcome.stderr),
            "stdout.timeline.jsonl": json_lines(sanitiser.timeline(outcome.timeline)),
            "chat.history.md": sanitiser.text(read(prepared.history)),
            "analytics.jsonl": sanitiser.text(read(prepared.analytics)),
            "requests.jsonl": json_lines(requests),
            "rc": f"{outcome.rc}\n",
            "cmd.txt": sanitiser.text(f"# {case.about}\n# COLUMNS={columns}"
                                      f" terminal={'yes' if case.terminal else 'no'}\n"
                                      f"{shlex.join(words(case, prepared))}\n"),
            "script.json": json.dumps(case.script) + "\n",
        }
    for file, text in files.items():
        sanitiser.refuse_leftovers(f"{name}/{file}", text)
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        # newline="": a terminal's CR LF is part of what was captured.
        (folder / file).write_text(text, encoding="utf-8", newline="")
    return f"{name}: rc {outcome.rc}, {len(requests)} requests, {outcome.took_s:.1f} s"


def environment(case, port):
    return {name: value and value.format(base=f"http://127.0.0.1:{port}")
            for name, value in (case.env or {}).items()}


def read(path):
    return path.read_bytes().decode("utf-8") if path.exists() else ""


def json_lines(values):
    return "".join(json.dumps(value) + "\n" for value in values)


def versions(aider):
    """The versions of what was run, from the virtual environment aider lives in."""
    sites = [str(path) for path in aider.parent.parent.glob("lib/python3*/site-packages")]
    found = {dist.metadata["Name"].lower().replace("_", "-"): dist.version
             for dist in importlib.metadata.distributions(path=sites)}
    return {name: found.get(name.replace("_", "-"), "unknown") for name in PACKAGES}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--all", action="store_true", help="every case")
    parser.add_argument("--list", action="store_true", help="name the cases and stop")
    parser.add_argument("--jobs", type=int, default=2, help="cases run side by side (2)")
    parser.add_argument("--out", type=pathlib.Path, default=CAPTURES, metavar="DIR")
    options = parser.parse_args()
    if options.list:
        for name, case in CASES.items():
            print(f"{name:24} {case.about}")
        return 0
    names = list(CASES) if options.all else options.cases
    unknown = [name for name in names if name not in CASES]
    if unknown or not names:
        parser.error(f"no such case: {', '.join(unknown)}" if unknown else "name cases, or --all")
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        running = {pool.submit(capture, name, options.out): name for name in names}
        for done in concurrent.futures.as_completed(running):
            try:
                print(done.result(), flush=True)
            except (OSError, ValueError, RuntimeError, subprocess.SubprocessError) as err:
                failed += 1
                print(f"{running[done]}: FAILED: {err}", flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "versions.json").write_text(
        json.dumps(versions(aider_run.find_aider()), indent=2) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
