"""What a run has seen, as a space that can be searched without containers (``oppie simulate``)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from runner.errors import TaskError
from runner.model import Action, Goal, MetricSpec, NodeView, Outcome, RunView

_INTERVAL_SDS = 2 * 1.959964  # the width of a 95 % interval of a normal law, in deviations
_FAILS = frozenset({Outcome.FAILED, Outcome.TIMEOUT, Outcome.OOM, Outcome.DISK, Outcome.TAMPERED})


def space_of(view: RunView, actions: Iterable[Action] = ()) -> dict[str, Any]:
    """A run's states with their values, in the objective's unit, as JSON-ready data.

    A state is the set of the actions that lead to it. ``actions`` are the task's: they give the
    groups, within which a later action replaces an earlier one, and name what was never tried; an
    action that isn't among them stands alone. Each trial of an open-ended one is an action of its
    own, such as ``agent#A.3``, which the former proposes. A duplicate has its twin's value, and
    states that several nodes reached have their mean gain. Values are the root's, changed by the
    gain from the root; ``noise`` is the standard deviation of the log of one measurement, from the
    intervals: each is that of a difference of two.

    Raises TaskError for a run whose root was not measured.
    """
    known = {action.key: action for action in actions}
    root = _root_value(view)
    return {
        "metric": _metric(view.objective),
        "root": root,
        "actions": _actions(view.nodes, known),
        "noise": _noise(view.nodes),
        "states": _states(view, _action_sets(view.nodes, known), root),
    }


def _metric(spec: MetricSpec) -> dict[str, str]:
    fields = {"name": spec.name, "goal": spec.goal.value}
    return {**fields, "unit": spec.unit} if spec.unit else fields


def _actions(nodes: Iterable[NodeView], known: Mapping[str, Action]) -> list[dict[str, Any]]:
    trials: dict[str, dict[str, None]] = {}
    for node in nodes:
        for key in node.actions:
            trials.setdefault(key, {})[_effect(key, node.label, known)] = None
    listed: list[dict[str, Any]] = []
    for key in {**dict.fromkeys(known), **dict.fromkeys(trials)}:
        action = known.get(key)
        if action is None or not action.open_ended:
            group = action.group if action else ""
            listed.append({"key": key, "group": group} if group else {"key": key})
        elif key in trials:
            listed.append({"key": key, "proposes": list(trials[key])})
            listed.extend({"key": proposed} for proposed in trials[key])
    return listed


def _effect(key: str, label: str, known: Mapping[str, Action]) -> str:
    """The key under which an action's effect on this very node is known."""
    return f"{key}#{label}" if key in known and known[key].open_ended else key


def _root_value(view: RunView) -> float:
    for metric in view.root_metrics:
        if metric.name == view.objective.name:
            return metric.value
    raise TaskError(
        f"run {view.run_id} has no value of {view.objective.name} for its root; "
        "there is nothing to export"
    )


def _action_sets(
    nodes: Iterable[NodeView], known: Mapping[str, Action]
) -> dict[str, tuple[str, ...]]:
    """For each label the actions in effect, sorted; parents come before their children."""
    groups = {key: action.group for key, action in known.items() if action.group}
    sets: dict[str, tuple[str, ...]] = {}
    for node in nodes:
        state = list(sets.get(node.parent, ()))
        for key in node.actions:
            effect, group = _effect(key, node.label, known), groups.get(key)
            state = [
                each
                for each in state
                if each != effect and (group is None or groups.get(each) != group)
            ]
            state.append(effect)
        sets[node.label] = tuple(sorted(state))
    return sets


def _states(
    view: RunView, sets: Mapping[str, tuple[str, ...]], root: float
) -> list[dict[str, Any]]:
    by_label = {node.label: node for node in view.nodes}
    gains: dict[tuple[str, ...], list[float]] = {}
    failing: dict[tuple[str, ...], None] = {}
    for node in view.nodes:
        state = sets[node.label]
        seen = by_label.get(node.twin, node)
        if not state:
            continue
        if seen.gain is not None:
            gains.setdefault(state, []).append(seen.gain)
        elif seen.outcome in _FAILS:
            failing[state] = None
    sign = -1.0 if view.objective.goal is Goal.MIN else 1.0
    measured = [
        {"actions": list(state), "value": root * math.exp(sign * math.fsum(each) / len(each))}
        for state, each in gains.items()
    ]
    failed = [{"actions": list(state), "fails": True} for state in failing if state not in gains]
    return measured + failed


def _noise(nodes: Iterable[NodeView]) -> float:
    squares = [
        ((node.edge.high - node.edge.low) / _INTERVAL_SDS) ** 2 for node in nodes if node.edge
    ]
    return math.sqrt(math.fsum(squares) / len(squares) / 2.0) if squares else 0.0
