"""conftest - gives each scenario its mesh, and keeps the logs of one that failed.

SPDX-License-Identifier: MPL-2.0
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import pytest
from mesh import ROOT, Mesh

KEPT = pathlib.Path(os.environ.get("AIDERMESH_TEST_LOGS", ROOT / "build" / "scenario-logs"))
FAILED = pytest.StashKey[bool]()


def pytest_configure():
    """Shells have what they start in the background ignore SIGINT, and programs inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    item.stash.setdefault(FAILED, False)
    item.stash[FAILED] |= outcome.get_result().failed


def pytest_sessionfinish(session, exitstatus):
    """A scenario that was skipped has proven nothing: the run fails, and so its reason is shown."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def folder(request):
    """A fresh folder with a short path: the path of a Unix socket has room for 107 bytes."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="mesh-", dir="/tmp"))
    yield path
    if request.node.stash.get(FAILED, False):
        keep(path, request.node.name)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def mesh(request, folder):
    """A mesh that is not started yet; at the end stopped, and everything it said checked."""
    mesh = Mesh(folder)
    yield mesh
    failed = request.node.stash.get(FAILED, False)
    try:
        mesh.__exit__(AssertionError if failed else None)
    except BaseException:
        request.node.stash[FAILED] = True    # so that the folder's logs are kept
        raise


@pytest.fixture
def small_disk(mesh):
    """A file system of 64 MiB, where that can be had."""
    place = mesh.folder / "disk"
    place.mkdir(mode=0o700)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "none", place],
                             capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no right to mount: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def keep(path, name):
    kept = KEPT / re.sub(r"[^A-Za-z0-9_.-]+", "_", name)
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for log in sorted(path.glob("**/logs/*")):
        if not log.is_file():
            continue    # of a git repository
        shutil.copy(log, kept / "-".join(log.relative_to(path).parts))
        text = log.read_text(errors="replace")
        if text.strip():
            print(f"--- {log.name}, its end (all of it in {kept}):\n{text[-3000:]}")
