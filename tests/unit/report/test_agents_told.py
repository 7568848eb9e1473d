"""What agents did, in words and in numbers."""

from __future__ import annotations

from dataclasses import replace

from runner.model import (
    AgentStatus,
    Metric,
    MetricSpec,
    NodeView,
    Outcome,
    Round,
    RunView,
    Spending,
)
from runner.report.agents import AgentFigures, agent_figures, figures_words, money, round_facts

SPENT = Spending(3, 4000, 1000, 200, 0.0123)
ROUNDS = (
    Round(
        1, AgentStatus.DONE, Outcome.FAILED, "check whole exited with 1", kept=True,
        commit="a" * 40, turns=4, spending=SPENT, seconds=2.0, failure="f" * 16,
    ),
    Round(2, AgentStatus.TIMEOUT, Outcome.TIMEOUT, "silent", commit="b" * 40, failure="e" * 16),
    Round(3, AgentStatus.TURNS, Outcome.FAILED, kept=True, commit="c" * 40, failure="f" * 16),
    Round(4, AgentStatus.DONE, Outcome.NEUTRAL, gain=0.01, kept=True, commit="d" * 40),
    Round(5, AgentStatus.DONE, Outcome.REGRESSED, gain=-0.02, commit="e" * 40),
)  # fmt: skip
NODE = NodeView("A.1", "A", "committed", ("agent",), Outcome.NEUTRAL, rounds=ROUNDS, spending=SPENT)


def view(*nodes: NodeView) -> RunView:
    return RunView(
        "r1", "t", "/t", "done", "frontier", 1, 1, MetricSpec("cost"), 0.0,
        nodes=nodes, root_metrics=(Metric("cost", 1.0),),
    )  # fmt: skip


def test_all_rounds_are_listed_with_their_sources() -> None:
    facts = dict(round_facts(NODE))
    assert [facts[f"round {number}"].find(f"[{letter * 12}]") > 0 for number, letter in
            enumerate("abcde", start=1)] == [True] * 5  # fmt: skip
    assert facts["round 1"].startswith("failed, 2") and "4 turns" in facts["round 1"]
    assert facts["round 1"].endswith(": check whole exited with 1")
    assert "(the agent: timeout)" in facts["round 2"] and "rolled back" in facts["round 2"]
    assert "rolled back" in facts["round 5"] and "rolled back" not in facts["round 4"]
    assert facts["rounds"].startswith("5, gain ")
    assert facts["spent"] == "$0.0123, 3 requests, 4,000 tokens in (1,000 cached) and 200 out"


def test_a_failure_that_comes_back_is_counted_at_its_own_node_only() -> None:
    other = replace(NODE, label="A.2", rounds=ROUNDS[:1])
    figures = agent_figures(view(NODE, other, NodeView("A", "", "root")))
    assert (figures.nodes, figures.rounds, figures.failures, figures.repeated) == (2, 6, 4, 1)
    assert figures.repeated_rate == 0.25
    assert figures.spending == SPENT + SPENT
    assert "1 of 4 failures repeated" in figures_words(figures)[0]


def test_without_agents_nothing_is_said() -> None:
    figures = agent_figures(view(NodeView("A", "", "root")))
    assert figures == AgentFigures() and figures_words(figures) == ()
    assert figures.repeated_rate is None and round_facts(NodeView("A", "", "root")) == []


def test_money_says_what_is_not_known() -> None:
    assert money(Spending()) == ""
    assert "cost unknown" in money(Spending(1, 10, 0, 5, None))
    assert "(estimated)" in money(Spending(1, 10, 0, 5, 0.1, True))
