"""Work that only one of a run's workers may do at a time, by what it is done to."""

from __future__ import annotations

import threading


class Turns:
    """A lock for each name. ``dict.setdefault`` decides a race for a name's first use."""

    def __init__(self) -> None:
        self._locks: dict[str, threading.Lock] = {}

    def of(self, name: str) -> threading.Lock:
        """The lock of this name, which every worker gets."""
        return self._locks.setdefault(name, threading.Lock())
