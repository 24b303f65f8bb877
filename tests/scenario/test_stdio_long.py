"""What is long, without end, or no text: the same bytes, the same status, and no more memory.

SPDX-License-Identifier: MPL-2.0
"""

import hashlib
import pathlib
import subprocess

import pytest
from mesh import SLOWNESS, wait_until
from test_stdio_relay import Bridge, py

LIMIT_S = 300 * SLOWNESS
MIB = 1 << 20
# What relay and observer may have had at most: a ring of 1 MiB, buffers of 64 KiB, a line for
# parsing of 256 KiB, and what libraries take.
RELAY_MOST_BYTES = 8 * MIB
OBSERVER_MOST_BYTES = 32 * MIB
# Each ends when it is told to, so that who has read everything finds all processes alive.
WRITE = """
import os, random, sys
noise = random.Random(7).randbytes(1 << 20)
def blocks(what, mib):
    block = (what * ((1 << 20) // len(what) + 1))[:1 << 20]
    for number in range(mib):
        write(1, block if what != noise else noise[number:] + noise[:number])
def write(fd, block):
    while block: block = block[os.write(fd, block):]
"""
TOLD = "\nos.read(0, 1); sys.exit(3)"
STREAMS = {
    "1 GiB of yes": r"blocks(b'y\n', 1024)",
    "binary noise": "blocks(noise, 256)",
    "a line of 100 MiB": r"blocks(b'x', 100); write(1, b'\n')",
    "a line without end": "blocks(b'x', 300)",
    # Half of a character, a byte that is none, overlong, a surrogate, beyond the last, cut off.
    "invalid UTF-8": r"blocks(b'\xc3\n\xff\xc0\xaf\xed\xa0\x80 \xf4\x90\x80\x80\n\xe2\x82', 64)",
    "empty lines": r"blocks(b'\n', 64)",
    "a spinner": r"blocks(b'\x1b[2K\x1b[31mWaiting\x1b[0m\r', 64)",
    "closed early": r"blocks(b'out\n', 8); os.close(1); write(2, b'on\n' * 2000000)",
}


@pytest.fixture
def bridge(folder):
    made = Bridge(folder)
    yield made
    made.check()


def read(file, most):
    """How much there is, up to so much, and its sum."""
    digest = hashlib.sha256()
    size = 0
    while size < most and (data := file.read1(min(MIB, most - size))):
        digest.update(data)
        size += len(data)
    return size, digest.hexdigest()


def most_memory(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def tell(process):
    process.stdin.write(b"\n")
    process.stdin.close()


@pytest.mark.parametrize("mode", [("--mode", "cli"), ("--mode", "mcp", "--keep-noise")],
                         ids=["cli", "mcp"])
@pytest.mark.parametrize("name", STREAMS)
def test_what_is_long_passes_unchanged_and_takes_no_memory(bridge, name, mode):
    words = py(WRITE + STREAMS[name] + TOLD)
    errors = [bridge.folder / "bare", bridge.folder / "wrapped"]
    with open(errors[0], "wb") as stderr:
        bare = bridge.popen(words, bare=True, stdin=subprocess.PIPE, stderr=stderr)
        tell(bare)
        expected = read(bare.stdout, 1 << 40)
        assert bare.wait(LIMIT_S) == 3
    with open(errors[1], "wb") as stderr:
        wrapped = bridge.popen(words, *mode, stdin=subprocess.PIPE, stderr=stderr)
        (observer,) = wait_until(bridge.observer_pids, LIMIT_S, "observer")
        assert read(wrapped.stdout, expected[0]) == expected
        assert most_memory(wrapped.pid) <= RELAY_MOST_BYTES
        assert most_memory(observer) <= OBSERVER_MOST_BYTES
        tell(wrapped)
        assert wrapped.stdout.read() == b""
        assert wrapped.wait(LIMIT_S) == 3
    sizes = [path.stat().st_size for path in errors]
    assert sizes[0] == sizes[1] and errors[0].read_bytes() == errors[1].read_bytes()
