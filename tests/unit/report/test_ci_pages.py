"""The scripts on the pages about continuous integration, run beside a program in `oppie`'s place."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from pages import files_of

# Says what it was asked, and ends as it is told; `report` and `pr` write the files they are asked for.
STANDIN = r"""#!/bin/sh
echo "$@" >>"$ASKED"
command=$1
while [ $# -gt 0 ]; do
    case $1 in
        --junit | --summary | --sarif | --title-file | --body-file) echo "$1" >"$2" ;;
    esac
    shift
done
case $command in
    run | verify) exit "$CODE" ;;
esac
"""


@dataclass(frozen=True)
class Job:
    """A checkout with the page's scripts, and somebody in `oppie`'s place on the PATH."""

    folder: Path

    def run(self, script: str, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.defpath}",
            "ASKED": str(self.folder / "asked"),
            "CODE": str(code),
            "GITHUB_STEP_SUMMARY": str(self.folder / "step.md"),
        }
        return subprocess.run(
            ["sh", script, *arguments], cwd=self.folder, env=environment, capture_output=True,
            text=True, check=False, timeout=20,
        )  # fmt: skip

    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text().splitlines()


@pytest.fixture
def job(tmp_path: Path) -> Job:
    for name, text in {**files_of("ci-github.md"), "bin/oppie": STANDIN}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "bin" / "oppie").chmod(0o755)
    return Job(tmp_path)


@pytest.mark.parametrize("code", [0, 3, 4, 6, 130])
def test_a_search_leaves_reports_and_its_exit_code(job: Job, code: int) -> None:
    assert job.run(".ci/search", "out", code=code).returncode == code
    assert sorted(path.name for path in (job.folder / "out").iterdir()) == [
        "junit.xml", "oppie.sarif", "summary.md",
    ]  # fmt: skip
    assert job.asked()[0] == "run --plain"
    assert (job.folder / "step.md").read_text() == "--summary\n"


@pytest.mark.parametrize("code", [1, 2, 5])
def test_no_run_no_reports(job: Job, code: int) -> None:
    (job.folder / "out").mkdir()
    (job.folder / "out" / "junit.xml").write_text("of an earlier run")
    assert job.run(".ci/search", "out", "3", "4", code=code).returncode == code
    assert job.asked() == ["run --plain"]
    assert list((job.folder / "out").iterdir()) == []


def test_named_codes_are_fine(job: Job) -> None:
    found = [job.run(".ci/search", "out", "3", "4", code=code).returncode for code in (3, 4, 6)]
    assert found == [0, 0, 6]


@pytest.mark.parametrize(("code", "ends", "proposes"), [(0, 0, True), (3, 0, False), (5, 5, False)])
def test_only_what_is_better_is_proposed(job: Job, code: int, ends: int, proposes: bool) -> None:
    assert job.run(".ci/propose", code=code).returncode == ends
    assert any(each.startswith("pr best ") for each in job.asked()) is proposes
    assert (job.folder / "body.md").exists() is proposes


def test_pages_hold_whole_files() -> None:
    assert set(files_of("ci-github.md")) == {
        ".ci/search", ".ci/propose", ".github/workflows/oppie.yml",
    }  # fmt: skip
    assert set(files_of("ci-gitlab.md")) == {".gitlab-ci.yml"}
    for page, name in (
        ("ci-github.md", ".github/workflows/oppie.yml"),
        ("ci-gitlab.md", ".gitlab-ci.yml"),
    ):
        text = files_of(page)[name]
        assert "sh .ci/search oppie-reports" in text
        assert "\t" not in text
