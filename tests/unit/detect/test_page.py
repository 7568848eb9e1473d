"""``docs/tests.md`` is held to the table of frameworks."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.detect.framework import Framework
from runner.detect.table import FRAMEWORKS

PAGE = Path(__file__).parents[3] / "docs" / "tests.md"
ROWS = {
    cells[1].strip(): [cell.strip() for cell in cells[2:-1]]
    for cells in (line.split("|") for line in PAGE.read_text(encoding="utf-8").splitlines())
    if len(cells) == 7
}


@pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda framework: framework.name)
def test_the_page_tells_each_framework_as_it_is(framework: Framework) -> None:
    _, called, results, tried = ROWS[framework.name]
    if not framework.linux:
        assert called.startswith("macOS only")
        return
    assert framework.program.split(" ")[0] in called
    options = [word for word in framework.shape.split() if word.startswith("-")]
    told = [option for option in options if option.partition("=")[0] in called]
    assert told or not options
    if framework.format:
        assert results == f"`{framework.format.value}`"
    else:
        assert results in ("counted", "`junit` of pytest")
    assert tried


def test_the_page_tells_no_other_framework() -> None:
    assert set(ROWS) - {"framework", "---"} == {framework.name for framework in FRAMEWORKS}
