from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from runner.report.markdown import block, code, prose, table, title

from .hostile import HOSTILE, invisible

# What would do something on a forge: call someone, refer, link, show, command.
TRICKS = (
    "@octocat", "fixes #1", "group/project!7", "see GH-12", "deadbeefcafe", "https://x.example",
    "www.x.example", "x.example", "[a](https://x.example)", "![a](b)", "<img src=x>", "&lt;b&gt;",
    "/close", "`code` @a", "``` @a", "a | b | @c", "*b* _i_ ~s~", "\\@a", "$1", "%2", "~label", "&3",
    ":+1:", "a\n\n# h\n/close", "`", "``", "` `", "\\`@a\\`", "a\\", HOSTILE,
)  # fmt: skip
QUIET = {"code_inline", "text", "softbreak"}


def inline(markdown: str) -> list[Token]:
    """The tokens of a line, as CommonMark with tables and HTML reads it."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(markdown)
    return [child for token in tokens if token.children for child in token.children]


@pytest.mark.parametrize("trick", TRICKS)
def test_foreign_text_is_only_text(trick: str) -> None:
    for made in (code(trick), prose(trick)):
        tokens = inline(f"- said: {made} and {made}")
        assert {token.type for token in tokens} <= QUIET
        assert [token.type for token in tokens].count("code_inline") == 2
        assert not invisible(made)
        assert "\n" not in made


@given(st.text(max_size=60))
def test_any_text_is_only_text(text: str) -> None:
    tokens = inline(f"- said: {prose(text)}.")
    assert {token.type for token in tokens} <= QUIET
    outside = "".join(token.content for token in tokens if token.type == "text")
    assert not set("@#<>&[]*_`|/\\$%~") & set(outside)


@given(st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_any_text_is_one_cell(texts: list[str]) -> None:
    made = "\n".join(table(["a"] * len(texts), [[code(text) for text in texts]] * 2))
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(made)
    assert [token.type for token in tokens].count("td_open") == 2 * len(texts)


@given(st.lists(st.text(max_size=40), max_size=4))
def test_a_block_ends_where_it_should(lines: list[str]) -> None:
    tokens = MarkdownIt("commonmark", {"html": True}).parse(block(lines, "sh") + "\nafter")
    assert [token.type for token in tokens] == [
        "fence", "paragraph_open", "inline", "paragraph_close",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        "Keep the contents in memory", "It's 3.5 times faster (mostly), by caching: all of it.",
        "drop-fsync",
        "It differs by 0.05% (standard deviation), so 6 pairs do.", "größer, schneller", "one; two", "x",
    ],
)  # fmt: skip
def test_plain_words_stay_plain(words: str) -> None:
    assert prose(words) == words


def test_nothing_is_nothing() -> None:
    assert (code(""), prose(" \n"), title("")) == ("", "", "")


def test_a_long_text_is_cut() -> None:
    assert len(code("x" * 5000)) == 202
    assert len(prose("x" * 5000, 50)) == 52  # cut, and so no plain word


def test_a_title_refers_to_nobody() -> None:
    assert title("fix #12 for @me, !3") == "fix # 12 for @ me, ! 3"
    assert len(title("@a" * 200, 50)) == 50
