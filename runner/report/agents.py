"""What agents did and what they cost, in words and in numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runner.model import NOTHING_SPENT, NodeView, Round, RunView, Spending
from runner.report.figures import count, duration, percent

_REASON_CHARS = 160


@dataclass(frozen=True, slots=True)
class AgentFigures:
    """Counters of a run. ``failures`` are rounds that failed, of which ``repeated`` had failed in the
    same way before at the same node."""

    nodes: int = 0
    rounds: int = 0
    failures: int = 0
    repeated: int = 0
    spending: Spending = NOTHING_SPENT

    @property
    def repeated_rate(self) -> float | None:
        """The share of failures that repeat one; ``None`` without failures."""
        return self.repeated / self.failures if self.failures else None


def agent_figures(view: RunView) -> AgentFigures:
    """The counters of a run; all zero for one without agents."""
    rounds = [node.rounds for node in view.nodes if node.rounds]
    return AgentFigures(
        nodes=len(rounds),
        rounds=sum(map(len, rounds)),
        failures=sum(each.gain is None for of_node in rounds for each in of_node),
        repeated=sum(map(_repeats, rounds)),
        spending=sum((node.spending for node in view.nodes), NOTHING_SPENT),
    )


def _repeats(rounds: Iterable[Round]) -> int:
    """How many failures of one node had been there before."""
    known: set[str] = set()
    repeats = 0
    for each in rounds:
        if each.gain is None and each.failure:
            repeats += each.failure in known
            known.add(each.failure)
    return repeats


def money(spending: Spending) -> str:
    """Such as ``$0.12, 3 requests, 4,000 tokens in (1,000 cached) and 200 out``; "" for nothing."""
    if spending == NOTHING_SPENT:
        return ""
    cost = "cost unknown" if spending.cost_usd is None else f"${spending.cost_usd:.4f}"
    about = " (estimated)" if spending.estimated else ""
    cached = f" ({spending.cached_tokens:,} cached)" if spending.cached_tokens else ""
    return (
        f"{cost}{about}, {count(spending.requests, 'request')}, "
        f"{spending.input_tokens:,} tokens in{cached} and {spending.output_tokens:,} out"
    )


def round_facts(node: NodeView) -> list[tuple[str, str]]:
    """A line for each round of a node, the last line being what they came to."""
    rounds = node.rounds
    if not rounds:
        return []
    facts = [(f"round {each.number}", _round(each)) for each in rounds]
    gains = [each.gain for each in rounds if each.gain is not None]
    if len(rounds) > 1 and gains:
        facts.append(("rounds", f"{len(rounds)}, gain {percent(gains[0])} to {percent(gains[-1])}"))
    return [*facts, ("spent", money(node.spending))]


def _round(each: Round) -> str:
    turns = f", {count(each.turns, 'turn')}" if each.turns is not None else ""
    gain = f" {percent(each.gain)}" if each.gain is not None else ""
    kept = "" if each.kept else ", rolled back"
    reason = f": {each.reason[:_REASON_CHARS]}" if each.reason else ""
    ended = "" if each.status == "done" else f" (the agent: {each.status})"
    commit = f" [{each.commit[:12]}]" if each.commit else ""
    return f"{each.outcome}{gain}{ended}, {duration(each.seconds)}{turns}{kept}{commit}{reason}"


def figures_words(figures: AgentFigures) -> Sequence[str]:
    """The counters as lines; none for a run without agents."""
    if not figures.nodes:
        return ()
    rate = figures.repeated_rate
    repeated = f", {figures.repeated} of {figures.failures} failures repeated" if rate is not None else ""
    words = [f"{count(figures.nodes, 'node')} by agents, {count(figures.rounds, 'round')}{repeated}"]
    if spent := money(figures.spending):
        words.append(f"models: {spent}")
    return words
