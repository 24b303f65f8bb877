"""test_found - how programs find their broker, and brokers each other.

SPDX-License-Identifier: MPL-2.0

Beacons are sent in network namespaces only, never on an interface of the machine.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid

import pytest
from mesh import ALONE, PATIENCE_S, SLOWNESS, SUPPORT, Mesh, Program, wait_until

sys.path.insert(0, str(SUPPORT))

from net import Net    # noqa: E402

TCP = [word for door, port in (("control", 5773), ("publish", 5771), ("subscribe", 5772))
       for word in ("--set", f"broker/bind_{door}=tcp://*:{port}")]
READ_FILE = "import json,sys; print(json.dumps(json.load(open(sys.argv[1]))))"


class Host(Mesh):
    """A mesh's directories on one host of a Net."""

    def __init__(self, folder, name, space=None):
        self.space = space
        (folder / name).mkdir(mode=0o700)
        super().__init__(folder / name)
        self.env["AIDERMESH_HOST"] = name
        self.state = self.folder / "state" / "aidermesh"

    def program(self, name):
        return [*(self.space.enter if self.space else ()), *super().program(name)]

    def start_tcp_broker(self, *words):
        broker = Program(self, "aidermesh-broker", [*TCP, *words])
        self.wait_for_log(broker, " ready ")
        return broker

    def wait_for_log(self, program, text, timeout_s=PATIENCE_S):
        def said():
            program.must_run()
            return text in program.log.read_text(errors="replace")
        wait_until(said, timeout_s, f"'{text}' in what {program.name} logs")

    def cli(self, *words, check=True):
        done = subprocess.run([*self.program("aidermesh"), *words], env=self.env,
                              capture_output=True, text=True, timeout=PATIENCE_S)
        assert not check or done.returncode == 0, done.stderr
        return done

    def doctor(self, *words):
        """What the doctor reports, and its exit status."""
        done = self.cli("doctor", "--json", *words, check=False)
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout), done.returncode

    def finds(self, *words, where=lambda report: True):
        """What the doctor reports once a broker has answered it in time, and where(report) holds."""
        def found():
            report, status = self.doctor(*words)
            return status == 0 and where(report) and report
        return wait_until(found, PATIENCE_S, "doctor that finds the broker")

    def new_key(self, name, role):
        return pathlib.Path(self.cli("keys", "new", name, role).stdout.strip())

    def take_key(self, path):
        """Carry a key to this host."""
        carried = self.folder / path.name
        shutil.copy(path, carried)
        carried.chmod(0o600)
        self.env["AIDERMESH_MESH_KEY"] = str(carried)


@pytest.fixture
def net():
    with Net() as made:
        yield made


@pytest.fixture
def hosts(folder, net):
    """host(name, address): a host on the net; all is stopped and checked at the end."""
    made = []

    def host(name, address=None):
        made.append(Host(folder, name, net.host(address) if address else None))
        return made[-1]
    yield host
    for one in made:
        one.__exit__(None)


# ---- beacons

def test_two_hosts_find_each_other_by_beacon_within_one_interval(hosts):
    left, right = hosts("left", "10.77.0.1"), hosts("right", "10.77.0.2")
    key = left.new_key("right", "publish")
    left.start_tcp_broker()
    right.take_key(key)
    started = time.monotonic()
    bridge = right.start_bridge("--log-level", "info", "--", "sleep", "600")
    right.wait_for_log(bridge, "(beacon)")
    took_s = time.monotonic() - started
    # One interval, and what the program takes to start and to shake hands.
    assert took_s < 1.0 + 0.7 * SLOWNESS or not ALONE, f"found after {took_s:.2f} s"
    assert "tcp://10.77.0.1:5773 (beacon)" in bridge.said()
    report = left.finds(where=lambda report: "right" in [p["host"] for p in report["peers"]])
    peer = next(p for p in report["peers"] if p["host"] == "right")
    assert peer["metadata"]["found_by"] == "beacon"
    bridge.process.terminate()
    bridge.process.wait(PATIENCE_S)


def captured_beacons(space, count=1):
    """Beacons as they are on the wire, heard in a namespace."""
    script = ("import socket,sys\n"
              "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
              "s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1)\n"
              "s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEPORT,1)\n"
              "s.bind(('0.0.0.0',5770)); s.settimeout(60)\n"
              f"for _ in range({count}): print(s.recv(2048).hex())\n")
    return [bytes.fromhex(line) for line in space.run(sys.executable, "-c", script).split()]


@contextlib.contextmanager
def sending(space, *datagrams):
    """Meanwhile these are broadcast, again and again."""
    script = ("import socket,sys,time\n"
              "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
              "s.setsockopt(socket.SOL_SOCKET,socket.SO_BROADCAST,1)\n"
              "while True:\n"
              " for sent in sys.argv[1:]: s.sendto(bytes.fromhex(sent),('10.77.0.255',5770))\n"
              " time.sleep(0.2)\n")
    sender = subprocess.Popen([*space.enter, sys.executable, "-c", script,
                               *(datagram.hex() for datagram in datagrams)])
    try:
        yield
        assert sender.poll() is None, "it could not send"
    finally:
        sender.kill()
        sender.wait()


def test_forged_replayed_and_foreign_beacons_are_ignored_and_counted(hosts):
    left, right = hosts("left", "10.77.0.1"), hosts("right", "10.77.0.2")
    stranger = hosts("stranger", "10.77.0.3")
    right.take_key(left.new_key("right", "operate"))
    broker = left.start_tcp_broker()
    beacon, = captured_beacons(right.space)
    assert len(beacon) <= 255 and beacon.startswith(b"AMBN")
    # A mesh of its own, with its own secret, under our name and under another.
    stranger.new_key("someone", "publish")
    same_name = stranger.start_tcp_broker()
    forged = bytearray(beacon)
    forged[-1] ^= 1
    def all_heard():
        """What the doctor hears in its two seconds, once it has heard each of them."""
        report, status = right.doctor()
        ignored = {(row["why"], row["sender"]) for row in report["beacons"]["ignored"]}
        assert all(row["count"] >= 1 for row in report["beacons"]["ignored"])
        replayed = {("replayed", "10.77.0.3"), ("replayed", "10.77.0.1")}
        return ({("wrong-hash", "10.77.0.3"), ("malformed", "10.77.0.3")} <= ignored
                and ignored & replayed and status == 0 and report)
    with sending(stranger.space, beacon, bytes(forged), b"AMBN junk"):
        report = wait_until(all_heard, PATIENCE_S, "doctor that has heard all of them")
        assert report["broker"]["found_by"] == "beacon"
        assert {row["endpoint"] for row in report["beacons"]["heard"]} == {"tcp://10.77.0.1:5773"}
        # The broker too names what it ignores, once for each reason.
        left.wait_for_log(broker, "beacon-ignored wrong-hash")
    assert left_named(broker, "wrong-hash") == 1
    same_name.stop()
    stranger.start_tcp_broker("--set", "mesh/mesh_id=another")

    def others():
        report, _ = right.doctor()
        return [row for row in report["beacons"]["ignored"] if row["why"] == "other-mesh"]
    rows = wait_until(others, PATIENCE_S, "doctor that has heard the other mesh")
    assert rows[0]["mesh_id"] == "another" and rows[0]["sender"] == "10.77.0.3"
    def text():
        said = right.cli("doctor", check=False).stdout
        return "other-mesh" in said and "A broker was found" in said and said
    assert "10.77.0.3" in wait_until(text, PATIENCE_S, "doctor that tells of the other mesh")


def left_named(broker, reason):
    return broker.log.read_text().count(f"beacon-ignored {reason}")


def test_no_beacon_is_sent_from_loopback_or_without_keys(hosts):
    left, right = hosts("left", "10.77.0.1"), hosts("right", "10.77.0.2")
    open_mesh = left.start_tcp_broker("--insecure")
    heard = "import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n" \
            "s.bind(('0.0.0.0',5770)); s.settimeout(2.5)\n" \
            "try: print(s.recv(2048).hex())\nexcept TimeoutError: print('silence')\n"
    assert right.space.run(sys.executable, "-c", heard) == "silence\n"
    open_mesh.stop()
    left.new_key("right", "publish")
    left.start_broker()
    assert right.space.run(sys.executable, "-c", heard) == "silence\n"


# ---- two brokers of one mesh

def events_of(host):
    """Every event that the sse-bridge of a host has so far, read inside its namespace."""
    mark = f"mark-{uuid.uuid4()}"
    say(host, mark, "read up to here")
    script = ("import socket,sys,time\n"
              "s=socket.create_connection(('127.0.0.1',8790),10)\n"
              "s.sendall(('GET /events?since=earliest HTTP/1.1\\r\\nHost: 127.0.0.1:8790\\r\\n'\n"
              "  'Authorization: Bearer '+sys.argv[1]+'\\r\\n\\r\\n').encode())\n"
              f"s.settimeout({PATIENCE_S})\n"
              "data=b''\n"
              "while sys.argv[2].encode() not in data or not data.endswith(b'\\n\\n'):\n"
              " more=s.recv(65536)\n"
              " assert more, 'the stream ended'\n"
              " data+=more\n"
              "sys.stdout.buffer.write(data)\n")
    out = host.space.run(sys.executable, "-c", script,
                         (host.state / "token").read_text().strip(), mark)
    events = [json.loads(line[6:]) for line in out.splitlines() if line.startswith("data: ")]
    return [event for event in events if event.get("session_id") != mark]


def test_two_brokers_of_one_mesh_become_one_and_lose_nothing(hosts, net):
    elder, younger = hosts("elder", "10.77.0.1"), hosts("younger", "10.77.0.2")
    key = elder.new_key("session", "publish")
    shutil.copytree(elder.state / "keys", younger.state / "keys")
    younger.state.chmod(0o700)
    old = elder.start_tcp_broker()
    sse = Program(elder, "aidermesh-sse-bridge", [])
    elder.wait_for_log(sse, "feed-fresh")
    net.cut(younger.space)
    young = younger.start_tcp_broker()
    lines = "".join(json.dumps({"type": "aider.session_progress", "data": {
        "session_id": "split", "stage": "banner", "message": f"line {n}"}}) + "\n"
                    for n in range(1200))
    source = younger.folder / "lines"
    source.write_text(lines)
    with open(source, "rb") as stdin:
        bridge = younger.start_bridge("--mode", "ndjson", stdin=stdin)
        assert bridge.wait(PATIENCE_S) == 0
    # And a session that goes on across the change, under a key of its own.
    younger.take_key(key)
    session = younger.start_bridge("--log-level", "info", "--name", "goes-on", "--", "sleep", "600")
    younger.wait_for_log(session, "broker-found")
    net.mend(younger.space)
    assert young.wait(60 * SLOWNESS) == 0, young.said()
    assert "handover-done" in young.said()
    younger.wait_for_log(session, "tcp://10.77.0.1:5773")
    old.must_run()
    session.process.send_signal(signal.SIGTERM)
    session.process.wait(PATIENCE_S)
    seen = events_of(elder)
    alerts = [e for e in seen if e.get("rule") == "split_brain"]
    assert alerts and alerts[0]["severity"] == "critical"
    told = [e["message"] for e in seen if e.get("session_id") == "split" and e.get("message")]
    assert told == [f"line {n}" for n in range(1200)], young.said() + bridge.said()
    per_source = {}
    for event in seen:
        if "source" in event:
            per_source.setdefault(event["source"], []).append(event["seq"])
    for numbers in per_source.values():
        assert numbers == sorted(set(numbers)), "an event came twice or out of order"
    assert any(e.get("name") == "goes-on" for e in seen)


def say(host, session, *messages):
    """A session that says this and ends; all of it is with the broker then."""
    lines = "".join(json.dumps({"type": "aider.session_progress", "data": {
        "session_id": session, "stage": "banner", "message": text}}) + "\n" for text in messages)
    source = host.folder / f"lines-{session}"
    source.write_text(lines)
    with open(source, "rb") as stdin:
        bridge = host.start_bridge("--mode", "ndjson", stdin=stdin)
        assert bridge.wait(PATIENCE_S) == 0


def test_what_a_broker_that_makes_room_was_told_to_forget_stays_forgotten(hosts, net):
    elder, younger = hosts("elder", "10.77.0.1"), hosts("younger", "10.77.0.2")
    elder.new_key("session", "publish")
    shutil.copytree(elder.state / "keys", younger.state / "keys")
    younger.state.chmod(0o700)
    old = elder.start_tcp_broker()
    sse = Program(elder, "aidermesh-sse-bridge", [])
    elder.wait_for_log(sse, "feed-fresh")
    say(elder, "gone", "before the two were apart")
    net.cut(younger.space)
    young = younger.start_tcp_broker()
    say(younger, "gone", "while they were apart")
    say(younger, "kept", "kept")
    younger.cli("forget", "--session", "gone")
    elder.cli("forget", "--session", "nobody", "--force")    # known there already
    younger.cli("forget", "--session", "nobody", "--force")
    net.mend(younger.space)
    assert young.wait(60 * SLOWNESS) == 0, young.said()
    assert "handover-done" in young.said()
    assert "session-forget gone, as another broker was told" in old.said()
    assert "session-forget nobody, as another" not in old.said()
    elder.wait_for_log(old, "session-forgotten gone, ", 30 * SLOWNESS)
    say(elder, "gone", "after that")
    say(elder, "last", "last")
    old.must_run()
    told = [e["message"] for e in events_of(elder) if "message" in e and "session_id" in e]
    assert told == ["kept", "last"], old.said()


# ---- the fallback

def bare(folder, name="bare"):
    host = Host(folder, name)
    host.env["AIDERMESH_FEATURES_FALLBACK"] = "true"
    # Long enough for the bridge that started it to come.
    host.env["AIDERMESH_BROKER_LEAVE_WHEN_UNUSED"] = "10s"
    return host


def brokers_of(host):
    """Processes that serve this host's runtime directory, by their environment."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "comm").read_text().strip() == "aidermesh-broke" \
                    and f"XDG_RUNTIME_DIR={host.run_dir}".encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            pass    # gone meanwhile
    return found


def test_twenty_bridges_on_a_bare_host_share_one_fallback_broker_which_leaves(folder):
    with bare(folder) as host:
        bridges = [host.start_bridge("--log-level", "info", "--", "sleep", "600")
                   for _ in range(20)]
        for bridge in bridges:
            host.wait_for_log(bridge, "broker-found", 20 * SLOWNESS)
        assert all("(fallback)" in bridge.said() for bridge in bridges)
        assert sum("fallback-started" in bridge.said() for bridge in bridges) == 1
        assert len(brokers_of(host)) == 1
        def of_bridges(report):
            return [peer for peer in report["peers"] if peer["transport_type"] == "stdio"]
        report = host.finds(where=lambda report: len(of_bridges(report)) == 20)
        assert report["lock_held_by"].startswith("fallback ")
        stdio = of_bridges(report)
        assert {peer["metadata"]["found_by"] for peer in stdio} == {"fallback"}
        for bridge in bridges:
            bridge.process.terminate()
        for bridge in bridges:
            bridge.process.wait(PATIENCE_S)
        wait_until(lambda: not brokers_of(host), 15 * SLOWNESS, "fallback broker that leaves")
        entries = json.loads((host.dir / "coordinator_registry.json").read_text())
        assert entries == []


def test_a_fallback_broker_makes_room_for_one_that_was_asked_for(folder):
    with bare(folder) as host:
        bridge = host.start_bridge("--log-level", "info", "--", "sleep", "600")
        host.wait_for_log(bridge, "(fallback)", 20 * SLOWNESS)
        before = brokers_of(host)
        del host.env["AIDERMESH_BROKER_LEAVE_WHEN_UNUSED"]
        broker = host.start_broker()
        wait_until(lambda: brokers_of(host) == [broker.process.pid], 10 * SLOWNESS,
                   "broker alone")
        assert before != brokers_of(host)
        wait_until(lambda: bridge.said().count("broker-found") >= 2, PATIENCE_S,
                   "bridge that goes to the other broker")
        bridge.process.terminate()
        bridge.process.wait(PATIENCE_S)


def test_a_seed_that_is_down_starts_no_broker_and_nothing_is_lost(folder):
    with bare(folder) as host:
        seed = f"ipc://{host.run_dir}/seed"
        bridge = host.start_bridge("--log-level", "info", "--broker", seed, "--", "sleep", "300")
        host.wait_for_handlers(bridge)
        until = time.monotonic() + 2
        wait_until(lambda: time.monotonic() > until, 3, "two seconds")
        assert not brokers_of(host) and not (host.dir / "fallback.lock").exists()
        report, status = host.doctor("--broker", seed)
        assert status == 1 and report["places"] == [
            {"endpoint": seed, "found_by": "seed", "answers": False,
             "problem": "there is no socket"}]
        broker = Program(host, "aidermesh-broker", ["--set", f"broker/bind_control={seed}"])
        host.wait_for_log(bridge, "(seed)")
        host.wait_for_log(broker, "transport-joined")
        bridge.process.terminate()
        bridge.process.wait(PATIENCE_S)


# ---- the discovery file

def predecessor_reads(path):
    """As the predecessor's clients do: the youngest entry that has all it needs."""
    entries = [entry for entry in json.loads(path.read_text())
               if all(key in entry for key in ("coordinator_id", "host", "port", "transport_type",
                                               "start_time", "last_heartbeat"))
               and time.time() - entry["last_heartbeat"] < 30]
    return max(entries, key=lambda entry: entry["start_time"], default=None)


def test_a_reader_of_the_predecessor_finds_the_http_side(mesh):
    mesh.start()
    path = mesh.dir / "coordinator_registry.json"
    wait_until(path.exists, PATIENCE_S, "discovery file")
    found = wait_until(lambda: (e := predecessor_reads(path)) and e["transport_type"] == "sse" and e,
                       PATIENCE_S, "entry of the sse-bridge")
    assert found["port"] == mesh.port
    assert "sse_endpoints" in found["streaming_capabilities"]


REWRITER = """
import json, os, random, sys, time
path, number, end = sys.argv[1], int(sys.argv[2]), time.time() + float(sys.argv[3])
while time.time() < end:
    try:
        entries = json.load(open(path))
    except (OSError, ValueError):
        entries = []
    entries = [e for e in entries if e.get("coordinator_id") != f"old-{number}"]
    entries.append({"coordinator_id": f"old-{number}", "host": "h", "port": 1000 + number,
                    "transport_type": "sse", "start_time": 5.0, "last_heartbeat": time.time(),
                    "metadata": {}, "streaming_capabilities": {}})
    time.sleep(random.random() / 50)
    with open(path, "w") as out:     # neither atomic nor locked
        json.dump(entries, out)
    if number % 5 == 0 and random.random() < 0.1:
        open(path, "w").write("{ garbage")
    time.sleep(random.random() / 50)
"""


def test_the_discovery_file_survives_twenty_writers_and_garbage(mesh):
    mesh.start_broker()
    path = mesh.dir / "coordinator_registry.json"
    writers = [subprocess.Popen([sys.executable, "-c", REWRITER, str(path), str(n), "4"])
               for n in range(20)]
    for writer in writers:
        assert writer.wait(PATIENCE_S) == 0

    def ours():
        try:
            return [e for e in json.loads(path.read_text()) if e["transport_type"] == "zmq"]
        except ValueError:
            return []
    entry, = wait_until(ours, 5 * SLOWNESS, "entry of the broker")
    assert entry["metadata"]["endpoints"]["control"] == mesh.endpoint("control")
    # What is there now stays, those of others included.
    path.write_text("not JSON at all")
    wait_until(ours, 5 * SLOWNESS, "file written anew")
    bridge = mesh.start_bridge("--log-level", "info", "--", "true")
    wait_until(lambda: "(discovery)" in bridge.said(), 10, "bridge that found it in the file")
    bridge.process.wait(PATIENCE_S)


def test_a_dead_brokers_entry_is_told_by_its_free_lock_at_once(hosts):
    host = hosts("alone")
    path = host.folder / "shared.json"
    host.env["AIDER_MCP_COORDINATOR_DISCOVERY_FILE"] = str(path)
    other = hosts("other")
    other.env["AIDER_MCP_COORDINATOR_DISCOVERY_FILE"] = str(path)
    dead = other.start_broker()
    wait_until(path.exists, 5, "discovery file")
    dead.kill()
    report, status = host.doctor()
    assert status == 1
    entry, = report["discovery"]["entries"]
    assert entry["life"] == "dead" and entry["heartbeat_age"] < 30
    assert [place["found_by"] for place in report["places"]] == ["default"]
    successor = other.start_broker()
    other.wait_for_log(successor, " ready ")
    report = host.finds()
    assert report["broker"]["found_by"] == "discovery"
    assert [e["life"] for e in report["discovery"]["entries"]] == ["live"]
    report, status = host.doctor("--set", "features/discovery=false")
    assert status == 1 and len(report["places"]) == 1


# ---- the doctor

def test_doctor_says_what_is_wrong_and_what_is_right(hosts):
    host = hosts("alone")
    text = host.cli("doctor", check=False)
    assert text.returncode == 1
    assert "mode 0700" in text.stdout and "there is no socket" in text.stdout
    assert "No broker was found" in text.stdout
    host.start_broker()
    wait_until((host.dir / "coordinator_registry.json").exists, PATIENCE_S, "discovery file")
    report = host.finds()
    assert report["found"] is True
    assert report["broker"]["found_by"] == "discovery" and report["peers"] == []
    assert report["keys"] == {"dir": str(host.state / "keys"), "key": False, "mesh_secret": False}
    wait_until(lambda: "A broker was found and answers." in host.cli("doctor", check=False).stdout,
               PATIENCE_S, "doctor that says so")
    os.chmod(host.dir, 0o755)
    report, status = host.doctor()
    assert status == 1 and "others may use it" in json.dumps(report)
    os.chmod(host.dir, 0o700)
    with socket.socket(socket.AF_UNIX) as probe:
        assert probe.connect_ex(str(host.dir / "control")) == 0
