"""What all journeys of one run share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import EngineError
from runner.evidence import Claims, Evidence, Recorded, set_ref
from runner.expand.attempt import Attempt
from runner.expand.lane import Lane
from runner.expand.turns import Turns
from runner.model import Job, Snapshot
from runner.planner.watermarks import DiskRules
from runner.task import Task

if TYPE_CHECKING:
    from runner.expand.agency import Agency


@dataclass(frozen=True, slots=True)
class RunContext:
    """A run's task, places and shared parts. ``folder`` is the run's own, below the state folder.

    ``cancelled`` turns true once the run was told to stop. ``secrets`` are what actions are given, by
    name. ``disk`` says how full disks may get; ``rebuilding`` lets one worker at a time rebuild a
    node's snapshot. ``agency`` is the ``Agency`` of a run that has agents.
    """

    run_id: str
    task: Task
    folder: Path
    evidence: Evidence
    claims: Claims
    lane: Lane
    cancelled: Callable[[], bool]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    disk: DiskRules = field(default_factory=DiskRules)
    rebuilding: Turns = field(default_factory=Turns)
    agency: Agency | None = None

    def attempt(self, attempt_id: str) -> Attempt:
        """The folder of an attempt."""
        return Attempt(self._folder_of(attempt_id))

    def spent_before(self, job: Job) -> float:
        """Container seconds of the job's earlier attempts, which the engine has failed one after
        another."""
        earlier = self._folder_of(f"{job.label}-{job.number - 1}")
        return Attempt(earlier).spent_s() if earlier.is_dir() else 0.0

    def keep_earlier(self, job: Job, commit: str) -> None:
        """Let refs of their own lead to what earlier attempts of a job had recorded before the
        engine failed them; the node's ref leads to ``commit`` by now. Raises ``EvidenceError``."""
        for number in range(1, job.number):
            attempt_id = f"{job.label}-{number}"
            folder = self._folder_of(attempt_id)
            recorded = Attempt(folder).kept("evidence", Recorded) if folder.is_dir() else None
            if recorded and recorded.commit != commit:
                ref = self.evidence.ref(self.run_id, attempt_id)
                set_ref(self.evidence, ref, recorded.commit)

    def _folder_of(self, attempt_id: str) -> Path:
        return self.folder / "attempts" / attempt_id


def snapshot_of(snapshot: Snapshot | None, label: str) -> Snapshot:
    """The snapshot of a node that has one. Raises ``EngineError``."""
    if snapshot is None:
        raise EngineError(f"node {label} has no snapshot to start from")
    return snapshot
