"""Work that is in no state and in no evidence: it isn't removed, it is kept or it stays."""

from __future__ import annotations

from runner.errors import EngineError
from runner.sandbox import spec
from runner.sandbox.local.container import LocalContainer
from runner.sandbox.local.states import TREE, States
from runner.sandbox.process import Container

_KEPT = "kept"


def mark_kept(container: Container) -> None:
    """Note that all of its workspace has been read, by who keeps it."""
    (container.home / _KEPT).touch()


def save_work(container: Container, states: States) -> None:
    """Make what a step did a commit before its folder goes, if it is nowhere else.

    What a session did is never kept. Raises ``EngineError`` where nothing tells whose the folder is:
    it stays as it is then, for somebody to look at.
    """
    labels = LocalContainer(container.home).labels
    if labels is None and (container.home / TREE).exists():
        raise EngineError(
            f"{container.home} holds files, and nothing tells whose: it is left as it is; look at it, "
            "and remove it by hand"
        )
    was_started = (container.home / "pid").exists()
    if labels is None or not was_started or (container.home / _KEPT).exists():
        return
    if labels.get(spec.KIND) == spec.KIND_STEP:
        states.keep_left(container.home, container.image, labels)
