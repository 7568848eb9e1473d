"""All that runs have left on this machine: on the engine, and in the folder of those without one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Protocol

from runner.cli.engine import LOCAL, connected
from runner.cli.home import state
from runner.errors import EngineUnavailable
from runner.model import SandboxKind
from runner.sandbox.inventory import EngineHoldings
from runner.sandbox.local import LocalHoldings
from runner.sandbox.protocol import Leftovers
from runner.store import Store
from runner.task import kept_task


class Holdings(Protocol):
    """What ``EngineHoldings`` can do."""

    def leftovers(self) -> Leftovers: ...

    def remove(self, container: str) -> None: ...

    def discard(self, tag: str) -> None: ...

    def retag(self, digest: str, tag: str) -> None: ...


class _Both:
    """Each object is where it was found; one that wasn't is the engine's."""

    def __init__(self, engine: Holdings, local: Holdings) -> None:
        self._engine = engine
        self._local = local

    def leftovers(self) -> Leftovers:
        one, other = self._engine.leftovers(), self._local.leftovers()
        return Leftovers(
            (*one.held_containers, *other.held_containers), (*one.held_images, *other.held_images)
        )

    def remove(self, container: str) -> None:
        self._of(container in self._local.leftovers().containers).remove(container)

    def discard(self, tag: str) -> None:
        self._of(tag in self._local.leftovers().images).discard(tag)

    def retag(self, digest: str, tag: str) -> None:
        images = self._local.leftovers().held_images
        self._of(any(image.digest == digest for image in images)).retag(digest, tag)

    def _of(self, is_local: bool) -> Holdings:
        return self._local if is_local else self._engine


@contextmanager
def all_holdings(store: Store, *, for_good: bool = False) -> Iterator[Holdings]:
    """What the runs of the state folder have left, and others on the engine. ``for_good`` is for
    sweeps: see ``LocalHoldings``.

    The engine may be away where no run of the journal has ever needed it. Raises
    ``EngineUnavailable``.
    """
    with ExitStack() as stack:
        folder = state().root / LOCAL
        local = None
        if folder.is_dir():
            local = stack.enter_context(closing(LocalHoldings(folder, for_good=for_good)))
        try:
            engine = EngineHoldings(stack.enter_context(connected()))
        except EngineUnavailable:
            if local is None or not all(map(_is_local, (view.run_id for view in store.runs()))):
                raise
            yield local
            return
        yield _Both(engine, local) if local else engine


def _is_local(run_id: str) -> bool:
    task, _ = kept_task(state().run(run_id))
    return task.kind is not SandboxKind.CONTAINER
