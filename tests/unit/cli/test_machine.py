"""What `doctor --repair` says that it did."""

from __future__ import annotations

from runner.cli.repair import Repaired, shaped, told
from runner.reconcile import Done, Fate, Ruling
from runner.reconcile.ruling import Thing

RUN = "r1"
DEAD = Ruling(Thing.CONTAINER, "oppie-r1-A.1-1-act", RUN, Fate.KILL, "its run is over")
LOST = Ruling(Thing.IMAGE, "oppie/r1:A", RUN, Fate.RESET, "it has lost this tag", "sha256:1")
STALE = Ruling(Thing.FOLDER, "/s/runs/r1/attempts/A.9-1", RUN, Fate.RESET, "no row explains it")
GONE = Ruling(Thing.IMAGE, "oppie/r1:A.2", RUN, Fate.MISSING, "it is gone")
WELL = Ruling(Thing.IMAGE, "oppie/r1:A.1", RUN, Fate.KEEP, "the snapshot of a node")
OPEN = Ruling(Thing.CONTAINER, "oppie-r1-A.3-1-act", RUN, Fate.ADOPT, "attempt A.3-1 goes on")
THEIRS = Ruling(Thing.IMAGE, "oppie/r9:A", "r9", Fate.FOREIGN, "not of this state folder")
DIED = Ruling(Thing.RUN, RUN, RUN, Fate.ADOPT, "its planner is gone")

FOUND = Repaired(
    (DIED, DEAD, LOST, STALE, GONE, WELL, OPEN, THEIRS),
    (Done(DEAD), Done(LOST, "the engine refused"), Done(STALE)),
    rebuilt=2,
)


def test_each_thing_that_was_done_is_told_with_its_reason() -> None:
    assert list(told(FOUND, dry_run=False)) == [
        "container oppie-r1-A.1-1-act removed: its run is over",
        "image oppie/r1:A left as it is, since it can't be changed (the engine refused): "
        "it has lost this tag",
        "folder /s/runs/r1/attempts/A.9-1 moved aside: no row explains it",
        "run r1: its planner is gone",
        "image oppie/r1:A.2 is missed: it is gone",
        "the statistics of 2 nodes were added up again",
        "2 objects put right, 1 could not be; 1 as they should be, 2 kept for `oppie resume`, "
        "1 not of this state folder",
    ]


def test_what_would_be_done_is_told_alike() -> None:
    planned = Repaired(FOUND.rulings, (Done(DEAD), Done(LOST)))
    lines = list(told(planned, dry_run=True))
    assert lines[0] == "container oppie-r1-A.1-1-act would be removed: its run is over"
    assert lines[1] == "image oppie/r1:A would be made again what it was: it has lost this tag"
    assert lines[-1].startswith("2 objects would be put right; 1 as they should be")


def test_for_programs_everything_is_listed_that_isnt_as_it_should_be() -> None:
    listed = {each.name: (each.fate, each.did) for each in shaped(FOUND)}
    assert listed == {
        DIED.name: ("adopt", ""),
        DEAD.name: ("kill", "removed"),
        LOST.name: ("reset", "left as it is, since it can't be changed (the engine refused)"),
        STALE.name: ("reset", "moved aside"),
        GONE.name: ("missing", ""),
        OPEN.name: ("adopt", ""),
        THEIRS.name: ("foreign", ""),
    }
