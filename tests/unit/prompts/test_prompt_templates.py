"""Templates of the task's own: what they may hold, and one message for all that is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runner.errors import TaskError
from runner.prompts import Prompts, slash_command
from runner.prompts.parts import fill, foreign, names_in, words
from runner.prompts.templates import ALLOWED, MAX_TEMPLATE_BYTES, Kind, load_templates, packaged


@pytest.mark.parametrize("kind", list(Kind))
def test_the_packages_templates_are_valid(kind: Kind, tmp_path: Path) -> None:
    (tmp_path / f"{kind}.md").write_text(packaged(kind))
    assert load_templates(tmp_path)[kind] == packaged(kind)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.COMMAND])
def test_the_packages_templates_use_nearly_all_there_is(kind: Kind) -> None:
    used = {name for name, _ in names_in(packaged(kind))}
    used |= {name for name, _ in names_in(packaged(Kind.TDD))} if kind is Kind.TRANSITION else set()
    spare = {"node", "state", "checks", "benchmark", "protected", "tools", "objective", "expected"}
    assert set(ALLOWED[kind]) - used <= spare


def test_a_file_of_the_same_name_wins(tmp_path: Path) -> None:
    (tmp_path / "tdd.md").write_text("Only {{benchmark}}.")
    (tmp_path / ".keep").write_text("")
    found = load_templates(tmp_path)
    assert found[Kind.TDD] == "Only {{benchmark}}."
    assert found[Kind.REVIEW] == packaged(Kind.REVIEW)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "tdd.md").write_text("one\n{{benchmrk}} {{ checks }}\n{{diff}}\n")
    (tmp_path / "opening.md").write_text("x")
    with pytest.raises(TaskError) as caught:
        load_templates(tmp_path)
    lines = str(caught.value).split("\n")
    assert lines[0] == (
        f"{tmp_path}/opening.md: is no template of a prompt; allowed: transition.md, tdd.md, "
        "reflect.md, backtrack.md, review.md, command.md"
    )
    assert lines[1].startswith(
        f"{tmp_path}/tdd.md:2: {{{{benchmrk}}}} is not known there; allowed: {{{{benchmark}}}}, "
    )
    assert lines[2].startswith(f"{tmp_path}/tdd.md:3: {{{{diff}}}}")
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"a\0b", "holds a NUL byte"),
        (b"\xff", "is no UTF-8 text"),
        (b"x" * (MAX_TEMPLATE_BYTES + 1), "has over 8192 bytes"),
    ],
)
def test_what_is_no_text(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "tdd.md").write_bytes(data)
    with pytest.raises(TaskError, match=said):
        Prompts.load(tmp_path)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="can't be read as prompts: No such file"):
        Prompts.load(tmp_path / "prompts")
    (tmp_path / "tdd.md").mkdir()
    with pytest.raises(TaskError, match=r"tdd.md: can't be read"):
        Prompts.load(tmp_path)


def test_braces_of_other_languages_are_left_alone() -> None:
    assert (
        fill("{{.Name}} {{ 1 }} {x} {{{a}}}", {"a": words("b")}, 1000)
        == "{{.Name}} {{ 1 }} {x} {b}"
    )


def test_a_block_stands_on_lines_of_its_own() -> None:
    text = fill("see {{a}} there", {"a": foreign("", "x", 100)}, 1000)
    assert text == "see \n```\nx\n```\n there"


def test_what_has_nothing_to_say_takes_no_line() -> None:
    assert fill("one\n\n{{a}}\n\ntwo\n", {"a": words("")}, 1000) == "one\n\ntwo\n"


def test_the_last_parts_are_cut_first() -> None:
    parts = {"a": foreign("", "a" * 50, 400), "b": foreign("", "b\n" * 400, 4000)}
    text = fill("{{b}}\n{{a}}\n", parts, 500)
    assert "a" * 50 in text
    assert "more lines]" in text
    assert len(text) <= 500


def test_the_slash_command() -> None:
    path, data = slash_command()
    text = data.decode()
    assert path == ".claude/commands/otw/research-tdd-pr-review.md"
    assert text.startswith("---\ndescription: ")
    for part in ("argument-hint:", "$ARGUMENTS", "--snapshot", "--mcts-node"):
        assert part in text
    # Claude Code would run the one, and read the file of the other.
    assert "!`" not in text
    assert "@" not in text


def test_the_slash_command_can_be_the_tasks_own(tmp_path: Path) -> None:
    (tmp_path / "command.md").write_text("Do it: $ARGUMENTS\n")
    assert Prompts.load(tmp_path).command() == (slash_command()[0], b"Do it: $ARGUMENTS\n")


def test_the_page_has_all_files_and_placeholders() -> None:
    page = (Path(__file__).parents[3] / "docs" / "prompts.md").read_text(encoding="utf-8")
    told: dict[str, set[str]] = {str(kind): set() for kind in Kind}
    for names, kinds in re.findall(r"^\| (`\{\{.+?\}\}`) \| ([a-z, ]+) \|", page, re.MULTILINE):
        for kind in kinds.split(", "):
            told[kind].update(re.findall(r"\{\{(\w+)\}\}", names))
    assert told == {str(kind): set(names) for kind, names in ALLOWED.items()}
    assert re.findall(r"^\| `(\w+)\.md` \|", page, re.MULTILINE) == [
        *("transition", "tdd", "reflect", "backtrack", "review", "command"),
    ]
