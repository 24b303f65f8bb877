"""README.md: its examples do what it says they do.

SPDX-License-Identifier: MPL-2.0
"""

import http.client
import json
import re
import shutil
import subprocess

from mesh import PATIENCE_S, ROOT, wait_until

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = "https://my.page"
ERROR = {"type": "aider.error_occurred",
         "data": {"session_id": "s-1", "error_type": "auth", "error_message": "wrong key",
                  "provider": "openai", "fatal": True, "will_retry": False}}


def block(language, word=""):
    """The first code block in that language that has the word."""
    found = [text for text in re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)
             if word in text]
    assert found, f"no {language} block with {word!r}"
    return found[0]


def publish(mesh, event):
    subprocess.run([*mesh.program("aidermesh"), "run", "--mode", "ndjson"], env=mesh.env,
                   input=json.dumps(event) + "\n", text=True, check=True, timeout=PATIENCE_S)


def read_until(node, mesh, words):
    while words not in (line := node.stdout.readline()):
        assert line, (mesh.logs / "node.err").read_text()


def test_the_browser_example_prints_the_events_it_asks_for(mesh):
    mesh.start(sse=("--set", f"http/allow_origins={PAGE}"))
    code = block("js").replace("http://127.0.0.1:8790", mesh.url)
    assert mesh.url in code and len(code.splitlines()) <= 10
    page = mesh.folder / "page.mjs"
    page.write_text(f"const token = {json.dumps(mesh.token)};\n{code}")
    with open(mesh.logs / "node.err", "wb") as errors:
        node = subprocess.Popen([shutil.which("node"), str(page)], stdout=subprocess.PIPE,
                                stderr=errors, text=True)
    try:
        read_until(node, mesh, "verdict: 'live'")
        publish(mesh, ERROR)
        read_until(node, mesh, "error_message: 'wrong key'")
    finally:
        node.kill()
        node.wait()
        node.stdout.close()


def preflight(mesh, origin):
    connection = http.client.HTTPConnection("127.0.0.1", mesh.port, timeout=PATIENCE_S)
    connection.request("OPTIONS", "/events", headers={
        "Origin": origin, "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def test_a_page_may_send_the_header_only_when_its_origin_is_allowed(mesh):
    mesh.start(sse=("--set", f"http/allow_origins={PAGE}"))
    allowed = preflight(mesh, PAGE)
    assert allowed.status in (200, 204)
    assert allowed.headers["Access-Control-Allow-Origin"] == PAGE
    assert "authorization" in allowed.headers["Access-Control-Allow-Headers"].lower()
    assert preflight(mesh, "https://other.page").headers["Access-Control-Allow-Origin"] is None


def test_the_mcp_configuration_starts_the_server_behind_the_bridge(mesh):
    server = json.loads(block("json"))["mcpServers"]["aider"]
    options = server["args"][:server["args"].index("--") + 1]
    done = subprocess.run([*mesh.program(server["command"]), *options, "cat"], env=mesh.env,
                          input=b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n',
                          stdout=subprocess.PIPE, timeout=PATIENCE_S)
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def test_the_screen_is_what_tail_prints(mesh):
    """Of the recorded session, with time, session and folder of another run."""
    def shape(text):
        text = re.sub(r"\d\d:\d\d:\d\d\.\d{3} \S+ [0-9a-f]{8}", "TIME HOST SESSION", text)
        text = re.sub(r"in /\S+:", "in FOLDER:", text)
        return re.sub(r"(\(|after )\d+(\.\d+)? s", r"\1N s", text).splitlines()
    mesh.start()
    (mesh.folder / "project").mkdir()
    tail = mesh.start_only("aidermesh", "tail", "--port", str(mesh.port), "--since", "earliest")
    subprocess.run([*mesh.program("aidermesh"), "run", "--name", "demo", "--",
                    str(ROOT / "deploy" / "demo" / "aider"),
                    "--message", "greet the world by name", "hello.py"],
                   env=mesh.env, cwd=mesh.folder / "project", stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, check=True, timeout=PATIENCE_S)
    expected = shape(block("text", "aider.session_started"))
    assert "aider.session_completed" in expected[-1]
    wait_until(lambda: tail.out.read_text().endswith("\n") and "aider.session_completed" in
               tail.out.read_text(), PATIENCE_S, "end of the session in what tail prints")
    assert shape(tail.out.read_text()) == expected
    tail.stop(2)
