"""The readers, over what the real programs printed."""

from __future__ import annotations

import pytest
from recordings import CLIS, recorded

from runner.agents.adapters import by_name
from runner.agents.protocol import EventKind, Report
from runner.model import AgentStatus, Spending
from runner.sandbox.protocol import Exit

DONE, FAILED, TURNS = AgentStatus.DONE, AgentStatus.FAILED, AgentStatus.TURNS


def read(name: str, ending: Exit = Exit.OK, code: int = 0) -> tuple[list[tuple[str, str]], Report]:
    reader = by_name(name.partition(".")[0]).reader()
    events = [(str(event.kind), event.text) for event in reader.feed(recorded(name))]
    return events, reader.report(ending, code)


@pytest.mark.parametrize("name", CLIS)
def test_a_session_is_done(name: str) -> None:
    events, report = read(name)
    assert report.status is DONE
    assert report.reason == ""
    phases = [text for kind, text in events if kind == EventKind.PHASE]
    assert phases == (["green"] if name == "aider" else ["research", "green"])
    assert [kind for kind, _ in events].count(EventKind.RESULT) == (name != "aider")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("claude", "Done it."),
        ("codex", "Done it."),
        ("gemini", "Done it."),
        ("opencode", "Done it."),
    ],
)
def test_what_is_said_and_used(name: str, said: str) -> None:
    events, report = read(name)
    assert report.said == said
    assert report.tokens is not None
    assert (report.tokens.input_tokens, report.tokens.output_tokens) == (3000, 150)
    assert [text for kind, text in events if kind == EventKind.SESSION] == [report.session]
    tools = [text for kind, text in events if kind == EventKind.TOOL]
    assert len(tools) == 2
    assert "cat a.py" in tools[0]


def test_claude_tells_most() -> None:
    _, report = read("claude")
    assert report == Report(
        DONE,
        "",
        "Done it.",
        "e1a1b046-84c9-47f5-81c5-77e30dd4e31c",
        "2.1.197",
        "claude-test",
        3,
        pytest.approx(0.01875),
        Spending(0, 3000, 0, 150, report.cost_usd),
    )


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("claude.turns", TURNS, "error_max_turns Reached maximum number of turns (2)"),
        (
            "claude.budget",
            AgentStatus.BUDGET,
            "error_max_budget_usd Reached maximum budget ($0.01)",
        ),
        ("claude.error", FAILED, "API Error: Request rejected (429) · the script says 429"),
        (
            "claude.nosession",
            FAILED,
            "error_during_execution No conversation found with session ID",
        ),
        ("codex.error", FAILED, "unexpected status 401 Unauthorized: the script says 401"),
        ("gemini.turns", TURNS, "Reached max session turns for this session."),
        ("gemini.error", FAILED, "unknown [API Error: "),
        ("opencode.error", FAILED, "APIError the script says 401"),
        ("aider.error", FAILED, "litellm.BadRequestError: OpenAIException - the script says 401"),
        ("mini.turns", TURNS, "reached its limit of turns or of money"),
        ("mini.error", FAILED, "BadRequestError BadRequestError: litellm.BadRequestError"),
    ],
)
def test_what_ends_otherwise(name: str, status: AgentStatus, reason: str) -> None:
    _, report = read(name, Exit.NONZERO, 1)
    assert report.status is status
    assert report.reason.startswith(reason)


@pytest.mark.parametrize("name", ["claude", "codex", "gemini", "opencode", "aider"])
def test_the_session_goes_on(name: str) -> None:
    _, first = read(name)
    _, second = read(f"{name}.resumed")
    assert second.session == first.session != ""
    assert second.said == "Again."
    assert second.status is DONE
    assert by_name(name).resumes


def test_a_session_that_is_gone_isnt_handed_back() -> None:
    assert read("claude.nosession", Exit.NONZERO, 1)[1].session == ""


@pytest.mark.parametrize("name", ["claude", "opencode"])
def test_tools_of_ours_are_told(name: str) -> None:
    events, _ = read(f"{name}.mcp")
    assert any(kind == EventKind.TOOL and "ping" in text for kind, text in events)


def test_mini_tells_what_its_trajectory_says() -> None:
    _, report = read("mini")
    assert (report.version, report.model, report.turns) == ("2.4.6", "openai/gpt-test", 3)
    assert report.cost_usd is None  # it says 0 for models that it knows no price of


def test_aider_tells_its_edits() -> None:
    events, report = read("aider")
    assert ("tool", "edit a.py") in events
    assert (report.version, report.model, report.turns) == ("0.86.2", "openai/gpt-test", 1)
    assert report.said.startswith("PHASE: green\nI change it.")


# Claude Code's result with both fields at every value that was seen, and some that weren't.
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ('"subtype":"success","is_error":false', DONE),
        ('"subtype":"success","is_error":true', FAILED),
        ('"subtype":"success"', FAILED),
        ('"subtype":"success","is_error":0', FAILED),
        ('"subtype":"error_during_execution","is_error":false', FAILED),
        ('"subtype":"error_max_turns","is_error":false', TURNS),
        ('"subtype":"error_max_turns","is_error":true', TURNS),
        ('"subtype":"error_max_budget_usd","is_error":true', AgentStatus.BUDGET),
        ('"subtype":"error_of_next_year","is_error":true', FAILED),
        ('"is_error":false', FAILED),
    ],
)
def test_claude_both_the_subtype_and_is_error_count(fields: str, status: AgentStatus) -> None:
    reader = by_name("claude").reader()
    list(reader.feed(b'{"type":"result",%s}\n' % fields.encode()))
    assert reader.done
    assert reader.report(Exit.OK, 0).status is status


@pytest.mark.parametrize("name", [*CLIS, "scripted"])
@pytest.mark.parametrize(
    ("ending", "code", "status", "reason"),
    [
        (Exit.TIMEOUT, 137, AgentStatus.TIMEOUT, "took longer than it may"),
        (Exit.SILENT, 137, AgentStatus.TIMEOUT, "printed nothing for longer than it may"),
        (Exit.OOM, 137, FAILED, "was killed: out of memory"),
        (Exit.DISK, 137, FAILED, "was killed: it wrote more than it may"),
        (Exit.NONZERO, 3, FAILED, "ended with the code 3: help!"),
    ],
)
def test_without_a_result_the_ending_counts(
    name: str, ending: Exit, code: int, status: AgentStatus, reason: str
) -> None:
    reader = by_name(name).reader()
    assert list(reader.feed(b"oppie: agent x\nhelp!\n")) == []
    report = reader.report(ending, code)
    assert (report.status, report.reason) == (status, reason)


@pytest.mark.parametrize("name", ["claude", "codex", "gemini", "opencode", "mini", "scripted"])
def test_an_end_without_a_result_is_no_success(name: str) -> None:
    reader = by_name(name).reader()
    list(reader.feed(b"bye\n"))
    report = reader.report(Exit.OK, 0)
    assert (report.status, report.reason) == (FAILED, "ended without a result: bye")


@pytest.mark.parametrize("name", ["claude", "codex", "gemini", "opencode", "mini"])
def test_a_hang_after_the_result_changes_nothing(name: str) -> None:
    for ending in (Exit.TIMEOUT, Exit.SILENT, Exit.NONZERO):
        assert read(name, ending, 137)[1].status is DONE


def test_the_exit_code_of_a_command_decides() -> None:
    reader = by_name("command").reader()
    events = [
        *reader.feed(b"look\nPHASE: red\nPHASE: red\n**Phase: pr**\nsome"),
        *reader.feed(b"thing"),
    ]
    assert [event.text for event in events] == ["red", "pr"]
    assert not reader.done
    assert reader.report(Exit.OK, 0).status is DONE
    again = by_name("command").reader()
    list(again.feed(b"no\n"))
    assert again.report(Exit.NONZERO, 9).reason == "ended with the code 9: no"


def test_the_last_line_needs_no_end() -> None:
    reader = by_name("claude").reader()
    list(reader.feed(recorded("claude").rstrip(b"\n")))
    assert reader.report(Exit.OK, 0).status is DONE


def test_gemini_puts_pieces_together() -> None:
    reader = by_name("gemini").reader()
    piece = '{"type":"message","role":"assistant","content":"%s","delta":%s}\n'
    pieces = [("PHASE: r", "true"), ("ed", "true"), ("Whole.", "false"), ("Cut", "true")]
    events = list(reader.feed("".join(piece % each for each in pieces).encode()))
    assert [event.text for event in events] == ["PHASE: red", "red"]
    assert reader.report(Exit.TIMEOUT, 137).said == "Whole.Cut"
