"""Texts that a stranger's patch, metric or container could bring, and a run that is full of them."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from runner.model import (
    Measurement,
    Metric,
    MetricSpec,
    NodeView,
    RunView,
    Verdict,
    Verified,
)

from .factory import story

HOSTILE = (
    '"><script>alert(1)</script><img src=x onerror=alert(2)>'
    "\x1b[2J\x1b]0;owned\x07\x9b31m\r\n[bold red]markup[/] {0} %s ${title} &amp; "
    "\u202egnp.exe\u2066\u200b\x00\ud800 " + "long " * 400
)


def hostile_view(text: str = HOSTILE) -> RunView:
    """The usual run with every text of it, but the labels, replaced."""
    view = story(12).view
    found = view.verified
    assert found is not None and found.measurement is not None
    measured = _measurement(found.measurement, text)
    return replace(
        view,
        run_id=text,
        task=text,
        target=text,
        policy=text,
        objective=MetricSpec(text, unit=text),
        stop_detail=text,
        budget={"target": text},
        root_metrics=tuple(_metric(metric, text) for metric in view.root_metrics),
        verified=Verified(found.label, found.verdict, measured, text, text, text, 0.1, 9.0, 1.0),
        verifications=(
            Verified(found.label, found.verdict, measured, text, text, text),
            Verified("A.2", Verdict.NOT_REPRODUCED, None, text),
        ),
        remarks=(text, text),
        nodes=tuple(_node(node, text) for node in view.nodes),
    )


def invisible(text: str) -> set[str]:
    """The characters of ``text`` that a terminal would obey rather than show."""
    return {
        char
        for char in text
        if char not in " \n\t" and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    }


def _node(node: NodeView, text: str) -> NodeView:
    return replace(
        node,
        actions=tuple(text for _ in node.actions),
        reason=text,
        proof=text,
        edge=_measurement(node.edge, text) if node.edge else None,
        commit=text,
        tree_id=text,
        seconds={text: 1.0},
        snapshot=replace(node.snapshot, tag=text, digest=text) if node.snapshot else None,
    )


def _measurement(measurement: Measurement, text: str) -> Measurement:
    return replace(
        measurement,
        metrics=tuple(_metric(metric, text) for metric in measurement.metrics),
        baseline=tuple(_metric(metric, text) for metric in measurement.baseline),
    )


def _metric(metric: Metric, text: str) -> Metric:
    return Metric(text, metric.value, text)
