"""Domain types as columns, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from runner.model import (
    NOTHING_SPENT,
    Expansion,
    Goal,
    Measurement,
    Metric,
    MetricSpec,
    Round,
    Snapshot,
    Source,
    Spending,
    State,
    Verdict,
    Verified,
)

GAIN_UNITS = 1 << 32  # as the planner's fixed point
REWARD_UNITS = 1_000_000
# A reward beyond this is counted as this: sums stay within SQLite's 64 bits for 10^12 visits.
MAX_REWARD = 1e6


def reward_micro(reward: float) -> int:
    """A reward as an integer, whose sums don't depend on their order."""
    return round(max(-MAX_REWARD, min(MAX_REWARD, reward)) * REWARD_UNITS)


def gain_fixed(gain: float) -> int:
    return round(gain * GAIN_UNITS)


def printable(text: str) -> str:
    """Text that SQLite takes: odd bytes of file names come as surrogates, which UTF-8 has not."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def to_json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def metrics_to_json(metrics: Sequence[Metric]) -> str:
    return to_json([(metric.name, metric.value, metric.unit) for metric in metrics])


def metrics_from_json(text: str) -> tuple[Metric, ...]:
    return metrics_from_fields(json.loads(text))


def metrics_from_fields(fields: Iterable[Iterable[Any]]) -> tuple[Metric, ...]:
    return tuple([Metric(*each) for each in fields])


def spec_to_json(spec: MetricSpec) -> str:
    return to_json({"name": spec.name, "goal": spec.goal, "unit": spec.unit, "source": spec.source})


def spec_from_json(text: str) -> MetricSpec:
    fields = json.loads(text)
    source = Source(fields.get("source", Source.OUTPUT))
    return MetricSpec(fields["name"], Goal(fields["goal"]), fields["unit"], source)


def state_to_json(state: State) -> str:
    return to_json(
        {
            "snapshot": _snapshot_fields(state.snapshot),
            "commit": state.commit,
            "tree_id": state.tree_id,
        }
    )


def state_from_json(label: str, text: str | None) -> State:
    if text is None:
        return State(label)
    fields = json.loads(text)
    snapshot = Snapshot(*fields["snapshot"]) if fields["snapshot"] else None
    return State(label, snapshot, fields["commit"], fields["tree_id"])


def _snapshot_fields(snapshot: Snapshot | None) -> list[Any] | None:
    if snapshot is None:
        return None
    return list(snapshot_columns(snapshot))


def snapshot_columns(snapshot: Snapshot | None) -> tuple[Any, ...]:
    """tag, digest, parent_digest, depth, size_bytes; all None for no snapshot."""
    if snapshot is None:
        return (None,) * 5
    return (
        snapshot.tag,
        snapshot.digest,
        snapshot.parent_digest,
        snapshot.depth,
        snapshot.size_bytes,
    )


def measurement_to_fields(measurement: Measurement) -> dict[str, Any]:
    """An end of the interval that is infinite is ``None``: JSON, as SQLite reads it, has no word for
    it."""
    return {
        "gain": measurement.gain,
        "low": _end(measurement.low),
        "high": _end(measurement.high),
        "pairs": measurement.pairs,
        "metrics": [(m.name, m.value, m.unit) for m in measurement.metrics],
        "baseline": [(m.name, m.value, m.unit) for m in measurement.baseline],
        "ratios": measurement.ratios,
    }


def _end(value: float) -> float | None:
    return value if math.isfinite(value) else None


def measurement_from_fields(fields: dict[str, Any]) -> Measurement:
    return Measurement(
        fields["gain"],
        -math.inf if fields["low"] is None else fields["low"],
        math.inf if fields["high"] is None else fields["high"],
        fields["pairs"],
        metrics_from_fields(fields["metrics"]),
        metrics_from_fields(fields["baseline"]),
        tuple(fields["ratios"]),
    )


def agent_fields(expansion: Expansion) -> dict[str, Any]:
    """An agent's rounds and what they cost; nothing for other actions."""
    if not expansion.rounds:
        return {}
    fields = {"rounds": [asdict(each) for each in expansion.rounds]}
    return _printable(fields | {"spending": asdict(expansion.spending)})  # type: ignore[no-any-return]


def rounds_from_fields(fields: dict[str, Any]) -> tuple[Round, ...]:
    return _ROUNDS.validate_python(fields.get("rounds", ()))


def spending_from_fields(fields: dict[str, Any]) -> Spending:
    return _SPENDING.validate_python(fields["spending"]) if "spending" in fields else NOTHING_SPENT


_ROUNDS = TypeAdapter(tuple[Round, ...])
_SPENDING = TypeAdapter(Spending)


def _printable(value: Any) -> Any:
    match value:
        case str():
            return printable(value)
        case dict():
            return {key: _printable(each) for key, each in value.items()}
        case list():
            return [_printable(each) for each in value]
        case _:
            return value


def verified_to_json(verified: Verified) -> str:
    measured = verified.measurement
    return to_json(
        {
            "label": verified.label,
            "verdict": verified.verdict,
            "measurement": measurement_to_fields(measured) if measured else None,
            "reason": printable(verified.reason),
            "branch": verified.branch,
            "patch": verified.patch,
            "claimed": verified.claimed,
            "container_s": verified.container_s,
            "saved_s": verified.saved_s,
        }
    )


def verified_from_json(text: str) -> Verified:
    fields = json.loads(text)
    measured = fields["measurement"]
    return Verified(
        fields["label"],
        Verdict(fields["verdict"]),
        measurement_from_fields(measured) if measured else None,
        fields["reason"],
        fields["branch"],
        fields["patch"],
        fields.get("claimed"),
        fields.get("container_s", 0.0),
        fields.get("saved_s", 0.0),
    )
