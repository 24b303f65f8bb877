"""./deploy/run.sh: a newcomer's first two minutes.

SPDX-License-Identifier: MPL-2.0
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

from mesh import ALONE, PATIENCE_S, ROOT, wait_until

RUN = ROOT / "deploy" / "run.sh"
PROMISED_S = 120    # of a machine that has the packages, and time
LIMIT_S = 5 * PROMISED_S

# What must be seen, in this order; other events may lie between.
ORDER = ["stream.opened", "aider.session_started", "aider.request_started",
         "aider.rate_limit_detected", "aider.rate_limit_detected", "aider.session_progress",
         "aider.request_completed", "aider.session_completed"]


def environment(mesh):
    """A newcomer's: nothing of ours is set, CI is."""
    return {**{name: mesh.env[name] for name in ("PATH", "HOME", "LANG", "XDG_RUNTIME_DIR",
                                                 "XDG_STATE_HOME", "TMPDIR")}, "CI": "true"}


def frames_of(output):
    """The frames among what run.sh has shown, as (type, payload)."""
    found = re.findall(r"^    event: (\S+)\n(?:    \S+: .*\n)*?    data: (.*)$", output, re.M)
    return [(type_, json.loads(data)) for type_, data in found]


def of_session(sid):
    """The processes of a session that still run, by their names."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().rpartition(")")
        except OSError:
            continue    # it has ended meanwhile
        state, _, _, session = rest.split()[:4]
        if session == str(sid) and state != "Z":
            found.append(name.partition("(")[2])
    return found


def check_session(output):
    frames = frames_of(output)
    types = iter(type_ for type_, _ in frames)
    missing = [wanted for wanted in ORDER if wanted not in types]
    assert not missing, f"not seen, or not in order: {missing}\n{output}"
    limits = [data for type_, data in frames if type_ == "aider.rate_limit_detected"]
    assert [data["attempt"] for data in limits] == [1, 2]
    assert [data["will_retry"] for data in limits] == [True, True]
    assert {data["provider"] for data in limits} == {"openai"}
    completed = frames[-1][1]
    assert completed["success"] is True and completed["rate_limit_encountered"] is True
    assert "aider | Commit eae142e feat: greet the world by name" in output


def test_once_shows_the_recorded_session_in_order_within_two_minutes(mesh):
    started = time.monotonic()
    done = subprocess.run([RUN, "--once", "--port", "0"], env=environment(mesh), cwd="/",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=LIMIT_S)
    took_s = time.monotonic() - started
    print(done.stdout)
    assert done.returncode == 0
    check_session(done.stdout)
    assert took_s <= PROMISED_S or not ALONE
    assert not list(mesh.folder.glob("aidermesh-run.*")), "it leaves its folder behind"
    print(f"run.sh --once: {took_s:.1f} s")


def test_it_stays_up_until_interrupted_and_leaves_nobody(mesh):
    log = mesh.logs / "run.out"
    with open(log, "wb") as out:
        run = subprocess.Popen([RUN, "--port", "0"], env=environment(mesh), cwd="/",
                               stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                               start_new_session=True)
    try:
        wait_until(lambda: run.poll() is not None or "Or play the session again" in
                   log.read_text(errors="replace"), LIMIT_S, "mesh that stays up")
        assert run.poll() is None, log.read_text()
        check_session(log.read_text())
        assert "run -- aider" in log.read_text() and "curl -N" in log.read_text()
        os.killpg(run.pid, signal.SIGINT)
        assert run.wait(PATIENCE_S) == 0, log.read_text()
    finally:
        if run.poll() is None:
            run.kill()
            run.wait()
    wait_until(lambda: not of_session(run.pid), PATIENCE_S, "end of all it has started")


def test_a_mesh_that_already_runs_is_said(mesh):
    mesh.start_broker()
    done = subprocess.run([RUN, "--once", "--port", "0"], env=environment(mesh),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=LIMIT_S)
    assert done.returncode == 1 and "already running" in done.stdout
