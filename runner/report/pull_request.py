"""A pull or merge request for a node's change: title and body, for any forge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from runner.model import Goal, NodeView, Round, RunView, Verdict, Verified
from runner.report.agents import money
from runner.report.estimate import path_to
from runner.report.figures import count, factor, gain_with_interval, percent
from runner.report.markdown import block, code, prose, table, title
from runner.report.measured import measured_table
from runner.report.shape import FileChange

FILES_LIMIT = 50
TITLE_LIMIT, CLAIM_LIMIT = 120, 50
DESCRIPTION_LIMIT = 500
SAID_LINES = 20


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a change beside the run's own numbers.

    ``files`` is what differs from the root. ``descriptions`` maps action keys to what their authors
    say of them, ``agents`` those that are agents to the agent's name. ``tests`` are lines about the
    checks that were run, such as ``tests: 42 tests passed``. ``commands`` is how to repeat it,
    ``notes`` what a reviewer should know. ``baseline`` is what it was verified against.
    """

    files: Sequence[FileChange] = ()
    descriptions: Mapping[str, str] = field(default_factory=dict)
    tests: Sequence[str] = ()
    commands: Sequence[str] = ()
    notes: Sequence[str] = ()
    baseline: str = "the original"
    agents: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PullRequest:
    """``title`` is one line of text; ``body`` is Markdown, and ends with a line break."""

    title: str
    body: str


def pull_request(
    view: RunView, label: str, found: Verified | None, told: Told = Told()
) -> PullRequest:
    """Words for the change of node ``label``. Without ``found``, its verification, no improvement is
    claimed. Texts of actions, metrics and files may be hostile; none of them can be anything else
    than text in what comes out."""
    path = path_to({node.label: node for node in view.nodes}, label)[1:]
    sections = (
        _claim(label, found, told),
        _changed(told),
        _why(path, told),
        _agents(path, told),
        _measured(view, found, told),
        _tests(told),
        _repeat(view, told),
    )
    lines = [line for section in map(tuple, sections) if section for line in (*section, "")]
    return PullRequest(_title(view, path, found), "\n".join(lines[:-1]) + "\n")


def _title(view: RunView, path: Sequence[NodeView], found: Verified | None) -> str:
    keys = " + ".join(key for node in path for key in node.actions) or "no change"
    claim = ""
    if found and found.measurement and found.verdict is Verdict.IMPROVED:
        claim = f"({percent(found.measurement.gain)} {view.objective.name})"
    what = title(f"{view.task}: {keys}", TITLE_LIMIT - CLAIM_LIMIT)
    return f"{what} {title(claim, CLAIM_LIMIT)}".rstrip()


def _claim(label: str, found: Verified | None, told: Told) -> Iterator[str]:
    if found is None:
        yield f"**Not verified.** Node {code(label)} has not been measured in a clean room."
        return
    measured = found.measurement
    if measured and found.verdict is Verdict.IMPROVED:
        better = f"{percent(measured.gain)} better ({factor(measured.gain)})"
        yield f"**Verified: {better}**, in a clean room, against {prose(told.baseline)}."
    else:
        yield f"**Not an improvement: {found.verdict}.**"
    if found.reason:
        yield ""
        yield f"What is to be said of it: {prose(found.reason, DESCRIPTION_LIMIT)}"
    for note in told.notes:
        yield ""
        yield f"Note: {prose(note, DESCRIPTION_LIMIT)}"


def _changed(told: Told) -> Iterator[str]:
    yield "## What changed"
    yield ""
    if not told.files:
        yield "No file."
        return
    added, removed = (
        sum(getattr(file, side) or 0 for file in told.files) for side in ("added", "removed")
    )
    lines = f"{count(added, 'line')} added, {removed:,} removed"
    yield f"{count(len(told.files), 'file')}, {lines}."
    yield ""
    rows = [(code(file.path), *_lines(file)) for file in told.files[:FILES_LIMIT]]
    yield from table(("file", ">added", ">removed"), rows)
    if len(told.files) > FILES_LIMIT:
        yield ""
        yield f"And {count(len(told.files) - FILES_LIMIT, 'more file', 'more files')}."


def _lines(file: FileChange) -> tuple[str, str]:
    if file.added is None or file.removed is None:
        return "binary", "binary"
    return f"{file.added:,}", f"{file.removed:,}"


def _why(path: Sequence[NodeView], told: Told) -> Iterator[str]:
    yield "## Why"
    yield ""
    if not path:
        yield "This is the original itself."
        return
    yield "Each step was measured against the one before, while searching:"
    yield ""
    for number, node in enumerate(path, 1):
        keys = " + ".join(map(code, node.actions)) or "no action"
        gained = f", {gain_with_interval(node.edge)}" if node.edge else ""
        yield f"{number}. {code(node.label)}: {keys}{gained}"
        for key in node.actions:
            if description := told.descriptions.get(key, ""):
                yield f"   - {code(key)}: {prose(description, DESCRIPTION_LIMIT)}"
        if node.proof:
            yield f"   - tests first: {prose(node.proof, DESCRIPTION_LIMIT)}"


def _agents(path: Sequence[NodeView], told: Told) -> Iterator[str]:
    """Who wrote the change, where that was an agent; nothing where none was."""
    by_agents = [node for node in path if node.rounds]
    if not by_agents:
        return
    yield "## Written by agents"
    for node in by_agents:
        done = _became(node)
        yield ""
        yield f"{code(node.label)}: {', '.join(_agent_facts(node, done, told))}."
        if said := [line for line in done.said.splitlines() if line.strip()]:
            yield "Its last words, which nobody has checked:"
            yield ""
            yield from (f"> {line}" for line in block(said[-SAID_LINES:], "text").splitlines())


def _agent_facts(node: NodeView, done: Round, told: Told) -> Iterator[str]:
    names = [told.agents.get(key, key) for key in node.actions]
    version = f" {code(done.version)}" if done.version else ""
    model = f" with {code(done.model)}" if done.model else ""
    yield f"{' + '.join(map(code, names))}{version}{model}"
    yield f"round {done.number} of {len(node.rounds)}"
    if spent := money(node.spending):  # as code: two dollar signs would be a formula
        yield code(spent)


def _became(node: NodeView) -> Round:
    """The round whose state the node is; where no round's is, the last."""
    same = [each for each in node.rounds if each.commit and each.commit == node.commit]
    return (same or node.rounds)[-1]


def _measured(view: RunView, found: Verified | None, told: Told) -> Iterator[str]:
    yield "## Measured"
    yield ""
    if found is None or found.measurement is None:
        yield "Nothing was measured in a clean room."
        return
    yield from measured_table(found.measurement, view.objective)
    yield ""
    better = "lower" if view.objective.goal is Goal.MIN else "higher"
    yield (
        f"Before is {prose(told.baseline)}, after is this change, both built from their recorded "
        f"sources alone. They ran alternately; the {count(found.measurement.pairs, 'pair')} played no "
        f"part in the search. Of {code(view.objective.name)}, {better} is better."
    )


def _tests(told: Told) -> Iterator[str]:
    yield "## Tests"
    yield ""
    if not told.tests:
        yield "Nothing is recorded of checks."
    for line in told.tests:
        yield f"- {prose(line, DESCRIPTION_LIMIT)}"


def _repeat(view: RunView, told: Told) -> Iterator[str]:
    yield "## How to repeat"
    yield ""
    yield f"Run {code(view.run_id)} of task {code(view.task)}, seed {view.seed}."
    if told.commands:
        yield ""
        yield block(told.commands, "sh")
