"""JUnit XML, in the part of it that Jenkins, GitHub's actions and GitLab agree on.

GitLab names a test by ``classname`` and ``name`` and drops another one of the same name; it reads
the words inside of ``failure``, not its ``message``. ``system-out`` is not written: GitLab takes
files' names out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree

from runner.model import RunView
from runner.report.ci.cases import MESSAGE_LIMIT, Case, CaseState, cases_of
from runner.report.figures import known
from runner.report.text import clean

_ELEMENTS = {
    CaseState.FAILED: "failure",
    CaseState.ERROR: "error",
    CaseState.SKIPPED: "skipped",
}


def junit(view: RunView, gate: Sequence[Case] = ()) -> str:
    """The run, its verifications, and what else was judged, as one document; ``gate`` are the cases
    of checks and merges. A rejection is a failure with its reason."""
    suites: dict[str, list[Case]] = {}
    for case in (*cases_of(view), *gate):
        suites.setdefault(clean(case.suite), []).append(case)
    top = ElementTree.Element("testsuites", {"name": f"oppie {clean(view.task)}"})
    _count(top, [case for cases in suites.values() for case in cases])
    for name, cases in suites.items():
        suite = ElementTree.SubElement(top, "testsuite", {"name": name})
        _count(suite, cases)
        suite.set("timestamp", _moment(view.started_at))
        _add_properties(suite, view)
        names: set[str] = set()
        for case in cases:
            _add(suite, name, case, _free(clean(case.name), names))
    ElementTree.indent(top)
    body = ElementTree.tostring(top, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _count(element: ElementTree.Element, cases: Sequence[Case]) -> None:
    states = [case.state for case in cases]
    element.set("tests", str(len(states)))
    element.set("failures", str(states.count(CaseState.FAILED)))
    element.set("errors", str(states.count(CaseState.ERROR)))
    element.set("skipped", str(states.count(CaseState.SKIPPED)))
    element.set("time", _seconds(sum(known(case.seconds) or 0.0 for case in cases)))


def _add_properties(suite: ElementTree.Element, view: RunView) -> None:
    properties = ElementTree.SubElement(suite, "properties")
    facts = {"run": view.run_id, "policy": view.policy, "seed": str(view.seed), "best": view.best}
    for name, value in facts.items():
        ElementTree.SubElement(properties, "property", {"name": name, "value": clean(value)})


def _add(suite: ElementTree.Element, suite_name: str, case: Case, name: str) -> None:
    about = {
        "classname": f"oppie.{suite_name}",
        "name": name,
        "time": _seconds(case.seconds or 0.0),
    }
    element = ElementTree.SubElement(suite, "testcase", about)
    if case.state is not CaseState.PASSED:
        said = clean(case.message, MESSAGE_LIMIT)
        told = ElementTree.SubElement(element, _ELEMENTS[case.state], {"message": said})
        told.text = said


def _free(name: str, names: set[str]) -> str:
    """A name that no other case of the suite has."""
    free, number = name, 1
    while free in names:
        number += 1
        free = f"{name} ({number})"
    names.add(free)
    return free


def _seconds(seconds: float) -> str:
    return f"{known(seconds) or 0.0:.3f}"


def _moment(unix_s: float) -> str:
    """ISO 8601 without a zone, which is UTC: what the schema of JUnit's own reports wants."""
    return datetime.fromtimestamp(known(unix_s) or 0.0, UTC).strftime("%Y-%m-%dT%H:%M:%S")
