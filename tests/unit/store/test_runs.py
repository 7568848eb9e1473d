from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import JournalError, TaskError
from runner.model import (
    ROOT,
    Decision,
    Goal,
    Measurement,
    MetricSpec,
    Outcome,
    Source,
    Stopped,
    StopReason,
    Verdict,
    Verified,
)
from runner.store import Store, new_run_id

from .stories import (
    BY_KEY,
    OTHER,
    ROOT_METRICS,
    ROOT_STATE,
    RUN,
    duplicate,
    expand,
    failed,
    measured,
    new_tree,
    remeasure,
    view,
)


def test_a_run_is_told_as_it_was_created(path: Path) -> None:
    with Store(path) as store:
        store.create_run(view())
        assert store.run(RUN) == view()
        assert store.runs() == (view(),)


def test_the_root_is_the_first_node(store: Store) -> None:
    found = store.run(RUN)
    assert found.root_metrics == ROOT_METRICS
    (root,) = found.nodes
    assert (root.label, root.parent, root.status) == (ROOT, "", "committed")
    assert root.snapshot == ROOT_STATE.snapshot
    assert (root.commit, root.tree_id, root.gain) == ("c0", "t0", 0.0)


def test_a_node_is_told_with_all_that_was_recorded(store: Store) -> None:
    tree, journal = new_tree(), store.journal(RUN)
    job = tree.open(expand(ROOT, "a1", "tile=8", expected=0.25))
    journal.intend(job)
    opened = store.run(RUN).nodes[1]
    assert (opened.status, opened.outcome, opened.gain, opened.visits) == ("open", None, None, 0)
    expansion = measured(job, 0.5)
    journal.record(tree.close(expansion))
    found = store.run(RUN)
    node = found.nodes[1]
    assert node.status == "committed"
    assert node.actions == ("a1", "tile=8")
    assert node.edge == expansion.measurement
    assert node.snapshot == expansion.snapshot
    assert node.gain == 0.5
    assert node.seconds == expansion.seconds
    assert (node.outcome, node.decision) == (Outcome.IMPROVED, Decision.COMMIT)
    assert (node.commit, node.tree_id, node.reason) == ("cA.1", "tA.1", "because")
    assert (node.visits, node.reward_sum, node.attempts) == (1, 0.5, 1)
    assert (node.expected_gain, node.files_changed) == (0.25, 2)
    assert (node.started_at, node.ended_at) == (11.0, 20.0)
    assert (found.best, found.evaluations) == ("A.1", 1)
    assert found.nodes[0].reward_sum == 0.5


def test_gains_add_up_along_a_path_and_average_over_measurements(store: Store) -> None:
    tree, journal = new_tree(), store.journal(RUN)
    for choice, gain in [
        (expand(ROOT, "a0"), 0.5),
        (remeasure("A.1"), 0.25),
        (expand("A.1", "a1"), -0.125),
    ]:
        job = tree.open(choice)
        journal.intend(job)
        journal.record(tree.close(measured(job, gain)))
    gains = {node.label: node.gain for node in store.run(RUN).nodes}
    # A child builds on its parent's first measurement.
    assert gains == {"A": 0.0, "A.1": 0.375, "A.1.1": 0.375}
    assert store.run(RUN).nodes[1].edge == measured(job, 0.5).measurement


def test_failures_and_duplicates(store: Store) -> None:
    tree, journal = new_tree(), store.journal(RUN)
    jobs = [tree.open(expand(ROOT, key)) for key in ("a0", "a1", "a2")]
    for job in jobs:
        journal.intend(job)
    for expansion in (measured(jobs[0], 0.5), failed(jobs[1]), duplicate(jobs[2], "A.1")):
        journal.record(tree.close(expansion))
    nodes = {node.label: node for node in store.run(RUN).nodes}
    assert (nodes["A.2"].status, nodes["A.2"].gain, nodes["A.2"].edge) == ("discarded", None, None)
    assert (nodes["A.3"].twin, nodes["A.3"].reward_sum) == ("A.1", 0.5)
    assert nodes["A"].reward_sum == 0.5 - 1.0 + 0.5


def test_text_that_is_no_text_is_kept_readable(store: Store) -> None:
    tree, journal = new_tree(), store.journal(RUN)
    job = tree.open(expand(ROOT, "a0"))
    journal.intend(job)
    journal.record(tree.close(replace(failed(job), reason="file 'bad\udcff' changed")))
    assert store.run(RUN).nodes[1].reason == "file 'bad\\udcff' changed"


def test_stopping_for_good_and_for_now(store: Store) -> None:
    store.finish(RUN, Stopped(StopReason.INTERRUPTED, "told to stop"))
    found = store.run(RUN)
    assert (found.status, found.stop) == ("interrupted", StopReason.INTERRUPTED)
    assert found.ended_at is not None
    store.reopen(RUN)
    found = store.run(RUN)
    assert (found.status, found.stop, found.ended_at) == ("running", None, None)
    store.finish(RUN, Stopped(StopReason.ENVIRONMENT, "A.1: no engine"))
    assert store.run(RUN).status == "interrupted"
    store.finish(RUN, Stopped(StopReason.NODES, "40 of 40"))
    assert (store.run(RUN).status, store.run(RUN).stop_detail) == ("stopped", "40 of 40")


@pytest.mark.parametrize(
    "verified",
    [
        Verified("A.1", Verdict.IMPROVED, Measurement(0.5, 0.4, 0.6, 9, ROOT_METRICS, (), (0.5,)),
                 "as measured", "oppie/best", "/tmp/best.patch"),
        Verified("A.1", Verdict.FAILED, None, "a check failed"),
    ],
)  # fmt: skip
def test_what_was_verified(store: Store, verified: Verified) -> None:
    store.set_verified(RUN, verified)
    assert store.run(RUN).verified == verified


CHOSEN = Verified(
    "A.1", Verdict.IMPROVED, Measurement(0.5, 0.4, 0.6, 9, ROOT_METRICS, (), (0.5,)),
    "less than the +80.0% that the search had measured", claimed=0.6, container_s=20.0, saved_s=5.0,
)  # fmt: skip
REFUSED = Verified(
    "A.2", Verdict.NOT_REPRODUCED, None, "setup exited with 1: bad\udcff", claimed=0.25,
    container_s=1.5,
)  # fmt: skip


def test_all_verifications_are_kept_in_their_order(store: Store) -> None:
    for each in (REFUSED, CHOSEN, REFUSED):
        store.add_verification(RUN, each)
    readable = replace(REFUSED, reason="setup exited with 1: bad\\udcff")
    found = store.run(RUN)
    assert found.verifications == (readable, CHOSEN, readable)
    assert found.verified is None
    store.set_verified(RUN, replace(CHOSEN, branch="oppie/best"))
    found = store.run(RUN)
    assert found.verified == replace(CHOSEN, branch="oppie/best")
    assert found.verifications == (readable, CHOSEN, readable)


def test_one_pair_has_an_interval_without_ends(store: Store) -> None:
    measured = Measurement(0.1, -math.inf, math.inf, 1, ROOT_METRICS, ROOT_METRICS, (0.1,))
    found = Verified("A.1", Verdict.NO_DIFFERENCE, measured, container_s=3.0)
    store.add_verification(RUN, found)
    store.set_verified(RUN, found)
    told = store.run(RUN)
    assert (told.verifications, told.verified, told.container_s) == ((found,), found, 3.0)


def test_verifications_belong_to_their_run(store: Store) -> None:
    store.create_run(view(OTHER))
    store.add_verification(OTHER, CHOSEN)
    assert store.run(RUN).verifications == ()
    store.delete_run(OTHER)
    store.create_run(view(OTHER))
    assert store.run(OTHER).verifications == ()
    with pytest.raises(TaskError, match="'nope'"):
        store.add_verification("nope", CHOSEN)


def test_remarks_on_the_root_are_kept(store: Store) -> None:
    store.set_root(RUN, ROOT_STATE, ROOT_METRICS, ("too noisy", "bad\udcff"), 12.5)
    found = store.run(RUN)
    assert found.remarks == ("too noisy", "bad\\udcff")
    assert found.container_s == 12.5
    (listed,) = store.runs()
    assert listed.remarks == found.remarks


def test_container_seconds_add_up_over_root_visits_and_verifications(store: Store) -> None:
    store.set_root(RUN, ROOT_STATE, ROOT_METRICS, (), 10.0)
    tree, journal = new_tree(), store.journal(RUN)
    for choice, container_s, saved_s in [
        (expand(ROOT, "a0"), 4.0, 2.0),
        (expand(ROOT, "a1"), 1.0, 0.0),
        (remeasure("A.1"), 3.0, 1.0),
    ]:
        job = tree.open(choice)
        journal.intend(job)
        made = failed(job) if choice.actions == ("a1",) else measured(job, 0.5)
        journal.record(tree.close(replace(made, container_s=container_s, saved_s=saved_s)))
    assert store.container_s(RUN) == 18.0  # what a budget counts
    store.add_verification(RUN, CHOSEN)
    found = store.run(RUN)
    assert store.container_s(RUN) == 18.0
    assert (found.container_s, found.saved_s) == (38.0, 8.0)
    (listed,) = store.runs()
    assert (listed.container_s, listed.saved_s) == (38.0, 8.0)
    # A node is what its expansion made of it.
    assert [(node.container_s, node.saved_s) for node in found.nodes[1:]] == [
        (4.0, 2.0),
        (1.0, 0.0),
    ]


def test_a_resumed_search_counts_its_container_seconds_once(store: Store) -> None:
    tree, journal = new_tree(), store.journal(RUN)
    job = tree.open(expand(ROOT, "a0"))
    journal.intend(job)
    journal.record(tree.close(replace(measured(job, 0.5), container_s=4.0)))
    again = new_tree()
    store.replay(RUN, again, BY_KEY)
    assert again.container_s + store.container_s(RUN) == 4.0


def test_what_new_tests_proved_is_kept(store: Store) -> None:
    tree, journal = new_tree(), store.journal(RUN)
    job = tree.open(expand(ROOT, "a0"))
    journal.intend(job)
    proof = "red on A: exit 1; green on A.1 (3 run): tests/test_x.py"
    journal.record(tree.close(replace(measured(job, 0.5), proof=proof)))
    assert store.run(RUN).nodes[1].proof == proof


def test_a_metric_of_the_clock_is_one_after_reading(path: Path) -> None:
    objective = MetricSpec("took", Goal.MIN, "s", Source.CLOCK)
    with Store(path) as store:
        store.create_run(replace(view(), objective=objective))
        assert store.run(RUN).objective == objective


def test_elapsed_time_goes_on(store: Store) -> None:
    assert store.elapsed_s(RUN) == 0.0
    store.set_elapsed(RUN, 100.0)
    tree, journal = new_tree(), store.journal(RUN)
    job = tree.open(expand(ROOT, "a0"))
    journal.intend(job)
    journal.record(tree.close(measured(job, 0.5)))
    # Nobody set it: this is what a killed planner leaves.
    assert 100.0 < store.elapsed_s(RUN) < 160.0


def test_runs_are_found_by_their_beginning(store: Store) -> None:
    store.create_run(view(OTHER))
    assert store.run().run_id == OTHER
    assert store.run("20261121").run_id == RUN
    assert [each.run_id for each in store.runs()] == [OTHER, RUN]
    with pytest.raises(TaskError, match=f"'2026' fits {OTHER}, {RUN}"):
        store.run("2026")
    with pytest.raises(TaskError, match=f"'nope' is no run; there are {OTHER}, {RUN}"):
        store.run("nope")


def test_one_ids_beginning_may_be_anothers_whole(store: Store) -> None:
    store.create_run(view(RUN + "x"))
    assert store.run(RUN).run_id == RUN


def test_no_runs_at_all(path: Path) -> None:
    with Store(path) as store, pytest.raises(TaskError, match="no runs"):
        store.run()


def test_writing_to_an_unknown_run(store: Store) -> None:
    for write in (
        lambda: store.journal("nope"),
        lambda: store.set_root("nope", ROOT_STATE, ()),
        lambda: store.finish("nope", Stopped(StopReason.NODES)),
        lambda: store.elapsed_s("nope"),
    ):
        with pytest.raises(TaskError, match="'nope'"):
            write()


def test_a_run_cannot_be_created_twice(store: Store) -> None:
    with pytest.raises(JournalError, match="UNIQUE"):
        store.create_run(view())


def test_deleting_a_run_leaves_the_others(store: Store) -> None:
    store.create_run(view(OTHER))
    store.set_root(OTHER, ROOT_STATE, ROOT_METRICS)
    tree, journal = new_tree(), store.journal(RUN)
    job = tree.open(expand(ROOT, "a0"))
    journal.intend(job)
    journal.record(tree.close(measured(job, 0.5)))
    store.delete_run(RUN)
    assert [each.run_id for each in store.runs()] == [OTHER]
    assert len(store.run(OTHER).nodes) == 1
    store.create_run(view())
    assert store.run(RUN).nodes == ()


def test_run_ids_sort_by_time() -> None:
    assert new_run_id(1795228817.9, "AB12cd") == "20261121-024017-ab12"
    assert new_run_id(1.0, "ffff") < new_run_id(2.0, "0000")
    for latest in ("20261121-024017-zzzz", "20261121-235959-0000", "20991231-235959-zzzz"):
        assert new_run_id(1795228817.9, "0000", latest) > latest  # the clock was set back
    for another in ("", "r1", "20261121-024016-zzzz", "99999999-999999-zzzz"):
        assert new_run_id(1795228817.9, "ab12", another) == "20261121-024017-ab12"
    for entropy in ("abc", "ab-1", "äbcd"):
        with pytest.raises(ValueError, match="entropy"):
            new_run_id(1.0, entropy)
