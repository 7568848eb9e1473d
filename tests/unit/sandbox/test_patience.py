"""Only an engine that doesn't answer is asked again, and not for ever."""

from __future__ import annotations

import pytest

from runner.errors import EngineError, EngineUnavailable, SnapshotMissing
from runner.sandbox.patience import patiently


def answers(*errors: EngineError) -> tuple[list[int], object]:
    calls: list[int] = []

    @patiently
    def ask() -> str:
        calls.append(1)
        if len(calls) <= len(errors):
            raise errors[len(calls) - 1]
        return "an answer"

    return calls, ask


def test_silence_is_asked_again() -> None:
    calls, ask = answers(EngineUnavailable("gone"), EngineUnavailable("still gone"))
    assert ask() == "an answer"  # type: ignore[operator]
    assert len(calls) == 3


def test_a_refusal_is_an_answer() -> None:
    calls, ask = answers(SnapshotMissing("no such image"))
    with pytest.raises(SnapshotMissing):
        ask()  # type: ignore[operator]
    assert len(calls) == 1


def test_lasting_silence_is_told() -> None:
    calls, ask = answers(*[EngineUnavailable("gone")] * 10)
    with pytest.raises(EngineUnavailable):
        ask()  # type: ignore[operator]
    assert len(calls) == 4
