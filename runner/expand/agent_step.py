"""One step of an agent: what it is given, and what came of it."""

from __future__ import annotations

import shlex
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass, replace

from runner.agents.adapters.chat import Chat
from runner.agents.adapters.claude import Claude
from runner.agents.protocol import GATEWAY_PORT, Access, Adapter, Assignment, Report
from runner.agents.script import FIRST_WORDS
from runner.egress import exports
from runner.expand.agency import Agency, tools_of
from runner.expand.consulting import Advice, consult
from runner.expand.desk import AtWork
from runner.expand.judging import Failure, Trial, failure_of
from runner.expand.listening import listened, report_of
from runner.expand.root import Root
from runner.expand.rounds import outcome_of
from runner.expand.secrets import hidden
from runner.gateway import Account, Dialect, Upstream, base_url
from runner.model import (
    NOTHING_SPENT,
    AgentSpec,
    AgentStatus,
    Job,
    Outcome,
    Phase,
    Snapshot,
    Spending,
)
from runner.sandbox.protocol import Door, Step, StepResult

_ACT = "act"
_ADVICE = "advice"
_ONE_STREAM = ("sh", "-c", "exec sh -s 2>&1")


@dataclass(frozen=True, slots=True)
class Turn:
    """What an agent is asked, in which state: that of ``image``, whose sources are ``commit``.

    ``number`` counts its rounds at the node from 1. One that is to have tools has a ``root`` to be
    compared with. ``paid`` is what the attempt's earlier turns have come to.
    """

    adapter: Adapter
    spec: AgentSpec
    prompt: str
    model: str
    image: Snapshot
    commit: str
    number: int = 1
    session: str = ""
    root: Root | None = None
    paid: Spending = NOTHING_SPENT


@dataclass(frozen=True, slots=True)
class Took:
    """What came of a turn: how its step ended, the report, and what it cost, in money and in container
    seconds, those of its tools included."""

    step: StepResult
    report: Report
    spending: Spending
    container_s: float


def take_turn(
    trial: Trial, job: Job, turn: Turn, agency: Agency, account: Account | None
) -> Generator[Phase, None, Took]:
    """Let an agent work in a container of its own; the stopped container stays.

    What was finished before a crash is read. Raises ``EngineError``, ``StateError``, ``Cancelled``.
    """
    took, meter = trial.attempt.kept("took", Took), trial.meter
    if took is None:
        before_s = meter.container_s
        step = yield from _run(trial, job, turn, agency, account)
        meter.container_s += step.seconds
        report, is_told = _report(trial, turn, step, agency)
        if account and account.spent and not (is_told and report.status is AgentStatus.DONE):
            report = replace(report, status=AgentStatus.BUDGET, reason=account.spent)
        spending = account.cut() - turn.paid if account else _told(report, turn.adapter)
        took = Took(step, report, spending, meter.container_s - before_s)
        trial.attempt.once("took", Took, lambda: took)
    else:
        meter.container_s += took.container_s
    yield Phase(trial.label, "agent.finished", _facts(turn, took))
    return took


def cut_off(took: Took) -> Failure | None:
    """Why a round isn't judged: the limit that its container has hit, or how the agent ended."""
    limit = failure_of(took.step.exit, took.step.code, "the agent")
    if limit and limit.outcome in (Outcome.OOM, Outcome.DISK):
        return limit
    report = took.report
    outcome = outcome_of(report.status)
    return Failure(outcome, f"the agent: {report.reason or report.status}") if outcome else None


def upstream_for(adapter: Adapter, model: str, agency: Agency) -> tuple[Dialect, Upstream] | None:
    """The first of the adapter's dialects that an upstream speaks which serves the model. Agents that
    can do without a model are given any."""
    for dialect in (adapter.dialects or tuple(Dialect)) if agency.gateway else ():
        assert agency.gateway is not None
        if found := agency.gateway.upstream(dialect, model):
            return dialect, found
    return None


def _run(
    trial: Trial, job: Job, turn: Turn, agency: Agency, account: Account | None
) -> Generator[Phase, None, StepResult]:
    context, name = trial.context, f"{trial.attempt_id}-{_ACT}"
    with ExitStack() as stack:
        doors: list[Door] = []
        assignment = replace(_assignment(turn, agency), cost_usd=_left_usd(trial, account))
        secret: tuple[bytes, ...] = hidden(context.secrets)
        found = upstream_for(turn.adapter, turn.model, agency)
        if account and found:
            dialect, upstream = found
            url = f"http://127.0.0.1:{GATEWAY_PORT}{base_url(upstream)}"
            assignment = replace(assignment, access=Access(dialect, url, account.token))
            if isinstance(turn.adapter, Chat):
                assignment = _advised(trial, turn, turn.adapter, assignment, account, upstream)
            doors.append(Door(GATEWAY_PORT, account.take))
            secret = (account.token.encode(), *secret)
        if turn.adapter.tools and turn.root:
            container = trial.sandbox.container_of(name)
            at_work = AtWork(trial, turn.root, job, turn.image, container)
            for tools in stack.enter_context(tools_of(agency, at_work)):
                doors.append(tools.door)
                assignment = replace(assignment, bridge=tools.bridge)
        step = Step(
            name,
            trial.attempt_id,
            turn.image.digest,
            _ONE_STREAM,
            replace(context.task.outgoing, time_s=turn.spec.time_s),
            stdin=_script(turn.adapter, assignment, exports(context.task.hosts), agency),
            hidden=secret,
            first_words=FIRST_WORDS,
            doors=tuple(doors),
            quiet_s=turn.spec.quiet_s,
        )
        facts = {"container": name, "image": turn.image.tag, "round": turn.number}
        yield Phase(trial.label, "container.started", facts)
        log, reader = trial.attempt.log(_ACT), turn.adapter.reader()
        # Some ask for a minute what will never be answered.
        is_broke = (lambda: bool(account.spent)) if account else (lambda: False)
        return (yield from listened(trial, step, log, reader, is_broke))


def _assignment(turn: Turn, agency: Agency) -> Assignment:
    return Assignment(
        prompt=turn.prompt,
        model=turn.model,
        session=turn.session,
        number=turn.number,
        turns=turn.spec.turns,
        found=agency.found[turn.adapter.name],
        command=turn.spec.command,
        recording=turn.spec.recording,
    )


def _left_usd(trial: Trial, account: Account | None) -> float | None:
    """What the agent is told that it may spend: what is left of its node's cap."""
    cap_usd = trial.context.task.models.node_usd
    if account is None or cap_usd is None:
        return None
    return max(0.01, cap_usd - (account.spending.cost_usd or 0.0))


def _advised(
    trial: Trial,
    turn: Turn,
    adapter: Chat,
    assignment: Assignment,
    account: Account,
    upstream: Upstream,
) -> Assignment:
    """What a model has answered; without a patch, the reason stands where the prompt was."""
    advice = trial.attempt.once(
        _ADVICE,
        Advice,
        lambda: consult(trial.context, turn.commit, adapter, assignment, account, upstream),
    )
    patch = advice.patch.encode("utf-8", "surrogateescape")
    return replace(assignment, patch=patch, prompt=advice.reason or advice.said)


def _script(
    adapter: Adapter, assignment: Assignment, outgoing: bytes, agency: Agency
) -> bytes:
    """The shell reads all of it before it runs any of it, and says so."""
    said = b"printf '%s\\n' '" + FIRST_WORDS + adapter.name.encode() + b"' >&2\n"
    if isinstance(adapter, Chat) and not assignment.patch:
        why = shlex.quote(assignment.prompt).encode("utf-8", "replace")
        return b"{ " + said + b"printf '%s\\n' " + why + b"; exit 1; }\n"
    if isinstance(adapter, Claude):
        said += _command_file(*agency.prompts.command())
    return b"{ " + outgoing + said + b"(\n" + adapter.script(assignment) + b"\n)\n}\n"


def _command_file(path: str, text: bytes) -> bytes:
    """A command of ours for those who use Claude Code's, in the agent's home."""
    folder = path.rpartition("/")[0].encode()
    written = b"printf %s " + shlex.quote(text.decode()).encode()
    return b'mkdir -p "$HOME/%s" && %s >"$HOME/%s"\n' % (folder, written, path.encode())


def _report(trial: Trial, turn: Turn, step: StepResult, agency: Agency) -> tuple[Report, bool]:
    """See ``report_of``; the log doesn't have the words of a model that was asked from here."""
    report, is_told = report_of(turn.adapter, trial.attempt.log(_ACT), step)
    advice = trial.attempt.kept(_ADVICE, Advice)
    version = report.version or agency.found[turn.adapter.name].version
    said = advice.said if advice else report.said
    return replace(report, version=version, said=said), is_told


def _told(report: Report, adapter: Adapter) -> Spending:
    """What the agent itself says that it cost, where nobody else counts."""
    if not adapter.dialects:
        return NOTHING_SPENT
    return replace(report.tokens or NOTHING_SPENT, cost_usd=report.cost_usd)


def _facts(turn: Turn, took: Took) -> dict[str, object]:
    report = took.report
    return {
        "agent": turn.adapter.name,
        "round": turn.number,
        "status": str(report.status),
        "reason": report.reason,
        "turns": report.turns,
        "cost_usd": took.spending.cost_usd,
        "seconds": took.step.seconds,
    }
