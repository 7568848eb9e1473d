"""From a counted visit to a lesson: what was tried, in what situation, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.knowledge.category import category_of
from runner.model import Action, Expansion, JobKind, MetricSpec, Outcome
from runner.planner.node import Node, real
from runner.planner.strategies import tag_of, uses_above
from runner.planner.tree import Tree
from runner.report.figures import gain_with_interval
from runner.report.text import clean
from runner.store import Lesson

TEXT_LIMIT = 320  # characters of a lesson
_PART_LIMIT = 120
_PATH_LIMIT = 200
_FILES_LIMIT = 50


@dataclass(frozen=True, slots=True)
class About:
    """What all lessons of a run have in common. ``project`` is as ``project_key`` has it."""

    project: str
    run: str
    task: str
    objective: MetricSpec


def lesson_of(
    expansion: Expansion, tree: Tree, about: About, files: Sequence[str] = ()
) -> Lesson | None:
    """What an attempt taught that ``tree`` has closed; ``None`` if nothing, since trouble of the
    infrastructure teaches nothing. ``files`` are the paths that it changed, if they are known."""
    job = expansion.job
    node = tree.node(job.label)
    if expansion.outcome is Outcome.INFRA or node.parent is None:
        return None
    actions = [tree.actions[i] for i in node.actions]
    tag = tag_of(tree, node.actions[-1])
    measured = expansion.measurement
    return Lesson(
        project=about.project,
        run=about.run,
        attempt=job.attempt_id,
        label=job.label,
        task=about.task,
        at=expansion.ended_at,
        kind=actions[-1].kind,
        actions=tuple([action.key for action in actions]),
        tag=tag,
        category=category_of(actions[-1].tag, files),
        state=_in_effect(tree, node.parent),
        result=_in_effect(tree, node),
        uses=uses_above(tree, node.parent, tag) if actions[-1].open_ended else None,
        objective=about.objective.name,
        goal=about.objective.goal,
        outcome=expansion.outcome,
        gain=measured.gain if measured else None,
        low=measured.low if measured else None,
        high=measured.high if measured else None,
        total=_total(expansion, tree, node),
        again=job.kind is JobKind.REMEASURE,
        model=_model(expansion),
        rounds=len(expansion.rounds),
        cost_usd=expansion.spending.cost_usd,
        estimated=expansion.spending.estimated,
        files=tuple(clean(path, _PATH_LIMIT) for path in files[:_FILES_LIMIT]),
        text=clean(f"{_what(tree, node, actions)}: {_came_of(expansion)}", TEXT_LIMIT),
    )


def _in_effect(tree: Tree, node: Node) -> tuple[str, ...]:
    """The keys in effect in a state: the open-ended ones of its path, then the others."""
    proposed: list[str] = []
    step = node.lineage
    while step.parent is not None:
        proposed += [tree.actions[i].key for i in step.actions if tree.actions[i].open_ended]
        step = step.parent.lineage
    closed = (tree.actions[i].key for i in tree.states.actions_in(node.state))
    return *reversed(proposed), *closed


def _total(expansion: Expansion, tree: Tree, node: Node) -> float | None:
    """The gain over the root, as this very attempt observed it; a duplicate's is its twin's."""
    if expansion.job.kind is JobKind.REMEASURE:
        return expansion.measurement.gain if expansion.measurement else None
    seen = tree.node(node.twin) if node.twin else node
    return real(seen.first) if seen.observations or seen is tree.root else None


def _model(expansion: Expansion) -> str:
    told = [each.model for each in expansion.rounds if each.model]
    if told:
        return told[-1]
    briefing = expansion.job.briefing
    return briefing.model if briefing and expansion.rounds else ""


def _what(tree: Tree, node: Node, actions: Sequence[Action]) -> str:
    """What was tried, and on what."""
    tried = ", ".join(_named(action) for action in actions)
    before = _in_effect(tree, node.parent or node)
    return f"{tried} after {', '.join(before)}" if before else tried


def _named(action: Action) -> str:
    tag = f" [{action.tag}]" if action.tag else ""
    about = f" ({clean(action.description, _PART_LIMIT)})" if action.description else ""
    return f"{action.key}{tag}{about}"


def _came_of(expansion: Expansion) -> str:
    return "; ".join(part for part in _parts(expansion) if part)


def _parts(expansion: Expansion) -> Iterator[str]:
    measured = expansion.measurement
    yield str(expansion.outcome)
    if measured is not None:
        yield gain_with_interval(measured)
    if expansion.reason:
        yield clean(expansion.reason, _PART_LIMIT)
    if expansion.rounds:
        said = expansion.rounds[-1].said
        count = len(expansion.rounds)
        yield f"{count} round{'s' if count > 1 else ''}"
        yield f"it said: {clean(said, _PART_LIMIT)}" if said else ""
