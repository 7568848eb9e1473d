"""A container's output on disk: written as it comes, and never more than was agreed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from runner.keeping import keeping
from runner.sandbox.redact import Redactor


class LogFile:
    """Write at most ``cap_bytes`` to ``path``, and say at its end when more came.

    ``hidden`` are never written, see ``Redactor``. ``watch`` is given what is written, and what the
    cap leaves out as well; ``result_is_in`` is whether it has said so (``protocol.Step.watch``). The
    folder has to be there. Raises ``StateError``, and what ``watch`` raises.
    """

    def __init__(
        self,
        path: Path,
        cap_bytes: int,
        hidden: Iterable[bytes] = (),
        watch: Callable[[bytes], bool] | None = None,
    ) -> None:
        self._cap_bytes = cap_bytes
        self._redactor = Redactor(hidden)
        self._watch = watch
        self.result_is_in = False
        self.size_bytes = 0
        self.complete = True
        self._path = path
        with self._keeping():
            self._file = path.open("wb")

    def write(self, data: bytes) -> None:
        """Append, for others to see at once; what comes after the cap is dropped, and makes
        ``complete`` false."""
        self._take(self._redactor.feed(data))

    def _take(self, data: bytes) -> None:
        self._append(data)
        if self._watch and data and self._watch(data):
            self.result_is_in = True

    def _append(self, data: bytes) -> None:
        if not self.complete:
            return
        room = self._cap_bytes - self.size_bytes
        with self._keeping():
            self._file.write(data[:room])
            self.size_bytes += min(len(data), room)
            if len(data) > room:
                self.complete = False
                self._file.write(f"\n[oppie: log cut at {self._cap_bytes} bytes]\n".encode())
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            last = self._redactor.end()
            if error is None:
                self._take(last)
            else:
                self._append(last)
        finally:
            with self._keeping():
                self._file.close()

    def _keeping(self) -> AbstractContextManager[None]:
        """A log that can't be written is the host's trouble, not the container's."""
        return keeping("write the log", self._path)


def mark_sent(log: Path) -> None:
    """Note that a step's input was delivered whole, and when. Raises ``StateError``."""
    mark = sent_mark(log)
    with keeping("write", mark):
        mark.write_text(f"{_boot_id()} {time.monotonic()}")


def sent_for_s(log: Path) -> float | None:
    """How long ago ``mark_sent`` was called, by a clock that all processes of the machine share and
    nobody can set; ``None`` if the machine has started anew since, or doesn't tell."""
    with contextlib.suppress(OSError, ValueError):
        boot_id, _, moment = sent_mark(log).read_text().partition(" ")
        if boot_id and boot_id == _boot_id():
            return max(0.0, time.monotonic() - float(moment))
    return None


def unmark_sent(log: Path) -> None:
    """Forget what was delivered to an earlier container of the step. Raises ``StateError``."""
    mark = sent_mark(log)
    with keeping("remove", mark):
        mark.unlink(missing_ok=True)


def _boot_id() -> str:
    """What tells this start of the machine from others; "" where the system has no name for it."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def sent_mark(log: Path) -> Path:
    """The file beside ``log`` that says that a step's input was delivered whole."""
    return log.with_suffix(log.suffix + ".sent")
