from __future__ import annotations

import ast
import io
import json
import re
from pathlib import Path

import pytest

import runner
from runner.model import (
    ROOT,
    Action,
    Closed,
    Event,
    Job,
    JobKind,
    Outcome,
    Phase,
    Retried,
    Selected,
    Stopped,
    StopReason,
    Verdict,
    Verified,
)
from runner.report.eventlog import EventLog, open_event_stream
from runner.report.records import EVENTS, FACT_LIMIT

from .factory import START, digest, empty_view, measurement, state, story
from .hostile import HOSTILE, invisible

DOCS = Path(__file__).parents[3] / "docs" / "events.md"


def _log(*events: Event, human: bool = False) -> str:
    stream = io.StringIO()
    log = EventLog(stream, empty_view(29), human=human, clock=lambda: START)
    for event in events:
        log.event(event)
    return stream.getvalue()


def _records(*events: Event) -> list[dict[str, object]]:
    return [json.loads(line) for line in _log(*events).splitlines()][1:]


def _job() -> Job:
    return Job(JobKind.EXPAND, "A.1", 2, state(ROOT), state(ROOT), (Action("a"), Action("b")), 0.1)


def test_a_selection_names_node_action_snapshots_and_expectation() -> None:
    (record,) = _records(Selected(_job(), "oppie/run:A.1"))
    assert record == {
        "timestamp": "2025-10-09T08:53:20.000Z",
        "level": "info",
        "event": "mcts.node.selected",
        "run": "20251009-085320-k3f9",
        "node": "A.1",
        "attempt": "A.1-2",
        "kind": "expand",
        "action": "a + b",
        "parent": "A",
        "parent_snapshot": "oppie/run:A",
        "target_snapshot": "oppie/run:A.1",
        "against": "A",
        "expected_improvement": pytest.approx(0.10517, abs=1e-5),
    }


def _closings(outcome: Outcome) -> tuple[Selected, Closed]:
    events = [event for _, event in story().events]
    closed = next(e for e in events if isinstance(e, Closed) and e.expansion.outcome is outcome)
    return Selected(closed.expansion.job), closed


def test_a_committed_node_is_evaluated_committed_and_backpropagated() -> None:
    selected, closed = _closings(Outcome.IMPROVED)
    evaluated, committed, backpropagated = _records(selected, closed)[1:]
    label = closed.expansion.job.label
    assert evaluated["event"] == "mcts.node.evaluated"
    assert (evaluated["outcome"], evaluated["decision"]) == ("improved", "commit")
    gain, delta = evaluated["gain"], evaluated["delta"]
    assert isinstance(gain, float) and isinstance(delta, float)
    assert delta > gain > 0
    assert committed["digest"] == digest(label)
    assert backpropagated["path"] == list(closed.path)
    assert backpropagated["visits"] == [1] * len(closed.path)


def test_a_discarded_node_is_backtracked_to_where_it_started() -> None:
    selected, closed = _closings(Outcome.FAILED)
    names = [record["event"] for record in _records(selected, closed)]
    assert names == [
        "mcts.node.selected",
        "mcts.node.evaluated",
        "mcts.node.discarded",
        "mcts.node.backtracked",
        "mcts.node.backpropagated",
    ]
    assert _records(selected, closed)[3]["to"] == closed.expansion.job.origin.label


def test_a_retry_warns() -> None:
    (record,) = _records(Retried(_job(), "engine gone", 2.0))
    assert (record["level"], record["event"], record["delay_s"]) == (
        "warning",
        "mcts.node.retried",
        2.0,
    )


def test_numbers_that_json_lacks_become_null() -> None:
    (record,) = _records(Phase("A.1", "x.y", {"nan": float("nan"), "inf": float("inf")}))
    assert (record["nan"], record["inf"]) == (None, None)


def test_facts_are_scalars_bounded_and_never_hide_the_records_own_fields() -> None:
    facts: dict[str, object] = {
        "node": "forged",
        "event": "forged",
        "exc_info": True,
        "self": 1,
        "method_name": 2,
        "list": [1, 2],
        "long": "x" * 5000,
    }
    facts |= {f"n{number}": number for number in range(100)}
    (record,) = _records(Phase("A.1", "x.y", facts))
    assert (record["node"], record["event"]) == ("A.1", "mcts.x.y")
    assert (record["node_"], record["self"], record["method_name"]) == ("forged", 1, 2)
    assert "list" not in record
    assert len(str(record["long"])) == 500
    assert len(record) == 4 + 1 + FACT_LIMIT


def test_hostile_texts_forge_no_line() -> None:
    facts: dict[str, object] = {HOSTILE: HOSTILE}
    for human in (False, True):
        written = _log(
            Phase("A.1", HOSTILE, facts), Stopped(StopReason.NODES, HOSTILE), human=human
        )
        assert len(written.splitlines()) == 3
        assert not invisible(written)


def test_the_log_for_people_names_event_and_fields() -> None:
    written = _log(Phase("A.1", "check.finished", {"check": "unit", "seconds": 1.5}), human=True)
    line = written.splitlines()[1]
    assert "mcts.check.finished" in line
    assert "check=unit seconds=1.5" in line


def test_a_resumed_run_goes_on_in_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for view in (empty_view(), story().view):
        with open_event_stream(path) as stream:
            EventLog(stream, view).event(Stopped(StopReason.INTERRUPTED))
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [record["event"] for record in records] == ["mcts.run.started", "mcts.run.stopped"] * 2
    assert [records[0]["resumed"], records[2]["resumed"]] == [False, True]


# The page and the code


def _documented_records() -> dict[str, set[str]]:
    sections = re.split(r"^### (mcts\.[a-z.]+)$", DOCS.read_text("utf-8"), flags=re.M)
    found = {}
    for name, body in zip(sections[1::2], sections[2::2], strict=True):
        rows = re.findall(r"^\| (`.*?) \|", body.split("\n## ")[0], flags=re.M)
        found[name] = {field for row in rows for field in re.findall(r"`(\w+)`", row)}
    return found


def documented_phases() -> dict[str, set[str]]:
    rows = re.findall(r"^\| `mcts\.([a-z.]+)` \|(.*?)\|", DOCS.read_text("utf-8"), flags=re.M)
    return {name: set(re.findall(r"`(\w+)`", fields)) for name, fields in rows}


def _said_phases() -> dict[str, set[str]]:
    """Every ``Phase(label, "name", {...})`` in the source, with the facts that stand there.

    A name such as ``f"tests.{name}"`` stands for all names on the page that it fits.
    """
    said: dict[str, set[str]] = {}
    for path in Path(runner.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            match call:
                case ast.Call(func=ast.Name("Phase"), args=[_, name, *facts]):
                    for each in _names(name):
                        said.setdefault(each, set()).update(_keys(facts))
    return said


def _names(name: ast.expr) -> list[str]:
    match name:
        case ast.Constant(str(value)):
            return [value]
        case ast.JoinedStr(values):
            fits = "".join(
                re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[a-z]+"
                for part in values
            )
            found = [each for each in documented_phases() if re.fullmatch(fits, each)]
            assert found, f"no phase on the page fits {ast.unparse(name)}"
            return found
        case _:
            return []


def _keys(facts: list[ast.expr]) -> set[str]:
    """The keys of all dictionaries that are written out in the arguments."""
    written = [part for fact in facts for part in ast.walk(fact) if isinstance(part, ast.Dict)]
    keys = [key for each in written for key in each.keys]
    return {str(key.value) for key in keys if isinstance(key, ast.Constant)}


def test_the_page_lists_every_record_with_its_fields() -> None:
    assert _documented_records() == {name: set(fields) for name, fields in EVENTS.items()}


def test_the_page_lists_every_phase_that_the_code_says() -> None:
    documented, said = documented_phases(), _said_phases()
    assert said, "no phase was found in the source"
    assert set(documented) == set(said)
    for name, fields in said.items():
        assert fields <= documented[name], name


def test_records_have_exactly_the_fields_of_the_registry() -> None:
    stream = io.StringIO()
    log = EventLog(stream, empty_view(29), clock=lambda: START)
    for _, event in story().events:
        log.event(event)
    log.event(Retried(_job(), "gone", 1.0))
    log.verified(Verified("A.1", Verdict.IMPROVED, measurement(0.2, 0.02, 100.0)))
    seen = set()
    for line in stream.getvalue().splitlines():
        record = json.loads(line)
        name = record["event"]
        if name in EVENTS:
            seen.add(name)
            assert list(record) == ["timestamp", "level", "event", "run", *EVENTS[name]]
    assert seen == set(EVENTS)
