"""The journal: runs, nodes, attempts and visits in one SQLite file; and what they taught, in another."""

from runner.store.journal import RunJournal
from runner.store.knowledge import KnowledgeFile
from runner.store.known import KnownNode, KnownRun
from runner.store.lesson import NOTE, Lesson, Standing
from runner.store.names import new_run_id
from runner.store.replay import Grows
from runner.store.store import Store

__all__ = [
    "NOTE",
    "Grows",
    "KnowledgeFile",
    "KnownNode",
    "KnownRun",
    "Lesson",
    "RunJournal",
    "Standing",
    "Store",
    "new_run_id",
]
