"""Rules 1 and 2: every attempt has at most one visit, and rebuilt equals incremental."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import JournalError, TaskError
from runner.model import ROOT, Closed, Expansion, Job, Outcome
from runner.planner.tree import Tree
from runner.store import RunJournal, Store

from .stories import (
    BY_KEY,
    ROOT_METRICS,
    ROOT_STATE,
    RUN,
    Story,
    expand,
    failed,
    infra,
    measured,
    new_tree,
    view,
)


def write(journal: RunJournal, step: Job | Closed | Expansion) -> None:
    if isinstance(step, Job):
        journal.intend(step)
    elif isinstance(step, Closed):
        journal.record(step)
    else:
        journal.abandon(step)


def facts(tree: Tree) -> list[tuple[object, ...]]:
    """All that a policy can see of a tree."""
    return [
        (n.label, n.state, n.open, n.attempts, n.in_flight, n.visits, n.reward_sum, n.peak,
         n.first_reward, n.observations, n.observation_sum, n.variance_sum, n.first, n.value,
         n.failures, n.outcome, n.decision, n.twin, n.metrics, n.snapshot, n.commit, n.tree_id,
         n.actions, n.children, n.expected_gain)
        for n in tree.nodes
    ]  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 40))
def test_rebuilt_is_incremental_and_a_replay_is_the_tree(
    tmp_path_factory: pytest.TempPathFactory, seed: int, nodes: int
) -> None:
    story = Story(seed, nodes)
    with Store(tmp_path_factory.mktemp("s") / "journal.db") as store:
        store.create_run(view())
        store.set_root(RUN, ROOT_STATE, ROOT_METRICS)
        journal = store.journal(RUN)
        told = []
        for step in story.steps():
            write(journal, step)
            if isinstance(step, Job):
                told.append(step)
            elif isinstance(step, Closed):
                told.append(step.expansion)
        before = store.run(RUN)
        assert store.rebuild(RUN) == 0
        assert store.run(RUN) == before

        again = new_tree()
        store.replay(RUN, again, BY_KEY)
        assert facts(again) == facts(story.tree)
        assert again.in_flight == len(story.flying)
        assert again.best == story.tree.best == before.best
        assert again.evaluations == before.evaluations
        assert sorted(store.pending(RUN, BY_KEY), key=lambda job: job.label) == sorted(
            story.flying, key=lambda job: job.label
        )
        assert [_bare(entry) for entry in store.entries(RUN, BY_KEY)] == [_bare(e) for e in told]

        views = {node.label: node for node in before.nodes}
        for node in story.tree.nodes:
            assert views[node.label].visits == node.visits
            assert views[node.label].reward_sum == pytest.approx(node.reward, abs=1e-4)
            if node.observations and node.parent is not None:
                assert views[node.label].gain == pytest.approx(node.mean, abs=1e-9)


def _bare(entry: Job | Expansion) -> Job | Expansion:
    """Without what a replay leaves out."""
    if isinstance(entry, Job):
        return entry
    measurement = entry.measurement and replace(entry.measurement, baseline=(), ratios=())
    return replace(
        entry, measurement=measurement, reason="", seconds={}, started_at=0.0, ended_at=0.0
    )


def test_wrong_statistics_are_put_right(store: Store, path: Path) -> None:
    journal = store.journal(RUN)
    for step in Story(1, 12).steps():
        write(journal, step)
    right = store.run(RUN)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE nodes SET visits = 99, gain_sum = 7 WHERE label IN ('A', 'A.1')")
    connection.close()
    assert store.run(RUN) != right
    assert store.rebuild(RUN) == 2
    assert store.run(RUN) == right


def test_a_visit_counts_once(store: Store) -> None:
    tree, journal = new_tree(), store.journal(RUN)
    job = tree.open(expand(ROOT, "a0"))
    journal.intend(job)
    closed = tree.close(measured(job, 0.5))
    journal.record(closed)
    once = store.run(RUN)
    journal.record(closed)
    store.journal(RUN).record(replace(closed, reward=9.0))
    assert store.run(RUN) == once


def test_what_was_never_intended_cannot_be_recorded(store: Store) -> None:
    tree, journal = new_tree(), store.journal(RUN)
    job = tree.open(expand(ROOT, "a0"))
    with pytest.raises(JournalError, match=r"A\.1-1 was never intended"):
        journal.record(tree.close(measured(job, 0.5)))
    assert len(store.run(RUN).nodes) == 1


def test_an_intent_is_written_once(store: Store) -> None:
    job = new_tree().open(expand(ROOT, "a0"))
    store.journal(RUN).intend(job)
    with pytest.raises(JournalError, match="UNIQUE"):
        store.journal(RUN).intend(job)
    assert store.pending(RUN, BY_KEY) == (job,)


def test_an_abandoned_attempt_is_repeated_when_the_run_is_reopened(store: Store) -> None:
    tree, journal = new_tree(), store.journal(RUN)
    jobs = [tree.open(expand(ROOT, key)) for key in ("a0", "a1")]
    for job in jobs:
        journal.intend(job)
    journal.abandon(infra(jobs[0]))
    assert store.pending(RUN, BY_KEY) == (jobs[1],)
    store.reopen(RUN)
    again = replace(jobs[0], number=2)
    assert store.pending(RUN, BY_KEY) == (jobs[1], again)
    store.reopen(RUN)
    assert store.pending(RUN, BY_KEY) == (jobs[1], again)
    grown = new_tree()
    store.replay(RUN, grown, BY_KEY)
    assert (grown.in_flight, grown.node("A.1").attempts) == (2, 2)
    store.journal(RUN).record(grown.close(measured(again, 0.5)))
    assert store.run(RUN).nodes[1].attempts == 2
    assert store.run(RUN).nodes[1].outcome is Outcome.IMPROVED


def test_pending_jobs_know_the_state_they_start_from(store: Store) -> None:
    tree, journal = new_tree(), store.journal(RUN)
    first = tree.open(expand(ROOT, "a0"))
    journal.intend(first)
    journal.record(tree.close(measured(first, 0.5)))
    second = tree.open(expand("A.1", "a1", expected=0.125))
    journal.intend(second)
    assert store.pending(RUN, BY_KEY) == (second,)
    assert second.origin.snapshot is not None


def test_an_action_that_is_gone_is_named(store: Store) -> None:
    store.journal(RUN).intend(new_tree().open(expand(ROOT, "a3")))
    fewer = {key: action for key, action in BY_KEY.items() if key != "a3"}
    with pytest.raises(TaskError, match=r"'a3' of node A\.1"):
        store.pending(RUN, fewer)
    with pytest.raises(TaskError, match=r"'a3' of node A\.1"):
        store.replay(RUN, new_tree(), fewer)


def test_a_tree_that_does_not_fit_is_told(store: Store) -> None:
    tree, journal = new_tree(), store.journal(RUN)
    job = tree.open(expand(ROOT, "a0"))
    journal.intend(job)
    journal.record(tree.close(failed(job)))
    with pytest.raises(JournalError, match=r"can't be replayed: A\.1 was closed before"):
        store.replay(RUN, tree, BY_KEY)


def test_rewards_beyond_reason_do_not_break_the_sums(store: Store) -> None:
    tree, journal = new_tree(), store.journal(RUN)
    for key in ("a0", "a1"):
        job = tree.open(expand(ROOT, key))
        journal.intend(job)
        journal.record(tree.close(replace(measured(job, 40.0), reward=2.0**40)))
    assert store.run(RUN).nodes[0].reward_sum == 2e6
    assert store.rebuild(RUN) == 0


def test_a_batch_is_all_or_nothing(store: Store) -> None:
    journal = store.journal(RUN)
    before = store.run(RUN)

    def half() -> None:
        with store.batch():
            for step in Story(3, 5).steps():
                write(journal, step)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert store.run(RUN) == before
