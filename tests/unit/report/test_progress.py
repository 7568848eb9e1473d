from __future__ import annotations

from dataclasses import replace

import pytest

from runner.model import (
    ROOT,
    Action,
    Closed,
    Decision,
    Expansion,
    Job,
    JobKind,
    Outcome,
    Phase,
    Retried,
    Selected,
)
from runner.report.moment import LiveState
from runner.report.progress import advance, begin

from .factory import ROOT_US, START, empty_view, measurement, state, story


def _after(events: int | None = None) -> LiveState:
    told = story()
    moment = begin(empty_view(29), START)
    for at, event in told.events[:events]:
        moment = advance(moment, event, at)
    return moment


def test_the_events_of_a_run_lead_to_what_the_run_recorded() -> None:
    told, moment = story(), _after()
    assert moment.best == told.view.best
    assert moment.evaluations == told.view.evaluations
    assert set(moment.nodes) == {node.label for node in told.view.nodes}
    for node in told.view.nodes:
        seen = moment.nodes[node.label]
        assert (seen.visits, seen.twin) == (node.visits, node.twin)
        if node.label != ROOT:
            assert (seen.outcome, seen.actions) == (node.outcome, node.actions)
        if node.gain is not None:
            assert seen.estimate is not None
            assert seen.estimate.gain == pytest.approx(node.gain)
    assert moment.slots == (None, None)
    assert sum(moment.outcomes.values()) == 29
    assert (
        moment.snapshot_bytes
        == sum(
            node.snapshot.size_bytes
            for node in told.view.nodes
            if node.snapshot and node.label != ROOT
        )
        + begin(empty_view(29), START).snapshot_bytes
    )


def test_no_event_changes_an_earlier_state() -> None:
    moment = begin(empty_view(), START)
    for at, event in story().events:
        nodes, outcomes = dict(moment.nodes), dict(moment.outcomes)
        after = advance(moment, event, at)
        assert (dict(moment.nodes), dict(moment.outcomes)) == (nodes, outcomes)
        moment = after


def test_a_resumed_run_begins_where_it_was() -> None:
    view = story().view
    moment = begin(view, START + 1000)
    assert moment.best == view.best
    assert moment.evaluations == 29
    node = moment.nodes[view.best]
    assert node.estimate is not None and node.value is not None
    assert sum(moment.outcomes.values()) == 29
    assert 60 < moment.elapsed_s(START + 1000) < 90
    assert moment.nodes_per_minute(START + 1000) is None


def _job(label: str = "A.1", number: int = 1, kind: JobKind = JobKind.EXPAND) -> Job:
    origin = state(label if kind is JobKind.REMEASURE else ROOT)
    return Job(kind, label, number, origin, state(ROOT), (Action("fast"),))


def test_workers_take_the_lowest_free_slot_and_say_what_they_do() -> None:
    moment = begin(empty_view(), START)
    moment = advance(moment, Selected(_job("A.1")), START + 1)
    moment = advance(moment, Selected(_job("A.2")), START + 2)
    moment = advance(moment, Phase("A.2", "check.started", {"check": "unit"}), START + 3)
    first, second = moment.slots
    assert first is not None and (first.job.label, first.phase, first.since) == (
        "A.1",
        "",
        START + 1,
    )
    assert second is not None and (second.phase, second.since) == ("check.started", START + 3)
    closed = Closed(
        Expansion(_job("A.1"), Outcome.FAILED, Decision.DISCARD, -1.0), -1.0, ("A", "A.1"), "A"
    )
    moment = advance(moment, closed, START + 4)
    assert moment.slots[0] is None
    moment = advance(moment, Selected(_job("A.3")), START + 5)
    assert moment.slots[0] is not None and moment.slots[0].job.label == "A.3"


def test_a_retry_stays_with_its_worker() -> None:
    moment = advance(begin(empty_view(), START), Selected(_job()), START)
    moment = advance(moment, Retried(_job(number=2), "engine gone", 4.0), START + 1)
    work = moment.slots[0]
    assert work is not None
    assert (work.job.number, work.retry_at, moment.retries) == (2, START + 5, 1)
    moment = advance(moment, Phase("A.1", "container.started"), START + 6)
    assert moment.slots[0] is not None and moment.slots[0].retry_at is None


def test_measuring_again_is_averaged_and_changes_neither_outcome_nor_bytes() -> None:
    moment = _after()
    label = moment.best
    job = _job(label, 2, JobKind.REMEASURE)
    measured = measurement(0.5, 0.02, ROOT_US)
    expansion = Expansion(
        job,
        Outcome.NEUTRAL,
        Decision.COMMIT,
        0.0,
        measurement=measured,
        snapshot=state(label).snapshot,
    )
    after = advance(moment, Closed(expansion, 0.0, tuple(moment.path(label)), label), START + 99)
    assert after.nodes[label].outcome is Outcome.IMPROVED
    first, pooled = moment.nodes[label].estimate, after.nodes[label].estimate
    assert first is not None and pooled is not None
    assert pooled.gain == pytest.approx((first.gain + 0.5) / 2)
    assert pooled.high - pooled.low < first.high - first.low
    assert after.snapshot_bytes == moment.snapshot_bytes
    assert after.outcomes == moment.outcomes
    assert after.evaluations == moment.evaluations + 1


def test_container_seconds_add_up_from_where_a_run_was_resumed() -> None:
    moment = begin(replace(empty_view(), container_s=10.0, saved_s=4.0), START)
    expansion = Expansion(
        _job(), Outcome.FAILED, Decision.DISCARD, -1.0, container_s=5.0, saved_s=2.0
    )
    moment = advance(moment, Closed(expansion, -1.0, ("A", "A.1"), "A"), START)
    assert (moment.container_s, moment.saved_s) == (15.0, 6.0)


def test_the_root_and_the_verification_are_told_aside() -> None:
    moment = begin(empty_view(), START)
    moment = advance(moment, Phase(ROOT, "check.started", {"check": "unit"}), START + 1)
    assert moment.aside is not None and moment.aside.label == ROOT
    moment = advance(moment, Selected(_job()), START + 2)
    assert moment.aside is None


def test_an_eviction_is_no_workers_doing() -> None:
    moment = advance(begin(empty_view(), START), Selected(_job()), START + 2)
    assert advance(moment, Phase("A.7", "snapshot.evicted", {"tag": "t"}), START + 3) == moment


def test_the_roots_value_comes_from_the_first_comparison_where_it_was_not_known() -> None:
    moment = begin(empty_view(), START)
    assert moment.root_value is None
    for at, event in story().events:
        moment = advance(moment, event, at)
    assert moment.root_value == pytest.approx(ROOT_US)


def test_the_pace_is_that_of_the_last_evaluations() -> None:
    moment = advance(begin(empty_view(), START), Selected(_job()), START + 60)
    expansion = Expansion(_job(), Outcome.FAILED, Decision.DISCARD, -1.0)
    for second in range(1, 31):
        moment = advance(
            moment, Closed(expansion, -1.0, ("A", "A.1"), "A"), START + 60 + 2 * second
        )
        if second == 3:
            assert moment.nodes_per_minute(START + 66) == pytest.approx(30.0)
    assert moment.nodes_per_minute(START + 120) == pytest.approx(30.0)
    assert moment.nodes_per_minute(START + 158) == pytest.approx(15.0)
