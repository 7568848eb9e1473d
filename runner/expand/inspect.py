"""Is the judge untouched? What a node did to files that judge, or that load those which do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from runner.evidence import files_in
from runner.expand.context import RunContext
from runner.measure.loaders import LoaderPolicy, Sources, ignored_changes, loader_changes, watches
from runner.measure.protected import matches, protected_changes

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Findings:
    """``tampered`` says what is not allowed; ``notes`` what the task wants to be told of."""

    tampered: str = ""
    notes: str = ""


def watched(context: RunContext) -> Callable[[str], bool]:
    """Which files to identify in a workspace although no evidence is kept of them."""
    return watches(context.task.protected)


def inspect(
    context: RunContext, root: Sources, parent: Mapping[str, str], node: Sources
) -> Findings:
    """Compare a node's workspace with the root's, and its tests with its parent's."""
    task = context.task
    changes = [
        change
        for change, path in protected_changes(root.files, node.files, task.protected)
        if not _is_new_test(context, path)
    ]
    changes += ignored_changes(root, node, task.protected)
    changes += _lost_tests(context, root.files, parent, node.files)
    if changes:
        return Findings(f"protected files changed: {_few(changes)}")
    asked = task.tests_first.tests if task.tests_first else ()
    sealed = files_in(task.sealed.files) if task.sealed.files else ()
    loading = loader_changes(root, node, task.protected, task.loaders, asked, sealed)
    if not loading:
        return Findings()
    said = f"files changed that load what is judged: {_few(loading)}"
    if task.loaders.policy is LoaderPolicy.NOTE:
        return Findings(notes=said)
    return Findings(f"{said}; see [loaders]")


def new_tests(
    context: RunContext, parent: Mapping[str, str], node: Mapping[str, str]
) -> tuple[str, ...]:
    """The tests that a node brings, which its parent has not, in the order of their paths."""
    wanted = context.task.tests_first
    if wanted is None:
        return ()
    return tuple(sorted(p for p in node.keys() - parent.keys() if matches(wanted.tests, p)))


def _is_new_test(context: RunContext, path: str) -> bool:
    """Tests that are asked for may be added where everything else is protected; whether one that was
    there has changed, ``_lost_tests`` says."""
    wanted = context.task.tests_first
    return wanted is not None and matches(wanted.tests, path)


def _lost_tests(
    context: RunContext,
    root: Mapping[str, str],
    parent: Mapping[str, str],
    node: Mapping[str, str],
) -> list[str]:
    """A test that came with the root or an earlier node judges all that follow."""
    wanted = context.task.tests_first
    if wanted is None:
        return []
    before = {**root, **parent}
    kept = {path: node[path] for path in before.keys() & node.keys()}
    return [change for change, _ in protected_changes(before, kept, wanted.tests)]


def _few(changes: Sequence[str]) -> str:
    more = f" and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
    return ", ".join(changes[:_SHOWN]) + more
