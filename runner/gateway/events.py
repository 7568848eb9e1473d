"""Server-sent events, cut where they end: nobody can do anything with half an event."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

EVENT_LIMIT_BYTES = 16 << 20

_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_DATA = re.compile(rb"^data:[ ]?(.*)$", re.MULTILINE)


class TooLong(Exception):
    """An event that doesn't end."""


class Splitter:
    """Gives whole events back as their bytes come."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._looked_bytes = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The events that are whole by now, each with the empty line at its end. Raises
        ``TooLong``."""
        self._waiting += data
        while found := _END.search(self._waiting, max(0, self._looked_bytes - 3)):
            event = bytes(self._waiting[: found.end()])
            del self._waiting[: found.end()]
            self._looked_bytes = 0
            yield event
        self._looked_bytes = len(self._waiting)
        if self._looked_bytes > EVENT_LIMIT_BYTES:
            raise TooLong(f"an event of more than {EVENT_LIMIT_BYTES} bytes")

    @property
    def rest(self) -> bytes:
        """What came of an event that never ended."""
        return bytes(self._waiting)


def data_of(event: bytes) -> bytes:
    """What an event carries: its ``data:`` lines."""
    return b"\n".join(_DATA.findall(event.replace(b"\r\n", b"\n").replace(b"\r", b"\n")))


def object_of(data: bytes) -> dict[str, Any]:
    """The JSON object that was carried; an empty one where there is none."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
