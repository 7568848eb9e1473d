"""A state folder on a disk that is full, read-only, or gone in the middle: a clear stop, to be resumed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.store import Store

ROOT = Path(__file__).parents[2]
DRIVER = (sys.executable, "-m", "tests.faults.state_folder")
LIMIT_S = 120.0
# In a mount namespace of its own nothing that it mounts is seen, or outlives it.
NAMESPACE = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--mount", "-r")
SCRIPT = """
set -e
mkdir -p "$1/disk"
mount -t tmpfs -o size=24m tmpfs "$1/disk"
echo ready
while read -r doing trouble moment; do
    code=0
    case $doing in
        recover) "$2" -c "
import sys; from pathlib import Path; from tests.faults.state_folder import recover
recover(sys.argv[1], Path(sys.argv[2]) / 'disk')" "$trouble" "$1" || code=$? ;;
        copy) rm -rf "$1/copy"; cp -r "$1/disk" "$1/copy" ;;
        *) "$2" -m tests.faults.state_folder "$1" "$doing" $trouble $moment >"$1/printed" 2>"$1/said" || code=$? ;;
    esac
    echo "$code"
done
"""


class Disk:
    """A small file system that only this test's commands see."""

    def __init__(self, folder: Path, shell: subprocess.Popen[str]) -> None:
        self.folder = folder
        self._shell = shell

    def do(self, *words: str) -> int:
        """Its exit code."""
        assert self._shell.stdin is not None and self._shell.stdout is not None
        self._shell.stdin.write(" ".join(words) + "\n")
        self._shell.stdin.flush()
        return int(self._shell.stdout.readline())

    @property
    def said(self) -> str:
        return (self.folder / "said").read_text()

    def journal(self) -> Store:
        """The journal, as it is now, on another disk."""
        assert self.do("copy") == 0
        (found,) = (self.folder / "copy").glob("*/journal.db")
        return Store.read(found)


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [*NAMESPACE, "sh", "-c", SCRIPT, "sh", str(folder), sys.executable]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as shell:
        assert shell.stdin is not None and shell.stdout is not None
        try:
            assert shell.stdout.readline() == "ready\n"
            yield Disk(folder, shell)
        finally:
            shell.stdin.close()
            shell.wait(LIMIT_S)


ROOM, WELL, BACK = "make room there", "mount the disk for writing", "bring the folder back"


@pytest.mark.parametrize(
    ("trouble", "moment", "where", "why", "advice"),
    [
        ("full", "journal", "journal.db", "full", ROOM),
        ("full", "evidence", "state", "", ROOM),
        ("full", "log", "state", "", ROOM),
        ("full", "events", "events.jsonl", "No space left on device", ROOM),
        ("full", "patch", "best.patch", "No space left on device", ROOM),
        ("full", "report", "report.html", "No space left on device", ROOM),
        ("read-only", "result", "runs/r1", "Read-only file system", WELL),
        ("read-only", "evidence", "state", "Read-only file system", WELL),
        ("gone", "journal", "state", "", BACK),
        ("gone", "evidence", "state", "", BACK),
    ],
)
def test_what_cannot_be_kept_stops_the_run_clearly_and_it_goes_on(
    tmp_path: Path, trouble: str, moment: str, where: str, why: str, advice: str
) -> None:
    with small_disk(tmp_path) as disk:
        assert disk.do("run", trouble, moment) == 5, disk.said
        lines = disk.said.splitlines()
        assert len(lines) == 1, disk.said
        for word in ("oppie: can't ", where, why, advice, "`oppie resume` goes on"):
            assert word in lines[0]
        with disk.journal() as journal:
            assert journal.run("r1").run_id == "r1"
            blamed = {node.outcome for node in journal.run("r1").nodes} - {None}
        assert blamed <= {"improved"}  # nobody was blamed for the disk

        assert disk.do("recover", trouble) == 0
        assert disk.do("resume") == 0, disk.said
        with disk.journal() as journal:
            view = journal.run("r1")
        assert (view.status, view.evaluations) == ("stopped", 1)
        assert [(n.actions, n.outcome, n.visits) for n in view.nodes[1:]] == [
            (("drop-60",), "improved", 1)
        ]
        assert view.verified is not None and view.verified.patch
        place = tmp_path / "copy" / "state" / "runs" / "r1"
        assert (place / "report.html").stat().st_size > 0
        assert (place / "best.patch").stat().st_size > 0
        assert list(place.rglob("*.tmp")) == []
