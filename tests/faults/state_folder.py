"""A run over the fake sandbox whose state folder's disk fails, really, just before something is kept.

``python -m tests.faults.state_folder FOLDER run TROUBLE MOMENT`` is the command, in a mount namespace of
its own, with ``FOLDER/disk`` on a small file system. It ends as ``oppie run`` would: with its message and
its exit code. ``... FOLDER resume`` goes on, once the disk is well again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner import search
from runner.cli import run as command
from runner.cli.home import settings
from runner.errors import OppieError
from runner.evidence import Evidence
from runner.expand.attempt import Attempt
from runner.measure.judge import Trials
from runner.planner.watermarks import DiskRules, Mark
from runner.report.eventlog import EventLog
from runner.report.live import Mode
from runner.sandbox.fake import FakeSandbox
from runner.store import RunJournal
from tests.runs import Bench, action, make_task

RUN = "r1"
BLOCK_BYTES = 4096  # tmpfs gives room a page at a time
ANY_ROOM = Mark(0.0, 0, 0)  # the marks would stop the run before its disk is full
MOMENTS: dict[str, tuple[Any, str]] = {
    "journal": (RunJournal, "record"),
    "result": (Attempt, "finish"),
    "log": (FakeSandbox, "run"),
    "evidence": (Evidence, "record"),
    "events": (EventLog, "event"),
    "patch": (Evidence, "write_patch"),
    "report": (command, "render_html"),
}


def fill(disk: Path) -> None:
    """Leave no room: neither a block, nor what is left of the event log's last one."""
    for log in disk.glob("state/runs/*/events.jsonl"):
        with log.open("ab") as file:
            file.write(b"\n" * (-log.stat().st_size % BLOCK_BYTES))
    with (disk / "filler").open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(BLOCK_BYTES)) == BLOCK_BYTES:
                pass
        except OSError:
            return


def forbid(disk: Path) -> None:
    """Nothing below the run's folder and the evidence can be written any more."""
    for part in (disk / "state" / "runs", disk / "state" / "evidence.git"):
        _mount("--bind", str(part), str(part))
        _mount("-o", "remount,bind,ro", str(part))


def take_away(disk: Path) -> None:
    """The folder is somewhere else all of a sudden."""
    (disk / "state").rename(disk / "gone")


def recover(trouble: str, disk: Path) -> None:
    """Make the disk well again."""
    match trouble:
        case "full":
            (disk / "filler").unlink()
        case "read-only":
            for part in ("runs", "evidence.git"):
                subprocess.run(["umount", str(disk / "state" / part)], check=True)
        case "gone":
            (disk / "gone").rename(disk / "state")


TROUBLES: dict[str, Callable[[Path], None]] = {
    "full": fill,
    "read-only": forbid,
    "gone": take_away,
}


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def spoil_at(moment: str, trouble: str, disk: Path) -> None:
    """Let trouble come when the moment does, once, and after the root has been tried."""
    owner, name = MOMENTS[moment]
    before = getattr(owner, name)
    left = {"events": 20, "log": 3, "evidence": 3}.get(moment, 1)

    def spoiled(*args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            TROUBLES[trouble](disk)
        return before(*args, **kwargs)

    setattr(owner, name, spoiled)


def bench(folder: Path) -> Bench:
    world = folder / "world"
    base = FakeSandbox(world, "base").base()
    rules = DiskRules(ANY_ROOM, ANY_ROOM, ANY_ROOM)
    os.environ["OPPIE_STATE"] = str(folder / "disk" / "state")
    settings.cache_clear()
    made = Bench(
        folder, lambda run_id, slot, told: FakeSandbox(world, run_id, slot, told), base, 1, rules
    )
    made.folder = folder / "disk"
    return made


def go(folder: Path) -> int:
    """``oppie run``, or ``oppie resume``, of the one run; its exit code."""
    place = bench(folder)
    task = make_task(place.target, [action("drop-60", "sed -i '/^60$/d' costs")], nodes=1)
    task = replace(task, verify_top=1, verify_pairs=5, trials=Trials(check_runs=2, pairs=5))
    with place.store() as store:
        view = place.view(task, RUN)
        if store.runs():
            view = store.run(RUN)
            store.reopen(RUN)
        else:
            (folder / "disk" / "state" / "runs" / RUN).mkdir(parents=True)
            store.create_run(view)
        parts = place.parts(store, task, RUN)
        return command._carry_out(store, view, parts, Mode.QUIET)


def main(folder: str, doing: str, trouble: str = "", moment: str = "") -> int:
    search.MAX_ATTEMPTS = 2  # what stays is told after a second, not after half a minute
    if doing == "run":
        spoil_at(moment, trouble, Path(folder) / "disk")
    try:
        return go(Path(folder))
    except OppieError as error:
        print(f"oppie: {error}", file=sys.stderr)
        return int(error.exit_code)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
