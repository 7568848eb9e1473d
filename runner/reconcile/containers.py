"""Which containers somebody goes on with, and which nobody can use any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runner.reconcile.names import belongs_to, is_clean_room
from runner.reconcile.ruling import Fate, Ruling, Thing
from runner.sandbox import spec
from runner.sandbox.protocol import SHELL, HeldContainer
from runner.store import KnownRun


def rule_containers(known: KnownRun, held: Sequence[HeldContainer]) -> Iterator[Ruling]:
    """One ruling for each container of a run that no planner is at work on."""
    shell_is_open = any(_is_shell(each) and each.running for each in held)
    for each in held:
        fate, why = _fate(known, each, shell_is_open=shell_is_open)
        yield Ruling(Thing.CONTAINER, each.name, known.run_id, fate, why)


def _fate(known: KnownRun, held: HeldContainer, *, shell_is_open: bool) -> tuple[Fate, str]:
    if _is_shell(held):
        if held.running:
            return Fate.KEEP, "a shell is open in it"
        return Fate.KILL, "its shell has ended"
    if held.kind == spec.KIND_PAUSE:
        # Which of them a shell's network hangs on isn't told; they cost next to nothing.
        if shell_is_open and held.running:
            return Fate.KEEP, "a shell of this run is open, which may need its network"
        return Fate.KILL, "it holds the network namespace of a worker that is gone"
    if held.kind == spec.KIND_SESSION:
        # What was measured before a crash doesn't count, and its words are lost.
        return Fate.KILL, "the planner that it waits for is gone"
    if held.kind != spec.KIND_STEP:
        return Fate.KILL, "the planner that it helped is gone"
    return _fate_of_step(known, held.attempt_id)


def _fate_of_step(known: KnownRun, attempt_id: str) -> tuple[Fate, str]:
    if found := belongs_to(attempt_id, known.open):
        return Fate.ADOPT, f"attempt {found} goes on with it"
    if known.over:
        return Fate.KILL, "its run is over"
    if found := belongs_to(attempt_id, known.attempts):
        return Fate.KILL, f"attempt {found} was counted, or abandoned"
    if is_clean_room(attempt_id):
        return Fate.KILL, "it was measured in a clean room that nobody is in any more"
    return Fate.KILL, "no row of the journal explains it"


def _is_shell(held: HeldContainer) -> bool:
    return held.attempt_id == SHELL
