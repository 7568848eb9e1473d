"""Outcomes as shapes: each outcome has a shape of its own, and colour only repeats it."""

from __future__ import annotations

from typing import assert_never

from runner.model import Outcome
from runner.report.html.markup import Markup, tag

_R = 5.0


def outcome_class(outcome: Outcome | None) -> str:
    """The CSS class that gives an outcome's colour."""
    return f"o-{outcome.value}" if outcome else "o-open"


def mark(x: float, y: float, outcome: Outcome | None) -> Markup:
    """The shape of an outcome, centred on (x, y), about 10 units wide."""
    css = f"mark {outcome_class(outcome)}"
    if outcome is None:
        return tag("circle", class_=f"{css} hollow", cx=x, cy=y, r=_R - 1)
    match outcome:
        case Outcome.IMPROVED:
            return _shape(css, x, y, [(0, -_R), (_R, _R - 1), (-_R, _R - 1)])
        case Outcome.REGRESSED:
            return _shape(css, x, y, [(0, _R), (_R, 1 - _R), (-_R, 1 - _R)])
        case Outcome.NEUTRAL:
            return tag("circle", class_=css, cx=x, cy=y, r=_R - 1)
        case Outcome.DUPLICATE:
            return _shape(f"{css} hollow", x, y, [(0, -_R), (_R, 0), (0, _R), (-_R, 0)])
        case Outcome.TAMPERED:
            return tag("rect", class_=css, x=x - 4, y=y - 4, width=8, height=8)
        case Outcome.REJECTED | Outcome.FAILED:
            return _cross(css, x, y)
        case Outcome.TIMEOUT | Outcome.OOM | Outcome.DISK | Outcome.BUDGET:
            return _cross(f"{css} limit", x, y)
        case Outcome.INFRA:
            return tag("circle", class_=f"{css} hollow", cx=x, cy=y, r=2)
        case _:
            assert_never(outcome)


def root_mark(x: float, y: float) -> Markup:
    """The root's shape: it was not tried, and so has no outcome to show."""
    return tag("circle", class_="mark root", cx=x, cy=y, r=_R)


def icon(drawn: Markup) -> Markup:
    """A shape that is centred on (7, 7) as a small picture that stands in a line of text."""
    return tag(
        "svg",
        drawn,
        class_="icon",
        viewBox="0 0 14 14",
        width=14,
        height=14,
        aria_hidden="true",
    )


def _shape(css: str, x: float, y: float, corners: list[tuple[float, float]]) -> Markup:
    points = " L".join(f"{x + dx:.1f} {y + dy:.1f}" for dx, dy in corners)
    return tag("path", class_=css, d=f"M{points} Z")


def _cross(css: str, x: float, y: float) -> Markup:
    r = _R - 1
    strokes = (
        f"M{x - r:.1f} {y - r:.1f} l{2 * r} {2 * r} M{x + r:.1f} {y - r:.1f} l{-2 * r} {2 * r}"
    )
    return tag("path", class_=f"{css} cross", d=strokes)
