"""`oppie doctor --repair`: everything that our labels are on, brought to what the journal knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.cli.holdings import Holdings, all_holdings
from runner.cli.home import evidence, state
from runner.reconcile import Done, Fate, Found, Ruling, carry_out, decide, look
from runner.reconcile.ruling import Thing
from runner.report.shape import Repair
from runner.sandbox.probe import Finding, Level
from runner.store import Store


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was found, and what was done. ``rebuilt`` counts the nodes whose statistics were not
    what their visits add up to."""

    rulings: tuple[Ruling, ...] = ()
    done: tuple[Done, ...] = ()
    rebuilt: int = 0


def repaired(*, dry_run: bool) -> Repaired:
    """Reconcile all runs of the state folder, or only say what would be done.

    Raises ``TaskError`` naming the planner that is at work, if one is; ``EngineError``,
    ``StateError``, ``JournalError``.
    """
    if not state().journal.exists():
        return Repaired()
    if dry_run:
        with Store.read(state().journal) as store, all_holdings(store) as holdings:
            rulings = ruled(store, holdings)
        todo = (each for each in rulings if each.fate in (Fate.KILL, Fate.RESET))
        return Repaired(rulings, tuple(Done(each) for each in todo))
    with Store(state().journal) as store, all_holdings(store) as holdings:
        rulings = (*_taken_over(store), *ruled(store, holdings))
        done = carry_out(rulings, holdings, evidence())
        return Repaired(rulings, done, sum(store.rebuild(view.run_id) for view in store.runs()))


def ruled(store: Store, holdings: Holdings) -> tuple[Ruling, ...]:
    """The fate of all that is there, of all runs of the state folder and of others."""
    known = {view.run_id: store.known(view.run_id) for view in store.runs()}
    found = look(holdings.leftovers(), evidence(), state().root / "runs", known.values())
    return decide(known, found, store.at_work())


def leftovers(store: Store, holdings: Holdings) -> Finding:
    """What a crash has left, for ``oppie doctor``: what nodes lived in, and nothing else."""
    known = {view.run_id: store.known(view.run_id) for view in store.runs()}
    rulings = decide(known, Found(holdings.leftovers()), store.at_work())
    of_engine = [each for each in rulings if each.thing in (Thing.CONTAINER, Thing.IMAGE)]
    count = Counter(each.fate for each in of_engine)
    snapshots = sum(each.thing is Thing.IMAGE and each.fate is Fate.KEEP for each in of_engine)
    foreign = {each.run_id for each in of_engine if each.fate is Fate.FOREIGN}
    text = f"{snapshots} snapshots; {count[Fate.KILL]} objects that nobody can use"
    for number, words in (
        (count[Fate.ADOPT], "that `oppie resume` goes on with"),
        (count[Fate.RESET], "tags that lead elsewhere"),
        (count[Fate.MISSING], "snapshots that are gone"),
        (len(foreign), "runs of other state folders (left alone)"),
    ):
        text += f"; {number} {words}" if number else ""
    if count[Fate.KILL] or count[Fate.RESET]:
        fix = "`oppie doctor --repair` puts it right, as `oppie resume` does for its own run"
        return Finding("leftovers", Level.WARN, text, fix)
    return Finding("leftovers", Level.OK, text)


def told(found: Repaired, *, dry_run: bool) -> Iterator[str]:
    """What was done, and what is amiss and can't be put right, a line each."""
    for done in found.done:
        ruling = done.ruling
        did = f"would be {done.did}" if dry_run else done.did
        yield f"{ruling.thing} {ruling.name} {did}: {ruling.why}"
    for ruling in found.rulings:
        if ruling.thing is Thing.RUN:
            yield f"run {ruling.name}: {ruling.why}"
        elif ruling.fate is Fate.MISSING:
            yield f"{ruling.thing} {ruling.name} is missed: {ruling.why}"
    if found.rebuilt:
        yield f"the statistics of {found.rebuilt} nodes were added up again"
    count = Counter(each.fate for each in found.rulings)
    failed = sum(bool(done.failure) for done in found.done)
    right = f"{len(found.done) - failed} objects {'would be put' if dry_run else 'put'} right"
    yield (
        f"{right}{f', {failed} could not be' if failed else ''}; {count[Fate.KEEP]} as they should be, {count[Fate.ADOPT]} kept for `oppie resume`, "
        f"{count[Fate.FOREIGN]} not of this state folder"
    )


def shaped(found: Repaired) -> Sequence[Repair]:
    """The same for programs; what is as it should be is left out."""
    did = {done.ruling: done.did for done in found.done}
    return [
        Repair(each.thing, each.name, each.run_id, each.fate, each.why, did.get(each, ""))
        for each in found.rulings
        if each.fate is not Fate.KEEP
    ]


def _taken_over(store: Store) -> Iterator[Ruling]:
    """Opening the journal has done it: nobody but us can be at work."""
    for run_id in store.taken_over:
        why = "its planner is gone; `oppie resume` goes on with it"
        yield Ruling(Thing.RUN, run_id, run_id, Fate.ADOPT, why)
