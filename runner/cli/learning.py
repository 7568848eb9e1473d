"""What a run learns, and what its agents are told: the planner's side of both."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from runner.errors import EvidenceError
from runner.expand.context import RunContext
from runner.knowledge import About, Knowledge, Offer, Query, lesson_of
from runner.knowledge.choosing import PriceOf
from runner.model import Action, Closed, Expansion, Job, Phase, RunView, Stopped
from runner.planner.briefing import briefing
from runner.planner.tree import Tree
from runner.pool import ThreadPool
from runner.store import Store


@dataclass(frozen=True, slots=True)
class Learning:
    """``offers`` are the models that the task's upstreams have; ``price_of`` says what an attempt
    with one costs, in US dollars."""

    knowledge: Knowledge
    offers: Sequence[Offer]
    price_of: PriceOf

    def record(self, closed: Closed, context: RunContext, tree: Tree) -> None:
        """Keep what a visit taught."""
        task = context.task
        about = About(
            self.knowledge.project, context.run_id, task.name, task.benchmark.objective
        )
        expansion = closed.expansion
        before, files = expansion.job.origin.commit, tuple[str, ...]()
        with suppress(EvidenceError):  # a lesson without files is one all the same
            if expansion.commit and before:
                files = context.evidence.changed(before, expansion.commit)
        self.knowledge.record(lesson_of(expansion, tree, about, files))

    def briefed(self, job: Job, run: RunView, context: RunContext) -> Job:
        """The job with what its agent is to know; a job without an agent as it is."""
        action = next((each for each in job.actions if each.agent), None)
        if action is None or action.agent is None:
            return job
        model, why = self._model(action, f"{run.run_id} {job.attempt_id}")
        known = frozenset(node.label for node in run.nodes)
        query = Query(
            objective=run.objective,
            tags=(action.tag,) if action.tag else (),
            words=action.body.decode("utf-8", "replace"),
            run=run.run_id,
            without=known,
        )
        told = briefing(
            run, job, context.task.budget.targets, self.knowledge.lessons(query), model, why
        )
        return replace(job, briefing=told)

    def _model(self, action: Action, seed: str) -> tuple[str, str]:
        spec = action.agent
        assert spec is not None
        if spec.model:
            return spec.model, "the task names it"
        if not spec.preset:
            return "", "the agent's own choice"
        category = self.knowledge.category(action)
        chosen = self.knowledge.choose(category, spec.preset, self.offers, self.price_of, seed)
        return chosen.model, chosen.why


@dataclass(frozen=True, slots=True)
class BriefedPool:
    """``search.Pool`` whose jobs tell their agents what the tree and earlier runs know."""

    pool: ThreadPool
    learning: Learning
    context: RunContext
    store: Store

    @property
    def workers(self) -> int:
        """See ``search.Pool``."""
        return self.pool.workers

    def submit(self, job: Job, delay_s: float = 0.0) -> None:
        """See ``search.Pool``."""
        if any(action.agent for action in job.actions):
            run = self.store.run(self.context.run_id)
            job = self.learning.briefed(job, run, self.context)
        self.pool.submit(job, delay_s)

    def take(self) -> Phase | Expansion | Stopped:
        """See ``search.Pool``."""
        return self.pool.take()
