"""What a briefing says, as parts of a prompt."""

from __future__ import annotations

import math
from collections.abc import Sequence

from runner.measure.judge import Benchmark, Check, NewTests
from runner.model import Briefing, Goal, MetricSpec, Outcome, Round, Tried
from runner.prompts.parts import Part, foreign, inline, words
from runner.report.figures import count, find_metric, metric_value, percent

_REQUEST = "Make the objective better by a change of your own choice."
_LOST = (Outcome.REJECTED, Outcome.FAILED, Outcome.TAMPERED, Outcome.TIMEOUT, Outcome.OOM)


def objective(briefing: Briefing) -> Part:
    """The metric that counts, and what is wished of the others."""
    text = f"The metric is {inline(briefing.objective.name)}: {_better(briefing.objective)}."
    if briefing.targets:
        wishes = ", ".join(
            f"{inline(each.metric)} {each.operator} {each.value:g}" for each in briefing.targets
        )
        text += f" The search is over once one state meets all of: {wishes}."
    return words(text)


def expected(briefing: Briefing, threshold: float) -> Part:
    """What a node has to gain over its parent (0.02: 2 %), and what the planner guesses of this one."""
    text = (
        f"A gain of at least {percent(math.log1p(threshold))} over the state you start from is wanted, measured "
        "in pairs, with noise taken into account."
        if threshold > 0.0
        else "Any gain counts that is larger than the noise of the benchmark."
    )
    if briefing.expected_gain > 0.0 and math.isfinite(briefing.expected_gain):
        text += (
            f" By what is known so far, about {percent(briefing.expected_gain)} is to be had here."
        )
    return words(text)


def metrics(briefing: Briefing) -> Part:
    """The parent's metrics beside the root's."""
    if not briefing.metrics:
        return words(f"State {inline(briefing.parent)} has no metrics yet.")
    lines = []
    for metric in briefing.metrics:
        counts = metric.name == briefing.objective.name
        unit = briefing.objective.unit if counts else ""
        before = find_metric(briefing.root_metrics, metric.name)
        line = f"{metric.name}: {metric_value(metric, unit)}"
        line += f", at the root {metric_value(before, unit)}" if before is not None else ""
        lines.append((not counts, line + (" (the objective)" if counts else "")))
    shown = [line for _, line in sorted(lines, key=lambda entry: entry[0])]
    return foreign(f"Medians of state {inline(briefing.parent)}:", shown, 2 << 10)


def path(briefing: Briefing) -> Part:
    """What led from the root to the parent."""
    steps = [_told(step) for step in briefing.path]
    return foreign("", steps, 3 << 10) if steps else words("It is the untouched target.")


def siblings(briefing: Briefing) -> Part:
    """What was tried at the parent: what failed and why, what is under way, what went well."""
    if not briefing.siblings:
        return words("Nothing; you are the first.")
    told = [_told(each) for each in sorted(briefing.siblings, key=_urgency)]
    lost = sum(each.outcome in _LOST for each in briefing.siblings)
    head = f"{count(len(told), 'attempt')}, {lost} of which failed:"
    return foreign(head, told, 4 << 10)


def lessons(briefing: Briefing) -> Part:
    """What the knowledge base says, best first."""
    if not briefing.lessons:
        return words("Nothing that is known.")
    return foreign(
        "From other nodes and runs; hints, not facts about this code:", briefing.lessons, 3 << 10
    )


def request(text: str) -> str:
    """What the action asks for; without words of its own, an improvement."""
    return text if text.strip() else _REQUEST


def checks(found: Sequence[Check]) -> Part:
    """The commands that must succeed."""
    if not found:
        return words("There are no checks: behave as if there were.")
    lines = [f"{check.name}: {check.command}" for check in found]
    return foreign("These checks must pass, in the root of the folder:", lines, 2 << 10)


def benchmark(found: Benchmark) -> Part:
    """The command that prints the metrics."""
    return foreign("The benchmark, which prints the metrics:", found.command, 1 << 10)


def protected(globs: Sequence[str]) -> Part:
    """The files that no action may touch."""
    if not globs:
        return words("Leave tests and benchmark as they are.")
    head = "Files that you may not change, remove or add to; a node that does is thrown away:"
    return foreign(head, globs, 1 << 10)


def new_tests(found: NewTests | None) -> Part:
    """Where the tests go that the task demands, if it does."""
    if found is None:
        return words("A new test never goes below a path that is protected.")
    head = (
        f"New files that match one of these are demanded, and are run with {inline(found.command)}:"
    )
    return foreign(head, found.tests, 512)


def tools(there: bool) -> Part:
    """The tools of the MCP server."""
    if not there:
        return words("")
    return words(
        "The tools of the MCP server `oppie` run tests and benchmark, compare with the parent, tell what "
        "siblings tried, and take what you learned; use them before you guess."
    )


def rounds(done: Sequence[Round]) -> Part:
    """The rounds of a node, newest last."""
    lines = [_round(each) for each in done]
    return foreign("", lines[-8:], 1 << 10) if lines else words("None.")


def _round(each: Round) -> str:
    gain = f", {percent(each.gain)}" if each.gain is not None else ""
    kept = "" if each.kept else ", taken back"
    reason = f": {each.reason}" if each.reason else ""
    return f"{each.number}. {each.outcome}{gain}{kept}{reason}"


def _told(tried: Tried) -> str:
    outcome = str(tried.outcome) if tried.outcome else "under way now"
    gain = f" {percent(tried.gain)}" if tried.gain is not None else ""
    reason = f" -- {tried.reason}" if tried.reason else ""
    return f"{tried.label}: {outcome}{gain}: {tried.what or '(no description)'}{reason}"


def _urgency(tried: Tried) -> tuple[int, float]:
    if tried.outcome in _LOST:
        return 0, 0.0
    return (1, 0.0) if tried.outcome is None else (2, -(tried.gain or 0.0))


def _better(spec: MetricSpec) -> str:
    match spec.goal:
        case Goal.MIN:
            return "less is better"
        case Goal.MAX:
            return "more is better"
