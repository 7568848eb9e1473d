"""The containers that hold one worker's network namespaces, for others to join."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import docker
import docker.errors

from runner.model import Limits
from runner.sandbox import spec
from runner.sandbox.dialect import dialect_of
from runner.sandbox.patience import Patience

_FOREVER_S = 10 * 365 * 86400


class Pauses:
    """One for each side of a measurement; made when first wanted, and again when they are gone.

    ``name_of(side)`` names them; ``create`` and ``remove`` are those of ``Containers``.
    """

    def __init__(
        self,
        api: docker.APIClient,
        patience: Patience,
        name_of: Callable[[int], str],
        create: Callable[[dict[str, object], str], None],
        remove: Callable[[str], None],
    ) -> None:
        self._api = api
        self._patience = patience
        self._name_of = name_of
        self._create = create
        self._remove = remove
        self._held: dict[int, str] = {}

    @property
    def names(self) -> frozenset[str]:
        """Those that there are."""
        return frozenset(self._held.values())

    def network_of(self, run_id: str, base: str, side: int) -> str:
        """The network mode that joins the namespace of ``side``. ``base`` is an image with
        ``sleep``."""
        if not dialect_of(self._api).shares_networks:
            return "none"
        name = self._name_of(side)
        if side not in self._held or not self._is_running(name):
            self._remove(name)
            limits = Limits(memory_bytes=16 << 20, pids=16, cpus=0.1, log_bytes=4096)
            host = spec.host_config(limits, "none")
            labels = spec.step_labels(run_id, spec.KIND_PAUSE, "")
            command = ("sleep", str(_FOREVER_S))
            self._create(spec.container_config(base, command, host, labels), name)
            self._held[side] = name
            self._patience.ask(lambda: self._api.start(name))  # to start it twice does no harm
        return f"container:{name}"

    def remove_all(self) -> None:
        """Let go of them."""
        while self._held:
            _, name = self._held.popitem()
            self._remove(name)

    def _is_running(self, name: str) -> bool:
        with contextlib.suppress(docker.errors.NotFound):
            state = self._patience.ask(lambda: self._api.inspect_container(name))["State"]
            return bool(state["Running"])
        return False
