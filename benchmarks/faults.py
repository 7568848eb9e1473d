"""What becomes of a search when a call to the engine goes wrong: every call, every fault.

    python -m benchmarks.faults [--only CALL] [--live-restore] [--away SECONDS] [--quick]

Each row is a whole small search on a daemon of its own (root and dockerd are needed), behind a proxy
that lets one call go wrong, or kills the daemon in the middle of it. A search that stops is resumed.
It must end with the tree of a search that nothing disturbed: the same states, visits and rewards.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from runner.errors import EngineError
from runner.images import ensure_agent_image
from runner.sandbox.connect import connect
from tests.faults.daemon import IMAGE, Daemon, give_image, own_daemon, small_image
from tests.faults.matrix import SILENCE_S, Case, cases
from tests.faults.proxy import Proxy, proxied
from tests.faults.searches import Search, Told

_MOST_RESUMES = 3
_ROW = "{:<20} {:<28} {:>4} {:>7} {:>7} {:<6} {:<9} {:>5}  {}"


@dataclass(frozen=True, slots=True)
class Row:
    """How the search of one case went. ``hit`` is whether the fault came to pass at all."""

    case: Case
    hit: bool
    retried: int
    resumed: int
    same: bool
    found: tuple[str, ...]
    seconds: float

    @property
    def is_sound(self) -> bool:
        """Whether all is as it must be."""
        return self.hit and self.same and not self.found


def main() -> int:
    """Print the table; 1 if a row is not as it must be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="calls whose name contains this")
    parser.add_argument("--live-restore", action="store_true", help="containers outlive the daemon")
    parser.add_argument(
        "--away", type=float, default=2.0, help="seconds that a killed daemon is gone"
    )
    parser.add_argument("--quick", action="store_true", help="every seventh case")
    given = parser.parse_args()
    with closing(connect()) as client:
        root = small_image(client, ensure_agent_image(client))
    with own_daemon(live_restore=given.live_restore) as daemon:
        give_image(daemon, root)
        wanted = [case for case in cases(daemon, given.away) if given.only in case.call]
        rows = matrix(daemon, wanted[:: 7 if given.quick else 1])
    bad = [row for row in rows if not row.is_sound]
    print(f"\n{len(rows)} faults; {len(rows) - len(bad)} searches ended as if nothing had been.")
    return 1 if bad else 0


def matrix(daemon: Daemon, wanted: Sequence[Case]) -> list[Row]:
    """A search for each case; prints each as it is done."""
    print(
        _ROW.format(
            "call", "fault", "hit", "retried", "resumed", "tree", "leftovers", "s", "remarks"
        )
    )
    with tempfile.TemporaryDirectory() as folder, proxied(str(daemon.socket)) as proxy:
        calm = Search(Path(folder) / "calm", daemon.url, IMAGE, run_id="calm")
        told = calm.go()
        calm.clear()
        rows = []
        for number, case in enumerate(wanted):
            rows.append(_row(Path(folder) / str(number), proxy, case, told))
            _print(rows[-1])
    return rows


def _row(folder: Path, proxy: Proxy, case: Case, calm: Told) -> Row:
    started, resumed, retried = time.monotonic(), 0, 0
    proxy.plan(case.rule)
    search = Search(folder, proxy.url, IMAGE, timeout_s=SILENCE_S)
    found: list[str] = []
    while True:
        try:
            told = search.go()
            retried += told.retried
            if told.stop != "environment" or resumed == _MOST_RESUMES:
                break
        except EngineError as error:  # of the root, before there is a search
            found.append(f"root: {error}"[:60])
            if resumed == _MOST_RESUMES:
                raise
        resumed += 1
    same = told.is_as(calm)
    trouble = search.faults() + ([] if same else [f"{told.stop}: {told.detail}"])
    search.clear()
    seconds = time.monotonic() - started
    return Row(case, case.rule.hits > 0, retried, resumed, same, (*found, *trouble), seconds)


def _print(row: Row) -> None:
    hit, same = ("yes" if each else "NO" for each in (row.hit, row.same))
    print(
        _ROW.format(
            row.case.call, row.case.fault, hit, row.retried, row.resumed, same,
            "none" if row.is_sound else "?", f"{row.seconds:.0f}", "; ".join(row.found)[:80],
        ),
        flush=True,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
