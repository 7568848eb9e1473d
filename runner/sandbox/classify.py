"""What an ending means. Both classifications are pure, and the only place where this is decided."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping

import docker.errors
import requests.exceptions

from runner.errors import EngineError, EngineOutOfSpace, EngineUnavailable, SnapshotMissing
from runner.sandbox.protocol import Exit

# What the engine itself exits with when it lost a container over a restart of the daemon.
LOST = 255


def classify_exit(
    state: Mapping[str, object], *, deadline_hit: bool = False, disk_hit: bool = False
) -> Exit:
    """Say how a container ended, from the engine's ``State`` and from what we did to it.

    The order is the argument. Our own kills come first: after a kill the code is 137 and says
    nothing by itself. ``OOMKilled`` comes next, because 137 is also what ``kill -9`` in the
    container gives, so only the engine's word counts; and it counts only with a non-zero code,
    because a command that survived the death of a child has not failed. A non-zero code that is
    left over is the command's own.

    Raises ``EngineUnavailable`` for a container that died with the daemon (code 255 together with
    an error, or a container that the daemon calls dead), and for one that has no end yet, whose
    code of 0 means nothing: that is infrastructure.
    """
    if disk_hit:
        return Exit.DISK
    if deadline_hit:
        return Exit.TIMEOUT
    if state.get("Running") or state.get("Status") == "created":
        raise EngineUnavailable(f"the engine gives no end: it says {state.get('Status')}")
    code = state.get("ExitCode")
    if state.get("Dead") or (code == LOST and state.get("Error")):
        raise EngineUnavailable(f"the engine lost the container: {state.get('Error') or 'dead'}")
    if code == 0:
        return Exit.OK
    return Exit.OOM if state.get("OOMKilled") else Exit.NONZERO


def is_out_of_space(text: str) -> bool:
    """Whether an engine's words are those of a full disk."""
    return any(words in text.lower() for words in ("no space left on device", "disk quota exceeded"))


def classify_error(error: Exception, doing: str) -> EngineError:
    """Translate what the engine's client raised while ``doing`` something.

    A missing image is told apart because it can be said which one; a full disk because no retry
    will help before somebody makes room; an answer that is a refusal, because the engine is there;
    everything that smells of the connection (refused, reset, timed out, half an answer) is the
    daemon being away.
    """
    text = str(getattr(error, "explanation", None) or error)
    if isinstance(error, docker.errors.ImageNotFound):
        return SnapshotMissing(f"{doing}: {text}")
    if is_out_of_space(text):
        return EngineOutOfSpace(f"{doing}: the engine's disk is full: {text}")
    if isinstance(error, docker.errors.APIError):  # a kind of RequestException: ask first
        return EngineError(f"{doing}: the engine refused: {text}")
    if isinstance(error, requests.exceptions.RequestException | OSError):
        return EngineUnavailable(f"{doing}: the engine does not answer: {text}")
    return EngineError(f"{doing}: {text}")


@contextlib.contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Everything that the engine's client raises in the block leaves it as one of our errors."""
    try:
        yield
    except (
        docker.errors.DockerException,
        requests.exceptions.RequestException,
        OSError,
        json.JSONDecodeError,
    ) as error:
        raise classify_error(error, doing) from error
