"""Being told to stop."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def interruptible(cancelled: threading.Event) -> Iterator[None]:
    """The first Ctrl-C (or SIGTERM) asks for an orderly end; a second one doesn't wait for it."""
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def stop(_number: int, _frame: FrameType | None) -> None:
        cancelled.set()
        for number in signals:
            signal.signal(number, before[number])

    for number in signals:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in signals:
            signal.signal(number, before[number])
