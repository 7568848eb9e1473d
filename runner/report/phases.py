"""The phases of a journey in words for people: what has just happened, and what is being done."""

from __future__ import annotations

from collections.abc import Mapping

from runner.model import ROOT
from runner.report.figures import UNKNOWN, count, duration, interval, number, percent
from runner.report.records import scalars
from runner.report.text import bounded, clean
from runner.report.verification import REMARK_LIMIT

REMARK = "root.remarked"
REPETITION = "benchmark.repeated"
EVICTED = "snapshot.evicted"

_FACTS_LIMIT = 120
_TEXT_LIMIT = 200
_HASH_CHARS = 12

# What has happened; the names in braces are facts, or made of facts by `_values`.
_HAPPENED = {
    "container.started": "container started from {image}",
    "action.finished": "action {ended} in {seconds}",
    "mode.chosen": "mode {stage}: {why}",
    "model.chosen": "model {model}: {why}",
    "profile.taken": "profile taken, {ended} in {seconds}",
    "agent.probed": "agent {agent}, version {version}",
    "agent.session": "session {text}",
    "agent.said": "it says: {text}",
    "agent.tool": "it uses {text}",
    "agent.phase": "phase: {text}",
    "agent.finished": "round {round} of agent {agent}: {status} in {seconds}{cost}",
    "round.finished": "round {round} came out as {outcome}{gained}{back}",
    "review.finished": "review: {judgement}",
    "network.reached": "reached {target}: {connected}, {received_bytes} bytes received",
    "network.refused": "was not let through to {target}: {why}",
    "evidence.recorded": "sources recorded as {short}{changed}",
    "snapshot.committed": "snapshot {tag}",
    "snapshot.discarded": "snapshot {tag} removed",
    "snapshot.rebuilt": "the snapshot of {of} was gone, and is rebuilt from {base}'s in {seconds}",
    EVICTED: "snapshot {tag} evicted; it can be rebuilt",
    "check.started": "check {check} started{progress}",
    "check.finished": "check {check} {ended} in {seconds}{ran}",
    "check.forgiven": "check {check}: what failed is flaky at the root, and failed alike: {tests}",
    "tests.red": "its new tests on the parent, without its change: {ended}",
    "tests.green": "its new tests with its change: {ended}",
    "benchmark.waiting": "waiting for the benchmark lane",
    "benchmark.started": "measuring up to {of_pairs}",
    "benchmark.finished": "measured {gain} {interval}, {of_pairs}: {call}",
    "benchmark.calibrated": "against itself: {noise} standard deviation, {of_pairs}",
    "hook.failed": "{reason}",
    "leftover.settled": "{thing} {name} {did}: {why}",
    "verify.started": "verifying in a clean room, up to {of_pairs}",
    "verify.failed": "the engine failed its verification, which is tried again: {reason}",
    "verify.finished": "came out of the clean room as: {verdict}",
    "merge.started": "merging {files} files into {branch}, to be judged in a clean room",
    "merge.examined": "the merge came out of the clean room as: {verdict}",
    "synthesis.tried": "tried together with {with}",
    "synthesis.judged": "together: {why}",
}
_CALLS = {
    "no matter": "more pairs would change no decision",
    "cap": "no more pairs are allowed",
}
_ENDS = {
    "ok": "ended well",
    "timeout": "hit its time limit",
    "oom": "hit the memory limit",
    "disk": "hit the disk limit",
    "silent": "was given up after a silence",
}

# What is being done after a phase was announced, by the search.
_SEARCHING = {
    "": "waiting for a container",
    "container.started": "applying the action",
    "network.reached": "applying the action",
    "network.refused": "applying the action",
    "action.finished": "keeping the evidence",
    "model.chosen": "waiting for a container",
    "profile.taken": "waiting for a container",
    "agent.session": "the agent works",
    "agent.said": "the agent works",
    "agent.tool": "the agent works",
    "agent.phase": "the agent works",
    "agent.finished": "keeping the evidence",
    "round.finished": "telling the agent",
    "review.finished": "deciding",
    "evidence.recorded": "saving the snapshot",
    "snapshot.committed": "starting the checks",
    "snapshot.discarded": "cleaning up",
    "snapshot.rebuilt": "waiting for a container",
    "tests.red": "proving its new tests",
    "tests.green": "proving its new tests",
    "check.started": "checking",
    "check.finished": "checking",
    "check.forgiven": "checking",
    "benchmark.waiting": "waiting for the benchmark lane",
    "benchmark.started": "measuring",
    "benchmark.repeated": "measuring",
    "benchmark.finished": "deciding",
}
_AT_THE_ROOT = {
    "container.started": "setting up the root",
    "network.reached": "setting up the root",
    "network.refused": "setting up the root",
    "evidence.recorded": "saving the root",
    "snapshot.committed": "trying the root",
    "check.started": "trying the root: check",
    "check.finished": "trying the root: check",
    "benchmark.waiting": "waiting for the benchmark lane",
    "benchmark.started": "measuring the root against itself",
    "benchmark.repeated": "measuring the root against itself",
    "benchmark.calibrated": "starting the search",
    "root.remarked": "starting the search",
    "agent.probed": "asking the agents' programs",
    "mode.chosen": "starting the search",
    "leftover.settled": "seeing what an earlier command has left",
}
_IN_THE_CLEAN_ROOM = _SEARCHING | {
    "verify.started": "building it from its sources",
    "verify.failed": "waiting for the engine",
    "verify.finished": "done",
    "container.started": "building it from its sources",
    "network.reached": "building it from its sources",
    "network.refused": "building it from its sources",
    "merge.started": "building the branch",
    "merge.examined": "done",
    "synthesis.tried": "merging",
    "synthesis.judged": "done",
}


def happened(name: str, facts: Mapping[str, object]) -> str:
    """What a phase tells, as a clause: ``check unit ended well in 1.2 s, 34 tests``.

    A phase that isn't known, or lacks facts, is told as it is: ``x.y image=sha256:1f…``.
    """
    template = _HAPPENED.get(name)
    try:
        # A template is never foreign; what is put into it is not read as one.
        return template.format_map(_values(facts)) if template else _as_it_is(name, facts)
    except KeyError:
        return _as_it_is(name, facts)


def remark_of(facts: Mapping[str, object]) -> str:
    """What the root can't be relied on for; a sentence."""
    return clean(str(facts.get("remark", "")), REMARK_LIMIT)


def doing(name: str, facts: Mapping[str, object]) -> str:
    """What a worker is at after a phase."""
    return _with_progress(_SEARCHING.get(name) or clean(name, 40), facts)


def doing_aside(label: str, name: str, facts: Mapping[str, object]) -> str:
    """What goes on outside the search: the root is tried before it, the best verified after it."""
    known = _AT_THE_ROOT if label == ROOT else _IN_THE_CLEAN_ROOM
    words = _with_progress(known.get(name) or clean(name, 40), facts)
    return words if label == ROOT else f"verifying {clean(label, 60)}: {words}"


def _with_progress(words: str, facts: Mapping[str, object]) -> str:
    check, progress = facts.get("check"), _progress(facts)
    named = f"{words} {clean(check, 40)}" if isinstance(check, str) else words
    return f"{named} {progress}" if progress else named


def _progress(facts: Mapping[str, object]) -> str:
    match facts:
        case {"done": int(done), "of": int(of)}:
            return f"{done}/{of}"
        case _:
            return ""


def _as_it_is(name: str, facts: Mapping[str, object]) -> str:
    told = " ".join(f"{key}={_shown(value)}" for key, value in scalars(facts).items())
    return f"{clean(name, 60)} {bounded(told, _FACTS_LIMIT)}".rstrip()


def _shown(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    return "-" if value is None else str(value)


def _values(facts: Mapping[str, object]) -> dict[str, str]:
    """The facts as texts, safe to show, and what is made of several of them."""
    values = {key: clean(_shown(value), _TEXT_LIMIT) for key, value in facts.items()}
    values["ended"] = _ended(facts)
    values["short"] = values.get("commit", UNKNOWN)[:_HASH_CHARS]
    values["changed"] = _amount(facts.get("files_changed"), ", ", "file changed", "files changed")
    values["ran"] = _amount(facts.get("tests"), ", ", "test", "tests")
    values["of_pairs"] = _amount(facts.get("pairs"), "", "pair", "pairs") or UNKNOWN
    values["connected"] = _amount(facts.get("connections"), "", "connection", "connections")
    values["cost"] = f", ${cost:.4f}" if isinstance(cost := facts.get("cost_usd"), float) else ""
    values["gained"] = f" {percent(gain)}" if isinstance(gain := facts.get("gain"), float) else ""
    values["back"] = ", and is rolled back" if facts.get("kept") is False else ""
    values["judgement"] = _judgement(values)
    values["progress"] = f" ({progress})" if (progress := _progress(facts)) else ""
    match facts:
        case {"seconds": float(seconds) | int(seconds)}:
            values["seconds"] = duration(seconds)
    match facts:
        case {"noise": float(noise)}:
            values["noise"] = percent(noise).removeprefix("+")
    match facts:
        case {"gain": float(gain), "low": float(low), "high": float(high), "call": str(call)}:
            values["gain"], values["interval"] = percent(gain), interval(low, high)
            values["call"] = _CALLS.get(call) or clean(call, _TEXT_LIMIT)
    return values


def _judgement(values: Mapping[str, str]) -> str:
    if values.get("rejects") == "True":
        return f"rejected: {values.get('reason', '')}"
    return values.get("note") or "nothing to say"


def _ended(facts: Mapping[str, object]) -> str:
    exit_, code = str(facts.get("exit", "")), facts.get("code")
    if exit_ == "nonzero":
        return f"exited with {code}" if isinstance(code, int) else "exited with an error"
    return _ENDS.get(exit_) or clean(exit_, 40) or UNKNOWN


def _amount(value: object, before: str, one: str, many: str) -> str:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return f"{before}{count(value, one, many)}" if is_number else ""  # type: ignore[arg-type]
