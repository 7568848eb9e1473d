from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO

from rich.console import Console

from runner.model import NodeView, Verdict
from runner.report.tree import DEEPEST, render_tree, tree_text

from .factory import empty_view, story
from .hostile import hostile_view, invisible
from .small import small_view, trusted_view

UNICODE = """\
◆ A  vst_commit_us 358.9 us  3 visits
├─ ▲ A.1  +20.0 %  improved  ◀ best by estimate, verified +25.0 %  lazy-diff  step +20.0 % [+15.0, +25.0]  2 visits
│  └─ ▼ A.1.1  +14.0 %  regressed  pack-objects + no-copy  step -5.0 % [-7.0, -3.0]  1 visit
└─ ≡ A.2  duplicate of A.1  no-copy  1 visit
"""
ASCII = """\
* A  vst_commit_us 358.9 us  3 visits
+- + A.1  +20.0 %  improved  <- best by estimate, verified +25.0 %  lazy-diff  step +20.0 % [+15.0, +25.0]  2 visits
|  `- - A.1.1  +14.0 %  regressed  pack-objects + no-copy  step -5.0 % [-7.0, -3.0]  1 visit
`- = A.2  duplicate of A.1  no-copy  1 visit  (the same source tree as A.1)
"""


def test_the_picture_of_a_tree() -> None:
    assert tree_text(small_view()) == UNICODE
    assert tree_text(small_view(), ascii_only=True, reasons=True) == ASCII


def test_an_estimate_is_told_from_what_was_verified() -> None:
    lines = tree_text(replace(small_view(), verified=None)).splitlines()
    assert "improved  ◀ best by estimate  lazy-diff" in lines[1]
    lines = tree_text(trusted_view()).splitlines()
    assert "improved  ◀ best by estimate, verified +25.0 %  lazy-diff" in lines[1]
    assert "regressed  ◀ clean room: not reproduced  pack-objects" in lines[2]
    assert "duplicate of A.1  ◀ clean room: failed  no-copy" in lines[3]


def test_the_last_verification_of_a_node_counts() -> None:
    view = trusted_view()
    later = replace(view.verifications[0], verdict=Verdict.NO_DIFFERENCE)
    lines = tree_text(replace(view, verifications=(*view.verifications, later))).splitlines()
    assert "◀ best by estimate, clean room: no difference shown  lazy-diff" in lines[1]


def test_what_was_verified_is_never_hidden() -> None:
    view = trusted_view()
    assert view.verified is not None
    elsewhere = replace(view, best="A", verified=replace(view.verified, label="A.2"))
    shown = tree_text(elsewhere, max_nodes=1).splitlines()
    assert any("A.2" in line for line in shown)


def test_a_run_without_nodes_has_a_root() -> None:
    assert tree_text(empty_view()) == "◆ A  vst_commit_us ?  0 visits\n"


def test_a_node_that_was_begun_is_open() -> None:
    view = replace(small_view(), nodes=(*small_view().nodes, NodeView("A.3", "A", "open", ("x",))))
    assert "◌ A.3  open  x  0 visits" in tree_text(view)


def test_elision_keeps_the_way_to_the_best_and_counts_every_hidden_node() -> None:
    view = story(300).view
    text = tree_text(view, max_nodes=80)
    best = [view.best.rsplit(".", cut)[0] for cut in range(view.best.count(".") + 1)]
    shown = [line for line in text.splitlines() if "hidden" not in line]
    assert len(shown) == 80
    for label in best:
        assert any(f" {label}  " in line for line in shown), label
    assert "hidden" in text
    assert len(tree_text(view).splitlines()) == 300


def test_hidden_nodes_are_counted_below_what_is_shown() -> None:
    text = tree_text(small_view(), max_nodes=2)
    assert text.splitlines()[2:] == ["│  └─ … 1 node hidden", "└─ … 1 node hidden"]
    text = tree_text(replace(small_view(), best="A", verified=None), max_nodes=1)
    assert text.splitlines()[1:] == ["└─ … 3 nodes hidden"]
    hidden = re.findall(r"… (\d+) node", tree_text(story(300).view, max_nodes=80))
    assert sum(map(int, hidden)) == 220


def test_a_very_deep_tree_is_indented_only_so_far() -> None:
    labels = ["A" + ".1" * depth for depth in range(3000)]
    nodes = tuple(NodeView(label, label.rpartition(".")[0], "committed") for label in labels)
    lines = tree_text(replace(small_view(), nodes=nodes, best="A")).splitlines()
    assert len(lines) == 3000
    assert lines[3].startswith("      └─ ◌ A.1.1.1 ")
    assert lines[-1].index("└─") == 3 * DEEPEST


def test_hostile_texts_are_shown_and_not_obeyed() -> None:
    text = tree_text(hostile_view(), reasons=True)
    assert len(text.splitlines()) == 12
    assert not invisible(text)
    assert "[bold red]markup[/]" in text
    assert tree_text(hostile_view(), reasons=True, ascii_only=True).isascii()


def test_the_best_path_is_bold() -> None:
    console = Console(file=StringIO(), width=100, force_terminal=True, color_system="standard")
    console.print(render_tree(small_view()))
    assert isinstance(console.file, StringIO)
    assert "\x1b[1mA.1\x1b[0m" in console.file.getvalue()
    assert "\x1b[1mA.1.1\x1b[0m" not in console.file.getvalue()
