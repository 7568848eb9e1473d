from __future__ import annotations

import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from runner.model import AgentStatus, Goal, Outcome, Round, RunView, Spending, Verdict
from runner.report.pull_request import Told, pull_request
from runner.report.shape import FileChange

from .factory import story
from .hostile import HOSTILE, hostile_view, invisible

VIEW = story(12).view
FOUND = VIEW.verified
TOLD = Told(
    files=(FileChange("src/a.py", 12, 3), FileChange("logo.png", None, None)),
    descriptions={"no-copy": "Hand out views"},
    tests=("tests: 42 tests passed",),
    commands=("oppie verify A.1.1.6 --run 20251009",),
    notes=("a note",),
)
SPENT = Spending(5, 4000, 1000, 200, 0.1234)


def by_agent(*rounds: Round, commit: str = "", view: RunView = VIEW) -> RunView:
    """The run, its first step towards the best node made by an agent."""
    nodes = [
        replace(node, rounds=rounds, spending=SPENT, commit=commit) if node.label == "A.1" else node
        for node in view.nodes
    ]
    return replace(view, nodes=tuple(nodes))


def round_of(number: int, said: str = "", commit: str = "", text: str = "") -> Round:
    return Round(
        number, AgentStatus.DONE, Outcome.IMPROVED, said=said, commit=commit, session=text,
        version=text or "2.1.197", model=text or "claude-sonnet-4-5", reason=text,
    )  # fmt: skip


def lines(body: str) -> list[str]:
    return body.splitlines()


def test_all_that_a_reviewer_asks() -> None:
    made = pull_request(VIEW, VIEW.best, FOUND, TOLD)
    assert made.title == "helios: pool-buffers + mmap-blobs + no-copy (+31.8 % vst_commit_us)"
    said = lines(made.body)
    assert said[0] == "**Verified: +31.8 % better (x1.32)**, in a clean room, against the original."
    assert "Note: a note" in said
    assert "2 files, 12 lines added, 3 removed." in said
    assert "| `src/a.py` | 12 | 3 |" in said
    assert "| `logo.png` | binary | binary |" in said
    assert "1. `A.1`: `pool-buffers`, +1.5 % [-1.5, +4.6]" in said
    assert "   - `no-copy`: Hand out views" in said
    row = "| `vst_commit_us` | 358.9 us | 272.2 us | **+31.8 %** | [+27.9, +35.8] % | 16 |"
    assert row in said
    assert "| `io_bytes_per_commit` | 41,000 | 24,600 | value -40.0 % |  |  |" in said
    assert "- tests: 42 tests passed" in said
    assert said[-3:] == ["```sh", "oppie verify A.1.1.6 --run 20251009", "```"]
    assert "`vst_commit_us`, lower is better" in made.body
    assert pull_request(VIEW, VIEW.best, FOUND, TOLD) == made


def test_what_was_not_verified_claims_nothing() -> None:
    made = pull_request(VIEW, "A.1", None)
    assert lines(made.body)[0].startswith("**Not verified.** Node `A.1`")
    assert "%" not in made.title
    for words in ("No file.", "Nothing was measured", "Nothing is recorded of checks."):
        assert words in made.body


@pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.IMPROVED])
def test_what_is_no_improvement_is_called_what_it_is(verdict: Verdict) -> None:
    assert FOUND is not None
    found = replace(FOUND, verdict=verdict, reason="protected file bench.py changed")
    made = pull_request(VIEW, VIEW.best, found, TOLD)
    assert lines(made.body)[0] == f"**Not an improvement: {verdict}.**"
    assert "`protected file bench.py changed`" in made.body
    assert "%" not in made.title


def test_another_baseline_and_direction() -> None:
    view = replace(VIEW, objective=replace(VIEW.objective, goal=Goal.MAX))
    made = pull_request(view, view.best, FOUND, replace(TOLD, baseline="branch main as it is now"))
    assert "against branch main as it is now." in lines(made.body)[0]
    assert "Before is branch main as it is now" in made.body
    assert "higher is better" in made.body


def test_the_root_and_an_unknown_node() -> None:
    for label in ("A", "B.7"):
        made = pull_request(VIEW, label, None)
        assert made.title == "helios: no change"
        assert "This is the original itself." in made.body


def test_many_files_are_cut() -> None:
    told = Told(files=[FileChange(f"f{n}", 1, 0) for n in range(120)])
    body = pull_request(VIEW, VIEW.best, FOUND, told).body
    assert body.count("| `f") == 50
    assert "And 70 more files." in body


def test_hostile_texts_stay_texts() -> None:
    view = hostile_view(f"| @octocat #1 [x](y) {HOSTILE}\n/close")
    told = Told(
        [FileChange(HOSTILE, 1, 1)], {HOSTILE: HOSTILE}, [HOSTILE], [f"```\n{HOSTILE}"], [HOSTILE]
    )
    made = pull_request(view, view.best, view.verified, told)
    assert not invisible(made.title)
    assert len(made.title) <= 122
    assert not re.search(r"[@#]\w", made.title)
    assert not invisible(made.body)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(made.body)
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"text", "code_inline", "strong_open", "strong_close", "softbreak"}
    assert "html_block" not in {token.type for token in tokens}
    said = [
        child.content for token in tokens for child in token.children or () if child.type == "text"
    ]
    assert not any(set("@#<") & set(text) for text in said)
    assert not any(line.lstrip().startswith("/") for line in lines(made.body))


def test_an_agents_change_says_by_whom_for_how_much_and_in_its_words() -> None:
    rounds = (
        round_of(1, "Half of it.", "c1"),
        round_of(2, "The buffers are pooled.\n\nAll tests pass.", "c2"),
        round_of(3, "That was worse.", "c3"),
    )
    told = replace(TOLD, agents={"pool-buffers": "claude"})
    said = lines(pull_request(by_agent(*rounds, commit="c2"), VIEW.best, FOUND, told).body)
    at = said.index("## Written by agents")
    assert said[at + 2 : at + 9] == [
        "`A.1`: `claude` `2.1.197` with `claude-sonnet-4-5`, round 2 of 3, "
        "`$0.1234, 5 requests, 4,000 tokens in (1,000 cached) and 200 out`.",
        "Its last words, which nobody has checked:",
        "",
        "> ```text",
        "> The buffers are pooled.",
        "> All tests pass.",
        "> ```",
    ]
    assert "That was worse" not in "".join(said)


def test_without_agents_nothing_is_said_of_them() -> None:
    assert "agent" not in pull_request(VIEW, VIEW.best, FOUND, TOLD).body


def test_an_agent_that_said_and_cost_nothing() -> None:
    view = by_agent(round_of(1))
    view = replace(view, nodes=tuple(replace(node, spending=Spending()) for node in view.nodes))
    body = pull_request(view, VIEW.best, FOUND, TOLD).body
    assert "`A.1`: `pool-buffers` `2.1.197` with `claude-sonnet-4-5`, round 1 of 1.\n\n##" in body
    assert "last words" not in body


def test_a_state_of_no_round_is_told_by_the_last_round() -> None:
    view = by_agent(round_of(1, "one", "c1"), round_of(2, "two", ""), commit="c9")
    body = pull_request(view, VIEW.best, FOUND, TOLD).body
    assert "round 2 of 2" in body
    assert "> two" in body


def test_an_agents_words_stay_words() -> None:
    said = f"```\n> ~~~\n/close @octocat\n<script>\n::error::x\n{HOSTILE}\n" + "more\n" * 100
    for text in (said, f"{said}\n/close\n```\n{HOSTILE}"):
        view = by_agent(round_of(1, text, text=HOSTILE))
        told = replace(TOLD, agents={"pool-buffers": HOSTILE})
        body = pull_request(view, VIEW.best, FOUND, told).body
        assert not invisible(body)
        tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(body)
        assert "html_block" not in {token.type for token in tokens}
        quoted = [token.content for token in tokens if token.type == "fence" and token.info == "text"]
        assert len(quoted) == 1
        assert len(quoted[0].splitlines()) == 20
        kinds = {child.type for token in tokens for child in token.children or ()}
        assert kinds <= {"text", "code_inline", "strong_open", "strong_close", "softbreak"}
        assert not any(line.lstrip().startswith(("/", "::")) for line in lines(body))
