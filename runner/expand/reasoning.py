"""An agent's journey at one node: rounds of thought, action and observation.

Each round is a step of the agent, begun in the state that the last round which was kept has left
(``rounds``): the agent's own files are part of that state, so the same session goes on. What it
leaves is recorded, snapshotted and judged like any other action's; a failure, or too little gain,
goes back to it in few words.

A round is an attempt of its own, a part of the job's: ``A.1-1-r2`` has its folder, its logs and its
containers. A round that is over is read from there after a crash.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from runner.agents.adapters import by_name
from runner.agents.protocol import Adapter
from runner.errors import EngineError, StateError
from runner.expand.acting import keep, vetoed
from runner.expand.agency import Agency, account_of, agency_of, briefing_of, spent_before
from runner.expand.agent_step import Took, Turn, cut_off, take_turn
from runner.expand.claiming import let_go
from runner.expand.context import snapshot_of
from runner.expand.deciding import Notes
from runner.expand.judging import Failure, Trial
from runner.expand.observing import observed
from runner.expand.profiling import profile_of
from runner.expand.reviewing import reviewed
from runner.expand.root import Root
from runner.expand.rounds import (
    Stage,
    chosen,
    is_candidate,
    is_enough,
    is_kept,
    may_go_on,
)
from runner.expand.settling import settle
from runner.expand.standing import Said, standing
from runner.gateway import Account
from runner.model import (
    NOTHING_SPENT,
    AgentSpec,
    Briefing,
    Job,
    Measurement,
    Outcome,
    Phase,
    Round,
    Snapshot,
)
from runner.planner.reward import Thresholds, judge
from runner.prompts import Essence, read_backtrack

_SAID_CHARS = 2000
_PROMPT = "prompt"


def reason(trial: Trial, root: Root, job: Job, notes: Notes) -> Said:
    """Make the rounds of an agent's job, and settle on the best; the notes are that one's.

    Raises ``EngineError``, ``StateError``, ``Cancelled``.
    """
    if veto := vetoed(trial.context, job):
        return veto
    agency, told = agency_of(trial.context), job.briefing
    if told:  # what is told later, of a tree that has grown, is for another attempt
        job = replace(job, briefing=trial.attempt.once("briefing", Briefing, lambda: told))
    notes.spending = spent_before(agency, job)
    try:
        with account_of(agency, job.attempt_id, trial.attempt.folder) as account:
            stages = yield from _Node(trial, root, job, agency, account).rounds()
            best = chosen(stages)
            settle(trial, job, stages, best, notes)
            result = best.result
            if is_candidate(result, trial.context.task.search.thresholds):
                rejected = yield from reviewed(trial, job, best, agency, account, notes)
                result = rejected or result
    except (EngineError, StateError):
        let_go(trial, job)
        raise
    return result


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a round begins with: the snapshot and its sources, its gain over the node's parent (``None`` if it
    fails), the session so far, and words for it."""

    image: Snapshot
    commit: str
    gain: float | None = 0.0
    session: str = ""
    words: str = "before the first round"


@dataclass(frozen=True, slots=True)
class _Node:
    """The rounds of one attempt."""

    trial: Trial
    root: Root
    job: Job
    agency: Agency
    account: Account | None

    @property
    def _spec(self) -> AgentSpec:
        spec = self.job.actions[0].agent
        assert spec is not None
        return spec

    @property
    def _briefing(self) -> Briefing:
        return briefing_of(self.job, self.trial.context)

    def rounds(self) -> Generator[Phase, None, tuple[Stage, ...]]:
        """Make rounds until there is gain enough, or nothing more to be hoped for."""
        thresholds = self.trial.context.task.search.thresholds
        origin = self.job.origin
        ground = _Ground(snapshot_of(origin.snapshot, origin.label), origin.commit)
        if self._briefing.why:
            facts: dict[str, object] = {"model": self._briefing.model, "why": self._briefing.why}
            yield Phase(self.job.label, "model.chosen", facts)
        opening = yield from self._opening(ground.image)
        prompt = opening
        stages: list[Stage] = []
        while True:
            stage, found = yield from self._round(len(stages) + 1, ground, prompt, stages)
            stages.append(stage)
            done = stage.round
            if is_enough(stage.result, thresholds) or not may_go_on(done.status):
                return tuple(stages)
            if done.number >= self._spec.rounds or read_backtrack(done.said):
                return tuple(stages)
            if done.kept and stage.snapshot:
                words = f"after round {done.number}"
                ground = _Ground(stage.snapshot, done.commit, stage.gain, done.session, words)
            prompt = self._reply(opening, stages, found, ground)

    def _opening(self, image: Snapshot) -> Generator[Phase, None, str]:
        profile = yield from profile_of(self.trial, image)
        prompts, job = self.agency.prompts, self.job
        threshold = self.trial.context.task.search.thresholds.min_gain
        return prompts.opening(
            job.label,
            self._briefing,
            job.actions[0],
            self.agency.scene,
            profile=profile,
            threshold=threshold,
        )

    def _reply(
        self, opening: str, stages: Sequence[Stage], found: Essence, ground: _Ground
    ) -> str:
        """What goes back after a round. An agent that remembers nothing is told all of it again."""
        prompts, label, of = self.agency.prompts, self.job.label, self._spec.rounds
        done, scene = [stage.round for stage in stages], self.agency.scene
        if done[-1].kept:
            said = prompts.reflection(label, done, of, found, scene)
        else:
            said = prompts.backtrack(label, done, of, found, scene, state=ground.words)
        return said if self._adapter.resumes and ground.session else f"{opening}\n\n{said}"

    @property
    def _adapter(self) -> Adapter:
        return by_name(self._spec.adapter)

    def _round(
        self, number: int, ground: _Ground, prompt: str, stages: Sequence[Stage]
    ) -> Generator[Phase, None, tuple[Stage, Essence]]:
        """One round, unless it was over before a crash."""
        trial = replace(self.trial, attempt_id=f"{self.job.attempt_id}-r{number}")
        stage, meter = trial.attempt.kept("stage", Stage), trial.meter
        if stage is None:
            before = replace(meter)
            prompt = trial.attempt.once(_PROMPT, str, lambda: prompt)
            turn = Turn(
                self._adapter,
                self._spec,
                prompt,
                self._spec.model or self._briefing.model,
                ground.image,
                ground.commit,
                number,
                ground.session,
                self.root,
                sum((each.round.spending for each in stages), NOTHING_SPENT),
            )
            took = yield from take_turn(trial, self.job, turn, self.agency, self.account)
            notes = Notes(container=took.step.container, meter=meter)
            result = yield from self._judged(trial, took, notes, ground, stages)
            stage = replace(
                self._stage(trial, turn, took, notes, result, ground), meter=meter - before
            )
            trial.attempt.once("stage", Stage, lambda: stage)
        else:
            meter.add(stage.meter)
        done = stage.round
        facts = {"round": number, "outcome": str(done.outcome), "reason": done.reason}
        yield Phase(self.job.label, "round.finished", facts | {"gain": done.gain, "kept": done.kept})
        return stage, observed(trial, stage.result)

    def _judged(
        self, trial: Trial, took: Took, notes: Notes, ground: _Ground, stages: Sequence[Stage]
    ) -> Said:
        """What a round's state is worth. What an agent wrote before it hung is kept, not judged."""
        failure = cut_off(took)
        if failure is None or failure.outcome is not Outcome.DISK:  # it would fill the next disk
            kept = yield from keep(trial, self.root, self.job, notes, took.step, trial.attempt_id)
            failure = kept or failure
        twin = self._seen(notes, stages)
        if failure is None and twin:
            failure = Failure(Outcome.DUPLICATE, f"the same source tree as after round {twin}")
        if failure:
            trial.sandbox.remove(notes.container)
            return failure
        checkpoint = f"r{trial.attempt_id.rpartition('-r')[2]}"
        return (
            yield from standing(trial, self.root, self.job, notes, ground.image, checkpoint)
        )

    def _seen(self, notes: Notes, stages: Sequence[Stage]) -> int:
        """The earlier round that had left the same sources, and was judged; or 0."""
        tree_id = notes.recorded.tree_id if notes.recorded else ""
        judged = (stage.round for stage in stages if stage.snapshot)
        return next((each.number for each in judged if each.tree_id == tree_id), 0)

    def _stage(
        self,
        trial: Trial,
        turn: Turn,
        took: Took,
        notes: Notes,
        result: Failure | Measurement,
        ground: _Ground,
    ) -> Stage:
        report, recorded = took.report, notes.recorded
        gain = result.gain if isinstance(result, Measurement) else None
        thresholds = trial.context.task.search.thresholds
        outcome, reason = _words(result, thresholds)
        done = Round(
            number=turn.number,
            status=report.status,
            outcome=outcome,
            reason=reason,
            gain=gain,
            kept=bool(notes.snapshot) and is_kept(ground.gain, gain),
            commit=recorded.commit if recorded else "",
            tree_id=recorded.tree_id if recorded else "",
            session=report.session or ground.session,
            version=report.version,
            model=report.model or turn.model,
            turns=report.turns,
            spending=took.spending,
            seconds=round(took.step.seconds, 4),
            files_changed=recorded.files_changed if recorded else 0,
            said=report.said[-_SAID_CHARS:],
            failure=observed(trial, result).signature,
        )
        return Stage(done, result, recorded, notes.snapshot, notes.twin, notes.remark, notes.proof)


def _words(result: Failure | Measurement, thresholds: Thresholds) -> tuple[Outcome, str]:
    if isinstance(result, Failure):
        return result.outcome, result.reason
    return judge(result, thresholds).outcome, ""
