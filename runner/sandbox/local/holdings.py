"""All that there is without an engine, whichever run it belongs to: what a sweep works on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from runner.errors import EngineError
from runner.model import SandboxKind
from runner.sandbox import spec
from runner.sandbox.local.container import LocalContainer
from runner.sandbox.local.ground import lay
from runner.sandbox.local.states import States
from runner.sandbox.local.work import save_work
from runner.sandbox.protocol import HeldContainer, Leftovers
from runner.sandbox.trees import remove_tree


class LocalHoldings:
    """As ``inventory.EngineHoldings``, of the folder that ``open_local`` was given.

    ``for_good`` is for sweeps: states that were discarded, and what was saved of planners that are
    gone, are listed as well, and what is discarded then has no ref any more. Without it this keeps
    refs as a sandbox does. Every method raises ``EngineError``, ``StateError``.
    """

    def __init__(self, folder: Path, *, for_good: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._containers = folder / "containers"
        self._states = States(folder / "states.git", partial(lay, SandboxKind.TEMPDIR))
        self._for_good = for_good
        self._dropped = False

    def leftovers(self) -> Leftovers:
        """Everything, whichever run it belongs to."""
        return Leftovers(tuple(self._held()), self._states.everything(with_kept=self._for_good))

    def remove(self, container: str) -> None:
        """Remove a container, running or not; absent is fine. What is nowhere else is kept."""
        found = LocalContainer(self._containers / container)
        found.kill()
        save_work(found, self._states)
        remove_tree(found.home)
        self._states.forget(container)

    def discard(self, tag: str) -> None:
        """Discard one state; absent is fine."""
        using = {each.image: each.name for each in self._held()}
        for held in self._states.everything(with_kept=True):
            if tag in (*held.names, held.digest) and held.digest in using:
                raise EngineError(f"remove the image {tag}: {using[held.digest]} uses it")
        if self._for_good:
            self._states.drop(tag)
            self._dropped = True
        else:
            self._states.discard(tag)

    def retag(self, digest: str, tag: str) -> None:
        """Give a state a tag, whoever has it now."""
        self._states.retag(digest, tag)

    def close(self) -> None:
        """Make the room free that what was let go of took."""
        if self._dropped:
            self._states.sweep(alone=not any(self._held()))

    def _held(self) -> Iterator[HeldContainer]:
        if not self._containers.is_dir():
            return
        for home in sorted(self._containers.iterdir()):
            container = LocalContainer(home)
            held = container.held((container.labels or {}).get(spec.RUN, ""))
            if held:
                yield held
