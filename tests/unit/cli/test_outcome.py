"""How a run ends for its caller: the exit code, and what the branch is called and says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.cli.conduct import exit_code_of
from runner.cli.outcome import branch_of, message_of
from runner.errors import ExitCode
from runner.model import (
    Decision,
    Goal,
    Measurement,
    MetricSpec,
    NodeView,
    RunView,
    Stopped,
    StopReason,
    Verdict,
    Verified,
)

MEASURED = Measurement(gain=0.6931472, low=0.6, high=0.8, pairs=12)
IMPROVED = Verified("A.1.2", Verdict.IMPROVED, MEASURED)
NEUTRAL = Verified("A.1.2", Verdict.NO_DIFFERENCE, MEASURED)


def view(verified: Verified | None = IMPROVED) -> RunView:
    nodes = (
        NodeView("A", "", "committed"),
        NodeView("A.1", "A", "committed", ("pack",), decision=Decision.COMMIT),
        NodeView("A.1.2", "A.1", "committed", ("tile=8", "lazy"), decision=Decision.COMMIT),
        NodeView("A.2", "A", "discarded", ("slow",), decision=Decision.DISCARD),
    )
    objective = MetricSpec("time_us", Goal.MIN, "us")
    return RunView(
        "20260102-r1", "tiny", "/target", "stopped", "frontier", 0, 1, objective, 0.0,
        best="A.1.2", verified=verified, nodes=nodes,
    )  # fmt: skip


@pytest.mark.parametrize("verified", [IMPROVED, NEUTRAL, None])
@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (StopReason.INTERRUPTED, ExitCode.INTERRUPTED),
        (StopReason.ENVIRONMENT, ExitCode.ENVIRONMENT),
    ],
)
def test_what_can_be_resumed_says_so_whatever_was_verified(
    reason: StopReason, code: ExitCode, verified: Verified | None
) -> None:
    assert exit_code_of(Stopped(reason), verified) is code


@pytest.mark.parametrize(
    "reason",
    [
        StopReason.NODES,
        StopReason.TIME,
        StopReason.BYTES,
        StopReason.TARGET,
        StopReason.EXHAUSTED,
    ],
)
def test_a_verified_improvement_is_success_whatever_ended_the_search(reason: StopReason) -> None:
    assert exit_code_of(Stopped(reason), IMPROVED) is ExitCode.IMPROVED


@pytest.mark.parametrize("verified", [NEUTRAL, None])
@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (StopReason.NODES, ExitCode.BUDGET),
        (StopReason.TIME, ExitCode.BUDGET),
        (StopReason.BYTES, ExitCode.BUDGET),
        (StopReason.TARGET, ExitCode.NO_IMPROVEMENT),
        (StopReason.EXHAUSTED, ExitCode.NO_IMPROVEMENT),
    ],
)
def test_without_an_improvement_a_spent_budget_is_told_from_an_end(
    reason: StopReason, code: ExitCode, verified: Verified | None
) -> None:
    assert exit_code_of(Stopped(reason), verified) is code


def test_the_exit_codes_are_the_documented_numbers() -> None:
    assert [int(code) for code in ExitCode] == [0, 1, 2, 3, 4, 5, 6, 130]


def test_the_message_names_all_actions_on_the_way_and_what_was_measured() -> None:
    subject, empty, numbers, origin = message_of(view(), "A.1.2").splitlines()
    assert subject == "tiny: pack + tile=8 + lazy"
    assert empty == ""
    assert numbers.startswith("Verified against the original: time_us +100.0 %")
    assert numbers.endswith(", 12 pairs.")
    assert origin == "Node A.1.2 of oppie run 20260102-r1."


@pytest.mark.parametrize("label", ["A.1", "A.2"])
def test_the_message_of_another_node_claims_no_verification(label: str) -> None:
    assert "erified" not in message_of(view(), label)


def test_the_message_of_the_root_says_that_nothing_was_changed() -> None:
    assert message_of(view(None), "A").startswith("tiny: no change\n\nNode A of ")


def test_the_run_s_own_branch_is_the_verified_node_s_alone() -> None:
    assert branch_of(view(), "A.1.2") == "oppie/20260102-r1"
    assert branch_of(view(), "A.2") == "oppie/20260102-r1-A.2"
    assert branch_of(replace(view(), verified=None), "A.1.2") == "oppie/20260102-r1-A.1.2"
