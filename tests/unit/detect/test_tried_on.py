"""``docs/tests.md`` names as tried on a real tool what is run in tests, in that release, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from frameworks.cases import CASES

TESTS = Path(__file__).parents[2]
PAGE = TESTS.parent / "docs/tests.md"
RECORDED = TESTS / "unit/measure/recorded/README.md"


def rows(page: Path) -> dict[str, str]:
    """The first and the last cell of each line of a page's tables."""
    lines = (line.strip("|").split("|") for line in page.read_text(encoding="utf-8").splitlines())
    return {cells[0].strip(" `"): cells[-1].strip() for cells in lines if len(cells) > 1}


TRIED_ON = rows(PAGE)
RELEASES = {case.framework: rows(RECORDED)[f"real-{case.folder}"] for case in CASES}


@pytest.mark.parametrize("framework", RELEASES)
def test_what_is_run_is_named_with_its_release(framework: str) -> None:
    release = re.search(r"[0-9]+\.[0-9]+", RELEASES[framework])
    assert release
    assert release[0] in TRIED_ON[framework]


def test_nothing_else_is_said_to_be_run() -> None:
    others = ("nextest", "Swift", ".NET", "XCTest", "fastlane")
    assert not set(others) & set(RELEASES)
    assert all(TRIED_ON[each] == "" or TRIED_ON[each].startswith("results ") for each in others)
