"""Command lines, taken apart."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.detect.globs import Globs, literal
from runner.detect.shell import parse
from runner.measure.protected import check_glob, matches


def values(line: str) -> list[list[str]] | None:
    calls = parse(line)
    return None if calls is None else [list(call.values) for call in calls]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a b", [["a", "b"]]),
        ("  a\t'b c'  ", [["a", "b c"]]),
        ('a "b c"d', [["a", "b cd"]]),
        ("a b\\ c", [["a", "b c"]]),
        ("a && b;c", [["a"], ["b"], ["c"]]),
        ("a; b;", [["a"], ["b"]]),
        ("A=1 B= a", [["a"]]),
        ("a --b='c d'", [["a", "--b=c d"]]),
        ("a *.js", [["a", "*.js"]]),
        ("a '' b", [["a", "", "b"]]),
    ],
)
def test_plain_commands(line: str, words: list[list[str]]) -> None:
    assert values(line) == words


@pytest.mark.parametrize(
    "line",
    [
        *("", " ", "a | b", "a > b", "a < b", "a & b", "a || b", "(a)", "$a", "a $b", "a `b`"),
        *('a "$b"', 'a "\\""', "a 'b", 'a "b', "a && && b", "&& a", "a &&", "if a; then b; fi"),
        *("cd a && b", "A=1", "a # b", "! a", "a\nb", "x" * 5000, "{ a; }", "a b\\\n", "eval a"),
    ],
)
def test_what_is_for_a_shell_alone(line: str) -> None:
    assert parse(line) is None


@given(st.lists(st.text(" ab'\"\\*?~[]=-", max_size=6), min_size=1, max_size=4).map(" ".join))
def test_words_mean_what_they_mean_to_a_shell(line: str) -> None:
    calls = parse(f"printf '%s,' {line}")
    if calls is None or len(calls) != 1:
        return
    words = calls[0].values[2:]
    if any(set(word.raw) & set("*?[]~") for word in calls[0].words[2:]):
        return  # the shell expands them; they are handed on as they are
    done = subprocess.run(["sh", "-c", str(calls[0])], capture_output=True, check=True)
    expected = "".join(f"{word}," for word in words) or ","
    assert done.stdout.decode() == expected


_NAMES = st.text("ab.*?[]!/", min_size=1, max_size=8)


@given(glob=_NAMES, path=_NAMES)
def test_globs_match_as_those_of_the_task_file(glob: str, path: str) -> None:
    if not check_glob(glob):
        assert Globs(glob).match(path) == matches((glob,), path)


@given(path=_NAMES, other=_NAMES)
def test_a_literal_glob_matches_its_path_alone(path: str, other: str) -> None:
    assert Globs(literal(path)).match(path)
    assert Globs(literal(path)).match(other) == (other == path)
