"""zmtp - ZMTP 3.0 byte by byte, for strangers who do not keep to it.

SPDX-License-Identifier: MPL-2.0
"""

import socket
import struct

GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
MORE, LONG, COMMAND = 1, 2, 4


def ready(socket_type):
    """The command that ends the handshake of a peer without keys."""
    name = b"Socket-Type"
    body = (b"\x05READY" + bytes([len(name)]) + name + struct.pack(">I", len(socket_type))
            + socket_type)
    return frame(body, COMMAND)


def frame(body, flags=0):
    if len(body) > 255:
        return struct.pack(">BQ", flags | LONG, len(body)) + body
    return struct.pack(">BB", flags, len(body)) + body


def claim(length, flags=0):
    """The beginning of a frame that says it is so long."""
    return struct.pack(">BQ", flags | LONG, length)


class Stranger:
    """A TCP connection to a ZeroMQ socket."""

    def __init__(self, port, limit_s=60.0):
        self.socket = socket.create_connection(("127.0.0.1", port), limit_s)

    def send(self, data):
        """Send as much as the other side takes. Returns whether it took all."""
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def shake_hands(self, socket_type):
        """Greet as a socket of this type and read what the broker says to it."""
        self.send(GREETING)
        self.read(len(GREETING))
        self.send(ready(socket_type))
        flags, length = self.read(2)
        assert flags == COMMAND, f"the broker answers the handshake with flags {flags}"
        return self.read(length)

    def read(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            assert more, "the broker hung up in the handshake"
            data += more
        return data

    def is_cut_off(self, limit_s):
        """Whether the broker ends the connection within the limit."""
        self.socket.settimeout(limit_s)
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass    # a reset is an end too
        return True

    def close(self):
        self.socket.close()
