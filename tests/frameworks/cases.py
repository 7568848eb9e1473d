"""What is tried of each framework: its project, and what its tests are known to come to.

Each project has a test of ``add``, one that passes in any case (with a name that formats have to
escape, where names are free), and a skipped one.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROJECTS = Path(__file__).parent / "projects"


@dataclass(frozen=True, slots=True)
class Case:
    """A framework, by the name that ``runner.detect`` gives it, and its project.

    ``image`` is a folder of ``images``. ``source`` holds the one ``+`` of ``add``. ``empty`` are
    files with the new content that leaves no test to run; ``None`` removes one. ``passed`` and
    ``skipped`` are the names that the results give to its tests; the first of ``passed`` is the one
    of ``add``. A framework that writes no results for programs has no names.
    """

    framework: str
    image: str
    source: str
    empty: Mapping[str, str | None]
    passed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    ran: int = field(default=2)  # tests that aren't skipped

    @property
    def folder(self) -> str:
        return self.framework.lower().replace(":", "-")

    def copy_to(self, folder: Path) -> Path:
        """A copy of the project, as it is."""
        return Path(shutil.copytree(PROJECTS / self.folder, folder))

    def broken(self, folder: Path) -> Path:
        """A copy in which ``add`` subtracts."""
        source = self.copy_to(folder) / self.source
        before = source.read_text()
        assert before.count(" + ") == 1
        source.write_text(before.replace(" + ", " - "))
        return folder

    def emptied(self, folder: Path) -> Path:
        """A copy without tests."""
        self.copy_to(folder)
        for name, content in self.empty.items():
            if content is None:
                (folder / name).unlink()
            else:
                (folder / name).write_text(content)
        return folder


_PYTHON = {"tests/test_calc.py": "import calc\n"}
_CMAKE = "cmake_minimum_required(VERSION 3.21)\nproject(calc C)\nenable_testing()\n"
_CALC_RS = "pub fn add(a: i64, b: i64) -> i64 {\n    a + b\n}\n"
_CALC_JAVA = "src/main/java/com/example/Calc.java"
_JAVA: dict[str, str | None] = {"src/test/java/com/example/CalcTest.java": None}
_EXUNIT = "defmodule CalcTest do\n  use ExUnit.Case\nend\n"

CASES = (
    Case("pytest", "python", "calc.py", _PYTHON),
    Case("unittest", "python", "calc.py", _PYTHON),
    Case("tox", "python", "calc.py", _PYTHON),
    Case("nox", "python", "calc.py", _PYTHON),
    Case("Jest", "node", "calc.js", {"calc.test.js": None}),
    Case("Vitest", "node", "calc.js", {"calc.test.js": None}),
    Case("Mocha", "node", "calc.js", {"test/calc.js": 'describe("calc", () => {});\n'}),
    Case("node:test", "node", "calc.js", {"test/calc.test.js": None}),
    Case("Playwright", "node", "calc.js", {"e2e/calc.spec.js": None}),
    Case("Go", "native", "calc.go", {"calc_test.go": None}),
    Case("Cargo", "native", "src/lib.rs", {"src/lib.rs": _CALC_RS, "tests/says.rs": None}),
    Case("CTest", "native", "calc.h", {"CMakeLists.txt": _CMAKE}),
    Case("Bats", "native", "calc.sh", {"test/calc.bats": "true\n"}),
    Case("RSpec", "ruby-php", "lib/calc.rb", {"spec/calc_spec.rb": None}),
    Case(
        "Minitest", "ruby-php", "lib/calc.rb", {"test/test_calc.rb": 'require "minitest/autorun"\n'}
    ),
    Case("PHPUnit", "ruby-php", "src/Calc.php", {"tests/CalcTest.php": None}),
    Case("Maven", "java", _CALC_JAVA, _JAVA),
    Case("Gradle", "java", _CALC_JAVA, _JAVA),
    Case("ExUnit", "elixir", "lib/calc.ex", {"test/calc_test.exs": _EXUNIT}),
)
