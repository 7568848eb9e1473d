from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from runner.model import Phase, Stopped, StopReason
from runner.report.live import Display, LiveDisplay, Mode, PlainDisplay, make_display

from .factory import START, empty_view, story
from .hostile import HOSTILE, hostile_view, invisible


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def _console(terminal: bool = False) -> Console:
    return Console(
        file=StringIO(), force_terminal=terminal, width=80, height=24, _environ={"TERM": "xterm"}
    )


def _written(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def _play(display: Display, clock: Clock) -> None:
    for at, event in story().events:
        clock.now = at
        display.event(event)
    display.close()


def test_plain_is_one_line_per_event_without_control_characters() -> None:
    console, clock = _console(), Clock()
    _play(make_display(Mode.PLAIN, console, empty_view(29), clock), clock)
    lines = _written(console).splitlines()
    assert len(lines) == 1 + len(story().events)
    assert lines[0] == (
        "helios: run 20251009-085320-k3f9; policy frontier, seed 7, 2 workers; "
        "budget 29 nodes, 10:00, 1.0 GiB, until vst_commit_us < 70"
    )
    assert "[0:05] A.1 try pool-buffers at A, expecting +1.4 %" in lines
    assert (
        "[0:10] A.1 neutral, +1.5 % [-1.5, +4.6] against A; commit, reward +0.000; best so far"
        in lines
    )
    assert lines[-1].startswith(
        "[1:08] stopped: budget: nodes (29 of 29 evaluations); 29 evaluations; best A."
    )
    assert not invisible(_written(console))


def test_plain_leaves_out_single_repetitions() -> None:
    console, clock = _console(), Clock()
    display = PlainDisplay(console, empty_view(), clock)
    display.event(Phase("A.1", "benchmark.repeated", {"done": 1, "of": 16}))
    display.event(Phase("A.1", "benchmark.finished", {"pairs": 8, "gain": 0.25, "x": None}))
    assert _written(console).splitlines()[1:] == [
        "[0:00] A.1 benchmark.finished pairs=8 gain=0.25 x=-"
    ]


REMARK = "Against itself the benchmark differs by 1.20 % (standard deviation)."


def test_a_remark_on_the_root_is_a_sentence_of_its_own() -> None:
    console, clock = _console(), Clock()
    display = PlainDisplay(console, replace(empty_view(), remarks=("flaky",)), clock)
    display.event(Phase("A", "root.remarked", {"remark": REMARK}))
    assert _written(console).splitlines()[1:] == ["note: flaky", f"[0:00] note: {REMARK}"]


def test_a_remark_stays_above_the_live_picture() -> None:
    console = _console(terminal=True)
    display = LiveDisplay(console, replace(empty_view(), remarks=("flaky",)), Clock())
    display.event(Phase("A", "root.remarked", {"remark": f"{REMARK}\x1b]0;owned\x07"}))
    display.close()
    written = _written(console)
    assert "note: flaky" in written and "standard deviation" in written
    assert "owned" not in written


def test_json_is_one_object_per_line() -> None:
    console, clock = _console(), Clock()
    _play(make_display(Mode.JSON, console, empty_view(29), clock), clock)
    records = [json.loads(line) for line in _written(console).splitlines()]
    assert records[0]["event"] == "mcts.run.started"
    assert records[-1]["event"] == "mcts.run.stopped"
    assert sum(record["event"] == "mcts.node.evaluated" for record in records) == 29


def test_quiet_says_nothing() -> None:
    console, clock = _console(), Clock()
    _play(make_display(Mode.QUIET, console, empty_view(29), clock), clock)
    assert _written(console) == ""


def test_a_live_picture_is_drawn_and_wiped() -> None:
    console, clock = _console(terminal=True), Clock()
    display = make_display(Mode.LIVE, console, empty_view(29), clock)
    assert isinstance(display, LiveDisplay)
    _play(display, clock)
    display.close()
    written = _written(console)
    assert "29 evaluated" in written
    assert "\x1b[?25h" in written, "the cursor is shown again"
    assert written.rstrip("\r\n").endswith("\x1b[2K"), "the picture is wiped at the end"


@pytest.mark.parametrize(("terminal", "kind"), [(True, LiveDisplay), (False, PlainDisplay)])
def test_auto_follows_the_terminal(terminal: bool, kind: type) -> None:
    display = make_display(Mode.AUTO, _console(terminal), empty_view())
    display.close()
    assert type(display) is kind


def test_ascii_consoles_get_ascii_lines() -> None:
    class AsciiFile(StringIO):
        encoding = "ascii"  # type: ignore[assignment]

    console = Console(file=AsciiFile(), width=80)
    display = make_display(Mode.PLAIN, console, empty_view(), Clock())
    display.event(Stopped(StopReason.ENVIRONMENT, "fällt aus …"))
    assert _written(console).isascii()
    assert "f\\xe4llt aus" in _written(console)


@pytest.mark.parametrize("mode", [Mode.PLAIN, Mode.JSON, Mode.LIVE])
def test_hostile_texts_are_not_obeyed(mode: Mode) -> None:
    console = _console(terminal=mode is Mode.LIVE)
    display = make_display(mode, console, hostile_view(), Clock())
    display.event(Phase("A.1", HOSTILE, {HOSTILE: HOSTILE, "exc_info": True, "event": "x"}))
    display.event(Stopped(StopReason.INTERRUPTED, HOSTILE))
    display.close()
    written = _written(console)
    assert "\x1b]" not in written and "\u202e" not in written and "\x07" not in written
    if mode is not Mode.LIVE:
        assert not invisible(written)
        assert max(map(len, written.splitlines())) < 6000
