from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from runner.model import Phase, Retried, Selected
from runner.report.budget import limits_of
from runner.report.moment import LiveNode, LiveState
from runner.report.progress import advance, begin
from runner.report.screen import choose, label_order, screen

from .factory import START, empty_view, story
from .hostile import HOSTILE, hostile_view, invisible


def _moment(events: int | None = None, workers: int = 2) -> tuple[LiveState, float]:
    moment, now = begin(empty_view(29, workers), START), START
    for at, event in story(workers=workers).events[:events]:
        moment, now = advance(moment, event, at), at
    return moment, now


def _drawn(
    moment: LiveState, now: float, width: int = 80, height: int = 23, ascii_only: bool = False
) -> list[str]:
    console = Console(file=StringIO(), width=width, height=height, color_system=None)
    limits = limits_of(empty_view(29).budget)
    console.print(screen(moment, limits, now, width, height, ascii_only))
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


GOLDEN = """\
search  helios  run 20251009-085320-k3f9  frontier, seed 7
best    A.1.1 est. +18.7 % [+14.9, +22.7] vst_commit_us 302.3 us (root 358.9)
pace    29.1 nodes/min  7 evaluated in 0:19  2 improved  1 failed  1 neutral
left    ###---------  22 nodes, 9:40, 1023 MiB, until vst_commit_us < 70
1       A.1.1.4  waiting for a container  0:00  pool-buffers
2       A.1.1.3  applying the action  0:00  hash-once + mmap-blobs
10 nodes
* A  7 visits
  ~ A.1  neutral  +1.5 %  pool-buffers  4 visits
    + A.1.1  improved  +18.7 %  mmap-blobs  3 visits  best so far
      x A.1.1.1  rejected  -20.4 %  cache-tree-hash  1 visit
      = A.1.1.2  duplicate of A.1  zlib-level-1  1 visit
      o A.1.1.3  open  hash-once + mmap-blobs  0 visits
      o A.1.1.4  open  pool-buffers  0 visits
  x A.2  failed  cache-tree-hash  1 visit
  + A.3  improved  +15.7 %  lazy-diff  1 visit
  - A.4  regressed  -9.0 %  pack-objects + pool-buffers  1 visit"""


def test_the_picture_of_a_moment() -> None:
    assert "\n".join(_drawn(*_moment(45), ascii_only=True)) == GOLDEN


@pytest.mark.parametrize("height", [12, 23, 50])
@pytest.mark.parametrize("workers", [1, 2, 16])
def test_every_moment_fits_the_terminal(height: int, workers: int) -> None:
    moment = begin(empty_view(29, workers), START)
    for number, (at, event) in enumerate(story(workers=workers).events):
        moment = advance(moment, event, at)
        if number % 7:
            continue
        lines = _drawn(moment, at + 0.5, height=height)
        assert len(lines) <= height
        assert max(map(len, lines)) <= 80


def _wide(nodes: int) -> LiveState:
    moment, _ = _moment(100)
    more = {f"A.{n}": LiveNode(f"A.{n}", "A", ("x",)) for n in range(100, 100 + nodes)}
    return replace(moment, nodes={**moment.nodes, **more})


def test_a_big_tree_shows_the_best_and_what_is_in_flight_and_counts_the_rest() -> None:
    moment = _wide(5000)
    shown, hidden = choose(moment, 15)
    flying = [work.job.label for work in moment.slots if work is not None]
    assert len(shown) == 15
    assert hidden == len(moment.nodes) - 15
    assert {"A", moment.best, *flying} <= set(shown)
    assert flying
    lines = _drawn(moment, START + 60)
    drawn = len(lines) - 1 - lines.index(next(line for line in lines if " not shown" in line))
    assert f"{len(moment.nodes):,} nodes, {len(moment.nodes) - drawn:,} of them not shown" in lines
    assert len(lines) <= 23


def test_labels_are_ordered_as_a_tree_is_read() -> None:
    labels = ["A.10", "A.2", "A", "A.2.1", "A.1"]
    assert sorted(labels, key=label_order) == ["A", "A.1", "A.2", "A.2.1", "A.10"]


def test_ascii_terminals_get_ascii() -> None:
    for events in (0, 10, 60, None):
        text = "\n".join(_drawn(*_moment(events), ascii_only=True))
        assert text.isascii()


def test_containers_and_their_budget_are_told() -> None:
    moment, now = _moment(45)
    moment = replace(moment, container_s=123.4, saved_s=70.0)
    limits = limits_of({"container_s": 600.0})
    console = Console(file=StringIO(), width=120, color_system=None)
    console.print(screen(moment, limits, now, 120, 23, ascii_only=True))
    assert isinstance(console.file, StringIO)
    drawn = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert "cost    containers 2:03 spent, 1:10 saved by stopping early" in drawn
    assert "left    ##----------  7:56 in containers" in drawn
    assert limits.words() == "10:00 in containers"


def test_hostile_texts_are_shown_and_not_obeyed() -> None:
    moment = begin(hostile_view(), START)
    told = story()
    selected = next(event for _, event in told.events if isinstance(event, Selected))
    action = replace(selected.job.actions[0], key=HOSTILE)
    job = replace(selected.job, label="A.99", actions=(action,))
    moment = advance(moment, Selected(job), START)
    moment = advance(moment, Phase("A.99", HOSTILE, {"check": HOSTILE}), START)
    lines = _drawn(moment, START + 1)
    assert not invisible("\n".join(lines))
    assert "[bold red]markup[/]" not in lines[0] or len(lines[0]) <= 80
    assert max(map(len, lines)) <= 80


def test_waiting_for_a_retry_is_told() -> None:
    moment, now = _moment(1)
    work = moment.slots[0]
    assert work is not None
    moment = advance(moment, Retried(replace(work.job, number=2), "gone", 8.0), now)
    text = "\n".join(_drawn(moment, now + 1))
    assert "engine trouble, again in 7.0 s" in text
    assert "attempt 2" in text
    assert "1 retried" in text


def test_the_root_and_the_verification_have_a_line_of_their_own() -> None:
    moment = begin(empty_view(), START)
    trials: list[tuple[str, dict[str, object], str]] = [
        ("container.started", {"image": "i"}, "setting up the root"),
        ("check.started", {"check": "unit"}, "trying the root: check unit"),
        ("check.started", {"check": "unit", "done": 2, "of": 3}, "trying the root: check unit 2/3"),
        ("benchmark.repeated", {"done": 7, "of": 20}, "measuring the root against itself 7/20"),
        ("benchmark.calibrated", {"pairs": 10, "noise": 0.01}, "starting the search"),
    ]
    for name, facts, said in trials:
        root = advance(moment, Phase("A", name, facts), START)
        assert f"now     {said}  0:03" in _drawn(root, START + 3)
    best = advance(moment, Phase("A.1", "benchmark.repeated", {"done": 3, "of": 32}), START)
    assert "now     verifying A.1: measuring 3/32  0:00" in _drawn(best, START)
