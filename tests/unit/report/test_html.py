from __future__ import annotations

import base64
import hashlib
import math
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from runner.model import Measurement, NodeView, RunView, Verdict, Verified
from runner.report.html import render_html
from runner.report.html.charts import lanes_of
from runner.report.html.markup import Markup, join, tag
from runner.report.html.nodes import DIFF_LIMIT
from runner.report.html.scale import Scale, count_ticks, gain_ticks, time_ticks

from .factory import START, empty_view, story
from .hostile import HOSTILE, hostile_view
from .small import OTHERS, small_view, trusted_view

VOID = {"meta", "line", "circle", "rect", "path", "polyline", "br", "hr"}
DIFF = "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-old <b>\n+new </pre><script>1</script>\n"


class Reader(HTMLParser):
    """Reads a page as a browser would: its elements, attributes and text; fails on bad nesting."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.said = ""
        self.deepest = 0
        self.feed(page)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)
            self.deepest = max(self.deepest, len(self.open))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.said += data

    def values(self, name: str) -> list[str]:
        return [value or "" for key, value in self.attributes if key == name]


def _best(view: RunView) -> NodeView:
    return next(node for node in view.nodes if node.label == view.best)


def test_the_page_holds_the_result_the_tree_and_the_run() -> None:
    view = story().view
    page = Reader(render_html(view, engine={"version": "20.10.24"}, generated_at=START))
    best = _best(view)
    assert best.snapshot is not None and view.verified is not None
    for expected in (
        "Verified improvement",
        "95 % interval",
        "16 pairs",
        "358.9 us",
        view.run_id,
        "frontier, seed 7, 2 workers",
        "29 nodes, 10:00, 1.0 GiB, until vst_commit_us < 70",
        "the budget of nodes is spent",
        view.verified.branch,
        "20.10.24",
        best.commit,
        best.tree_id,
        best.snapshot.digest,
        "2025-10-09 08:53:20 UTC",
    ):
        assert expected in page.said, expected
    assert sorted(page.values("id")) == sorted(node.label for node in view.nodes)
    assert page.said.count("out of memory") >= 2


def test_links_lead_to_nodes_of_the_page() -> None:
    page = Reader(render_html(story().view))
    targets = page.values("href")
    assert targets and {target.removeprefix("#") for target in targets} <= set(page.values("id"))


def test_the_page_needs_nothing_from_outside_and_forbids_it() -> None:
    html = render_html(story().view)
    page = Reader(html)
    assert not {"script", "link", "iframe", "img", "object", "form"} & set(page.elements)
    assert not {"src", "style", "action", "xlink:href"} & {key for key, _ in page.attributes}
    assert "url(" not in html and "@import" not in html
    style = re.search(r"<style>(.*?)</style>", html, flags=re.S)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    (policy,) = [value for value in page.values("content") if "default-src" in value]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def test_hostile_texts_add_no_element_and_no_attribute() -> None:
    def skeleton(text: str) -> tuple[Counter[str], set[str]]:
        diff = f"+{text}\n"
        html = render_html(hostile_view(text), {"A.1": diff}, engine={text: text})
        page = Reader(html)
        return page.elements, {key for key, _ in page.attributes}

    hostile = HOSTILE.replace("\r\n", "")  # a line more in a diff is an element more
    assert skeleton(hostile) == skeleton("harmless")
    view = hostile_view()
    html = render_html(view, {"A.1": HOSTILE}, engine={HOSTILE: HOSTILE})
    for char in ("\x1b", "\x00", "\u202e", "\ud800"):
        assert char not in html
    assert "<script" not in html
    html.encode("utf-8")


def test_a_diff_is_shown_with_its_node_and_bounded() -> None:
    view = story().view
    page = Reader(render_html(view, {view.best: DIFF, "A.99": "not a node"}))
    assert "+new </pre><script>1</script>" in page.said
    assert {"add", "del", "hunk", "file"} <= set(page.values("class"))
    assert "not a node" not in page.said
    long = Reader(render_html(view, {view.best: "+x" * DIFF_LIMIT}))
    assert "characters are not shown" in long.said
    assert len(long.said) < 2 * DIFF_LIMIT


def test_nothing_is_claimed_that_was_not_verified() -> None:
    view = small_view()
    measured = Measurement(0.01, -0.01, 0.03, 16)
    for verified, said in (
        (None, "By estimate, the best candidate is A.1. It has not been measured"),
        (Verified("A.1", Verdict.NO_DIFFERENCE, measured), "came out as no difference shown"),
        (Verified("A.1", Verdict.FAILED, None, "check unit exited with 1"), "check unit exited"),
        # An outcome without numbers is no evidence.
        (Verified("A.1", Verdict.IMPROVED, None), "No improvement was verified"),
    ):
        page = Reader(render_html(replace(view, verified=verified)))
        assert said in page.said
        assert "No improvement was verified" in page.said
        assert "Verified improvement" not in page.said


def test_every_verification_and_remark_is_on_the_page() -> None:
    view = trusted_view()
    page = Reader(render_html(view))
    for expected in (
        "Measured again, each in a clean room",
        "not reproduced",
        "[-0.4, +0.6]",
        "it gains +0.6 % at most",
        "check tests exited with 1",
        "2:03 spent, 1:10 saved by stopping early",
        "red on A.1: exit 1; green on A.1.1 (3 run): tests/test_new.py",
        "12 s spent, 4.0 s saved by stopping early",
        "best by estimate",
        *view.remarks,
    ):
        assert expected in page.said, expected
    assert page.said.count("estimated +20.0 %") == 1
    alone = Reader(render_html(replace(view, verifications=view.verifications[:1], remarks=())))
    assert "Measured again" not in alone.said
    assert "the root alone has shown" not in alone.said


def test_a_gain_that_was_not_reproduced_is_no_result() -> None:
    page = Reader(render_html(replace(trusted_view(), verified=OTHERS[0])))
    assert "No improvement was verified" in page.said
    assert "That means: what the search had measured is not in its recorded sources" in page.said
    assert "Verified improvement" not in page.said


def test_a_run_that_has_just_begun_has_a_page() -> None:
    page = Reader(render_html(empty_view()))
    assert "Nothing has been evaluated yet." in page.said
    assert "No times were recorded." in page.said


def test_numbers_that_are_none_leave_no_nan_in_the_pictures() -> None:
    nan = math.nan
    broken = Measurement(nan, -math.inf, math.inf, 0)
    nodes = tuple(
        replace(node, edge=broken if node.edge else None, gain=nan, started_at=nan)
        for node in story(8).view.nodes
    )
    page = Reader(render_html(replace(story(8).view, nodes=nodes, started_at=nan, ended_at=nan)))
    for name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "points", "d"):
        assert not [value for value in page.values(name) if "nan" in value or "inf" in value], name


def test_a_tree_deeper_than_pythons_stack_has_a_page() -> None:
    labels = ["A" + ".1" * depth for depth in range(1500)]
    nodes = tuple(NodeView(label, label.rpartition(".")[0], "committed") for label in labels)
    page = Reader(render_html(replace(small_view(), nodes=nodes, best=labels[-1])))
    assert len(page.values("id")) == 1500
    assert page.deepest > 1500


def test_markup_escapes_everything_but_itself() -> None:
    assert tag("p", "<b>", Markup("<i></i>"), class_='"x"') == (
        '<p class="&quot;x&quot;">&lt;b&gt;<i></i></p>'
    )
    assert tag("line", x1=1.5, stroke_width=2, hidden=None, open=True) == (
        '<line x1="1.5" stroke-width="2" open/>'
    )
    assert join(["a & b", Markup("&amp;")]) == "a &amp; b&amp;"
    assert not isinstance(Markup("a") + "b", Markup), "a sum isn't trusted"


def test_lanes_are_as_many_as_ran_at_a_time() -> None:
    spans = [(0, 4), (1, 3), (3, 6), (4, 5), (7, 8)]
    nodes = [
        NodeView(f"A.{number}", "A", "committed", started_at=start, ended_at=end)
        for number, (start, end) in enumerate(spans)
    ]
    assert list(lanes_of(nodes).values()) == [0, 1, 1, 0, 0]


@pytest.mark.parametrize(("low", "high"), [(-0.1, 0.1), (-3.0, 8.0), (0.0, 0.0), (-0.5, 0.02)])
def test_gain_ticks_are_apart_and_within(low: float, high: float) -> None:
    scale = Scale(low, high, 290.0, 16.0)
    ticks = gain_ticks(scale, 22.0)
    places = sorted(scale.at(tick) for tick in ticks)
    assert 0.0 in ticks
    assert all(low <= tick <= high for tick in ticks)
    assert all(b - a >= 22.0 for a, b in pairwise(places))


def test_other_ticks_are_round_and_few() -> None:
    assert time_ticks(83.0, 12) == [0, 10, 20, 30, 40, 50, 60, 70, 80]
    assert len(time_ticks(7 * 86400.0, 12)) <= 13
    assert count_ticks(29, 12) == [0, 5, 10, 15, 20, 25]
    assert count_ticks(3, 12) == [0, 1, 2, 3]


def test_the_page_ships_with_the_package() -> None:
    folder = Path(__file__).parents[3] / "runner" / "report" / "html"
    assert {path.name for path in folder.glob("*.html")} == {"page.html", "style.html"}
