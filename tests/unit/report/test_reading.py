"""The page that explains results names every outcome, verdict, stop and exit code there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runner.errors import ExitCode
from runner.model import Outcome, StopReason, Verdict
from runner.report.glyphs import outcome_sign

PAGE = (Path(__file__).parents[3] / "docs" / "reading-a-result.md").read_text("utf-8")


@pytest.mark.parametrize("outcome", Outcome)
def test_the_page_names_every_outcome_with_its_sign(outcome: Outcome) -> None:
    rows = re.findall(rf"^\| `(.)` \|[^|]*`{outcome.value}`", PAGE, flags=re.M)
    assert rows == [outcome_sign(outcome).glyph]


def test_the_page_names_exactly_the_verdicts() -> None:
    section = PAGE.split("### Verdicts")[1].split("\n###")[0]
    assert re.findall(r"^\| `([^`]+)` \|", section, flags=re.M) == [each.value for each in Verdict]


@pytest.mark.parametrize("reason", StopReason)
def test_the_page_names_every_reason_to_stop(reason: StopReason) -> None:
    assert f"| `{reason.value}` |" in PAGE


def test_the_page_names_exactly_the_exit_codes() -> None:
    section = PAGE.split("## Exit codes")[1].split("\n## ")[0]
    assert re.findall(r"^\| (\d+) \|", section, flags=re.M) == [
        str(code.value) for code in ExitCode
    ]
