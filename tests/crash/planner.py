"""The process that is killed: it begins a run, or goes on with it, as `oppie run` and `resume` do."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from runner.cli.conduct import Finished, conduct
from runner.cli.outcome import hand_over
from runner.errors import OppieError
from runner.model import Stopped, StopReason
from runner.store import Store
from tests.crash.points import Points, Trap
from tests.crash.scenes import Place

DONE, STOPPED, BROKEN = 0, 5, 70


def plan(place: Place, traps: Sequence[Trap], said: Path) -> None:
    """The main function of the process. Exits with ``DONE``, with ``STOPPED`` if the engine stays
    away and the run can be resumed, and with ``BROKEN`` for what must never happen."""
    os.setsid()  # what it starts dies with it where the trap wants that; containers never do
    with said.open("a") as words:
        os.dup2(words.fileno(), sys.stderr.fileno())
    tempfile.tempdir = str(place.scratch)
    points = Points(traps)
    try:
        code = _run(place)
    except BaseException:
        traceback.print_exc()
        code = BROKEN
    (place.folder / "counts.json").write_text(json.dumps(points.counts))
    sys.stderr.flush()
    place.ending.write_text(str(code))
    os._exit(code)


def _run(place: Place) -> int:
    bench, task, run_id = place.bench(), place.task(), place.run_id
    with bench.store() as store:
        if run_id in {view.run_id for view in store.runs()}:
            store.reopen(run_id)
        else:
            store.create_run(bench.view(task, run_id))
        parts = bench.parts(store, task, run_id)
        try:
            journey = conduct(parts)
            while True:
                next(journey)
        except StopIteration as end:
            finished: Finished = end.value
        except OppieError as error:
            traceback.print_exc()
            store.finish(run_id, Stopped(StopReason.ENVIRONMENT, str(error)))
            return STOPPED
        _leave_results(place, store, finished)
    if finished.stop.reason is StopReason.ENVIRONMENT:
        print(finished.stop, file=sys.stderr)
        return STOPPED
    return DONE


def _leave_results(place: Place, store: Store, finished: Finished) -> None:
    """As `oppie run` does: branch and patch first, then the word that the run has ended."""
    run_id = place.run_id
    if finished.verified:
        evidence, folder = place.bench().evidence(), place.state / "runs" / run_id
        made, _ = hand_over(evidence, folder, store.run(run_id), finished.verified)
        store.set_verified(run_id, made)
    store.finish(run_id, finished.stop)
