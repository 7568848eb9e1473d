"""The root: the untouched target after ``setup``, measured before anything is tried on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from runner.errors import EvidenceError, RootFails, TaskError
from runner.evidence import IgnoreRules, Recorded, TreeTooLarge, found_at, pack_folder
from runner.expand.attempt import last_words, write_whole
from runner.expand.checking import Checks, learn_checks
from runner.expand.context import RunContext
from runner.expand.inspect import watched
from runner.expand.judging import Failure, Meter, Overlay, Trial, failure_of
from runner.expand.measuring import measure_against_itself
from runner.expand.plans import search_of, verification_of
from runner.measure.calibration import Calibration, biased, smallest_gain, too_noisy
from runner.measure.checks import RootCheck, flaky_words
from runner.measure.loaders import Sources
from runner.measure.plan import fixed_plan
from runner.measure.protected import matches
from runner.model import ROOT, Metric, Phase, State
from runner.sandbox.protocol import Sandbox, Step, StepResult

ATTEMPT_ID = f"{ROOT}-1"
SETUP = "setup"
TARGET = "target"  # the evidence of what was found, before setup

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
    attempt = context.attempt(ATTEMPT_ID)
    evidence, run_id = context.evidence, context.run_id
    found = attempt.once("target", Recorded, lambda: _keep_target(context, target))
    _demand_protected(context.task.protected, evidence.manifest(found.commit))
    result = yield from set_up(context, sandbox, ATTEMPT_ID, ROOT, image, found.commit)
    log = attempt.log(SETUP)
    if failure := failure_of(result.exit, result.code, SETUP, last_words(log)):
        raise _fails(failure, str(log))
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
    snapshot = sandbox.commit(result.container, ROOT, base, facts)
    sandbox.remove(result.container)
    yield Phase(ROOT, "snapshot.committed", {"tag": snapshot.tag, "digest": snapshot.digest})
    trial = Trial(context, sandbox, ATTEMPT_ID, ROOT, Meter(result.seconds))
    tried = yield from _try(trial, snapshot.digest)
    if isinstance(tried, Failure):
        raise _fails(tried, str(attempt.folder))
    write_whole(attempt.folder / _TRIED, _AS_JSON.dump_python(tried, mode="json"))
    return kept_root(context, State(ROOT, snapshot, recorded.commit, recorded.tree_id))


@dataclass(frozen=True, slots=True)
class _Tried:
    """What trying the root has shown."""

    checks: dict[str, RootCheck]
    calibration: Calibration
    metrics: tuple[Metric, ...]
    remarks: tuple[str, ...]
    container_s: float


_TRIED = "tried.json"
_EVIDENCE = "evidence"
_AS_JSON = TypeAdapter(_Tried)


def kept_root(context: RunContext, state: State) -> Root:
    """The root that ``build_root`` made, now or before a crash. Raises ``EvidenceError``."""
    attempt = context.attempt(ATTEMPT_ID)
    recorded = attempt.kept(_EVIDENCE, Recorded)
    try:
        tried = _AS_JSON.validate_json((attempt.folder / _TRIED).read_bytes())
    except (OSError, ValidationError) as error:
        raise EvidenceError(f"what is known of the root of {context.run_id}: {error}") from error
    files = context.evidence.manifest(state.commit)
    sources = Sources(files, recorded.watched if recorded else {})
    return Root(
        state, tried.metrics, sources, rules_of(context), tried.checks, tried.calibration,
        tried.remarks, tried.container_s,
    )  # fmt: skip


def restored(context: RunContext, root: Root) -> Overlay | None:
    """The protected files as the root has them, to be laid over a judging container's workspace."""
    globs = context.task.protected
    if not globs:
        return None
    commit = root.state.commit
    return lambda: context.evidence.archive(commit, lambda path: matches(globs, path))


def sealed_over(context: RunContext) -> Overlay | None:
    """The sealed files, to be laid over a container that nothing is committed of."""
    files = context.task.sealed.files
    return None if files is None else (lambda: pack_folder(files))


def _try(trial: Trial, image: str) -> Generator[Phase, None, _Tried | Failure]:
    """Run the checks several times, and the benchmark against itself."""
    task = trial.context.task
    learned = yield from learn_all(trial, image)
    if isinstance(learned, Failure):
        return learned
    found = yield from measure_against_itself(
        trial, image, task.benchmark, fixed_plan(task.trials.pairs)
    )
    if isinstance(found, Failure):
        return found
    calibration, metrics = found
    remarks = tuple(_remarks(trial.context, learned, calibration))
    for remark in remarks:
        yield Phase(trial.label, "root.remarked", {"remark": remark})
    return _Tried(dict(learned), calibration, metrics, remarks, round(trial.meter.container_s, 4))


def learn_all(trial: Trial, image: str) -> Generator[Phase, None, Checks | Failure]:
    """What the task's checks and the sealed ones show on an image that others are compared with."""
    task, times = trial.context.task, trial.context.task.trials.check_runs
    checks = yield from learn_checks(trial, task.checks, image, times)
    if isinstance(checks, Failure):
        return checks
    opened = replace(trial, overlay=sealed_over(trial.context))
    sealed = yield from learn_checks(opened, task.sealed.checks, image, times)
    if isinstance(sealed, Failure):
        return Failure(sealed.outcome, f"sealed: {sealed.reason}")
    return {**checks, **sealed}


def _remarks(context: RunContext, checks: Checks, calibration: Calibration) -> Iterator[str]:
    yield from filter(None, map(flaky_words, checks.values()))
    thresholds = context.task.search.thresholds
    plan = verification_of(context, context.task.verify_top)
    min_gain = math.log1p(thresholds.min_gain)
    noisy = [
        too_noisy(calibration, search_of(context), 0.0, thresholds.rejected_below),
        too_noisy(calibration, plan, min_gain, thresholds.rejected_below) if min_gain else "",
    ]
    yield from dict.fromkeys(filter(None, (*noisy, biased(calibration))))
    noise, shown = calibration.sd, smallest_gain(calibration, plan)
    yield (
        f"Against itself the benchmark differs by {math.expm1(noise):.2%} (standard deviation), so "
        f"{plan.cap} pairs show gains from {math.expm1(shown):.2%}."
    )


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
        replace(context.task.limits, time_s=context.task.setup_timeout_s),
        stdin=_setup_script(context.task.setup),
        archive=context.evidence.archive(commit),
    )
    yield Phase(label, "container.started", {"container": step.name, "image": image})
    return attempt.once(SETUP, StepResult, lambda: sandbox.run(step, attempt.log(SETUP)))


def _keep_target(context: RunContext, target: Callable[[], Iterable[bytes]]) -> Recorded:
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


def _fails(failure: Failure, log: str) -> RootFails:
    return RootFails(
        f"the untouched target fails: {failure.reason}\n"
        f"Nothing can be searched from here. The full output is in {log}"
    )
