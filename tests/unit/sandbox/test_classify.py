"""Endings and errors, told apart in one place."""

from __future__ import annotations

import docker.errors
import pytest
import requests
import requests.exceptions

from runner.errors import EngineError, EngineOutOfSpace, EngineUnavailable, SnapshotMissing
from runner.sandbox.classify import classify_error, classify_exit, engine_errors
from runner.sandbox.protocol import Exit

OOM = {"OOMKilled": True}


@pytest.mark.parametrize(
    ("state", "deadline_hit", "disk_hit", "exit_"),
    [
        ({"ExitCode": 0}, False, False, Exit.OK),
        ({"ExitCode": 1}, False, False, Exit.NONZERO),
        ({"ExitCode": 137}, False, False, Exit.NONZERO),  # kill -9 in the container
        ({"ExitCode": 137, **OOM}, False, False, Exit.OOM),
        ({"ExitCode": 1, **OOM}, False, False, Exit.OOM),  # a child died, and its parent gave up
        ({"ExitCode": 0, **OOM}, False, False, Exit.OK),  # a child died, and its parent coped
        ({"ExitCode": 137}, True, False, Exit.TIMEOUT),
        ({"ExitCode": 137, **OOM}, True, False, Exit.TIMEOUT),
        ({"ExitCode": 137}, False, True, Exit.DISK),
        ({"ExitCode": 137, **OOM}, True, True, Exit.DISK),
        ({"ExitCode": 255}, False, False, Exit.NONZERO),  # a command may exit so
        ({"ExitCode": 255, "Error": "", "Dead": False}, False, False, Exit.NONZERO),
        ({"ExitCode": 255, "Error": "daemon restart"}, True, False, Exit.TIMEOUT),
        ({"ExitCode": 127, "Error": "not found"}, False, False, Exit.NONZERO),
    ],
)
def test_endings(state: dict[str, object], deadline_hit: bool, disk_hit: bool, exit_: Exit) -> None:
    assert classify_exit(state, deadline_hit=deadline_hit, disk_hit=disk_hit) is exit_


@pytest.mark.parametrize(
    "state",
    [
        {"ExitCode": 255, "Error": "the daemon was restarted"},
        {"ExitCode": 137, "Dead": True},
        {"ExitCode": 0, "Dead": True},
    ],
)
def test_a_container_that_the_engine_lost_is_infrastructure(state: dict[str, object]) -> None:
    with pytest.raises(EngineUnavailable, match="lost the container"):
        classify_exit(state)


@pytest.mark.parametrize(
    "state", [{"ExitCode": 0, "Running": True}, {"ExitCode": 0, "Status": "created"}]
)
def test_a_code_without_an_end_means_nothing(state: dict[str, object]) -> None:
    with pytest.raises(EngineUnavailable, match="gives no end"):
        classify_exit(state)
    assert classify_exit(state, disk_hit=True) is Exit.DISK


def api_error(
    status: int, message: str, kind: type[docker.errors.APIError] = docker.errors.APIError
) -> docker.errors.APIError:
    response = requests.Response()
    response.status_code = status
    return kind(f"{status} error", response=response, explanation=message)


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (
            api_error(404, "No such image: x", docker.errors.ImageNotFound),
            SnapshotMissing,
            "doing it: No such image: x",
        ),
        (
            api_error(404, "No such container: x", docker.errors.NotFound),
            EngineError,
            "doing it: the engine refused: No such container: x",
        ),
        (api_error(409, "conflict: in use"), EngineError, "refused: conflict: in use"),
        (api_error(500, "something broke"), EngineError, "refused: something broke"),
        (
            api_error(500, "write /var/lib/x: no space left on device"),
            EngineOutOfSpace,
            "disk is full",
        ),
        (api_error(500, "mkdir: disk quota exceeded"), EngineOutOfSpace, "disk is full"),
        (OSError(28, "No space left on device"), EngineOutOfSpace, "disk is full"),
        (requests.exceptions.ConnectionError("refused"), EngineUnavailable, "does not answer"),
        (requests.exceptions.ReadTimeout("60 s"), EngineUnavailable, "does not answer: 60 s"),
        (ConnectionResetError(104, "reset"), EngineUnavailable, "does not answer"),
        (BrokenPipeError(32, "broken"), EngineUnavailable, "does not answer"),
        (docker.errors.DockerException("odd"), EngineError, "doing it: odd"),
        (docker.errors.InvalidVersion("too old"), EngineError, "doing it: too old"),
    ],
    ids=lambda value: getattr(value, "__name__", None) or repr(value)[:30],
)
def test_errors(error: Exception, kind: type[EngineError], says: str) -> None:
    classified = classify_error(error, "doing it")
    assert type(classified) is kind
    assert says in str(classified)


def test_errors_leave_the_room_as_ours_and_others_as_they_are() -> None:
    with pytest.raises(EngineUnavailable) as caught, engine_errors("doing it"):
        raise requests.exceptions.ConnectionError("gone")
    assert isinstance(caught.value.__cause__, requests.exceptions.ConnectionError)
    with pytest.raises(ZeroDivisionError), engine_errors("doing it"):
        raise ZeroDivisionError
    with pytest.raises(SnapshotMissing, match=r"^as it was$"), engine_errors("doing it"):
        raise SnapshotMissing("as it was")
