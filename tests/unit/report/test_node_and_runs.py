from __future__ import annotations

from dataclasses import replace
from io import StringIO

from rich.console import Console, RenderableType

from runner.model import RunView, Verdict, Verified
from runner.report.node import render_node
from runner.report.runs import render_runs

from .factory import empty_view, story
from .hostile import hostile_view, invisible
from .small import OTHERS, small_view, trusted_view


def _text(drawn: RenderableType, width: int = 80) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(drawn)
    assert isinstance(console.file, StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


NODE = """\
A.1.1  regressed
gain from the root  +14.0 %, by estimate
actions             pack-objects + no-copy
against the parent  -5.0 % [-7.0, -3.0], 8 pairs
visits              1, sum of rewards -0.500
decision            commit
"""
RUNS = """\
run                   task    started      took  nodes  verified  status
20251009-085320-k3f9  helios  10-09 08:53  1:15      3   +25.0 %  budget: nodes
20251009-085320-k3f9  helios  10-09 08:53     -      0         -  running
20251009-085320-k3f9  helios  10-09 08:53  1:15      3      none  budget: nodes
"""


def test_a_node_tells_what_is_known_of_it() -> None:
    view = small_view()
    assert _text(render_node(view, view.nodes[2])) == NODE
    duplicate = _text(render_node(view, view.nodes[3]))
    assert "same as             A.1\n" in duplicate
    assert "gain from the root  not measured\n" in duplicate
    assert _text(render_node(view, view.nodes[1])).startswith(
        "A.1  improved  best by estimate  verified\n"
    )
    assert "metrics   vst_commit_us 358.9 us\n" in _text(render_node(view, view.nodes[0]))


VERIFIED = """\
A.1.1  regressed
gain from the root  +14.0 %, by estimate
verification        not reproduced, +0.1 % [-0.4, +0.6], 40 pairs, estimated +14.0 %
that means          what the search had measured is not in its recorded sources alone: it was luck,
                    or lived in what was left elsewhere (a cache, the home folder, an installed
                    program)
because             the search had measured +13.0 % or more; built from its sources alone it gains
                    +0.6 % at most
actions             pack-objects + no-copy
against the parent  -5.0 % [-7.0, -3.0], 8 pairs
visits              1, sum of rewards -0.500
decision            commit
test-driven         red on A.1: exit 1; green on A.1.1 (3 run): tests/test_new.py
containers          12 s spent, 4.0 s saved by stopping early
"""


def test_a_node_tells_what_came_of_verifying_it() -> None:
    view = trusted_view()
    assert _text(render_node(view, view.nodes[2]), 100) == VERIFIED
    again = replace(view, verifications=(*view.verifications, replace(OTHERS[1], label="A.1.1")))
    told = _text(render_node(again, again.nodes[2]), 100).splitlines()
    assert [line.split("  ")[-1] for line in told if line.startswith("verification ")] == [
        "not reproduced, +0.1 % [-0.4, +0.6], 40 pairs, estimated +14.0 %",
        "failed, check tests exited with 1",
    ]
    root = _text(render_node(view, view.nodes[0]), 200)
    assert all(f"noted     {remark}\n" in root for remark in view.remarks)


def test_a_node_of_a_real_run_tells_its_evidence() -> None:
    view = story().view
    node = next(node for node in view.nodes if node.label == view.best)
    text = _text(render_node(view, node), 120)
    assert node.snapshot is not None
    for expected in (node.commit, node.tree_id, node.snapshot.digest, "benchmark", "depth"):
        assert expected in text


def test_runs_tell_a_verified_gain_from_none_and_from_nothing() -> None:
    refused = replace(small_view(), verified=Verified("A.1", Verdict.NO_DIFFERENCE, None))
    assert _text(render_runs([small_view(), empty_view(), refused])) == RUNS
    assert _text(render_runs([])) == "There are no runs yet. `oppie run` begins one.\n"


def test_hostile_texts_are_shown_and_not_obeyed() -> None:
    view: RunView = hostile_view()
    text = _text(render_runs([view])) + "".join(
        _text(render_node(view, node)) for node in view.nodes
    )
    assert not invisible(text)
