"""The journal: runs, nodes, attempts and visits in one SQLite file."""

from runner.store.journal import RunJournal
from runner.store.known import KnownNode, KnownRun
from runner.store.names import new_run_id
from runner.store.replay import Grows
from runner.store.store import Store

__all__ = ["Grows", "KnownNode", "KnownRun", "RunJournal", "Store", "new_run_id"]
