"""Calls to the engine about one container, each safe from an answer that is lost.

What may be asked again is asked again (``Patience``); what may not is looked after. What the engine's
client raises in the end goes through.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import docker
import docker.errors
import requests.exceptions

from runner.errors import Cancelled, EngineUnavailable
from runner.sandbox.patience import Patience, is_silence, is_transient
from runner.sandbox.states import has_ended, was_started

_START_WORD_S = 10.0
_REMOVAL_S = 30.0
_KILL_S = 60.0


class Calls:
    """Of one worker; names are full names of containers."""

    def __init__(
        self, api: docker.APIClient, patience: Patience, cancelled: Callable[[], bool]
    ) -> None:
        self._api = api
        self._patience = patience
        self._cancelled = cancelled

    def create(self, config: dict[str, object], name: str) -> None:
        """Make a container. Nobody else makes containers of this name: one that is there, and never ran, was made
        by a request whose answer was lost."""

        def once() -> None:
            try:
                self._api.create_container_from_config(config, name)
            except docker.errors.APIError as error:
                if error.status_code != 409 or not self._is_new(config, name):
                    raise

        self._patience.ask(once)

    def _is_new(self, config: Mapping[str, Any], name: str) -> bool:
        """Whether the container of a name was made as ``config`` says, and has not been started.

        Raises ``EngineUnavailable`` while the engine knows the name but not yet the container.
        """
        try:
            facts = self._api.inspect_container(name)
        except docker.errors.NotFound as error:
            raise EngineUnavailable(f"{name} is still being made or removed") from error
        labels = facts["Config"]["Labels"] or {}
        made = all(labels.get(key) == value for key, value in config["Labels"].items())
        return made and not was_started(facts["State"])

    def start(self, name: str) -> None:
        """Start a container. Not asked twice: a second request would run a command again that has ended meanwhile."""
        try:
            self._api.start(name)
        except (requests.exceptions.RequestException, OSError) as error:
            if not is_silence(error) or not self._starts_late(name):
                raise

    def _starts_late(self, name: str) -> bool:
        """Whether a request that was not answered was heard nevertheless."""
        deadline = time.monotonic() + _START_WORD_S
        while not was_started(self.inspect(name)["State"]):
            self.check_cancelled()
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.1)
        return True

    def inspect(self, name: str) -> dict[str, Any]:
        """The engine's facts of a container; ``SizeRw`` is what it wrote over its image, in bytes,
        and ``WalkS`` the seconds that it took to find out."""

        def once() -> dict[str, Any]:
            url = self._api._url("/containers/{0}/json", name)
            answer = self._api._get(url, params={"size": 1})
            return cast(dict[str, Any], self._api._result(answer, True))

        started = time.monotonic()
        facts = self._patience.ask(once)
        walk_s = time.monotonic() - started
        return {**facts, "SizeRw": int(facts.get("SizeRw") or 0), "WalkS": walk_s}

    def await_end(self, name: str, deadline: float) -> dict[str, Any]:
        """Wait for the end until ``deadline``, but no longer than a second; the facts then.

        The engine's own ``timeout`` is one of HTTP, not a deadline, and its answer is no proof: it
        may come early, or not at all. What counts is the state.
        """
        timeout_s = min(max(deadline - time.monotonic(), 0.05), 1.0)
        started = time.monotonic()
        try:
            self._api.wait(name, timeout=timeout_s)
        except (requests.exceptions.RequestException, OSError) as error:
            if not is_transient(error):
                raise
        facts = self.inspect(name)
        if not has_ended(facts["State"]):
            time.sleep(max(0.0, min(0.05, timeout_s - (time.monotonic() - started))))
        return facts

    def kill(self, name: str) -> bool:
        """Kill the container with everything in it; false if it had ended by itself."""
        asked = 0

        def once() -> bool:
            nonlocal asked
            asked += 1
            try:
                self._api.kill(name, "SIGKILL")
            except docker.errors.APIError as error:
                if error.status_code in (404, 409):
                    return asked > 1  # then the request that was not answered did it
                raise
            return True

        killed = self._patience.ask(once)
        deadline = time.monotonic() + _KILL_S
        while not has_ended(self.await_end(name, deadline)["State"]):
            if time.monotonic() >= deadline:
                raise EngineUnavailable(f"the engine can't kill {name}")
        return killed

    def remove(self, name: str) -> None:
        """Remove a container, running or not; absent is fine. It is gone when this returns."""
        self._patience.ask(lambda: self._remove(name))

    def _remove(self, name: str) -> None:
        deadline = time.monotonic() + _REMOVAL_S
        with contextlib.suppress(docker.errors.NotFound):
            try:
                self._api.remove_container(name, force=True, v=True)
            except docker.errors.APIError as error:
                if "already in progress" not in str(error):
                    raise
                while time.monotonic() < deadline:  # an earlier request is still at it
                    self._api.inspect_container(name)
                    time.sleep(0.1)
                raise EngineUnavailable(f"{name} is being removed, without an end") from error

    def check_cancelled(self) -> None:
        """Raise ``Cancelled`` if the run was told to stop."""
        if self._cancelled():
            raise Cancelled("the run was told to stop")
