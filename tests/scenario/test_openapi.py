"""What /openapi.json says of the API is what the running sse-bridge does; its metrics are readable.

SPDX-License-Identifier: MPL-2.0
"""

import os
import subprocess

import pytest
from mesh import ROOT, SLOWNESS, SUPPORT
from pyzmq_mesh import Publisher

# Streams do not end; scenario.conformance looks at them.
STREAMS = "^/events"


@pytest.mark.parametrize("words", [
    pytest.param(["--max-examples", "10", "--generation-deterministic"], id="repeatable"),
    pytest.param(["--max-examples", "100", "--generation-database", "none"], id="random"),
])
def test_schemathesis_finds_no_answer_that_is_not_described(mesh, words):
    mesh.start_broker()
    publisher = Publisher("py-publisher", "py-host", mesh.dir)
    mesh.start_sse("--set", "http/api_requests=0")
    for number in range(5):
        publisher.publish("aider.session_progress", f"s-{number}",
                          {"stage": "banner", "message": "x"})
    publisher.drain(20 * SLOWNESS)
    # What is no value of a schema may be one of the server's: lists have words of their own.
    done = subprocess.run(
        [ROOT / "build" / "api-venv" / "bin" / "schemathesis", "run", f"{mesh.url}/openapi.json",
         "-H", f"Authorization: Bearer {mesh.token}", "--exclude-path-regex", STREAMS,
         *words, "--exclude-checks", "negative_data_rejection",
         "--phases", "coverage,fuzzing", "--continue-on-failure", "--no-color",
         "--request-timeout", str(30 * SLOWNESS)],
        cwd=mesh.folder, text=True, capture_output=True, timeout=600 * SLOWNESS,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "api_values", "PYTHONPATH": str(SUPPORT),
             "HOME": str(mesh.folder)})
    publisher.close()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 selected" in done.stdout, done.stdout


def check_metrics(text):
    return subprocess.run([ROOT / "build" / "api-venv" / "bin" / "python",
                           SUPPORT / "check_metrics.py"], input=text, capture_output=True)


def test_metrics_are_as_prometheus_wants_them(mesh):
    mesh.start_broker()
    mesh.start_sse()
    mesh.stream("/events").wait("stream.opened", 20 * SLOWNESS)
    text = mesh.get("/metrics")[2]
    done = check_metrics(text)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    # It can fail: by a type, a name, a label, a line.
    for wrong in (text.replace(b"aider_sse_frames_total counter", b"aider_sse_frames_total gauge"),
                  text.replace(b"aider_sse_ring_bytes", b"aider_sse_ring_kib"),
                  text.replace(b'reason="malformed"', b'reason="slow"'),
                  text.replace(b"# HELP aider_sse_ready", b"# HELP aider_sse_unready"),
                  text[:-1]):
        assert wrong != text and check_metrics(wrong).returncode != 0
