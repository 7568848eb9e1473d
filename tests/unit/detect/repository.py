"""Tiny repositories for tests: files by their paths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runner.detect import Detection, Found, detect


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write the files below ``folder``, which is returned."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def found_in(folder: Path, files: Mapping[str, str | bytes]) -> Detection:
    """What is detected in a repository of these files."""
    return detect(write(folder, files))


def only_test(folder: Path, files: Mapping[str, str | bytes]) -> Found:
    """The one way to run the tests of a repository of these files."""
    tests = found_in(folder, files).tests
    assert len(tests) == 1, [test.framework for test in tests]
    return tests[0]


PYTEST_FILE = "def test_adds():\n    assert 1 + 1 == 2\n"
UNITTEST_FILE = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_a(self): pass\n"
JS_TEST = "test('a', () => {});\n"
NODE_TEST = "import test from 'node:test';\ntest('a', () => {});\n"
GO_TEST = 'package a\n\nimport "testing"\n\nfunc TestA(t *testing.T) {}\n'
RUST_TEST = "#[test]\nfn a() {}\n"
