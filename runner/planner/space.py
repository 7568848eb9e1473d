"""Recorded spaces: every state's value in one JSON file, so that searching needs no containers.

::

    {"metric": {"name": "time_us", "goal": "min", "unit": "us"},
     "root": 100.0,
     "actions": [{"key": "a0"}, {"key": "tile=8", "group": "tile", "prior": 0.1},
                 {"key": "agent", "tag": "memory", "proposes": ["a1", "a2"]}, {"key": "a1"}, ...],
     "noise": 0.02,
     "states": [{"actions": ["a0"], "value": 93.1}, {"actions": ["a0", "tile=8"], "fails": true}]}

A state is the set of the actions in effect, in any order; one that isn't listed fails. ``noise``
is the standard deviation of the log of one measurement. An action that ``proposes`` others is
open-ended: each trial applies one of those, which one is drawn; what is proposed can't be chosen
directly.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from runner.errors import TaskError
from runner.model import Action, Goal, MetricSpec

Values = Mapping[frozenset[str], float | None]

_TOP = ("metric", "root", "actions", "noise", "states")
_METRIC = ("name", "goal", "unit")
_ACTION = ("key", "group", "prior", "tag", "description", "proposes")
_STATE = ("actions", "value", "fails")


@dataclass(frozen=True, slots=True)
class Space:
    """What is known of a space. ``values`` holds every listed state but the root's, by the keys
    in effect; ``None`` is a failing state. ``actions`` are those a policy may choose;
    ``proposals`` are, for each open-ended one, the keys it draws from; ``drawn`` are the actions
    that can only be proposed.
    """

    metric: MetricSpec
    root: float
    actions: tuple[Action, ...]
    noise: float
    values: Values
    proposals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    drawn: tuple[Action, ...] = ()

    def value(self, state: Iterable[str]) -> float | None:
        """The true value of a state in the metric's unit; ``None`` if it fails."""
        keys = frozenset(state)
        return self.values.get(keys) if keys else self.root

    def gain(self, value: float) -> float:
        """log-ratio of the root to ``value``, in the better direction."""
        ratio = math.log(self.root / value)
        return ratio if self.metric.goal is Goal.MIN else -ratio

    def best(self) -> tuple[frozenset[str], float]:
        """The state of highest gain (the first listed of equals), and its true value; the root
        if nothing is better."""
        passing = [(value, keys) for keys, value in self.values.items() if value is not None]
        best = min if self.metric.goal is Goal.MIN else max
        value, keys = best([(self.root, frozenset()), *passing], key=itemgetter(0))
        return keys, value


def load_space(text: str) -> Space:
    """Read a space from its JSON text.

    Raises ``TaskError`` naming the place, the value and what is allowed there.
    """
    try:
        raw = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise TaskError(f"space: not JSON: {error}") from None
    top = _object(raw, "space", _TOP, ("root", "actions", "states"))
    metric = _metric(top.get("metric", {"name": "value"}))
    root = _number(top["root"], "root", above=0.0)
    noise = _number(top.get("noise", 0.0), "noise", least=0.0)
    entries = [_action(entry, f"actions[{i}]") for i, entry in enumerate(_list(top, "actions"))]
    known = _by_key([action for action, _ in entries])
    proposals = _proposals(entries, known)
    values = _states(_list(top, "states"), known, proposals)
    drawn = {key for keys in proposals.values() for key in keys}
    return Space(
        metric,
        root,
        tuple(a for a, _ in entries if a.key not in drawn),
        noise,
        values,
        proposals,
        tuple(a for a, _ in entries if a.key in drawn),
    )


def dump_space(space: Space) -> str:
    """The JSON text of a space: ``load_space(dump_space(s)) == s`` up to the order of actions."""
    metric = {"name": space.metric.name, "goal": str(space.metric.goal)}
    if space.metric.unit:
        metric["unit"] = space.metric.unit
    everything = (*space.actions, *space.drawn)
    order = {action.key: i for i, action in enumerate(everything)}
    states: list[dict[str, object]] = []
    for keys in sorted(space.values, key=lambda k: (len(k), sorted(order[key] for key in k))):
        value = space.values[keys]
        entry: dict[str, object] = {"actions": sorted(keys, key=order.__getitem__)}
        entry.update({"fails": True} if value is None else {"value": value})
        states.append(entry)
    head = {
        "metric": metric,
        "root": space.root,
        "noise": space.noise,
        "actions": [_dump_action(action, space.proposals) for action in everything],
    }
    lines = ",\n".join(json.dumps(state) for state in states)
    return json.dumps(head, indent=1)[:-2] + f',\n "states": [\n{lines}\n]}}\n'


def _dump_action(action: Action, proposals: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    entry: dict[str, object] = {"key": action.key}
    for name in ("group", "prior", "tag", "description"):
        if getattr(action, name):
            entry[name] = getattr(action, name)
    if action.key in proposals:
        entry["proposes"] = list(proposals[action.key])
    return entry


def _metric(raw: object) -> MetricSpec:
    entry = _object(raw, "metric", _METRIC, ("name",))
    goal = entry.get("goal", "min")
    if goal not in ("min", "max"):
        raise TaskError(f"metric.goal: {goal!r}; allowed: min, max")
    return MetricSpec(
        _text(entry["name"], "metric.name"),
        Goal(goal),
        _text(entry.get("unit", ""), "metric.unit", empty=True),
    )


def _action(raw: object, where: str) -> tuple[Action, tuple[str, ...]]:
    entry = _object(raw, where, _ACTION, ("key",))
    proposes = tuple(_text(key, f"{where}.proposes") for key in _list(entry, "proposes", where))
    if "proposes" in entry and not proposes:
        raise TaskError(f"{where}.proposes: empty; allowed: a list of action keys")
    action = Action(
        key=_text(entry["key"], f"{where}.key"),
        group=_text(entry.get("group", ""), f"{where}.group", empty=True),
        prior=_number(entry.get("prior", 0.0), f"{where}.prior"),
        tag=_text(entry.get("tag", ""), f"{where}.tag", empty=True),
        description=_text(entry.get("description", ""), f"{where}.description", empty=True),
        open_ended=bool(proposes),
    )
    return action, proposes


def _by_key(actions: list[Action]) -> dict[str, Action]:
    known: dict[str, Action] = {}
    for i, action in enumerate(actions):
        if action.key in known:
            raise TaskError(f"actions[{i}].key: {action.key!r} is there twice; keys must differ")
        known[action.key] = action
    return known


def _proposals(
    entries: list[tuple[Action, tuple[str, ...]]], known: Mapping[str, Action]
) -> dict[str, tuple[str, ...]]:
    for i, (_, proposes) in enumerate(entries):
        for key in proposes:
            if key not in known or known[key].open_ended:
                raise TaskError(
                    f"actions[{i}].proposes: {key!r}; allowed: keys of actions that propose nothing"
                )
    return {action.key: proposes for action, proposes in entries if proposes}


def _states(
    raw: list[Any], known: Mapping[str, Action], proposals: Mapping[str, object]
) -> dict[frozenset[str], float | None]:
    values: dict[frozenset[str], float | None] = {}
    for i, item in enumerate(raw):
        where = f"states[{i}]"
        entry = _object(item, where, _STATE, ("actions",))
        keys = _state_keys(_list(entry, "actions", where), where, known, proposals)
        if keys in values:
            raise TaskError(f"{where}.actions: {sorted(keys)} is listed twice")
        fails = entry.get("fails", False)
        if not isinstance(fails, bool):
            raise TaskError(f"{where}.fails: {fails!r}; allowed: true, false")
        if fails == ("value" in entry):
            raise TaskError(f'{where}: needs either "value" or "fails": true')
        values[keys] = None if fails else _number(entry["value"], f"{where}.value", above=0.0)
    return values


def _state_keys(
    raw: list[Any], where: str, known: Mapping[str, Action], proposals: Mapping[str, object]
) -> frozenset[str]:
    if not raw:
        raise TaskError(f'{where}.actions: empty; the root\'s value is "root"')
    groups: dict[str, str] = {}
    for key in raw:
        if not isinstance(key, str) or key not in known or key in proposals:
            raise TaskError(f"{where}.actions: {key!r}; allowed: {_some(known, proposals)}")
        group = known[key].group
        if groups.setdefault(group or f"\0{key}", key) != key:
            raise TaskError(
                f"{where}.actions: {groups[group]!r} and {key!r} are of group {group!r}"
            )
    keys = frozenset(raw)
    if len(keys) != len(raw):
        raise TaskError(f"{where}.actions: an action is there twice in {raw}")
    return keys


def _some(known: Mapping[str, Action], without: Mapping[str, object]) -> str:
    keys = [key for key in known if key not in without]
    return ", ".join(keys[:20]) + (", ..." if len(keys) > 20 else "")


def _object(
    raw: object, where: str, allowed: tuple[str, ...], needed: tuple[str, ...]
) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise TaskError(f"{where}: {_shown(raw)}; allowed: an object")
    for key in raw:
        if key not in allowed:
            raise TaskError(f"{where}: unknown key {key!r}; allowed: {', '.join(allowed)}")
    for key in needed:
        if key not in raw:
            raise TaskError(f"{where}: {key!r} is missing")
    return raw


def _list(entry: Mapping[str, Any], key: str, where: str = "") -> list[Any]:
    raw = entry.get(key, [])
    if not isinstance(raw, list):
        raise TaskError(f"{where}{'.' if where else ''}{key}: {_shown(raw)}; allowed: a list")
    return raw


def _text(raw: object, where: str, *, empty: bool = False) -> str:
    if not isinstance(raw, str) or not (raw or empty):
        raise TaskError(f"{where}: {_shown(raw)}; allowed: a {'' if empty else 'non-empty '}string")
    return raw


def _number(
    raw: object, where: str, *, above: float = -math.inf, least: float = -math.inf
) -> float:
    valid = isinstance(raw, int | float) and not isinstance(raw, bool) and abs(raw) < 1e300
    if not valid or not (above < raw and raw >= least):  # type: ignore[operator]
        bound = " above 0" if above == 0 else " of at least 0" if least == 0 else ""
        raise TaskError(f"{where}: {_shown(raw)}; allowed: a finite number{bound}")
    return float(raw)  # type: ignore[arg-type]


def _no_constant(name: str) -> float:
    raise TaskError(f"space: {name} is not a number; allowed: finite numbers")


def _shown(raw: object) -> str:
    text = json.dumps(raw)
    return text if len(text) <= 60 else text[:57] + "..."
