"""A run of four nodes, small enough to be written out in a test."""

from __future__ import annotations

import math
from dataclasses import replace

from runner.model import (
    Decision,
    Measurement,
    Metric,
    NodeView,
    Outcome,
    RunView,
    StopReason,
    Verdict,
    Verified,
)

from .factory import START, empty_view

EDGE = Measurement(math.log(1.2), math.log(1.15), math.log(1.25), 8)
STEP_BACK = Measurement(math.log(0.95), math.log(0.93), math.log(0.97), 8)
FINAL = Measurement(
    math.log(1.25),
    math.log(1.2),
    math.log(1.3),
    16,
    (Metric("vst_commit_us", 287.1, "us"), Metric("io_bytes_per_commit", 24_600)),
    (Metric("vst_commit_us", 358.9, "us"), Metric("io_bytes_per_commit", 41_000)),
)


OTHERS = (
    Verified("A.1.1", Verdict.NOT_REPRODUCED, Measurement(0.001, -0.004, 0.006, 40),
             "the search had measured +13.0 % or more; built from its sources alone it gains +0.6 % at most",
             claimed=EDGE.gain + STEP_BACK.gain, container_s=20.0),
    Verified("A.2", Verdict.FAILED, None, "check tests exited with 1", claimed=None),
)  # fmt: skip
REMARKS = (
    "check tests is flaky at the root: tests/test_a.py::test_race failed 1 of 3 times",
    "Against itself the benchmark differs by 1.20 % (standard deviation), so 40 pairs show gains "
    "from 0.94 %.",
)


def trusted_view() -> RunView:
    """The small run with all that is told of three verifications, the root, and its containers."""
    view = small_view()
    assert view.verified is not None
    chosen = replace(view.verified, claimed=EDGE.gain, container_s=60.0, saved_s=12.0)
    nodes = (
        *view.nodes[:2],
        replace(view.nodes[2], container_s=12.5, saved_s=4.0,
                proof="red on A.1: exit 1; green on A.1.1 (3 run): tests/test_new.py"),
        *view.nodes[3:],
    )  # fmt: skip
    return replace(
        view,
        verified=chosen,
        verifications=(replace(chosen, branch="", patch=""), *OTHERS),
        remarks=REMARKS,
        container_s=123.4,
        saved_s=70.0,
        nodes=nodes,
    )


def small_view() -> RunView:
    """The root, an improvement, a step back below it, and a duplicate; verified."""
    kept = {"status": "committed", "decision": Decision.COMMIT}
    nodes = (
        NodeView("A", "", **kept, visits=3, gain=0.0),
        NodeView("A.1", "A", **kept, actions=("lazy-diff",), outcome=Outcome.IMPROVED, visits=2,
                 reward_sum=-0.3, gain=EDGE.gain, edge=EDGE),
        NodeView("A.1.1", "A.1", **kept, actions=("pack-objects", "no-copy"),
                 outcome=Outcome.REGRESSED, visits=1, reward_sum=-0.5,
                 gain=EDGE.gain + STEP_BACK.gain, edge=STEP_BACK),
        NodeView("A.2", "A", "discarded", ("no-copy",), Outcome.DUPLICATE, Decision.DISCARD,
                 "the same source tree as A.1", 1, 0.2, twin="A.1"),
    )  # fmt: skip
    return replace(
        empty_view(3),
        status="stopped",
        ended_at=START + 75,
        stop=StopReason.NODES,
        stop_detail="3 of 3 evaluations",
        root_metrics=(Metric("vst_commit_us", 358.9, "us"),),
        evaluations=3,
        best="A.1",
        verified=Verified("A.1", Verdict.IMPROVED, FINAL, branch="oppie/x", patch="/x/best.patch"),
        nodes=nodes,
    )
