"""The readers, over what no real program prints."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import CLIS, FOLDER, recorded

from runner.agents.adapters import ADAPTERS, by_name
from runner.agents.protocol import AgentEvent, EventKind
from runner.agents.reading import MAX_LINE_BYTES, MAX_SAID, MAX_TEXT
from runner.model import AgentStatus
from runner.sandbox.protocol import Exit

NAMES = sorted(ADAPTERS)
# Every type and key that a reader looks at, so that what is generated gets past the first look.
TYPES = (
    *(
        "system",
        "assistant",
        "result",
        "user",
        "thread.started",
        "item.started",
    ),
    *(
        "item.completed",
        "turn.completed",
        "turn.failed",
        "error",
        "init",
        "message",
    ),
    *(
        "tool_use",
        "step_finish",
        "text",
        "oppie-result",
        "session",
        "say",
        "phase",
        "tool",
    ),
)
KEYS = (
    *(
        "type",
        "subtype",
        "message",
        "content",
        "text",
        "name",
        "input",
        "session_id",
        "result",
    ),
    *(
        "is_error",
        "num_turns",
        "errors",
        "usage",
        "total_cost_usd",
        "input_tokens",
    ),
    *(
        "output_tokens",
        "thread_id",
        "item",
        "role",
        "delta",
        "status",
        "stats",
        "part",
    ),
    *(
        "reason",
        "tokens",
        "cache",
        "state",
        "tool",
        "sessionID",
        "cost",
        "model",
    ),
    *(
        "claude_code_version",
        "exit_status",
        "model_stats",
    ),
)

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(TYPES),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=12,
)
events = st.builds(
    lambda kind, rest: {**rest, "type": kind},
    st.sampled_from(TYPES),
    st.dictionaries(st.sampled_from(KEYS), values, max_size=6),
)


def bounded(event: AgentEvent) -> bool:
    printable = all(char.isprintable() or char in "\n\t" for char in event.text)
    limit = MAX_SAID + 100 if event.kind is EventKind.SAID else MAX_TEXT
    return (
        printable
        and len(event.text) <= limit
        and (event.kind is EventKind.SAID or "\n" not in event.text)
    )


def survives(name: str, data: bytes, cut: int) -> None:
    reader = by_name(name).reader()
    found = [*reader.feed(data[:cut]), *reader.feed(data[cut:])]
    assert all(bounded(event) for event in found), found
    report = reader.report(Exit.OK, 0)
    assert len(report.reason) <= MAX_TEXT + 100
    assert len(report.said) <= MAX_SAID + 100
    for name in (report.session, report.version, report.model):
        assert len(name) <= 200
        assert name.isprintable()


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(st.binary(max_size=400), st.integers(0, 400))
def test_any_bytes(name: str, data: bytes, cut: int) -> None:
    survives(name, data, cut)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(st.lists(events, max_size=6), st.integers(0, 400))
def test_events_of_wrong_shapes(name: str, given_events: list[object], cut: int) -> None:
    lines = "\n".join(json.dumps(event) for event in given_events)
    survives(name, lines.encode("utf-8", "surrogatepass"), cut)


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"result","num_turns":' + b"9" * 5000 + b"}",
        b'{"type":"result","total_cost_usd":1e999,"num_turns":1e400,"subtype":"success"}',
        b'{"type":"result","total_cost_usd":NaN,"usage":{"input_tokens":-5,"output_tokens":true}}',
        b'{"type":"result","usage":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"type":"result","is_error":false,"subtype":"success","result":"\\ud800"}',
        b'{"type":"result","result":"\xff\xfe"}',
        b'{"type":"system","subtype":"init","session_id":"--dangerous"}',
        b'{"type":"system","subtype":"init","session_id":"a b\\n"}',
        b"{" * 1000,
        b"\x00" * 1000,
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_single_lines(name: str, line: bytes) -> None:
    survives(name, line + b"\n", len(line) // 2)
    reader = by_name(name).reader()
    list(reader.feed(line + b"\n"))
    report = reader.report(Exit.OK, 0)
    assert report.turns is None
    assert report.cost_usd is None
    assert not report.session.startswith("-")


def test_an_endless_line_takes_no_memory_and_hides_nothing() -> None:
    reader = by_name("claude").reader()
    for _ in range(3 * MAX_LINE_BYTES // 65536):
        assert list(reader.feed(b"x" * 65536)) == []
    held = len(reader._open)  # type: ignore[attr-defined]
    assert held <= MAX_LINE_BYTES
    list(reader.feed(b'\n{"type":"result","subtype":"success","is_error":false}\n'))
    assert reader.report(Exit.OK, 0).status is AgentStatus.DONE


@pytest.mark.parametrize("name", CLIS)
def test_the_pieces_dont_matter(name: str) -> None:
    data = recorded(name)
    whole = by_name(name).reader()
    expected = list(whole.feed(data))
    chance = random.Random(name)
    pieces = by_name(name).reader()
    found: list[AgentEvent] = []
    at = 0
    while at < len(data):
        size = chance.choice((1, 2, 7, 100, 3000))
        found += pieces.feed(data[at : at + size])
        at += size
    assert found == expected
    assert pieces.report(Exit.OK, 0) == whole.report(Exit.OK, 0)


@pytest.mark.parametrize("file", sorted(path.stem for path in FOLDER.glob("*.txt")))
def test_a_recording_that_is_cut_and_bent_anywhere(file: str) -> None:
    data = recorded(file)
    chance = random.Random(file)
    for _ in range(8):
        bent = bytearray(data)
        for _ in range(chance.randrange(1, 30)):
            bent[chance.randrange(len(bent))] = chance.randrange(256)
        survives(file.partition(".")[0], bytes(bent[: chance.randrange(len(bent))]), 50)


def test_the_first_result_counts() -> None:
    reader = by_name("claude").reader()
    bad = b'{"type":"result","subtype":"error_max_turns","is_error":true}\n'
    good = b'{"type":"result","subtype":"success","is_error":false}\n'
    list(reader.feed(bad + good))
    assert reader.report(Exit.OK, 0).status is AgentStatus.TURNS
