"""What the journal can explain: open attempts, and what the counted ones have made."""

from __future__ import annotations

import pytest

from runner.model import ROOT, Job, Stopped, StopReason
from runner.store import KnownNode, Store

from .stories import ROOT_STATE, RUN, expand, failed, infra, measured, new_tree, remeasure, view


def test_a_run_without_a_root_has_its_roots_attempt_open(store: Store) -> None:
    other = "20261122-000000-ffff"
    store.create_run(view(other))
    known = store.known(other)
    assert known.open == known.attempts == {"A-1"}
    store.finish(other, Stopped(StopReason.ROOT_FAILS))
    assert (store.known(other).over, store.known(other).open) == (True, frozenset())


def test_nodes_by_what_became_of_their_attempts(store: Store) -> None:
    tree, journal = new_tree(), store.journal(RUN)

    def opened(key: str) -> Job:
        job = tree.open(expand(ROOT, key))
        journal.intend(job)
        return job

    jobs = [opened(key) for key in ("a0", "a1", "a2", "a3")]
    journal.record(tree.close(measured(jobs[0], 0.3)))
    journal.record(tree.close(failed(jobs[1])))
    journal.abandon(infra(jobs[2]))
    again = tree.reopen(jobs[2])
    journal.intend(again)
    journal.abandon(infra(jobs[3]))
    more = tree.open(remeasure("A.1"))
    journal.intend(more)

    known = store.known(RUN)
    assert not known.over
    assert known.nodes[ROOT] == KnownNode(ROOT, frozenset({"A-1"}), state=ROOT_STATE)
    committed = known.nodes["A.1"]
    assert committed.attempts == {"A.1-1", "A.1-2"}
    assert committed.open == {"A.1-2"}
    assert committed.state is not None and committed.state.snapshot is not None
    assert (committed.state.snapshot.digest, committed.state.commit) == ("sha256:A.1", "cA.1")
    discarded = known.nodes["A.2"]
    assert discarded.state is not None
    assert (discarded.state.snapshot, discarded.state.commit, discarded.open) == (
        None,
        "cA.2",
        frozenset(),
    )
    assert known.nodes["A.3"] == KnownNode("A.3", frozenset({"A.3-1", "A.3-2"}), {"A.3-2"})  # type: ignore[arg-type]
    assert known.nodes["A.4"] == KnownNode("A.4", frozenset({"A.4-1"}))
    assert known.open == {"A.1-2", "A.3-2"}

    journal.record(tree.close(measured(more, 0.2)))
    assert store.known(RUN).nodes["A.1"].state == committed.state  # it made nothing new


@pytest.mark.parametrize(
    ("reason", "over"),
    [(StopReason.NODES, True), (StopReason.INTERRUPTED, False), (StopReason.ENVIRONMENT, False)],
)
def test_a_run_is_over_once_it_cannot_be_resumed(
    store: Store, reason: StopReason, over: bool
) -> None:
    store.finish(RUN, Stopped(reason))
    assert store.known(RUN).over is over
