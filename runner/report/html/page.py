"""The page: its sections in order, in a template that forbids every source from outside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from importlib import resources
from string import Template

from runner.model import RunView
from runner.report.html.charts import search_chart, timeline
from runner.report.html.markup import Markup, tag, text
from runner.report.html.nodes import node_tree
from runner.report.html.verdict import (
    candidates_table,
    metrics_table,
    outcome_counts,
    remarks_list,
    run_facts,
    verdict,
)


def render_html(
    view: RunView,
    diffs: Mapping[str, str] | None = None,
    *,
    engine: Mapping[str, str] | None = None,
    generated_at: float | None = None,
) -> str:
    """The report of ``view`` as one HTML document.

    ``diffs`` are unified diffs by node label, ``engine`` facts of the container engine by name;
    ``generated_at`` is a Unix time. All of them, and every text of the run, may be hostile: they
    are escaped, and the page's policy allows no script, no source from outside, no form.
    """
    read = resources.files("runner.report.html")
    style = (read / "style.html").read_text("utf-8")
    style = style.removeprefix("<style>").rstrip().removesuffix("</style>")
    page = Template((read / "page.html").read_text("utf-8"))
    return page.substitute(
        policy=f"default-src 'none'; style-src '{_digest(style)}'; base-uri 'none'; form-action 'none'",
        title=text(f"{view.task}: run {view.run_id}"),
        style=style,
        body="\n".join(_sections(view, diffs or {}, engine or {}, generated_at)),
    )


def _sections(
    view: RunView, diffs: Mapping[str, str], engine: Mapping[str, str], generated_at: float | None
) -> list[Markup]:
    return [
        tag("header", tag("h1", view.task), tag("p", f"run {view.run_id}", class_="dim")),
        verdict(view),
        *_noted(view),
        _section("Metrics", metrics_table(view)),
        _section(
            "The search",
            outcome_counts(view),
            search_chart(view),
            _note(
                "Each mark is one evaluation at its gain from the root, with its 95 % interval; "
                "lines lead from a parent to its child, the thick ones to the best. The stepped "
                "line is the best so far. Gains are estimates until they are verified."
            ),
        ),
        _section(
            "The tree",
            _note(
                "Gain from the root, outcome and bar against the parent. The bar is the step's "
                "95 % interval; its middle line is no change. Click a node for its evidence."
            ),
            node_tree(view, diffs),
        ),
        _section("The time", timeline(view)),
        _section("The run", run_facts(view, engine, generated_at)),
    ]


def _noted(view: RunView) -> Iterator[Markup]:
    if len(view.verifications) > 1:
        yield _section(
            "Measured again, each in a clean room",
            _note(
                "Built from its recorded sources alone, and measured against the root with samples "
                "that played no part in the search. The estimate is what the search had measured; "
                "what was spent, and saved by stopping early, are container seconds."
            ),
            candidates_table(view),
        )
    if view.remarks:
        yield _section("Before the search, the root alone has shown", remarks_list(view))


def _section(title: str, *content: Markup) -> Markup:
    return tag("section", tag("h2", title), *content)


def _note(said: str) -> Markup:
    return tag("p", said, class_="dim note")


def _digest(style: str) -> str:
    found = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"sha256-{found}"
