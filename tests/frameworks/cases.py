"""What is tried of each framework: its project, and what its tests are known to come to.

Each project has a test of ``add``, one that passes in any case (with a name that formats have to
escape, where names are free), and a skipped one. Where a project says how to run them, it asks for
colours, and to watch.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import assert_never

Names = tuple[str, ...]
PROJECTS = Path(__file__).parent / "projects"


class Variant(StrEnum):
    """What was done to a project: nothing; ``add`` subtracts; the source is no code of its
    language; there is no test."""

    PASSING = "passing"
    FAILING = "failing"
    BROKEN = "broken"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Case:
    """A framework, by the name that ``runner.detect`` gives it, and its project.

    ``image`` is a folder of ``images``. ``source`` holds the one ``+`` of ``add``. ``empty`` are
    files with the new content that leaves no test to run; ``None`` removes one. ``passed`` and
    ``skipped`` are the names that the results give to its tests; the first of ``passed`` is the one
    of ``add``. Of a framework that writes no results for programs, the tests that run are
    ``counted``.
    """

    framework: str
    image: str
    source: str
    empty: Mapping[str, str | None]
    passed: Names = ()
    skipped: Names = ()
    counted: int = 0

    def __str__(self) -> str:
        return f"{self.framework} ({self.image})"

    @property
    def ran(self) -> int:
        """How many of the project's tests run."""
        return len(self.passed) or self.counted

    @property
    def folder(self) -> str:
        return self.framework.lower().replace(":", "-")

    def copy(self, variant: Variant, folder: Path) -> Path:
        """The project, as one of its variants, in a new ``folder``."""
        shutil.copytree(PROJECTS / self.folder, folder)
        match variant:
            case Variant.PASSING:
                pass
            case Variant.FAILING:
                self._instead_of_plus(" - ", folder)
            case Variant.BROKEN:
                self._instead_of_plus(" + )(", folder)
            case Variant.EMPTY:
                self._empty(folder)
            case _:
                assert_never(variant)
        return folder

    def _instead_of_plus(self, text: str, folder: Path) -> None:
        before = (folder / self.source).read_text()
        assert before.count(" + ") == 1
        (folder / self.source).write_text(before.replace(" + ", text))

    def _empty(self, folder: Path) -> None:
        for name, content in self.empty.items():
            if content is None:
                (folder / name).unlink()
            else:
                (folder / name).write_text(content)


# What leaves no test.
_PYTHON = {"tests/test_calc.py": "import calc\n"}
_CMAKE = "cmake_minimum_required(VERSION 3.21)\nproject(calc C)\nenable_testing()\n"
_CARGO = {
    "src/lib.rs": "pub fn add(a: i64, b: i64) -> i64 {\n    a + b\n}\n",
    "tests/says.rs": None,
}
_CALC_JAVA = "src/main/java/com/example/Calc.java"
_JAVA: dict[str, str | None] = {"src/test/java/com/example/CalcTest.java": None}
_MINITEST = 'require "minitest/autorun"\n'
_MOCHA = 'describe("calc", () => {});\n'
_GO = ("TestAdds", "TestSays/plain", 'TestSays/<"é">_&_more')
_EXUNIT = "defmodule CalcTest do\n  use ExUnit.Case\nend\n"

# The tests, as the tools name them.
_SAYS = 'says <"é"> & more'
_CALC = ("adds", _SAYS)
_PYTEST = ("test_adds", "test_says[plain]", r'test_says[<"\xe9"> & more]')
_MAVEN = ("adds", "says{String}[1]", "says{String}[2]")
_PHPUNIT = (
    "calc > CalcTest > testAdds",
    'calc > CalcTest::testSays > CalcTest > testSays with data set "plain"',
    'calc > CalcTest::testSays > CalcTest > testSays with data set "<"é"> & more"',
)


def _below(suite: str, names: Names, skipped: str = "divides") -> tuple[Names, Names]:
    """The names of tests that passed, and of the one that was skipped, all in one suite."""
    return tuple(f"{suite}{name}" for name in names), (f"{suite}{skipped}",)


_BY_PYTEST = _below("tests.test_calc > ", _PYTEST, "test_divides")
_BY_JEST = _below("/workspace/calc.test.js > calc > ", _CALC)
_BY_MOCHA = _below("/workspace/test/calc.js > calc ", _CALC)
_BY_PLAYWRIGHT = _below("calc.spec.js > calc > ", _CALC)
_BY_GO = _below("example.com/calc > ", _GO, "TestDivides")
_BY_CARGO = (("tests::adds", "says"), ("tests::divides",))
_BY_RSPEC = _below("./spec/calc_spec.rb > Calc ", _CALC)
_BY_PHPUNIT = (_PHPUNIT, ("calc > CalcTest > testDivides",))
_BY_MAVEN = _below("com.example.CalcTest > ", _MAVEN)
_BY_GRADLE = _below("com.example.CalcTest > ", ("adds", "says"))

CASES = (
    Case("pytest", "python", "calc.py", _PYTHON, *_BY_PYTEST),
    Case("pytest", "debian", "calc.py", _PYTHON, *_BY_PYTEST),
    Case("unittest", "python", "calc.py", _PYTHON, counted=2),
    Case("tox", "python", "calc.py", _PYTHON, *_BY_PYTEST),
    Case("tox", "debian", "calc.py", _PYTHON, *_BY_PYTEST),
    Case("nox", "python", "calc.py", _PYTHON, *_BY_PYTEST),
    Case("Jest", "node", "calc.js", {"calc.test.js": None}, *_BY_JEST),
    Case(
        "Vitest",
        "node",
        "calc.js",
        {"calc.test.js": None},
        *_below("calc.test.js > calc > ", _CALC),
    ),
    Case("Mocha", "node", "calc.js", {"test/calc.js": _MOCHA}, *_BY_MOCHA),
    Case("node:test", "node", "calc.js", {"test/calc.test.js": None}, *_below("calc > ", _CALC)),
    Case("node:test", "debian", "calc.js", {"test/calc.test.js": None}, *_below("calc > ", _CALC)),
    Case("Playwright", "node", "calc.js", {"e2e/calc.spec.js": None}, *_BY_PLAYWRIGHT),
    Case("Go", "native", "calc.go", {"calc_test.go": None}, *_BY_GO),
    Case("Cargo", "native", "src/lib.rs", _CARGO, *_BY_CARGO),
    Case("CTest", "native", "calc.h", {"CMakeLists.txt": _CMAKE}, *_below("", ("adds", "says"))),
    Case("Bats", "native", "calc.sh", {"test/calc.bats": "true\n"}, *_below("", _CALC)),
    Case("RSpec", "ruby-php", "lib/calc.rb", {"spec/calc_spec.rb": None}, *_BY_RSPEC),
    Case("Minitest", "ruby-php", "lib/calc.rb", {"test/test_calc.rb": _MINITEST}, counted=2),
    Case("PHPUnit", "ruby-php", "src/Calc.php", {"tests/CalcTest.php": None}, *_BY_PHPUNIT),
    Case("Maven", "java", _CALC_JAVA, _JAVA, *_BY_MAVEN),
    Case("Gradle", "java", _CALC_JAVA, _JAVA, *_BY_GRADLE),
    Case("ExUnit", "elixir", "lib/calc.ex", {"test/calc_test.exs": _EXUNIT}, counted=2),
)
