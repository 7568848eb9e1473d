"""What is wrong with candidates, as SARIF 2.1.0 (OASIS), with the changed files as locations.

Code scanning shows a result at its first location, and wants one with a line; it follows a result
from run to run by its fingerprint, which therefore holds no node label and no measured number.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import quote

from runner import __version__
from runner.model import ROOT, NodeView, Outcome, RunView, StopReason, Verdict, Verified
from runner.report.ci.cases import MESSAGE_LIMIT, Case, CaseState, said_of
from runner.report.estimate import path_to
from runner.report.figures import gain_with_interval, known
from runner.report.text import clean

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
RESULTS_LIMIT = 5000
LOCATIONS_LIMIT = 100
TASK_FILE = "oppie.toml"

Json = dict[str, object]


class Rule(StrEnum):
    """The ids of the rules; they never change."""

    TAMPERED = "oppie/tampered"
    NOT_REPRODUCED = "oppie/not-reproduced"
    REGRESSED = "oppie/regressed"
    FAILED = "oppie/failed"
    REJECTED = "oppie/rejected"


_WORDS: Mapping[Rule, tuple[str, str, str]] = {
    Rule.TAMPERED: (
        "Tampered",
        "A change touches what judges it",
        "A protected file was changed, or metrics were forged. The candidate was discarded.",
    ),
    Rule.NOT_REPRODUCED: (
        "NotReproduced",
        "A gain doesn't reproduce from the recorded sources",
        "While searching, the candidate was better; built from its sources in a clean room, it isn't.",
    ),
    Rule.REGRESSED: (
        "Regressed",
        "A change makes the program worse",
        "The paired comparison shows a loss, and its 95 % interval excludes no change.",
    ),
    Rule.FAILED: (
        "Failed",
        "A change fails a check or the benchmark",
        "The set-up, a check or the benchmark failed, or a limit was hit.",
    ),
    Rule.REJECTED: (
        "Rejected",
        "The gate let a merge not in",
        "A conflict, a red check, a loss or a branch that moved; nothing was changed.",
    ),
}


@dataclass(frozen=True, slots=True)
class _Finding:
    """``key`` is what stays the same in the next run."""

    rule: Rule
    level: str  # error, warning, note
    label: str
    message: str
    key: str


def sarif(
    view: RunView,
    files: Mapping[str, Sequence[str]],
    gate: Sequence[Case] = (),
    task_file: str = TASK_FILE,
) -> str:
    """The run as a SARIF log of one run, in JSON.

    ``files`` maps node labels to the paths they changed since the root, relative to the top of the
    repository; what has none is located at ``task_file``. Of a long search the first
    ``RESULTS_LIMIT`` results are kept, verifications first.
    """
    findings = [*_of_gate(gate), *_of_verifications(view), *_of_nodes(view)][:RESULTS_LIMIT]
    log: Json = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver()},
                "automationDetails": {"id": f"oppie/{clean(view.task)}/"},
                "invocations": [_invocation(view)],
                "columnKind": "utf16CodeUnits",
                "results": [_result(each, files, task_file) for each in findings],
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def _of_gate(gate: Sequence[Case]) -> Iterator[_Finding]:
    for case in gate:
        if case.state in (CaseState.FAILED, CaseState.ERROR):
            said = f"{case.name}: {case.message}"
            yield _Finding(Rule.REJECTED, "error", case.label, said, case.name)


def _of_verifications(view: RunView) -> Iterator[_Finding]:
    nodes = {node.label: node for node in view.nodes}
    for found in view.verifications or ((view.verified,) if view.verified else ()):
        rule = _rule_of_verdict(found)
        if rule is not None:
            said = f"{found.label}, in the clean room: {said_of(found)}"
            yield _Finding(rule, "error", found.label, said, _key(nodes, found.label))


def _rule_of_verdict(found: Verified) -> Rule | None:
    match found.verdict:
        case Verdict.TAMPERED:
            return Rule.TAMPERED
        case Verdict.NOT_REPRODUCED:
            return Rule.NOT_REPRODUCED
        case Verdict.WORSE:
            return Rule.REGRESSED
        case Verdict.FAILED:
            return Rule.FAILED
        case Verdict.IMPROVED | Verdict.NO_DIFFERENCE:
            return None


def _of_nodes(view: RunView) -> Iterator[_Finding]:
    """What the search itself discarded is no trouble of the user's branch: mere notes, but for
    tampering."""
    nodes = {node.label: node for node in view.nodes}
    for node in view.nodes:
        rule = _rule_of_outcome(node)
        if rule is not None:
            level = "warning" if rule is Rule.TAMPERED else "note"
            actions = " + ".join(node.actions) or "no action"
            measured = f" ({gain_with_interval(node.edge)})" if node.edge else ""
            said = f"{node.label}, {actions}: {node.outcome}{measured} {node.reason}"
            yield _Finding(rule, level, node.label, said, _key(nodes, node.label))


def _rule_of_outcome(node: NodeView) -> Rule | None:
    match node.outcome:
        case _ if node.label == ROOT:
            return None
        case Outcome.TAMPERED:
            return Rule.TAMPERED
        case Outcome.REGRESSED | Outcome.REJECTED:
            return Rule.REGRESSED
        case Outcome.FAILED | Outcome.TIMEOUT | Outcome.OOM | Outcome.DISK:
            return Rule.FAILED
        case Outcome.IMPROVED | Outcome.NEUTRAL | Outcome.DUPLICATE | Outcome.INFRA | None:
            return None
        case Outcome.BUDGET:
            return None


def _key(nodes: Mapping[str, NodeView], label: str) -> str:
    return "\n".join(key for node in path_to(nodes, label) for key in node.actions) or label


def _driver() -> Json:
    rules = [
        {
            "id": rule.value,
            "name": name,
            "shortDescription": {"text": short},
            "fullDescription": {"text": full},
            "help": {"text": f"{full} See docs/gate.md and docs/reading-a-result.md of oppie."},
            "defaultConfiguration": {"level": "error"},
        }
        for rule, (name, short, full) in _WORDS.items()
    ]
    return {"name": "oppie", "version": __version__, "rules": rules}


def _invocation(view: RunView) -> Json:
    broken = (None, StopReason.ENVIRONMENT, StopReason.INTERRUPTED, StopReason.ROOT_FAILS)
    times = {"startTimeUtc": view.started_at, "endTimeUtc": view.ended_at}
    told = {name: _moment(at) for name, at in times.items() if known(at) is not None}
    return {"executionSuccessful": view.stop not in broken, **told}


def _result(found: _Finding, files: Mapping[str, Sequence[str]], task_file: str) -> Json:
    paths = list(files.get(found.label, ()))[:LOCATIONS_LIMIT] or [task_file]
    said = f"{found.rule.value}\n{found.key}".encode("utf-8", "backslashreplace")
    return {
        "ruleId": found.rule.value,
        "ruleIndex": list(Rule).index(found.rule),
        "level": found.level,
        "message": {"text": _plain(clean(found.message, MESSAGE_LIMIT))},
        "locations": [_location(path) for path in paths],
        "partialFingerprints": {"oppie/v1": hashlib.sha256(said).hexdigest()},
        "properties": {"node": clean(found.label)},
    }


def _location(path: str) -> Json:
    try:
        name = path.encode("utf-8", "surrogateescape")  # the bytes of a name that isn't UTF-8
    except UnicodeEncodeError:
        name = path.encode("utf-8", "replace")
    uri = quote(name, safe="/")
    where = {"uri": uri, "uriBaseId": "%SRCROOT%"}
    return {"physicalLocation": {"artifactLocation": where, "region": {"startLine": 1}}}


def _plain(text: str) -> str:
    """Text in which SARIF sees no placeholder (2.1.0, 3.11.5) and no link (3.11.6)."""
    return text.replace("{", "{{").replace("}", "}}").replace("](", "] (")


def _moment(unix_s: float | None) -> str:
    at = datetime.fromtimestamp(known(unix_s) or 0.0, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
