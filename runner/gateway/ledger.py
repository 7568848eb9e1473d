"""The state folder's record of money: one file of JSON lines a day, that all planners share.

A request's money is set aside, on disk, before it is sent, and settled after. So whoever starts
after a kill knows what was under way; since nobody knows what it cost in the end, all that was set
aside for it counts as spent. Whether a planner lives is told by the lock that it holds on a file of
its own.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from runner.errors import StateError
from runner.gateway import daybook
from runner.gateway.books import Books, Caps, Opening, Settlement
from runner.keeping import keeping
from runner.model import Spending

_SUFFIX = ".jsonl"


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to send one request, and the day that it counts for."""

    day: str
    opening: Opening


class Ledger:
    """One planner's view of the record, for one run. Threads may share it.

    ``folder`` is made if it is missing, but not what it lies in. ``now`` tells seconds since the
    epoch. Raises ``StateError`` here and in all that writes: for trouble with the disk, and for a
    file that holds what was never written.
    """

    def __init__(self, folder: Path, run_id: str, now: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._run = run_id
        self._now = now
        self._owner = secrets.token_hex(8)
        self._changed = threading.Condition()
        self._books = Books()
        self._read_bytes: dict[str, int] = {}
        with keeping("make the folder", folder):
            folder.mkdir(exist_ok=True)
        with self._locked():
            self._alive = daybook.own(self._alive_file(self._owner))
            try:
                self._read_all()
                self._bury_the_dead()
            except BaseException:
                os.close(self._alive)
                raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        """What is still open then counts in full, as after a kill."""
        with contextlib.suppress(OSError):
            self._alive_file(self._owner).unlink()
        os.close(self._alive)

    def reserve(self, node: str, most_nano: int, caps: Caps) -> Ticket | None:
        """Set money aside for a request of ``node``, in billionths of a US dollar; ``None`` if
        others have to end first.

        Raises ``CapReached``, ``StateError``.
        """
        with self._changed, self._locked():
            day, run = self._today(), self._run
            self._read_new(day)
            may = self._books.may_open(day, run, node, most_nano, caps)
            if not may and self._bury_the_dead():
                may = self._books.may_open(day, run, node, most_nano, caps)
            if not may:
                return None
            name = f"{run}.{secrets.token_hex(8)}"
            opening = Opening(name, self._time(), self._owner, run, node, most_nano)
            self._write(day, opening)
            return Ticket(day, opening)

    def settle(self, ticket: Ticket, settlement: Settlement) -> None:
        """Write down what a request came to, and let those go on that wait. Raises ``StateError``;
        for this planner the money counts also then."""
        entry = replace(settlement, id=ticket.opening.id, at=self._time())
        with self._changed:
            try:
                with self._locked():
                    self._read_new(ticket.day)
                    self._write(ticket.day, entry)
            except StateError:
                self._books.enter(ticket.day, entry)
                raise
            finally:
                self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Until this planner has settled something, or for so long: others can't be heard."""
        with self._changed:
            self._changed.wait(seconds)

    @property
    def spending(self) -> Spending:
        """What the run has come to, also before it was interrupted."""
        with self._changed:
            return self._books.spending(self._run)

    def spent_by(self, node: str) -> Spending:
        """What a node of the run has come to, also before it was interrupted."""
        with self._changed:
            return self._books.spending(self._run, node)

    @property
    def run_usd(self) -> float:
        """What the run has cost."""
        with self._changed:
            return self._books.spent_usd("run", self._run)

    @property
    def day_usd(self) -> float:
        """What today has cost, as far as this planner has read."""
        with self._changed:
            return self._books.spent_usd("day", self._today())

    @classmethod
    def of_run(cls, folder: Path, run_id: str) -> Spending:
        """What a run has come to, for reports: nothing is locked or changed, and what is under way
        isn't counted. Raises ``StateError``."""
        books = Books()
        for path in _files(folder):
            for entry in daybook.entries(path, 0, run_id)[0]:
                books.enter(path.stem, entry)
        return books.spending(run_id)

    def _today(self) -> str:
        return f"{datetime.fromtimestamp(self._now(), UTC):%Y-%m-%d}"

    def _time(self) -> float:
        return round(self._now(), 3)

    def _locked(self) -> AbstractContextManager[None]:
        return daybook.locked(self._folder / "lock")

    def _alive_file(self, owner: str) -> Path:
        return self._folder / f"{owner}.alive"

    def _read_all(self) -> None:
        """Today's file in full, and of each other day's what is of this run."""
        today = self._today()
        for path in _files(self._folder):
            if path.stem != today:
                for entry in daybook.entries(path, 0, self._run)[0]:
                    self._books.enter(path.stem, entry)
        self._read_new(today)

    def _read_new(self, day: str) -> None:
        path = self._folder / f"{day}{_SUFFIX}"
        new, self._read_bytes[day] = daybook.entries(path, self._read_bytes.get(day, 0))
        for entry in new:
            self._books.enter(day, entry)

    def _write(self, day: str, entry: Opening | Settlement) -> None:
        self._read_bytes[day] = daybook.append(self._folder / f"{day}{_SUFFIX}", entry)
        self._books.enter(day, entry)

    def _bury_the_dead(self) -> bool:
        """Whether anybody had died with requests under way."""
        others = self._books.owners() - {self._owner}
        dead = [each for each in others if not daybook.is_owned(self._alive_file(each))]
        for each in dead:
            self._books.bury(each)
        return bool(dead)


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob(f"*{_SUFFIX}"))
