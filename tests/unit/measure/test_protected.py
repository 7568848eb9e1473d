from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.measure import protected
from runner.measure.protected import check_glob, matches


def told(
    root: Mapping[str, str], node: Mapping[str, str], globs: Iterable[str]
) -> tuple[str, ...]:
    """What happened, in words; each with the path that it happened to."""
    changes = protected.protected_changes(root, node, globs)
    assert all(path in root or path in node for _, path in changes)
    return tuple(word for word, _ in changes)


@pytest.mark.parametrize(
    ("glob", "yes", "no"),
    [
        ("bench.py", ["bench.py"], ["a/bench.py", "Bench.py", "bench.pyc", "bench.py/x"]),
        ("**/bench.py", ["bench.py", "a/bench.py", "a/b/bench.py"], ["xbench.py", "a/xbench.py"]),
        (
            "tests/**",
            ["tests/a", "tests/.hidden", "tests/a/b/c"],
            ["tests", "atests/a", "x/tests/a"],
        ),
        ("tests/*", ["tests/a"], ["tests/a/b", "tests"]),
        ("tests/*.py", ["tests/a.py", "tests/.py"], ["tests/a.pyc", "tests/b/a.py"]),
        ("a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["az", "a/b/zz", "b/a/z"]),
        ("**", ["a", "a/b", ".x/y"], []),
        ("**/*.lock", ["x.lock", "a/b/.lock"], ["a/lock"]),
        ("a/**/b/**", ["a/b/c", "a/x/b/c/d"], ["a/b", "a/x/c"]),
        ("te?t/[ab].py", ["test/a.py", "text/b.py"], ["teest/a.py", "test/c.py", "te/t/a.py"]),
        ("[!a]*", ["b", "bc"], ["a", "ab", "b/c"]),
        ("[*]", ["*"], ["x"]),
    ],
)
def test_what_globs_match(glob: str, yes: list[str], no: list[str]) -> None:
    assert check_glob(glob) == ""
    assert [path for path in yes if not matches((glob,), path)] == []
    assert [path for path in no if matches((glob,), path)] == []


@pytest.mark.parametrize(
    ("glob", "says"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("/etc/*", "relative to the target"),
        ("../x", "relative to the target"),
        ("a/../x", "relative to the target"),
        ("./x", "an empty name or `.`"),
        ("a//x", "an empty name or `.`"),
        ("tests/", "an empty name or `.`"),
        ("a**", "`**` must be a whole name"),
        ("a/***/b", "`**` must be a whole name"),
        ("a\\b", "holds a backslash"),
        ("[ab", "has a `[` without its `]`"),
        ("[]", "has a `[` without its `]`"),
        ("[a/b]", "has a `[` without its `]`"),
    ],
)
def test_what_is_no_glob(glob: str, says: str) -> None:
    assert says in check_glob(glob)


NAMES = st.text(alphabet="ab.", min_size=1, max_size=3).filter(lambda name: set(name) != {"."})
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
GLOBS = st.lists(
    st.one_of(NAMES, st.sampled_from(["**", "*", "?", "a*", "*.b", "[ab]", "[!a]"])),
    min_size=1,
    max_size=4,
).map("/".join)


def reference(glob: str) -> re.Pattern[str]:
    """The same semantics, the textbook's way: as one regular expression."""
    names = glob.split("/")
    pattern = ""
    for i, name in enumerate(names):
        last = i == len(names) - 1
        if name == "**":
            pattern += "(?:[^/]+/)*" + ("[^/]+" if last else "")
            continue
        name = name.replace(".", "\\.").replace("*", "[^/]*").replace("?", "[^/]")
        pattern += name.replace("[!", "[^") + ("" if last else "/")
    return re.compile(pattern)


@given(glob=GLOBS, path=PATHS)
def test_matching_agrees_with_a_regular_expression(glob: str, path: str) -> None:
    assert matches((glob,), path) == bool(reference(glob).fullmatch(path))


def test_no_path_makes_matching_slow() -> None:
    globs = ("**/a/**/a/**/a/**/a/**/a/**/b", "*a*a*a*a*a*a*a*a*b")
    began = time.process_time()
    assert not matches(globs, "/".join(["a"] * 2000))
    assert not matches(globs, "a" * 4000)
    assert time.process_time() - began < 1.0  # backtracking would take years


def test_changes_are_told_with_a_word_each_in_the_order_of_their_paths() -> None:
    root = {"tests/a.py": "1", "tests/b.py": "2", "src/x.py": "3", "bench.py": "4"}
    node = {"tests/a.py": "1x", "tests/c.py": "5", "src/x.py": "3x", "bench.py": "4"}
    assert told(root, node, ("tests/**", "bench.py")) == (
        "changed tests/a.py",
        "removed tests/b.py",
        "added tests/c.py",
    )


def test_a_file_that_became_a_folder_is_two_changes() -> None:
    changes = told({"bench.py": "1"}, {"bench.py/x": "1"}, ("bench.py", "bench.py/**"))
    assert changes == ("removed bench.py", "added bench.py/x")


def test_without_globs_nothing_is_protected() -> None:
    assert told({"a": "1"}, {}, ()) == ()


def test_names_from_a_container_are_made_safe_to_show() -> None:
    (change,) = told({}, {"t/a\n\x1b[31m": "1"}, ("t/*",))
    assert change == "added 't/a\\n\\x1b[31m'"
    (long,) = told({}, {"t/" + "x" * 5000: "1"}, ("t/*",))
    assert len(long) < 250


MANIFESTS = st.dictionaries(PATHS, st.sampled_from("12"), max_size=8)


@given(root=MANIFESTS, node=MANIFESTS, globs=st.lists(GLOBS, max_size=3))
def test_no_change_to_a_matching_file_goes_unnoticed(
    root: dict[str, str], node: dict[str, str], globs: list[str]
) -> None:
    expected = {
        path
        for path in root | node
        if root.get(path) != node.get(path) and any(reference(g).fullmatch(path) for g in globs)
    }
    changes = told(root, node, globs)
    assert {change.split(" ", 1)[1] for change in changes} == expected
    assert told(root, root, globs) == ()
