"""What is asked again, how often, and for how long."""

from __future__ import annotations

import time
from collections.abc import Callable

import docker.errors
import pytest
import requests
import requests.exceptions

from runner.errors import Cancelled, EngineError, EngineUnavailable, SnapshotMissing
from runner.sandbox.patience import Patience, patiently

GONE = requests.exceptions.ConnectionError("refused")
LATE = requests.exceptions.ReadTimeout("60 s")


def answer(status: int, words: str = "broke") -> docker.errors.APIError:
    response = requests.Response()
    response.status_code = status
    return docker.errors.APIError("error", response=response, explanation=words)


class Engine:
    """Raises one error after another, and then answers."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)
        return "an answer"


@pytest.mark.parametrize(
    "error",
    [GONE, LATE, OSError(11, "busy"), EngineUnavailable("cut"), answer(500), answer(503)],
    ids=repr,
)
def test_silence_and_faults_are_asked_again(error: Exception) -> None:
    engine = Engine(error, error)
    assert Patience().ask(engine) == "an answer"
    assert engine.calls == 3


@pytest.mark.parametrize(
    "error",
    [
        answer(404),
        answer(409),
        answer(400),
        answer(500, "write: no space left on device"),
        SnapshotMissing("no such image"),
        ZeroDivisionError(),
    ],
    ids=repr,
)
def test_an_answer_is_an_answer(error: Exception) -> None:
    engine = Engine(error)
    with pytest.raises(type(error)):
        Patience().ask(engine)
    assert engine.calls == 1


def test_a_fault_that_lasts_is_told_soon() -> None:
    engine = Engine(*[answer(500)] * 99)
    with pytest.raises(docker.errors.APIError):
        Patience(outage_s=60.0).ask(engine)
    assert engine.calls == 4


def test_silence_is_waited_out_and_once_only() -> None:
    patience = Patience(outage_s=0.6)
    engine = Engine(*[GONE] * 99)
    started = time.monotonic()
    with pytest.raises(requests.exceptions.ConnectionError):
        patience.ask(engine)
    assert time.monotonic() - started >= 0.55
    calls = engine.calls
    assert calls > 1
    for _ in range(3):
        with pytest.raises(requests.exceptions.ConnectionError):
            patience.ask(engine)
    assert engine.calls == calls + 3
    assert patience.silences == engine.calls


def test_an_engine_that_is_back_is_waited_for_again() -> None:
    patience = Patience(outage_s=0.0)
    with pytest.raises(requests.exceptions.ConnectionError):
        patience.ask(Engine(GONE))
    assert patience.ask(Engine()) == "an answer"
    patience = Patience(outage_s=30.0)
    assert patience.ask(Engine(GONE, GONE)) == "an answer"


def test_being_told_to_stop_ends_the_waiting() -> None:
    told: list[bool] = []

    def gone() -> str:
        told.append(True)
        raise GONE

    asked: Callable[[], bool] = lambda: len(told) >= 3  # noqa: E731
    with pytest.raises(Cancelled):
        Patience(asked, outage_s=60.0).ask(gone)
    assert len(told) == 3


def test_the_decorator_asks_four_times() -> None:
    for errors, calls in ((2, 3), (99, 4)):
        engine = Engine(*[EngineUnavailable("gone")] * errors)
        if calls == 3:
            assert patiently(engine)() == "an answer"
        else:
            with pytest.raises(EngineError):
                patiently(engine)()
        assert engine.calls == calls
