"""Real test frameworks: found by the detection, run in the sandbox, and read as a search reads them.

With ``OPPIE_TEST_RECORD=FOLDER`` in the environment, what the tools wrote is kept there.
"""

from __future__ import annotations

import io
import os
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest
from frameworks.cases import CASES, Case, Variant
from frameworks.images import Images

from runner.detect import Found, detect
from runner.expand.attempt import last_words, log_lines
from runner.measure.checks import CheckRun, RootCheck, check_run, judge_check, learn
from runner.measure.reports import Status, read_report
from runner.measure.tests_run import tests_run as number_of_tests
from runner.model import Limits
from runner.sandbox.protocol import Exit, Sandbox, Step

pytestmark = pytest.mark.engine

LIMITS = Limits(time_s=120.0)
_COLOUR = re.compile(rb"\x1b\[[1-9]")
_JAVA_PROPERTY = re.compile(rb' *<property name="(?!line|file\.e)[^>]*/>\n')  # not worth keeping


@dataclass(frozen=True, slots=True)
class Lab:
    """Where one framework is tried."""

    case: Case
    image: str
    sandbox: Sandbox
    folder: Path

    def copy(self, variant: Variant) -> Path:
        return self.case.copy(variant, self.folder / variant)

    def log(self, variant: Variant) -> Path:
        return self.folder / f"{variant}.log"

    def run(self, found: Found, variant: Variant) -> CheckRun:
        """Run the tests of a copy, and read what they left, as a search's check does."""
        name = f"{self.case.folder}-{self.case.image}-{variant}"
        log = self.log(variant)
        archive = _archive(self.folder / variant)
        command = ("sh", "-c", found.command)
        result = self.sandbox.run(Step(name, "A-1", self.image, command, LIMITS, b"", archive), log)
        try:
            results = self._results(result.container, found)
        finally:
            self.sandbox.remove(result.container)
        assert result.exit in (Exit.OK, Exit.NONZERO), last_words(log)
        _record(self.case, variant, found, log.read_bytes(), results)
        report = read_report(found.format, [results]) if found.format else None
        return check_run(result.code, last_words(log), number_of_tests(log_lines(log)), report)

    def _results(self, container: str, found: Found) -> bytes:
        return b"".join(self.sandbox.read(container, found.results)) if found.results else b""


@dataclass(frozen=True, slots=True)
class Root:
    """The untouched project: how its tests are run, and what they came to."""

    lab: Lab
    found: Found
    run: CheckRun
    check: RootCheck

    def try_out(self, variant: Variant) -> tuple[CheckRun, str]:
        """A variant's run, and why it fails; "" if it doesn't."""
        self.lab.copy(variant)
        run = self.lab.run(self.found, variant)
        return run, judge_check(self.check, run)


@pytest.fixture(scope="session")
def images(client: docker.DockerClient, agent_image: str) -> Images:
    """The images with the frameworks, which are built when they are first asked for."""
    return Images(client, agent_image)


@pytest.fixture(scope="module", params=CASES, ids=str)
def root(
    request: pytest.FixtureRequest,
    images: Images,
    shared_engine_sandbox: Sandbox,
    tmp_path_factory: pytest.TempPathFactory,
) -> Root:
    """Each framework's project in turn, detected and run once."""
    case: Case = request.param
    folder = tmp_path_factory.mktemp(case.folder)
    lab = Lab(case, images.tag(case.image), shared_engine_sandbox, folder)
    found = detect(lab.copy(Variant.PASSING)).tests[0]
    run = lab.run(found, Variant.PASSING)
    check = learn("tests", [run])
    assert isinstance(check, RootCheck), check
    return Root(lab, found, run, check)


def test_it_is_found_and_each_test_is_told(root: Root) -> None:
    case = root.lab.case
    assert root.found.framework == case.framework
    assert root.run.ok
    assert root.run.tests_run == case.ran
    assert not root.run.report_problem
    assert not root.run.disagreement
    assert _statuses(root.run) == _expected(case, Status.PASSED)
    assert not _COLOUR.search(root.lab.log(Variant.PASSING).read_bytes())


def test_a_failure_is_told_by_name(root: Root) -> None:
    case = root.lab.case
    run, why = root.try_out(Variant.FAILING)
    assert not run.ok
    assert run.tests_run == case.ran
    assert _statuses(run) == _expected(case, Status.FAILED)
    told = f"1 test failed: {case.passed[0]}" if case.passed else ""
    assert why.startswith(f"check tests exited with {run.code}: {told}")


def test_a_source_that_is_no_code_fails(root: Root) -> None:
    run, why = root.try_out(Variant.BROKEN)
    assert not run.ok
    assert not _passed(run) & set(root.lab.case.passed[:1])
    assert why.startswith(f"check tests exited with {run.code}")


def test_no_test_is_no_success(root: Root) -> None:
    run, why = root.try_out(Variant.EMPTY)
    assert not _passed(run)
    assert run.tests_run == (1 if root.lab.case.framework == "Playwright" else 0)
    assert why


def _statuses(run: CheckRun) -> dict[str, Status]:
    return {each.name: each.status for each in run.cases}


def _passed(run: CheckRun) -> set[str]:
    return {each.name for each in run.cases if each.status is Status.PASSED}


def _expected(case: Case, add: Status) -> dict[str, Status]:
    if not case.passed:
        return {}
    names = dict.fromkeys(case.passed, Status.PASSED) | {case.passed[0]: add}
    return names | dict.fromkeys(case.skipped, Status.SKIPPED)


def _archive(folder: Path) -> Iterator[bytes]:
    """The folder as a workspace that belongs to the sandbox's user."""

    def owned(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 1000
        return member

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(folder, "workspace", filter=owned)
    yield buffer.getvalue()


def _record(case: Case, variant: Variant, found: Found, log: bytes, results: bytes) -> None:
    if "OPPIE_TEST_RECORD" not in os.environ or case.image == "debian":
        return
    folder = Path(os.environ["OPPIE_TEST_RECORD"]) / f"real-{case.folder}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{variant}.log").write_bytes(log)
    if results:
        short = _JAVA_PROPERTY.sub(b"", results)
        (folder / f"{variant}{Path(found.results).suffix}").write_bytes(short)
