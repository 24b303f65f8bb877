"""spool_file - reads a spool's file as docs/PROTOCOL.md section 9 draws it, and by nothing else.

SPDX-License-Identifier: MPL-2.0
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import struct
import uuid

HEAD = struct.Struct(">8s16sq16sQ")
MARK = struct.Struct(">QQQQ")
RECORD = struct.Struct(">QIHBBQqII")
MASK = (1 << 64) - 1


def siphash(data):
    """SipHash-2-4 with a key of zeros."""
    v0, v1, v2, v3 = (0x736f6d6570736575, 0x646f72616e646f6d, 0x6c7967656e657261,
                      0x7465646279746573)

    def turn(value, bits):
        return ((value << bits) | (value >> (64 - bits))) & MASK

    def mix(times):
        nonlocal v0, v1, v2, v3
        for _ in range(times):
            v0 = (v0 + v1) & MASK
            v1 = turn(v1, 13) ^ v0
            v0 = turn(v0, 32)
            v2 = (v2 + v3) & MASK
            v3 = turn(v3, 16) ^ v2
            v0 = (v0 + v3) & MASK
            v3 = turn(v3, 21) ^ v0
            v2 = (v2 + v1) & MASK
            v1 = turn(v1, 17) ^ v2
            v2 = turn(v2, 32)

    whole = len(data) // 8 * 8
    words = [*struct.unpack(f"<{whole // 8}Q", data[:whole]),
             int.from_bytes(data[whole:], "little") | (len(data) & 0xff) << 56]
    for word in words:
        v3 ^= word
        mix(2)
        v0 ^= word
    v2 ^= 0xff
    mix(4)
    return (v0 ^ v1 ^ v2 ^ v3).to_bytes(8, "little")


@dataclasses.dataclass
class Spool:
    source: str
    acknowledged: int
    events: list    # (seq, payload), of those that are not acknowledged
    torn_bytes: int


def read(path):
    """What waits in the file; raises ValueError where it is no spool."""
    data = pathlib.Path(path).read_bytes()
    magic, source, _, _, _ = HEAD.unpack_from(data)
    if magic != b"AMSPOOL\x01" or siphash(data[:48]) != data[48:56]:
        raise ValueError(f"{path} is no spool")
    acknowledged = MARK.unpack_from(data, 56)[0] if siphash(data[56:80]) == data[80:88] else 0
    spool = Spool(str(uuid.UUID(bytes=source)), acknowledged, [], 0)
    at, before = HEAD.size + MARK.size, acknowledged
    while len(data) - at >= RECORD.size:
        _, length, topic, _, _, seq, _, _, _ = RECORD.unpack_from(data, at)
        record = data[at:at + RECORD.size + length]
        if len(record) < RECORD.size + length or siphash(record[8:]) != record[:8]:
            break
        if seq > acknowledged:
            if seq <= before:
                break
            spool.events.append((seq, json.loads(record[RECORD.size + topic:])))
            before = seq
        at += len(record)
    spool.torn_bytes = len(data) - at
    return spool
