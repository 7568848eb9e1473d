from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.report.text import clean, clean_block

from .hostile import HOSTILE, invisible

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=300)


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("plain text, ünïcode 日本", "plain text, ünïcode 日本"),
        ("a\tb\r\nc", "a b c"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;new title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jcleared", "cleared"),
        ("\x1b]unfinished", "unfinished"),
        ("bell\x07 nul\x00", "bell\\x07 nul\\x00"),
        ("user\u202egnp.exe", "user\\u202egnp.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("lone \ud800", "lone \\ud800"),
        ("[bold]not markup[/]", "[bold]not markup[/]"),
        ("::set-output name=x::y", ": :set-output name=x::y"),
        (" \xa0 ::error::owned", ": :error::owned"),
        ("it says ##[group]x and ##VSO[task.complete]", "it says # #[group]x and # #VSO[task.complete]"),
        ("#\x1b[m#[add-mask]x", "# #[add-mask]x"),
        ("std::move(a), ::a, ## [x]", "std::move(a), ::a, ## [x]"),
    ],
)
def test_one_visible_line_is_left(foreign: str, shown: str) -> None:
    assert clean(foreign) == shown


def test_long_text_ends_in_an_ellipsis() -> None:
    assert clean("x" * 50, 10) == "x" * 9 + "…"
    assert clean("x" * 50, 10, ascii_only=True) == "x" * 7 + "..."


def test_ascii_only_spells_out_everything_else() -> None:
    assert clean("é…", ascii_only=True) == "\\xe9\\u2026"


@given(ANYTHING, st.integers(5, 80), st.booleans())
def test_whatever_comes_is_one_bounded_visible_line(
    foreign: str, limit: int, ascii_only: bool
) -> None:
    shown = clean(foreign, limit, ascii_only=ascii_only)
    assert len(shown) <= limit
    assert not invisible(shown)
    assert "\n" not in shown and "\t" not in shown
    shown.encode("ascii" if ascii_only else "utf-8")


@given(ANYTHING)
def test_cleaning_twice_changes_nothing(foreign: str) -> None:
    once = clean(foreign, 2000)
    assert clean(once, 2000) == once


def test_a_block_keeps_its_lines_and_says_what_was_cut() -> None:
    assert clean_block("a\r\n\tb\n\x1b[31mc\u202e") == "a\n\tb\nc\\u202e"
    cut = clean_block("x" * 1500, 1000)
    assert cut.startswith("x" * 1000 + "\n")
    assert cut.endswith("cut: 500 of 1,500 characters are not shown\n")
    assert not invisible(clean_block(HOSTILE))


def orders(line: str) -> bool:
    """Whether GitHub's runner would look for a command in a line, by its rules."""
    return (line.lstrip().startswith("::") and "::" in line.lstrip()[2:]) or "##[" in line


@given(st.lists(st.sampled_from(["::", ":", "#", "##[", "[", "]", "x", " ", "\t", "\xa0", "\n", "\r", "\x1b[m"])))
def test_nothing_that_is_shown_is_an_order(parts: list[str]) -> None:
    text = "".join(parts)
    assert not orders(clean(text))
    assert not any(map(orders, clean_block(text).split("\n")))
