"""sse_standard - an event stream read as the HTML standard says (9.2.6), and what is odd about it.

SPDX-License-Identifier: MPL-2.0

The reference that the clients are held against: it takes whatever a server sends, as they must.
What a client could stumble over is not refused but noted, in `odd`.
"""

from __future__ import annotations

import dataclasses
import re

BOM = b"\xef\xbb\xbf"
FIELDS = {"data", "event", "id", "retry"}


@dataclasses.dataclass(frozen=True)
class Event:
    type: str
    data: str
    last_id: str           # the last event id when it was handed over: its own, or an earlier one's
    own_id: str | None     # the id of its own block
    end: int               # bytes of the stream up to its end


class Reader:
    """Feed it bytes; it gives events."""

    def __init__(self, last_id=""):
        self.last_id = last_id
        self.retry_ms = None
        self.comments = 0
        self.line_ends = set()    # of "LF", "CRLF", "CR"
        self.odd = []             # sentences
        self._taken = 0           # bytes that are parsed
        self._rest = b""
        self._begin_block()

    def _begin_block(self):
        self._fields = 0
        self._data = []
        self._type = ""
        self._id = None

    def feed(self, data):
        self._rest += data
        if self._taken == 0 and len(self._rest) < len(BOM) and BOM.startswith(self._rest):
            return
        if self._taken == 0 and self._rest.startswith(BOM):
            self._note("it begins with a byte order mark")
            self._take(len(BOM))
        # A CR at the end may be the first half of CRLF.
        while found := re.search(rb"\r\n|\n|\r(?=[^\n])", self._rest, re.DOTALL):
            line, end = self._rest[:found.start()], found.group()
            self._take(found.end())
            self.line_ends.add({b"\n": "LF", b"\r\n": "CRLF", b"\r": "CR"}[end])
            yield from self._line(line)

    def _take(self, count):
        self._rest = self._rest[count:]
        self._taken += count

    def _note(self, sentence):
        if sentence not in self.odd:
            self.odd.append(sentence)

    def _line(self, raw):
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError:
            self._note(f"this is no UTF-8: {raw[:80]!r}")
            line = raw.decode("utf-8", "replace")
        if not line:
            yield from self._end_of_block()
            return
        if line.startswith(":"):
            self.comments += 1
            return
        name, _, value = line.partition(":")
        self._field(name, value.removeprefix(" "))

    def _field(self, name, value):
        self._fields += 1
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id":
            if "\0" in value:
                self._note("an id has a NUL, for which clients ignore it")
            else:
                self._id = value
        elif name == "retry":
            if re.fullmatch("[0-9]+", value):
                self.retry_ms = int(value)
            else:
                self._note(f"a retry is no number: {value[:80]!r}")
        if name not in FIELDS:
            self._note(f"a line is neither a field nor a comment: {name[:80]!r}")
        if "\0" in value and name != "id":
            self._note(f"a NUL is in the field {name[:80]!r}")

    def _end_of_block(self):
        if self._id is not None:
            self.last_id = self._id
        if not self._data:
            # The standard has it ignored. Some clients hand over an empty event.
            self._note("a block has no data" if self._fields else "a blank line stands by itself")
        else:
            yield Event(self._type or "message", "\n".join(self._data), self.last_id, self._id,
                        self._taken)
        self._begin_block()
