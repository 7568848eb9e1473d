"""What is laid over the workspaces of judging containers before they start."""

from __future__ import annotations

from runner.evidence import pack_folder
from runner.expand.context import RunContext
from runner.expand.judging import Overlay
from runner.measure.protected import matches


def restored(context: RunContext, root_commit: str) -> Overlay | None:
    """The protected files as the root has them."""
    globs = context.task.protected
    if not globs:
        return None
    return lambda: context.evidence.archive(root_commit, lambda path: matches(globs, path))


def sealed_over(context: RunContext) -> Overlay | None:
    """The sealed files, for a container that nothing is committed of."""
    files = context.task.sealed.files
    return None if files is None else (lambda: pack_folder(files))
