"""Repositories that mean harm, or are broken: nothing runs, hangs, or leads out of the folder."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from runner.detect import Tree, detect
from runner.detect.tree import MAX_BYTES
from runner.errors import TaskError
from tests.unit.detect.repository import JS_TEST, PYTEST_FILE, found_in, only_test, write


def test_no_link_is_followed(tmp_path: Path) -> None:
    secret = write(tmp_path / "outside", {"package.json": '{"scripts": {"test": "jest"}}'})
    root = write(tmp_path / "root", {"test_a.py": PYTEST_FILE})
    (root / "package.json").symlink_to(secret / "package.json")
    (root / "web").symlink_to(secret)
    (root / "loop").symlink_to(root)
    found = detect(root)
    assert [test.framework for test in found.tests] == ["pytest"]
    assert Tree(root).files == ("test_a.py",)


def test_a_file_that_becomes_a_link_is_not_followed(tmp_path: Path) -> None:
    root = write(tmp_path, {"a.json": "{}"})
    tree = Tree(root)
    (root / "a.json").unlink()
    (root / "a.json").symlink_to("/etc/passwd")
    assert tree.text("a.json") == ""
    assert "can't be read" in tree.problems["a.json"]


def test_fifos_and_sockets_are_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "package.json")
    os.mkfifo(tmp_path / "Makefile")
    assert found_in(tmp_path, {"test_a.py": PYTEST_FILE}).tests[0].framework == "pytest"


def test_only_so_much_is_read(tmp_path: Path) -> None:
    big = '{"scripts": {"test": "jest"}, "x": "' + "x" * MAX_BYTES + '"}'
    found = found_in(tmp_path, {"package.json": big, "test_a.py": PYTEST_FILE})
    assert [test.framework for test in found.tests] == ["pytest"]
    assert found.problems == (f"package.json has over {MAX_BYTES:,} bytes, and was not read",)


def test_only_so_many_files_are_looked_at_shallow_ones_first(tmp_path: Path) -> None:
    write(tmp_path, {f"deep/{n}/x": "" for n in range(50)} | {"test_a.py": PYTEST_FILE})
    tree = Tree(tmp_path, max_entries=40)
    assert tree.cut
    assert "test_a.py" in tree
    assert len(tree.files) <= 40


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("package.json", b"{"),
        ("package.json", b"[" * 100_000),
        ("package.json", b'{"scripts": ["test"]}'),
        ("package.json", b'{"scripts": {"test": {"a": 1}}}'),
        ("package.json", b'{"scripts": {"test": 1e999}, "devDependencies": []}'),
        ("package.json", b"1" * 10_000),
        ("package.json", b"\xff\xfe\x00"),
        ("package.json", b"\x00\x01\x80"),
        ("pyproject.toml", b"[tool"),
        ("pyproject.toml", b"a = " + b"[" * 50_000),
        ("pyproject.toml", b"tool = 3"),
        ("tox.ini", b"[testenv"),
        ("tox.ini", b"commands = pytest"),
        ("tox.ini", b"[a]\n" * 1000 + b"[testenv]\ncommands\n"),
        ("setup.cfg", b"\x80[tool:pytest]"),
        ("noxfile.py", b"def (:\n"),
        ("noxfile.py", b"(" * 5000),
        ("noxfile.py", b"\x00"),
        ("composer.json", b'{"scripts": {"test": [1, null]}}'),
        ("Makefile", b"test:\n\t" + b"$(A)" * 5000),
        ("Makefile", b"A = $(B)$(B)\nB = $(C)$(C)\nC = $(A)$(A)\ntest:\n\t$(A)\n"),
        ("Makefile", b":::=\n\t\n=:\n" * 1000),
        ("justfile", b"test:\n" + b"test: test\n" * 1000),
        ("pom.xml", b'<!DOCTYPE a [<!ENTITY a "&a;&a;">]><a>&a;</a>'),
        ("oppie.toml", b"[[checks]]\ncommand = 1\n"),
        ("Cargo.toml", b"\xef\xbb\xbf[package]"),
    ],
)
def test_broken_files_are_as_good_as_none(tmp_path: Path, name: str, content: bytes) -> None:
    found = found_in(tmp_path, {name: content, "tests/a.bats": ""})
    assert "Bats" in [each.framework for each in (*found.tests, *found.alternatives)]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Makefile", "a " * 500_000),
        ("Makefile", " " * 1_000_000 + ":"),
        ("Makefile", "test:\n" + "\t@pytest\n" * 100_000),
        ("Makefile", "\\\n" * 400_000),
        ("test_a.py", "\n" * 1_000_000),
        ("test_a.py", "@" * 1_000_000),
        ("test_a.py", "def test_a(" * 90_000),
        ("test/a.rb", "require " * 120_000),
        ("a.test.js", "from " * 200_000),
        ("src/lib.rs", "#[" * 500_000),
        ("CMakeLists.txt", "add_executable(" * 65_000),
        ("bench.py", "METRIC " * 140_000),
        ("bench.py", '"metric": "a' * 80_000),
        ("benches/a.rs", '.bench_function("' * 60_000),
        ("A.java", "@Benchmark " * 90_000),
        ("justfile", "a" * 1_000_000),
        ("package.json", json.dumps({"scripts": {"test": "nx " * 300_000}})),
        (
            "package.json",
            json.dumps({"scripts": {f"s{n}": f"npm run s{n + 1}" for n in range(5000)}}),
        ),
    ],
)
def test_no_file_makes_it_slow(tmp_path: Path, name: str, line: str) -> None:
    write(tmp_path, {name: line, "Cargo.toml": "criterion", "pom.xml": "jmh"})
    begin = time.process_time()
    detect(tmp_path)
    assert time.process_time() - begin < 5.0


def test_names_may_be_anything_that_a_file_system_holds(tmp_path: Path) -> None:
    name = os.fsdecode(b"t\xff\n\x1b[31m $(touch sprung)")
    try:
        (tmp_path / name).mkdir()
    except OSError:
        pytest.skip("the file system doesn't hold such names")
    (tmp_path / name / "package.json").write_text('{"scripts": {"test": "jest"}}')
    (tmp_path / name / "a.test.js").write_text(JS_TEST)
    found = detect(tmp_path)
    assert found.tests[0].folder == name
    assert found.tests[0].command.startswith(f"cd '{name}' && ")


def test_words_of_a_script_stay_words(tmp_path: Path) -> None:
    script = "jest 'a; touch x' \"b && touch y\" c\\;touch"
    found = only_test(
        tmp_path, {"package.json": json.dumps({"scripts": {"test": script}}), "a.test.js": JS_TEST}
    )
    assert found.command.endswith("jest.json 'a; touch x' \"b && touch y\" c\\;touch")


@pytest.mark.parametrize("text", ["\ufefffrom unittest import TestCase\n", "import unittest\r\n"])
def test_marks_of_editors_are_understood(tmp_path: Path, text: str) -> None:
    assert only_test(tmp_path, {"test_a.py": text}).framework == "unittest"


def test_a_file_in_utf_16_is_read(tmp_path: Path) -> None:
    package = '{"scripts": {"test": "mocha"}}'.encode("utf-16")
    assert only_test(tmp_path, {"package.json": package}).framework == "Mocha"


@pytest.mark.parametrize("name", ["missing", "a-file"])
def test_what_is_no_folder_is_said_to_be_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "a-file").touch()
    with pytest.raises(TaskError, match="there is no such folder"):
        detect(tmp_path / name)
