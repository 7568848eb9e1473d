"""A sandbox without an engine, for trusted actions: states are commits, a node works in a folder.

No isolation: see ``promises``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

from runner.model import SandboxKind
from runner.sandbox.hosted import HostedSandbox
from runner.sandbox.local.container import LocalContainer
from runner.sandbox.local.ground import lay
from runner.sandbox.local.place import is_possible
from runner.sandbox.local.rlimits import limited
from runner.sandbox.local.states import PARTS, TREE, States
from runner.sandbox.local.tree import entries_of
from runner.sandbox.local.work import mark_kept, save_work
from runner.sandbox.process import Container
from runner.sandbox.protocol import Step, StepResult
from runner.sandbox.session import LoopSession
from runner.sandbox.trees import pack


class LocalSandbox(HostedSandbox):
    """See ``protocol.Sandbox``. ``folder`` may be shared by any number of workers, runs and kinds.

    ``environment`` is the planner's: what ``LocalContainer`` takes of it is handed on. A container is
    removed as soon as its planner is done with it; work of any other is saved first (``work``).
    """

    def __init__(
        self,
        kind: SandboxKind,
        folder: Path,
        run_id: str,
        cancelled: Callable[[], bool] = lambda: False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._states = States(folder / "states.git", partial(lay, kind))
        self._done: set[str] = set()
        place = folder / "node" if is_possible() else None
        make = partial(LocalContainer, environment=environment or {}, place=place)
        super().__init__(folder / "containers", self._states, run_id, cancelled, make)

    def base(self) -> str:
        """A reference to a state with an empty workspace."""
        return self._states.base()

    def run(self, step: Step, log: Path) -> StepResult:
        """See ``protocol.Sandbox.run``."""
        result = super().run(_limited(step), log)
        self._done.add(result.container)
        return result

    def session(self, step: Step, log: Path) -> AbstractContextManager[LoopSession]:
        """See ``protocol.Sandbox.session``."""
        return super().session(_limited(step), log)

    def archive(self, container: str) -> Iterator[bytes]:
        """See ``protocol.Sandbox.archive``."""
        found = self._existing(container)
        with entries_of(found.home / TREE, ("workspace",)):
            yield from pack(found.workspace, "workspace")
        mark_kept(found)

    def export(self, container: str) -> Iterator[bytes]:
        """See ``protocol.Sandbox.export``."""
        tree = self._existing(container).home / TREE
        with entries_of(tree, PARTS):
            yield from pack(tree, "tree", leave_out="tree/tmp")

    def _destroy(self, container: Container) -> None:
        """Raises ``EngineError`` for a folder that may hold somebody's work, or runs elsewhere."""
        container.kill()
        if container.home.name not in self._done:
            save_work(container, self._states)
        super()._destroy(container)
        self._done.discard(container.home.name)
        self._states.forget(container.home.name)


def _limited(step: Step) -> Step:
    return replace(step, command=limited(step.command, step.limits))
