"""The relay: what passes through the stdio-bridge is what the bare command would have given.

SPDX-License-Identifier: MPL-2.0

No mesh runs here, which also proves that a missing broker changes nothing. Each comparison runs
the same command twice, bare and wrapped.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

import pytest
from mesh import PATIENCE_S, bin_dir, wait_until

LIMIT_S = PATIENCE_S
PYTHON = sys.executable
BIG_BYTES = 64 * 1024 * 1024
ESC = "\x1b"


class Bridge:
    """The bridge with an environment of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.run_dir = folder / "run"
        self.run_dir.mkdir(mode=0o700)
        reports = folder / "logs"
        reports.mkdir()
        self.env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "XDG_RUNTIME_DIR": str(self.run_dir),
            "AIDERMESH_FEATURES_FALLBACK": "false",
            "XDG_STATE_HOME": str(folder / "state"),
            "AIDERMESH_BRIDGE_LINGER": "100ms",
            "ASAN_OPTIONS": f"log_path={reports}/sanitizer:detect_leaks=1",
            "UBSAN_OPTIONS": f"log_path={reports}/sanitizer:print_stacktrace=1",
            "LC_ALL": "C.UTF-8",
        }
        self.observers = set()

    def words(self, *options):
        return [str(bin_dir() / "aidermesh-stdio-bridge"), *options, "--"]

    def popen(self, words, *options, bare=False, **how):
        how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
               "stderr": subprocess.PIPE, **how}
        return subprocess.Popen([*([] if bare else self.words(*options)), *words],
                                env={**self.env, **how.pop("env", {})}, **how)

    def run(self, words, *options, bare=False, data=None, **how):
        """stdout, stderr and status of one run."""
        if data is not None:
            how["stdin"] = subprocess.PIPE
        process = self.popen(words, *options, bare=bare, **how)
        out, err = process.communicate(data, timeout=LIMIT_S)
        return out, err, process.returncode

    def same(self, words, *options, **how):
        """Run both ways; what came out must be equal. Returns it."""
        expected = self.run(words, bare=True, **how)
        found = self.run(words, *options, **how)
        assert found == expected
        return expected

    def observer_pids(self):
        """The observers of bridges that were run from here: they know our runtime directory."""
        found = []
        mark = f"XDG_RUNTIME_DIR={self.run_dir}\0".encode()
        for entry in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if (entry.name.isdigit()
                        and (entry / "comm").read_text().strip() == "bridge-observer"
                        and mark in (entry / "environ").read_bytes()):
                    found.append(int(entry.name))
        return found

    def check(self):
        wait_until(lambda: not self.observer_pids(), 15, "end of the observers")
        for report in sorted((self.folder / "logs").glob("sanitizer.*")):
            pytest.fail(f"{report.name}:\n{report.read_text(errors='replace')[:6000]}")


@pytest.fixture
def bridge(folder):
    made = Bridge(folder)
    yield made
    made.check()


def sh(script):
    return ["sh", "-c", script]


def py(script):
    return [PYTHON, "-c", script]


# ---- bytes and status ----

@pytest.mark.parametrize("words", [
    ["echo", "hello"],
    ["printf", "no newline"],
    ["true"],
    sh("echo out; echo err >&2; exit 3"),
    py("import sys; sys.stdout.buffer.write(bytes(range(256)) * 4096)"),
    py("import os; os.write(1, b'a'); os.write(2, b'b'); os.close(1); os.write(2, b'c' * 70000)"),
    py("import os; os.write(1, b'x' * (1 << 20)); os.write(1, b'\\xff\\xfe\\n')"),
], ids=["echo", "no newline", "silent", "both streams", "every byte", "stdout closed early",
        "a line without end"])
def test_output_is_the_same(bridge, words):
    bridge.same(words)


def test_64_mib_pass_unchanged(bridge):
    made = ("import os, random, sys\n"
            "block = random.Random(7).randbytes(1 << 20)\n"
            f"for i in range({BIG_BYTES >> 20}): os.write(1, block[i:] + block[:i])\n")
    digests = []
    for bare in (True, False):
        process = bridge.popen(py(made), bare=bare)
        digest = hashlib.sha256()
        while data := process.stdout.read(1 << 16):
            digest.update(data)
        assert process.wait(LIMIT_S) == 0
        digests.append(digest.digest())
    assert digests[0] == digests[1]


def test_a_line_of_100_mib_passes(bridge):
    process = bridge.popen(py("import os\nfor _ in range(1600): os.write(1, b'x' * 65536)"))
    size = 0
    while data := process.stdout.read(1 << 20):
        assert data.count(b"x") == len(data)
        size += len(data)
    assert process.wait(LIMIT_S) == 0 and size == 1600 * 65536


@pytest.mark.parametrize("status", [0, 1, 2, 77, 124, 125, 126, 127, 128, 254, 255])
def test_the_exit_status_is_kept(bridge, status):
    assert bridge.same(sh(f"exit {status}"))[2] == status


@pytest.mark.parametrize("name", ["TERM", "INT", "KILL", "SEGV", "HUP", "QUIT", "USR1", "ABRT"])
def test_death_by_a_signal_is_kept(bridge, name):
    number = getattr(signal, f"SIG{name}")
    assert bridge.same(sh(f"ulimit -c 0; kill -{name} $$"))[2] == -number


def test_failures_to_run_are_told_as_by_env(bridge):
    plain = bridge.folder / "plain"
    plain.write_text("not a program\n")
    out, err, status = bridge.run([str(bridge.folder / "missing")])
    assert (out, status) == (b"", 127) and b"missing: No such file or directory" in err
    out, err, status = bridge.run(["no-such-command-anywhere"])
    assert (out, status) == (b"", 127)
    out, err, status = bridge.run([str(plain)])
    assert (out, status) == (b"", 126) and b"Permission denied" in err
    assert bridge.run([])[2] == 125
    assert bridge.run(["true"], "--no-such-option")[2] == 125
    assert bridge.run(["true"], "--label", "without-an-equals-sign")[2] == 125


def test_off_runs_the_command_whatever_the_configuration(bridge):
    off = {"AIDERMESH": "off", "AIDERMESH_CONFIG": "/nonexistent"}
    assert bridge.run(sh("echo $PPID; exit 5"), env=off, bufsize=0)[2] == 5
    assert bridge.run(["no-such-command-anywhere"], env=off)[2] == 127
    process = bridge.popen(sh("echo $$"), env=off)
    assert int(process.communicate(timeout=LIMIT_S)[0]) == process.pid    # it became the command


def test_the_environment_and_directory_are_the_same(bridge):
    assert b"COLUMNS" not in bridge.same(["env"])[0]
    bridge.same(["pwd"], cwd="/usr")


def test_what_is_ignored_or_blocked_stays_so(bridge):
    script = sh("grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status")

    def quiet():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2, signal.SIGALRM])
    bridge.same(script)
    bridge.same(script, preexec_fn=quiet)


def test_other_descriptors_are_the_commands(bridge):
    reader, writer = os.pipe()
    try:
        process = bridge.popen(py(f"import os, time; os.write({writer}, b'through\\n');"
                                  f" os.close({writer}); time.sleep(0.3)"), pass_fds=[writer])
        os.close(writer)
        writer = -1
        with os.fdopen(reader, "rb") as file:
            reader = -1
            # The end comes although the observer lives on.
            assert file.read() == b"through\n"
        assert process.wait(LIMIT_S) == 0
        process.communicate()
    finally:
        for fd in (reader, writer):
            if fd >= 0:
                os.close(fd)


def test_closed_descriptors_stay_closed(bridge):
    script = "for fd in 0 1 2; do [ -e /proc/self/fd/$fd ] && s=$s$fd; done; echo \"$s\" > \"$OUT\""
    seen = []
    for bare in (True, False):
        out = bridge.folder / f"seen.{bare}"
        words = sh("exec <&- >&- 2>&-; exec \"$@\"; exit 99")
        inner = sh(script)
        process = subprocess.Popen(
            [*words, "sh", *([] if bare else bridge.words()), *inner],
            env={**bridge.env, "OUT": str(out)})
        assert process.wait(LIMIT_S) == 0
        seen.append(out.read_text())
    assert seen[0] == seen[1]


# ---- stdin ----

def test_stdin_is_the_same(bridge):
    bridge.same(["cat"], data=b"")
    bridge.same(["cat"], data=b"some\0bytes\xff\n" * 5000)
    bridge.same(["cat"])
    bridge.same(sh("readlink /proc/self/fd/0"))
    path = bridge.folder / "input"
    path.write_bytes(b"first\nsecond\nthird\n")
    for bare in (True, False):
        with open(path, "rb") as file:
            out, _, status = bridge.run(sh("read line; echo $line"), bare=bare, stdin=file)
            assert (out, status) == (b"first\n", 0)


def test_what_the_command_leaves_in_stdin_is_left_there(bridge):
    path = bridge.folder / "input"
    path.write_bytes(b"one\ntwo\n")
    wrapped = " ".join(bridge.words())
    for middle in ("", wrapped):
        with open(path, "rb") as file:
            out, _, _ = bridge.run(sh(f"{middle} sh -c 'read a; echo $a'; cat"), bare=True,
                                   stdin=file)
            assert out == b"one\ntwo\n"


def test_mode_mcp_passes_stdin_through(bridge):
    data = os.urandom(3_000_000)
    out, err, status = bridge.run(["cat"], "--mode", "mcp", "--keep-noise", data=data)
    # By digest: to show how three megabytes differ takes minutes.
    assert hashlib.sha256(out).digest() == hashlib.sha256(data).digest()
    assert (err, status) == (b"", 0)
    # A server that does not read, or ends first, is not waited for.
    assert bridge.run(["true"], "--mode", "mcp", data=b"x")[2] == 0
    process = bridge.popen(sh("echo up; cat; echo end"), "--mode", "mcp", "--keep-noise",
                           stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"up\n"
    process.stdin.write(b"one\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"one\n"
    process.stdin.close()
    assert process.stdout.read() == b"end\n" and process.wait(LIMIT_S) == 0


LEFT_OUT = re.compile(rb"\naidermesh-stdio-bridge: (\d+) bytes that the server printed here were "
                      rb"left out, since stderr was not read\n")


def test_noise_arrives_to_its_end_and_what_does_not_is_counted(bridge):
    """What waits when the server ends still goes to a stderr that is read."""
    noise = b"".join(b"line %08d of what a server should not print\n" % i for i in range(6000))
    out, err, status = bridge.run(["cat"], "--mode", "mcp", data=noise)
    assert (out, status) == (b"", 0)
    lost = sum(int(count) for count in LEFT_OUT.findall(err))
    assert len(LEFT_OUT.sub(b"", err)) + lost == len(noise)
    if not lost:
        assert err == noise
    # As much as the bridge keeps, to a reader that takes it in small pieces: nothing is left out.
    noise = noise[:60000]
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    process = bridge.popen(py(f"import os; os.write(1, {noise!r})"), "--mode", "mcp", stderr=writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        assert hashlib.sha256(file.read()).digest() == hashlib.sha256(noise).digest()
    assert process.wait(LIMIT_S) == 0
    process.communicate()


def test_a_stderr_that_nobody_reads_does_not_keep_the_end_waiting(bridge):
    process = bridge.popen(sh("head -c 200000 /dev/zero | tr '\\0' x"), "--mode", "mcp")
    assert process.wait(LIMIT_S) == 0
    process.communicate()


def test_a_server_that_closes_stdin_breaks_the_clients_pipe(bridge):
    process = bridge.popen(sh("exec <&-; echo closed; sleep 300"), "--mode", "mcp", "--keep-noise",
                           stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"closed\n"

    def broken():
        try:
            os.write(process.stdin.fileno(), b"x")
        except BrokenPipeError:
            return True
    wait_until(broken, LIMIT_S, "broken pipe")
    process.terminate()
    assert process.wait(LIMIT_S) == -signal.SIGTERM


# ---- who reads ----

def test_a_reader_that_leaves_ends_the_writer(bridge):
    wrapped = " ".join(bridge.words())
    for middle in ("", wrapped):
        out, _, status = bridge.run(["bash", "-c", f"{middle} yes | head -c 100000 | wc -c;"
                                     " echo ${PIPESTATUS[0]}"], bare=True)
        assert out == b"100000\n141\n" and status == 0


def test_a_reader_that_leaves_is_noticed_without_a_write(bridge):
    # A watcher of its own stdout, as long-running servers have.
    watch = py("import select, sys\n"
               "poll = select.poll(); poll.register(1, 0)\n"
               "sys.stderr.write('watching\\n'); sys.stderr.flush()\n"
               "sys.exit(7 if poll.poll(300000) else 8)\n")
    for bare in (True, False):
        process = bridge.popen(watch, bare=bare)
        assert process.stderr.readline() == b"watching\n"
        process.stdout.close()
        assert process.wait(LIMIT_S) == 7


def test_a_slow_reader_loses_nothing_and_blocks_only_its_stream(bridge):
    script = py("import os, threading\n"
                "def fill():\n"
                "    for i in range(2000): os.write(1, b'%06d' % i * 200)\n"
                "thread = threading.Thread(target=fill); thread.start()\n"
                "os.write(2, b'still here\\n')\n"
                "thread.join()\n")
    process = bridge.popen(script)
    assert process.stderr.readline() == b"still here\n"    # stdout is not read meanwhile
    got = b""
    while data := os.read(process.stdout.fileno(), 4000):
        got += data
        if len(got) < 100_000:
            select.select([], [], [], 0.005)
    assert got == b"".join(b"%06d" % i * 200 for i in range(2000))
    assert process.wait(LIMIT_S) == 0
    process.communicate()


def test_the_users_descriptors_keep_their_flags(bridge):
    reader, writer = os.pipe()
    before = fcntl.fcntl(writer, fcntl.F_GETFL)
    process = bridge.popen(sh("echo up; sleep 0.3"), stdout=writer)
    assert os.read(reader, 10) == b"up\n"
    assert fcntl.fcntl(writer, fcntl.F_GETFL) == before
    assert process.wait(LIMIT_S) == 0
    os.close(reader)
    os.close(writer)
    process.communicate()


def test_sockets_and_files_as_stdout(bridge):
    ours, theirs = socket.socketpair()
    process = bridge.popen(["seq", "200000"], stdout=theirs)
    theirs.close()
    got = b""
    while data := ours.recv(1 << 16):
        got += data
    assert got == b"".join(b"%d\n" % i for i in range(1, 200001))
    assert process.wait(LIMIT_S) == 0
    process.communicate()
    path = bridge.folder / "out"
    for bare in (True, False):
        path.write_bytes(b"before\n")
        with open(path, "ab") as file:
            assert bridge.run(["seq", "5"], bare=bare, stdout=file)[2] == 0
        assert path.read_bytes() == b"before\n1\n2\n3\n4\n5\n"


def test_stdout_and_stderr_in_one_keep_their_order(bridge):
    script = sh("i=0; while [ $i -lt 500 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done")
    bridge.same(script, stderr=subprocess.STDOUT)


def test_a_full_disk_is_not_called_success(bridge):
    with open("/dev/full", "wb") as full:
        out, err, status = bridge.run(["echo", "hello"], stdout=full)
    assert status == 125 and b"No space left on device" in err


def test_substitution_returns_when_the_command_has_ended(bridge):
    bridge.env["AIDERMESH_BRIDGE_LINGER"] = "10m"
    wrapped = " ".join(bridge.words())
    # Within LIMIT_S.
    out, _, status = bridge.run(sh(f"x=$({wrapped} sh -c 'echo hi; exit 4'); echo $x $?"),
                                bare=True)
    assert out == b"hi 4\n" and status == 0
    # The observer lives on, for a broker that may come; told to stop, it does.
    (observer,) = wait_until(bridge.observer_pids, LIMIT_S, "observer")
    os.kill(observer, signal.SIGTERM)


def test_what_a_descendant_writes_later_still_arrives(bridge):
    script = sh("(sleep 0.5; echo later) & echo now; exit 6")
    for bare in (True, False):
        process = bridge.popen(script, bare=bare, stderr=subprocess.DEVNULL)
        assert process.wait(LIMIT_S) == 6    # at once
        assert process.stdout.read() == b"now\nlater\n"
        process.stdout.close()


# ---- signals ----

CATCHER = py("""
import os, signal, sys, time
def caught(number, frame):
    os.write(1, b"%d\\n" % number)
    if number == signal.SIGTERM: sys.exit(9)
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2,
               signal.SIGALRM, signal.SIGTERM, signal.SIGWINCH, signal.SIGCONT):
    signal.signal(number, caught)
os.write(1, b"ready\\n")
while True: time.sleep(300)
""")


def test_signals_to_the_bridge_reach_the_command_once(bridge):
    process = bridge.popen(CATCHER)
    assert process.stdout.readline() == b"ready\n"
    for name in ("INT", "HUP", "QUIT", "USR1", "USR2", "ALRM", "WINCH", "CONT", "TERM"):
        number = getattr(signal, f"SIG{name}")
        process.send_signal(number)
        assert process.stdout.readline() == b"%d\n" % number
    assert process.stdout.read() == b""
    assert process.wait(LIMIT_S) == 9
    process.communicate()


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "QUIT"])
def test_a_signal_to_the_bridge_ends_both(bridge, name):
    number = getattr(signal, f"SIG{name}")
    process = bridge.popen(sh("echo $$; exec sleep 300"))
    pid = int(process.stdout.readline())
    process.send_signal(number)
    assert process.wait(LIMIT_S) == -number
    assert not is_alive(pid)
    process.communicate()


def is_alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def state_of(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_killed_bridge_leaves_no_command(bridge):
    process = bridge.popen(sh("echo $$; exec sleep 300"))
    pid = int(process.stdout.readline())
    process.kill()
    assert process.wait(LIMIT_S) == -signal.SIGKILL
    wait_until(lambda: not is_alive(pid), LIMIT_S, "end of the command")
    process.communicate()


def test_stopping_and_continuing_the_bridge_does_so_to_the_command(bridge):
    # A group of its own, whose parent is outside it: the kernel stops no orphaned groups, and
    # whether ours is one depends on who runs the tests.
    process = bridge.popen(sh("echo $$; exec sleep 300"), process_group=0)
    pid = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGTSTP)
    wait_until(lambda: state_of(pid) == "T" and state_of(process.pid) == "T", LIMIT_S,
               "stopped command and bridge")
    os.kill(process.pid, signal.SIGCONT)
    wait_until(lambda: state_of(pid) == "S", LIMIT_S, "running command")
    process.terminate()
    assert process.wait(LIMIT_S) == -signal.SIGTERM
    process.communicate()


def test_a_stopped_or_killed_observer_changes_nothing(bridge):
    for number in (signal.SIGKILL, signal.SIGSTOP):
        process = bridge.popen(sh("echo up; read go; yes | head -c 30000000; exit 3"),
                               stdin=subprocess.PIPE)
        assert process.stdout.readline() == b"up\n"
        (observer,) = wait_until(bridge.observer_pids, LIMIT_S, "observer")
        os.kill(observer, number)
        process.stdin.write(b"\n")
        process.stdin.close()
        assert len(process.stdout.read()) == 30000000
        assert process.wait(LIMIT_S) == 3
        if number == signal.SIGSTOP:
            os.kill(observer, signal.SIGKILL)
        process.stdout.close()
        process.stderr.close()
        wait_until(lambda: not bridge.observer_pids(), LIMIT_S, "end of the observer")


def test_no_zombie_while_the_command_runs(bridge):
    process = bridge.popen(sh("echo up; exec sleep 300"))
    assert process.stdout.readline() == b"up\n"
    (observer,) = wait_until(bridge.observer_pids, LIMIT_S, "observer")
    os.kill(observer, signal.SIGKILL)
    wait_until(lambda: not pathlib.Path(f"/proc/{observer}").exists(), LIMIT_S,
               "observer that is waited for")
    process.terminate()
    process.wait(LIMIT_S)
    process.communicate()


# ---- terminals ----

class Terminal:
    """A terminal, and a program on it as a person would start it."""

    END = "\0end\0"

    def __init__(self, bridge, words, rows=31, columns=97, settings=None, **how):
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        if settings:
            settings(self.slave)
        self.before = termios.tcgetattr(self.slave)

        def own_terminal():
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
        how = {"stdin": self.slave, "stdout": self.slave, "stderr": self.slave, **how}
        self.process = subprocess.Popen(words, env={**bridge.env, **how.pop("env", {})},
                                        start_new_session=True, preexec_fn=own_terminal,
                                        pass_fds=[self.slave], **how)
        self.text = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(LIMIT_S)
        os.close(self.master)
        os.close(self.slave)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern, timeout_s=LIMIT_S):
        """Read until the pattern is there; what came before and with it is used up."""
        until = time.monotonic() + timeout_s
        while not (found := re.search(pattern, self.text)):
            left = until - time.monotonic()
            ready = left > 0 and select.select([self.master], [], [], left)[0]
            if not ready:
                raise AssertionError(f"no {pattern!r} on the terminal, but {self.text!r}")
            self.text += os.read(self.master, 65536).decode(errors="replace")
        self.text = self.text[found.end():]
        return found

    def rest(self):
        """What else comes until the program has ended."""
        until = time.monotonic() + LIMIT_S
        while self.process.poll() is None and time.monotonic() < until:
            if select.select([self.master], [], [], 0.02)[0]:
                self.text += os.read(self.master, 65536).decode(errors="replace")
        status = self.process.wait(0.1)
        # What it has written may still be on its way: it is there once something later is.
        self.read_to_end_mark()
        text, self.text = self.text.replace(self.END, ""), ""
        return text, status

    def read_to_end_mark(self):
        """Write the mark, for which there may be room only once more is read, and read up to it."""
        left = self.END.encode()
        until = time.monotonic() + LIMIT_S
        end = os.open(os.ttyname(self.slave), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            while self.END not in self.text:
                assert time.monotonic() < until, f"no end on the terminal, but {self.text!r}"
                readable, writable, _ = select.select([self.master], [end] if left else [], [], 1)
                if writable:
                    with contextlib.suppress(BlockingIOError):
                        left = left[os.write(end, left):]
                if readable:
                    self.text += os.read(self.master, 65536).decode(errors="replace")
        finally:
            os.close(end)

    def is_as_before(self):
        return termios.tcgetattr(self.slave) == self.before

    def echoes(self):
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)


def both_on_terminal(bridge, words, **how):
    """Text and status of both ways, and whether the terminal was left as it was found."""
    seen = []
    for prefix in ([], bridge.words()):
        with Terminal(bridge, [*prefix, *words], **how) as terminal:
            seen.append((*terminal.rest(), terminal.is_as_before()))
    assert seen[0] == seen[1]
    return seen[0]


TTY_FACTS = py("""
import os, sys, termios
for fd in range(3):
    print(fd, os.isatty(fd), os.get_terminal_size(fd) if os.isatty(fd) else None)
if os.isatty(1):
    a = termios.tcgetattr(1)
    # What only shows leaves the ends of lines to the terminal behind it.
    if not os.isatty(0): a[1] &= ~termios.OPOST
    print(a[0:4], a[6])
with open("/dev/tty") as tty: print("tty", os.isatty(tty.fileno()))
""")


def test_a_terminal_looks_the_same(bridge):
    def unusual(fd):
        settings = termios.tcgetattr(fd)
        settings[3] &= ~termios.ECHOK
        settings[6][termios.VERASE] = b"\x08"
        termios.tcsetattr(fd, termios.TCSANOW, settings)
    text, status, restored = both_on_terminal(bridge, TTY_FACTS)
    assert "columns=97, lines=31" in text and status == 0 and restored
    both_on_terminal(bridge, TTY_FACTS, settings=unusual)


def test_colours_and_endings_pass_a_terminal_unchanged(bridge):
    text, _, _ = both_on_terminal(bridge, sh(
        r"printf '\033[1;31mred\033[0m\nplain\r\033[2Kagain\n\342\226\221\n'; printf '\007'; exit 3"))
    assert f"{ESC}[1;31mred{ESC}[0m\r\nplain\r{ESC}[2Kagain" in text
    both_on_terminal(bridge, ["seq", "3000"])


def test_a_death_on_a_terminal_restores_it(bridge):
    for name in ("TERM", "KILL", "INT"):
        _, status, restored = both_on_terminal(bridge, sh(f"kill -{name} $$"))
        assert status == -getattr(signal, f"SIG{name}") and restored
    _, status, restored = both_on_terminal(bridge, ["false"])
    assert status == 1 and restored
    with Terminal(bridge, [*bridge.words(), "no-such-command-anywhere"]) as terminal:
        text, status = terminal.rest()
        assert status == 127 and terminal.is_as_before() and "No such file" in text


def test_only_what_is_a_terminal_becomes_one(bridge):
    for kept in (("stdin",), ("stdout",), ("stderr",), ("stdin", "stdout"), ("stdin", "stderr"),
                 ("stdout", "stderr")):
        seen = []
        for prefix in ([], bridge.words()):
            out = bridge.folder / "out"
            with open(out, "wb") as file:
                how = {name: file for name in ("stdout", "stderr") if name not in kept}
                if "stdin" not in kept:
                    how["stdin"] = subprocess.DEVNULL
                with Terminal(bridge, [*prefix, *TTY_FACTS], **how) as terminal:
                    seen.append((*terminal.rest(), terminal.is_as_before(), out.read_bytes()))
        assert seen[0] == seen[1], kept


def test_typing_and_the_size_of_the_window_reach_the_command(bridge):
    watch = py("import os, signal, sys\n"
               "def size(*_): os.write(1, b'size %d %d\\n' % os.get_terminal_size(0))\n"
               "signal.signal(signal.SIGWINCH, size)\n"
               "while True:\n"
               "    print('> ', end='', flush=True)\n"
               "    line = sys.stdin.readline().strip()\n"
               "    if line == 'end': break\n"
               "    print('got', line, flush=True)\n")
    for prefix in ([], bridge.words()):
        with Terminal(bridge, [*prefix, *watch]) as terminal:
            terminal.expect("> ")
            terminal.type("hello\n")
            terminal.expect("got hello\r\n> ")
            terminal.resize(50, 123)
            terminal.expect("size 123 50")
            terminal.type("end\n")
            _, status = terminal.rest()
            assert status == 0 and terminal.is_as_before()


def test_a_window_change_reaches_a_command_that_only_writes_to_the_terminal(bridge):
    watch = py("import os, signal, time\n"
               "def size(*_): os.write(1, b'size %d %d\\n' % os.get_terminal_size(1))\n"
               "signal.signal(signal.SIGWINCH, size)\n"
               "print('up', flush=True)\n"
               "while True: time.sleep(9)\n")
    with Terminal(bridge, [*bridge.words(), *watch], stdin=subprocess.DEVNULL) as terminal:
        terminal.expect("up")
        terminal.resize(40, 111)
        terminal.expect("size 111 40")


def test_interrupt_and_quit_keys_and_end_of_input(bridge):
    for prefix in ([], bridge.words()):
        with Terminal(bridge, [*prefix, *sh("echo up; exec sleep 300")]) as terminal:
            terminal.expect("up")
            terminal.type("\x03")
            text, status = terminal.rest()
            assert "^C" in text and status == -signal.SIGINT and terminal.is_as_before()
        with Terminal(bridge, [*prefix, *CATCHER]) as terminal:
            terminal.expect("ready")
            terminal.type("\x03")
            terminal.expect(r"\^C2\r\n")
            terminal.type("\x1c")
            terminal.expect(r"\^\\3\r\n")
        with Terminal(bridge, [*prefix, "cat"]) as terminal:
            terminal.type("line\n")
            terminal.expect("line\r\nline\r\n")
            terminal.type("\x04")
            assert terminal.rest()[1] == 0 and terminal.is_as_before()


def test_a_command_that_only_writes_is_interrupted_from_the_keyboard_once(bridge):
    for how in ({"stdin": subprocess.DEVNULL}, {}):
        with Terminal(bridge, [*bridge.words(), *CATCHER], **how) as terminal:
            terminal.expect("ready")
            terminal.type("\x03")
            terminal.expect("2\r\n")
            terminal.type("\x1c")
            assert terminal.expect(r"[^\r\n]*3\r\n").group().endswith("3\r\n")


def in_shell(bridge, editing=False):
    """A shell with job control, whose prompt is JOB>."""
    words = ["bash", "--norc", "--noprofile", *([] if editing else ["--noediting"]), "-i"]
    return Terminal(bridge, words,
                    env={"PS1": "JOB> ", "HISTFILE": "/dev/null"})


def test_job_control_stop_and_foreground(bridge):
    for prefix in ("", " ".join(bridge.words()) + " "):
        with in_shell(bridge) as shell:
            shell.expect("JOB> ")
            shell.type(f"{prefix}cat\n")
            shell.expect("cat\r\n")
            shell.type("one\n")
            shell.expect("one\r\none\r\n")
            shell.type("\x1a")
            shell.expect("Stopped")
            shell.expect("JOB> ")
            assert shell.echoes()
            shell.type("echo in between\n")
            shell.expect("\nin between\r\n")
            shell.expect("JOB> ")
            shell.type("fg\n")
            shell.expect("cat\r\n")
            shell.type("two\n")
            shell.expect("two\r\ntwo\r\n")
            shell.type("\x04")
            shell.expect("JOB> ")
            shell.type("echo status $?\n")
            shell.expect("\nstatus 0")
            shell.expect("JOB> ")
            shell.type("exit\n")
            assert shell.rest()[1] == 0


def test_job_control_of_a_command_that_only_writes(bridge):
    # One process: a shell that is stopped while it starts another one does not stop at once.
    ticker = bridge.folder / "ticker.py"
    ticker.write_text("import itertools, time\n"
                      "for i in itertools.count(1): print('tick', i, flush=True); time.sleep(0.1)\n")
    count = f"{PYTHON} {ticker}"
    for prefix in ("", " ".join(bridge.words()) + " "):
        with in_shell(bridge) as shell:
            shell.expect("JOB> ")
            shell.type(f"{prefix}{count} < /dev/null\n")
            shell.expect("tick 2\r\n")
            shell.type("\x1a")
            shell.expect("Stopped")
            shell.expect("JOB> ")
            shell.type("fg\n")
            shell.expect(r"tick \d+\r\n")
            shell.type("\x03")
            shell.expect("JOB> ")
            shell.type("echo status $?\n")
            shell.expect("\nstatus 130")
            shell.type("exit\n")
            assert shell.rest()[1] == 0


def test_a_background_start_stops_when_it_reads_and_goes_on_in_the_foreground(bridge):
    for prefix in ("", " ".join(bridge.words()) + " "):
        with in_shell(bridge) as shell:
            shell.expect("JOB> ")
            shell.type(f"{prefix}sh -c 'echo started; read x; echo got $x' &\n")
            shell.expect("started\r+\n")
            shell.type("\n")

            def stopped():
                shell.type("jobs\n")
                return "Stopped" in shell.expect("(Stopped|Running)[^\n]*\n").group()
            wait_until(stopped, LIMIT_S, "stopped job", step_s=0.2)
            shell.type("fg\n")
            shell.expect(r"got \$x'\r\n")
            shell.type("typed\n")
            shell.expect("got typed\r\n")
            shell.expect("JOB> ")
            shell.type("exit\n")
            assert shell.rest()[1] == 0


def test_a_background_start_has_no_settings_of_the_shells_line_editor(bridge):
    for prefix in ("", " ".join(bridge.words()) + " "):
        with in_shell(bridge, editing=True) as shell:
            shell.expect("JOB> ")
            shell.type(f"{prefix}sh -c 'read x; stty -a' &\n")
            shell.expect("JOB> ")

            def stopped():
                shell.type("jobs\n")
                return "Stopped" in shell.expect("(Stopped|Running)[^\n]*\n").group()
            wait_until(stopped, LIMIT_S, "stopped job", step_s=0.2)
            shell.type("fg\n")
            shell.expect(r"stty -a'\r\n")
            wait_until(lambda: prefix == "" or not shell.echoes(), LIMIT_S, "raw terminal outside")
            shell.type("typed\n")
            shell.expect("typed\r\n")
            shell.expect(r" icanon iexten echo ")
            shell.expect("JOB> ")
            shell.type("exit\n")
            assert shell.rest()[1] == 0


def test_keys_are_left_to_the_pager_behind_a_wrapped_command(bridge):
    wrapped = " ".join(bridge.words())
    pager = f"{PYTHON} -c \"import sys; sys.stdin.read(); print('key', open('/dev/tty').readline())\""
    with Terminal(bridge, sh(f"{wrapped} sh -c 'echo page; sleep 0.3' | {pager}")) as terminal:
        terminal.type("mine\n")
        terminal.expect("key mine")
        assert terminal.rest()[1] == 0


def test_a_bridge_killed_on_a_terminal_leaves_it_usable(bridge):
    with Terminal(bridge, [*bridge.words(), *sh("echo pid $$; exec sleep 300")]) as terminal:
        pid = int(terminal.expect(r"pid (\d+)\r\n").group(1))
        assert not terminal.is_as_before()    # raw outside
        terminal.process.kill()
        wait_until(terminal.is_as_before, LIMIT_S, "restored terminal")
        wait_until(lambda: not is_alive(pid), LIMIT_S, "end of the command")


def test_a_hung_up_terminal_ends_the_session(bridge):
    with Terminal(bridge, [*bridge.words(), *sh("echo pid $$; exec sleep 300")]) as terminal:
        pid = int(terminal.expect(r"pid (\d+)\r\n").group(1))
        os.kill(terminal.process.pid, signal.SIGHUP)
        assert terminal.process.wait(LIMIT_S) == -signal.SIGHUP
        assert not is_alive(pid)
