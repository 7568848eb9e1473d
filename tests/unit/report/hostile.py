"""Texts that a stranger's patch, metric or container could bring, and a run that is full of them."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from runner.model import Measurement, Metric, MetricSpec, NodeView, RunView, Verified

from .factory import story

HOSTILE = (
    '"><script>alert(1)</script><img src=x onerror=alert(2)>'
    "\x1b[2J\x1b]0;owned\x07\x9b31m\r\n[bold red]markup[/] {0} %s ${title} &amp; "
    "\u202egnp.exe\u2066\u200b\x00\ud800 " + "long " * 400
)


def hostile_view() -> RunView:
    """The usual run with every text of it, but the labels, replaced."""
    view = story(12).view
    verified = view.verified
    assert verified is not None and verified.measurement is not None
    return replace(
        view,
        run_id=HOSTILE,
        task=HOSTILE,
        target=HOSTILE,
        policy=HOSTILE,
        objective=MetricSpec(HOSTILE, unit=HOSTILE),
        stop_detail=HOSTILE,
        budget={"target": HOSTILE},
        root_metrics=tuple(_metric(metric) for metric in view.root_metrics),
        verified=Verified(
            verified.label,
            verified.outcome,
            _measurement(verified.measurement),
            HOSTILE,
            HOSTILE,
            HOSTILE,
        ),
        nodes=tuple(_node(node) for node in view.nodes),
    )


def invisible(text: str) -> set[str]:
    """The characters of ``text`` that a terminal would obey rather than show."""
    return {
        char
        for char in text
        if char not in " \n\t" and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    }


def _node(node: NodeView) -> NodeView:
    return replace(
        node,
        actions=tuple(HOSTILE for _ in node.actions),
        reason=HOSTILE,
        edge=_measurement(node.edge) if node.edge else None,
        commit=HOSTILE,
        tree_id=HOSTILE,
        seconds={HOSTILE: 1.0},
        snapshot=replace(node.snapshot, tag=HOSTILE, digest=HOSTILE) if node.snapshot else None,
    )


def _measurement(measurement: Measurement) -> Measurement:
    return replace(
        measurement,
        metrics=tuple(_metric(metric) for metric in measurement.metrics),
        baseline=tuple(_metric(metric) for metric in measurement.baseline),
    )


def _metric(metric: Metric) -> Metric:
    return Metric(HOSTILE, metric.value, HOSTILE)
