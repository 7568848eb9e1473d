from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from runner.model import Outcome, RunView, StopReason, Verdict, Verified
from runner.report.ci import (
    SUMMARY_LIMIT_BYTES,
    Case,
    CaseState,
    cases_of,
    job_summary,
    junit,
    sarif,
)
from runner.report.ci.sarif import RESULTS_LIMIT
from runner.report.ci.summary import bounded_lines

from .factory import measurement, story
from .hostile import HOSTILE, hostile_view, invisible

VIEW = story(30).view
GATE = (
    Case("checks", "tests", CaseState.PASSED, "42 tests passed", 1.5),
    Case("gate", "A.1 into main", CaseState.FAILED, "it conflicts in a.py", 12.0, "A.1"),
)


def verified(*verdicts: Verdict) -> RunView:
    """A run with these verifications, in this order, the last of which was chosen."""
    found = tuple(
        Verified(f"A.{number}", verdict, measurement(0.1, 0.02, 300.0), f"because {number}")
        for number, verdict in enumerate(verdicts, 1)
    )
    return replace(VIEW, verifications=found, verified=found[-1] if found else None)


def state_of(view: RunView, name: str) -> CaseState:
    return next(case.state for case in cases_of(view) if case.name == name)


class TestCases:
    @pytest.mark.parametrize("verdict", list(Verdict))
    def test_the_chosen_one_fails_unless_it_is_better(self, verdict: Verdict) -> None:
        wanted = CaseState.PASSED if verdict is Verdict.IMPROVED else CaseState.FAILED
        assert state_of(verified(verdict), "A.1") is wanted

    def test_others_that_show_nothing_are_skipped(self) -> None:
        view = verified(Verdict.NO_DIFFERENCE, Verdict.NOT_REPRODUCED, Verdict.IMPROVED)
        states = [state_of(view, f"A.{number}") for number in (1, 2, 3)]
        assert states == [CaseState.SKIPPED, CaseState.FAILED, CaseState.PASSED]

    def test_the_chosen_one_is_found_after_it_got_a_branch(self) -> None:
        view = verified(Verdict.NO_DIFFERENCE)
        assert view.verified is not None
        view = replace(view, verified=replace(view.verified, branch="b", patch="p"))
        assert state_of(view, "A.1") is CaseState.FAILED

    def test_verified_twice_has_two_names(self) -> None:
        view = verified(Verdict.IMPROVED)
        view = replace(view, verifications=view.verifications * 2)
        assert [case.name for case in cases_of(view)][-2:] == ["A.1", "A.1 (2)"]

    def test_a_root_that_fails_is_all_there_is(self) -> None:
        view = replace(
            VIEW, stop=StopReason.ROOT_FAILS, stop_detail="tests exited with 1", verified=None
        )
        assert cases_of(view) == (
            Case("run", "the untouched target", CaseState.FAILED, "tests exited with 1"),
        )

    @pytest.mark.parametrize(
        ("stop", "state", "result"),
        [
            (StopReason.NODES, CaseState.PASSED, True),
            (StopReason.ENVIRONMENT, CaseState.ERROR, False),
            (StopReason.INTERRUPTED, CaseState.ERROR, False),
            (None, CaseState.SKIPPED, False),
        ],
    )
    def test_how_a_search_ended(
        self, stop: StopReason | None, state: CaseState, result: bool
    ) -> None:
        view = replace(VIEW, stop=stop, verified=None)
        assert state_of(view, "search") is state
        assert ("result" in {case.name for case in cases_of(view)}) is result


class TestJUnit:
    def test_counts_names_and_reasons(self) -> None:
        view = verified(Verdict.NO_DIFFERENCE, Verdict.TAMPERED, Verdict.IMPROVED)
        top = ElementTree.fromstring(junit(view, GATE))
        assert top.tag == "testsuites"
        assert [suite.get("name") for suite in top] == ["run", "verification", "checks", "gate"]
        for element in (top, *top):
            cases = element.findall(".//testcase")
            assert element.get("tests") == str(len(cases))
            assert element.get("failures") == str(len(element.findall(".//failure")))
            assert element.get("skipped") == str(len(element.findall(".//skipped")))
            assert element.get("errors") == str(len(element.findall(".//error")))
        failure = top.find(".//testcase[@name='A.1 into main']/failure")
        assert failure is not None
        assert failure.text == failure.get("message") == "it conflicts in a.py"
        tampered = top.find(".//testcase[@name='A.2']/failure")
        assert tampered is not None
        assert str(tampered.text).startswith("tampered, +10.5 %")
        assert top.get("time") == f"{1.5 + 12 + VIEW.ended_at - VIEW.started_at:.3f}"  # type: ignore[operator]
        assert top[0].get("timestamp") == "2025-10-09T08:53:20"

    def test_equal_names_stay_apart(self) -> None:
        twice = [Case("gate", "A.1 into main", CaseState.PASSED)] * 2
        top = ElementTree.fromstring(junit(VIEW, twice))
        names = [(each.get("classname"), each.get("name")) for each in top.iter("testcase")]
        assert len(set(names)) == len(names)
        assert ("oppie.gate", "A.1 into main (2)") in names

    def test_the_same_run_gives_the_same_bytes(self) -> None:
        assert junit(VIEW, GATE) == junit(VIEW, GATE)

    def test_hostile_texts(self) -> None:
        gate = [Case(HOSTILE, f"]]>{HOSTILE}", CaseState.ERROR, HOSTILE, math.nan)]
        made = junit(hostile_view(), gate)
        assert not invisible(made.replace("\n", ""))
        top = ElementTree.fromstring(made)
        assert {element.tag for element in top.iter()} <= {
            "testsuites", "testsuite", "testcase", "failure", "error", "skipped", "properties",
            "property",
        }  # fmt: skip
        made.encode("utf-8")


class TestSummary:
    def test_the_result_comes_first(self) -> None:
        said = job_summary(VIEW, GATE).splitlines()
        assert said[0].startswith("### ✓ `helios`: +")
        assert any(line.startswith("| `vst_commit_us` |") for line in said)
        assert "| `A.1 into main` | **failed** | `it conflicts in a.py` |" in said
        assert sum(line.startswith("| `A.") for line in said) == len(VIEW.nodes)  # and the gate's

    def test_the_best_come_first_and_the_unknown_last(self) -> None:
        rows = [line for line in job_summary(VIEW).splitlines() if line.startswith("| `A.")]
        gains = {node.label: node.gain for node in VIEW.nodes}
        shown = [gains[row.split("`")[1]] for row in rows]
        known = [gain for gain in shown if gain is not None]
        assert known == sorted(known, reverse=True)
        assert shown[: len(known)] == known

    @pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.IMPROVED])
    def test_nothing_is_claimed_that_was_not_verified(self, verdict: Verdict) -> None:
        said = job_summary(verified(verdict))
        assert said.startswith("### ✗ `helios`: no improvement was verified")
        assert f"**{verdict}**" in said
        none = job_summary(replace(VIEW, verified=None))
        assert "Nothing was measured in a clean room." in none

    def test_hostile_texts_stay_texts(self) -> None:
        view = replace(hostile_view(), remarks=(HOSTILE, "@octocat #1 \n/close"))
        made = job_summary(view, [Case(HOSTILE, HOSTILE, CaseState.ERROR, HOSTILE)])
        assert not invisible(made.replace("\n", ""))
        tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(made)
        inner = [child for token in tokens for child in token.children or ()]
        assert {child.type for child in inner} <= {
            "text", "code_inline", "strong_open", "strong_close", "softbreak",
        }  # fmt: skip
        assert not any(set("@#<") & set(child.content) for child in inner if child.type == "text")
        assert "html_block" not in {token.type for token in tokens}

    def test_a_huge_run_stays_under_the_limit(self) -> None:
        text = "ü🙂|" * 100
        node = replace(VIEW.nodes[1], actions=(text,) * 3, reason=text)
        nodes = [VIEW.nodes[0], *(replace(node, label=f"A.{n}") for n in range(4000))]
        made = job_summary(replace(VIEW, nodes=tuple(nodes)))
        size_bytes = len(made.encode("utf-8"))
        assert SUMMARY_LIMIT_BYTES - 3000 < size_bytes < SUMMARY_LIMIT_BYTES
        *rows, blank, note = made.splitlines()
        assert blank == ""
        assert note.startswith("_The summary is cut here: ")
        assert rows[-1].startswith("| `A.")
        assert rows[-1].endswith(" |")
        left_out = int(note.split("here: ")[1].split(" line")[0].replace(",", ""))
        assert sum(row.startswith("| `A.") for row in rows) + left_out == 4000

    @pytest.mark.parametrize("limit_bytes", range(300, 360))
    def test_a_cut_at_any_byte(self, limit_bytes: int) -> None:
        given = [f"| ü{n:02} |" for n in range(40)]
        made = bounded_lines(given, limit_bytes)
        assert len(made.encode()) < limit_bytes
        kept = [line for line in made.splitlines() if line.startswith("|")]
        assert kept == given[: len(kept)]
        assert ("_The summary is cut here" in made) is (len(kept) < 40)

    def test_what_fits_is_whole(self) -> None:
        assert bounded_lines(["a" * 99], 101) == "a" * 99 + "\n"
        assert "cut here: 1 line more" in bounded_lines(["a" * 199], 200)


# What the schema of SARIF 2.1.0 requires and allows of the objects that are written here; all of
# them forbid other properties.
SCHEMA: Mapping[str, tuple[set[str], set[str]]] = {
    "log": ({"version", "runs"}, {"$schema"}),
    "run": ({"tool"}, {"results", "invocations", "automationDetails", "columnKind"}),
    "driver": ({"name"}, {"version", "rules"}),
    "rule": (
        {"id"},
        {"name", "shortDescription", "fullDescription", "help", "defaultConfiguration"},
    ),
    "result": (
        {"message"},
        {"ruleId", "ruleIndex", "level", "locations", "partialFingerprints", "properties"},
    ),
    "invocation": ({"executionSuccessful"}, {"startTimeUtc", "endTimeUtc"}),
}


def conforms(kind: str, value: dict[str, Any]) -> None:
    required, allowed = SCHEMA[kind]
    assert required <= set(value) <= required | allowed


def run_of(view: RunView, files: Mapping[str, list[str]], *gate: Case) -> dict[str, Any]:
    """The log's only run, after all of it was held against the schema."""
    log = json.loads(sarif(view, files, gate))
    conforms("log", log)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    conforms("run", run)
    assert set(run["tool"]) == {"driver"}
    conforms("driver", run["tool"]["driver"])
    rules = run["tool"]["driver"]["rules"]
    for rule in rules:
        conforms("rule", rule)
        assert set(rule["shortDescription"]) == set(rule["fullDescription"]) == {"text"}
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
    for invocation in run["invocations"]:
        conforms("invocation", invocation)
    for result in run["results"]:
        conforms("result", result)
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
        assert result["locations"]
        for location in result["locations"]:
            where = location["physicalLocation"]
            assert where["region"] == {"startLine": 1}
            uri = where["artifactLocation"]["uri"]
            assert uri.isascii()
            assert not set(uri) & set(' "<>\\^`{|}:?#')
    return dict(run)


class TestSarif:
    def test_every_trouble_has_its_rule(self) -> None:
        view = verified(
            Verdict.TAMPERED, Verdict.WORSE, Verdict.NOT_REPRODUCED, Verdict.FAILED,
            Verdict.NO_DIFFERENCE, Verdict.IMPROVED,
        )  # fmt: skip
        run = run_of(replace(view, nodes=()), {}, *GATE)
        assert [(each["ruleId"], each["level"]) for each in run["results"]] == [
            ("oppie/rejected", "error"),
            ("oppie/tampered", "error"),
            ("oppie/regressed", "error"),
            ("oppie/not-reproduced", "error"),
            ("oppie/failed", "error"),
        ]
        assert run["results"][0]["message"]["text"] == "A.1 into main: it conflicts in a.py"

    def test_nodes_that_the_search_threw_away(self) -> None:
        run = run_of(replace(VIEW, verified=None), {})
        outcomes = [node.outcome for node in VIEW.nodes[1:]]
        count = {
            "oppie/tampered": outcomes.count(Outcome.TAMPERED),
            "oppie/regressed": sum(
                outcomes.count(each) for each in (Outcome.REGRESSED, Outcome.REJECTED)
            ),
            "oppie/failed": sum(
                outcomes.count(each)
                for each in (Outcome.FAILED, Outcome.TIMEOUT, Outcome.OOM, Outcome.DISK)
            ),
        }
        found = [each["ruleId"] for each in run["results"]]
        assert {rule: found.count(rule) for rule in set(found)} == count
        assert {each["level"] for each in run["results"]} == {"warning", "note"}

    def test_locations_are_the_changed_files(self) -> None:
        odd = "a dir/ü#?:%[x]\udcff.py"
        files = {"A.1": [odd, "b.py"]}
        run = run_of(replace(verified(Verdict.WORSE), nodes=()), files)
        found = [
            each["physicalLocation"]["artifactLocation"] for each in run["results"][0]["locations"]
        ]
        assert [unquote(each["uri"], errors="surrogateescape") for each in found] == [odd, "b.py"]
        assert {each["uriBaseId"] for each in found} == {"%SRCROOT%"}
        run = run_of(replace(verified(Verdict.WORSE), nodes=()), {})
        where = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
        assert where["uri"] == "oppie.toml"

    def test_the_next_run_finds_it_again(self) -> None:
        """Fingerprints hang on what was done, not on numbers, labels or the run."""
        one = verified(Verdict.WORSE)
        slower = replace(one.verifications[0], measurement=measurement(-0.3, 0.02, 300.0))
        other = replace(one, run_id="x", verifications=(slower,), verified=slower)
        first, again = (run_of(view, {})["results"][0] for view in (one, other))
        assert first["partialFingerprints"] == again["partialFingerprints"]
        assert first["message"] != again["message"]

    def test_whether_it_worked(self) -> None:
        assert run_of(VIEW, {})["invocations"] == [
            {
                "executionSuccessful": True,
                "startTimeUtc": "2025-10-09T08:53:20Z",
                "endTimeUtc": run_of(VIEW, {})["invocations"][0]["endTimeUtc"],
            }
        ]
        broken = replace(VIEW, stop=StopReason.ENVIRONMENT, ended_at=None)
        assert run_of(broken, {})["invocations"] == [
            {"executionSuccessful": False, "startTimeUtc": "2025-10-09T08:53:20Z"}
        ]

    def test_hostile_texts(self) -> None:
        gate = Case("x", "[click](https://x.example) {0} }", CaseState.FAILED, HOSTILE, None, "A.1")
        run = run_of(hostile_view(), {"A.1": [HOSTILE]}, gate)
        text = run["results"][0]["message"]["text"]
        assert text.startswith("[click] (https://x.example) {{0}} }}")
        assert not any(invisible(each["message"]["text"]) for each in run["results"])

    def test_a_huge_run_is_bounded_and_the_same_again(self) -> None:
        node = replace(VIEW.nodes[1], outcome=Outcome.FAILED)
        nodes = tuple(replace(node, label=f"A.{n}") for n in range(RESULTS_LIMIT + 10))
        view = replace(VIEW, nodes=nodes)
        assert len(run_of(view, {})["results"]) == RESULTS_LIMIT
        assert sarif(view, {}, GATE) == sarif(view, {}, GATE)
