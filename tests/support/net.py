"""net - hosts that exist only in this kernel's memory: network namespaces on one switch.

SPDX-License-Identifier: MPL-2.0

    with Net() as net:
        left, right = net.host("10.77.0.1"), net.host("10.77.0.2")
        subprocess.run([*left.enter, "ip", "addr"])

Each host is a process that sleeps in a namespace of its own; when the processes are gone, so is
everything. Nothing here touches an interface of the machine.
"""

import os
import subprocess

USER = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
ENTER_USER = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]


class Space:
    """One namespace."""

    def __init__(self, inside=()):
        # Without root all of them must live in one user namespace: that of the first.
        self.holder = subprocess.Popen(
            [*inside, "unshare", *([] if inside else USER), "--net", "sh", "-c",
             "ip link set lo up && echo up && exec sleep 3600"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b"up\n", "no namespace could be made"
        self.enter = ["nsenter", "--target", str(self.holder.pid), *ENTER_USER, "--net"]

    def run(self, *words):
        return subprocess.run([*self.enter, *words], check=True, capture_output=True,
                              text=True).stdout

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()


class Net:
    def __init__(self):
        self.switch = Space()
        self.spaces = [self.switch]
        self.switch.run("ip", "link", "add", "br0", "type", "bridge")
        self.switch.run("ip", "link", "set", "br0", "up")

    def host(self, address, bits=24):
        space = Space(self.switch.enter[:-1] if USER else ())
        space.address = address
        space.port = f"port{len(self.spaces)}"
        self.spaces.append(space)
        self.switch.run("ip", "link", "add", space.port, "type", "veth", "peer", "name", "eth0",
                        "netns", str(space.holder.pid))
        self.switch.run("ip", "link", "set", space.port, "master", "br0", "up")
        space.run("ip", "addr", "add", f"{address}/{bits}", "brd", "+", "dev", "eth0")
        space.run("ip", "link", "set", "eth0", "up")
        return space

    def cut(self, host):
        """Take the host off the switch; its own interface stays up."""
        self.switch.run("ip", "link", "set", host.port, "nomaster")

    def mend(self, host):
        self.switch.run("ip", "link", "set", host.port, "master", "br0")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for space in reversed(self.spaces):
            space.close()
