"""docs/engines.md is what the record says."""

from __future__ import annotations

from pathlib import Path

from runner.sandbox.guarantees import NAMES
from tests.engines.__main__ import Ran
from tests.engines.catalogue import ENGINES
from tests.engines.record import recorded
from tests.engines.suites import Count, count
from tests.engines.table import BEGIN, END, PAGE, page_with, tables


def test_the_page_has_the_tables_of_the_record() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    assert page_with(text, recorded()) == text


def test_every_engine_is_on_record_with_every_guarantee() -> None:
    record = recorded()
    assert [*record] == [engine.name for engine in ENGINES if engine.name in record]
    assert len(record) >= 4
    for one in record.values():
        assert [*one["guarantees"]] == [*NAMES]
        assert one["tests"]["passed"] > 0 or one["tests"]["suite"] == "none"


def test_no_engine_is_told_to_keep_what_it_doesnt() -> None:
    found = {"holds": ("holds", True), "said": ("holds", False), "fails": ("doesn't hold", True)}
    guarantees = {
        name: {"standing": standing, "shown": shown, "why": f"because of {name}"}
        for name, (standing, shown) in found.items()
    }
    tests = {"suite": "short", "passed": 3, "failed": ["x"], "skipped": []}
    engine = {
        "engine": "e",
        "storage": "s",
        "cgroups": "c",
        "guarantees": guarantees,
        "tests": tests,
    }
    text = tables({"one": {**engine, "title": "One"}, "two": {**engine, "title": "Two"}})
    assert "| One | e | s | c | short: 3 passed, 1 failed |" in text
    assert "| holds | yes | yes |" in text
    assert "| said | yes (its word) | yes (its word) |" in text
    assert "| fails | no | no |" in text
    assert "- **fails** (One; Two): because of fails." in text


def test_a_report_of_tests_is_counted(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        "<testsuites><testsuite>"
        '<testcase classname="a" name="one" time="1.5"/>'
        '<testcase classname="a" name="two" time="0.5"><failure/></testcase>'
        '<testcase classname="a" name="three"><error/></testcase>'
        '<testcase classname="a" name="four"><skipped/></testcase>'
        "</testsuite></testsuites>"
    )
    assert count(report) == Count(1, ("a.two", "a.three"), ("a.four",), 2.0)


def test_an_engine_that_did_not_run_is_no_success() -> None:
    engine = ENGINES[0]
    assert not Ran(engine, None, "no network").good
    assert "NOT RUN: no network" in str(Ran(engine, None, "no network"))
    assert not Ran(engine, Count(0, (), (), 0.0)).good
    assert not Ran(engine, Count(5, ("x",), (), 1.0)).good
    assert Ran(engine, Count(5, (), (), 1.0)).good
