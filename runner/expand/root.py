"""The root: the untouched target after ``setup``, measured before anything is tried on it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from runner.egress import exports
from runner.errors import EngineOutOfSpace, RootFails, TaskError
from runner.evidence import TARGET, IgnoreRules, Recorded, TreeTooLarge, found_at
from runner.expand.attempt import last_words
from runner.expand.checking import Checks
from runner.expand.context import RunContext
from runner.expand.inspect import watched
from runner.expand.judging import Failure, Meter, Trial, failure_of
from runner.expand.reaching import reaching
from runner.expand.room import blameless, demand_room, run_step
from runner.expand.secrets import leaked
from runner.expand.trying import keep_tried, kept_tried, try_root
from runner.measure.calibration import Calibration
from runner.measure.loaders import Sources
from runner.measure.protected import matches, shown
from runner.model import ROOT, Metric, Phase, State
from runner.sandbox.protocol import Sandbox, Step, StepResult

ATTEMPT_ID = f"{ROOT}-1"
SETUP = "setup"
_TARGET = "target"
_EVIDENCE = "evidence"

# Patches are applied with `git apply --3way`, which needs the blobs that they were made from. The
# repository is made here rather than copied: the user's own may hold hooks, secrets and gigabytes.
_BEGIN = """set -e
export GIT_AUTHOR_NAME=oppie GIT_AUTHOR_EMAIL=oppie@localhost
export GIT_COMMITTER_NAME=oppie GIT_COMMITTER_EMAIL=oppie@localhost
if command -v git >/dev/null; then
  git init -q . && git add -A && git commit -q --allow-empty -m root
fi
"""


@dataclass(frozen=True, slots=True)
class Root:
    """What all other nodes are compared with.

    ``metrics`` are medians; ``sources`` identify the files of its workspace; ``rules`` say what
    stays out of the evidence. ``checks`` and ``calibration`` are what trying it has shown, and
    ``remarks`` what it can't be relied on for. ``container_s`` is what that cost.
    """

    state: State
    metrics: tuple[Metric, ...]
    sources: Sources
    rules: IgnoreRules
    checks: Checks
    calibration: Calibration
    sealed_calibration: Calibration | None = None
    remarks: tuple[str, ...] = ()
    container_s: float = 0.0


def build_root(
    context: RunContext, sandbox: Sandbox, image: str, target: Callable[[], Iterable[bytes]]
) -> Generator[Phase, None, Root]:
    """Keep ``target`` (gives a tar stream of ``workspace/...``) as evidence, set it up, judge it.

    Raises ``RootFails`` when the untouched target can't be set up, checked or measured: no search
    could tell a better version of it.
    """
    base = sandbox.find(image)
    demand_room(context, sandbox)
    attempt = context.attempt(ATTEMPT_ID)
    evidence, run_id = context.evidence, context.run_id
    found = attempt.once(_TARGET, Recorded, lambda: _keep_target(context, target))
    _demand_protected(context.task.protected, evidence.manifest(found.commit))
    _demand_targets(context, found.commit)
    result = yield from set_up(context, sandbox, ATTEMPT_ID, ROOT, image, found.commit)
    log = attempt.log(SETUP)
    if failure := failure_of(result.exit, result.code, SETUP, last_words(log)):
        sandbox.remove(result.container)
        raise _fails(context, sandbox, failure, log)
    rules = rules_of(context)
    recorded = attempt.once(
        _EVIDENCE,
        Recorded,
        lambda: evidence.record(
            run_id,
            ROOT,
            "",
            sandbox.archive(result.container),
            f"{ROOT}: the root\n",
            rules,
            watched(context),
        ),
    )
    yield Phase(ROOT, "evidence.recorded", {"commit": recorded.commit})
    facts = {"attempt": ATTEMPT_ID, "tree": recorded.tree_id, "commit": recorded.commit}
    demand_room(context, sandbox)
    snapshot = sandbox.commit(result.container, ROOT, base, facts)
    sandbox.remove(result.container)
    yield Phase(ROOT, "snapshot.committed", {"tag": snapshot.tag, "digest": snapshot.digest})
    trial = Trial(context, sandbox, ATTEMPT_ID, ROOT, Meter(result.seconds))
    tried = yield from try_root(trial, snapshot.digest)
    if isinstance(tried, Failure):
        raise _fails(context, sandbox, tried, attempt.folder)
    keep_tried(attempt, tried)
    return kept_root(context, State(ROOT, snapshot, recorded.commit, recorded.tree_id))


def kept_root(context: RunContext, state: State) -> Root:
    """The root that ``build_root`` made, now or before a crash. Raises ``EvidenceError``."""
    attempt = context.attempt(ATTEMPT_ID)
    recorded, tried = attempt.kept(_EVIDENCE, Recorded), kept_tried(attempt)
    files = context.evidence.manifest(state.commit)
    sources = Sources(files, recorded.watched if recorded else {})
    return Root(
        state, tried.metrics, sources, rules_of(context), tried.checks, tried.calibration,
        tried.sealed_calibration, tried.remarks, tried.container_s,
    )  # fmt: skip


def set_up(
    context: RunContext, sandbox: Sandbox, attempt_id: str, label: str, image: str, commit: str
) -> Generator[Phase, None, StepResult]:
    """Put the sources of ``commit`` into a container of ``image``, and run ``setup`` there.

    The stopped container is in the result; what the sources become depends on nothing else.
    """
    attempt = context.attempt(attempt_id)
    step = Step(
        f"{attempt_id}-{SETUP}",
        attempt_id,
        sandbox.find(image).digest,
        ("sh", "-s"),
        replace(context.task.outgoing, time_s=context.task.setup_timeout_s),
        stdin=exports(context.task.hosts) + _setup_script(context.task.setup),
        archive=context.evidence.archive(commit),
    )
    yield Phase(label, "container.started", {"container": step.name, "image": image})
    log = attempt.log(SETUP)
    result = attempt.once(SETUP, StepResult, lambda: run_step(context, sandbox, step, log))
    yield from reaching(label, log)
    return result


def _keep_target(context: RunContext, target: Callable[[], Iterable[bytes]]) -> Recorded:
    if context.secrets and (told := leaked(target, context.secrets)):
        name, _, path = told.partition(" to ")
        raise TaskError(
            f"sandbox.secrets: {name} is in the target itself ({path}); what is there is kept and "
            "shown like everything else. Take it out, or exclude the file"
        )
    message = f"{TARGET}: as it was found\n\n{found_at(context.task.target)}"
    try:
        return context.evidence.record(context.run_id, TARGET, "", target(), message)
    except TreeTooLarge as error:
        raise RootFails(f"the target is too large: {error}; exclude what it doesn't need") from error


def rules_of(context: RunContext) -> IgnoreRules:
    """The target's own ignore rules; what the target came with is kept, whatever they say."""
    return context.evidence.ignore_rules(context.evidence.commit(context.run_id, TARGET))


def _setup_script(commands: tuple[str, ...]) -> bytes:
    """One shell script; braces make the shell read all of it before it runs any."""
    body = "".join(f"( {command}\n) </dev/null\n" for command in commands)
    return ("{ " + _BEGIN + body + "}\n").encode()


def _demand_protected(globs: tuple[str, ...], files: Mapping[str, str]) -> None:
    """A glob that protects nothing in the copy would be a promise that isn't kept."""
    for glob in globs:
        if not any(matches((glob,), path) for path in files):
            raise TaskError(
                f"protected = {glob!r}: matches only files that git ignores, and those are not "
                "copied into the sandbox; track them, or protect something else"
            )


def _demand_targets(context: RunContext, commit: str) -> None:
    """A link that is protected protects nothing if what it leads to isn't."""
    globs = context.task.protected
    for path, target in context.evidence.links(commit).items():
        inside = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if matches(globs, path) and not inside.startswith("..") and not matches(globs, inside):
            raise TaskError(
                f"protected: {shown(path)} is a link to {shown(inside)}, which is not protected; "
                "protect that as well"
            )


def _fails(context: RunContext, sandbox: Sandbox, failure: Failure, log: Path) -> RootFails:
    """What is to be raised. Raises ``EngineOutOfSpace`` instead where a full disk is to blame; then
    nothing that failed on it is kept."""
    if blameless(failure):
        try:
            demand_room(context, sandbox)
        except EngineOutOfSpace:
            context.attempt(ATTEMPT_ID).start_again(but=_TARGET)
            raise
    return RootFails(
        f"the untouched target fails: {failure.reason}\n"
        f"Nothing can be searched from here. The full output is in {log}"
    )
