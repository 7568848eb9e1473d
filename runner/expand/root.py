"""The root: the untouched target after ``setup``, measured before anything is tried on it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, replace

from runner.errors import RootFails, TaskError
from runner.evidence import IgnoreRules, Recorded, TreeTooLarge
from runner.expand.attempt import last_words
from runner.expand.context import RunContext
from runner.expand.judging import Failure, failure_of, run_checks, sample
from runner.measure.paired import medians
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

    ``metrics`` are medians; ``files`` maps source paths to their identities; ``rules`` say what
    stays out of the evidence.
    """

    state: State
    metrics: tuple[Metric, ...]
    files: Mapping[str, str]
    rules: IgnoreRules


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
    _demand(failure_of(result.exit, result.code, SETUP, last_words(log)), str(log))
    rules = rules_of(context)
    recorded = attempt.once(
        "evidence",
        Recorded,
        lambda: evidence.record(
            run_id, ROOT, "", sandbox.archive(result.container), f"{ROOT}: the root\n", rules
        ),
    )
    yield Phase(ROOT, "evidence.recorded", {"commit": recorded.commit})
    facts = {"attempt": ATTEMPT_ID, "tree": recorded.tree_id, "commit": recorded.commit}
    snapshot = sandbox.commit(result.container, ROOT, base, facts)
    sandbox.remove(result.container)
    yield Phase(ROOT, "snapshot.committed", {"tag": snapshot.tag, "digest": snapshot.digest})
    failure = yield from run_checks(context, sandbox, ATTEMPT_ID, ROOT, snapshot.digest)
    _demand(failure, str(attempt.folder))
    samples = yield from sample(context, sandbox, ATTEMPT_ID, ROOT, snapshot.digest)
    if isinstance(samples, Failure):
        _demand(samples, str(attempt.folder))
        raise AssertionError("unreachable")
    state = State(ROOT, snapshot, recorded.commit, recorded.tree_id)
    return Root(state, medians(samples), evidence.manifest(recorded.commit), rules)


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
    try:
        return context.evidence.record(
            context.run_id, TARGET, "", target(), f"{TARGET}: as it was found\n"
        )
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


def _demand(failure: Failure | None, log: str) -> None:
    if failure is not None:
        raise RootFails(
            f"the untouched target fails: {failure.reason}\n"
            f"Nothing can be searched from here. The full output is in {log}"
        )
