"""What an engine tells of a container's state, read with care. Everything here is pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

State = Mapping[str, Any]

_YEAR_ONE_S = -6e10  # "0001-01-01T00:00:00Z" is how engines write that there is no time


def epoch_s(timestamp: str) -> float:
    """An engine's RFC 3339 time (``Z`` or a numeric zone, any number of digits), in Unix seconds."""
    return datetime.fromisoformat(timestamp).timestamp()


def was_started(state: State) -> bool:
    """Whether the container's process has ever begun."""
    return _moment(state, "StartedAt") is not None


def has_ended(state: State) -> bool:
    """Whether the process has begun, and is over."""
    busy = any(state.get(key) for key in ("Running", "Paused", "Restarting"))
    return was_started(state) and not busy and state.get("Status") != "created"


def ran_s(state: State) -> float:
    """How long an ended container ran, by the engine's clock; 0.0 where a time is missing."""
    started, finished = _moment(state, "StartedAt"), _moment(state, "FinishedAt")
    return max(0.0, finished - started) if started is not None and finished is not None else 0.0


def _moment(state: State, key: str) -> float | None:
    text = state.get(key)
    moment = epoch_s(text) if text else None
    return None if moment is None or moment < _YEAR_ONE_S else moment
