"""What a search of a recorded space did: a table for people, one object for programs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from runner.model import Outcome, Stopped
from runner.report.figures import count, known, number, percent
from runner.report.glyphs import outcome_sign
from runner.report.shape import VERSION, Json
from runner.report.text import clean

_TURNS = 12


class Evaluated(Protocol):
    """One completed evaluation; values are the metric's, ``None`` where the state fails."""

    @property
    def n(self) -> int: ...
    @property
    def state(self) -> tuple[str, ...]: ...
    @property
    def observed(self) -> float | None: ...
    @property
    def true(self) -> float | None: ...
    @property
    def outcome(self) -> Outcome: ...
    @property
    def recommended(self) -> tuple[str, ...]: ...
    @property
    def recommended_true(self) -> float: ...


class Simulated(Protocol):
    """A finished search of a space; gains are log-ratios over the root."""

    @property
    def policy(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def workers(self) -> int: ...
    @property
    def stop(self) -> Stopped: ...
    @property
    def evaluations(self) -> Sequence[Evaluated]: ...
    @property
    def best_state(self) -> tuple[str, ...]: ...
    @property
    def best_gain(self) -> float: ...
    @property
    def final_gain(self) -> float: ...


def render_simulation(result: Simulated) -> RenderableType:
    """How the recommended state got better, and how far it came."""
    head = Text(f"{clean(result.policy, 30)}, seed {result.seed}, ", "bold")
    head.append(
        f"{count(result.workers, 'worker')}; {count(len(result.evaluations), 'evaluation')}"
    )
    head.append(f"; stopped: {result.stop.reason.value}")
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("evaluation", justify="right")
    table.add_column("outcome", no_wrap=True)
    table.add_column("recommended", justify="right")
    table.add_column("state", overflow="fold")
    for each in _turns(result.evaluations):
        sign = outcome_sign(each.outcome)
        table.add_row(
            f"{each.n}",
            Text(sign.word, sign.style),
            number(each.recommended_true),
            Text(_state(each.recommended)),
        )
    return Group(head, table, _reached(result))


def simulation_to_json(result: Simulated) -> Json:
    """The one object of ``oppie simulate --json``; see ``docs/json.md``."""
    return {
        "schema": f"oppie.simulation/{VERSION}",
        "policy": result.policy,
        "seed": result.seed,
        "workers": result.workers,
        "stop": result.stop.reason.value,
        "stop_detail": result.stop.detail,
        "best_state": list(result.best_state),
        "best_gain": known(result.best_gain),
        "final_gain": known(result.final_gain),
        "regret": known(result.best_gain - result.final_gain),
        "evaluations": [
            {
                "n": each.n,
                "state": list(each.state),
                "observed": known(each.observed),
                "true": known(each.true),
                "outcome": each.outcome.value,
                "recommended": list(each.recommended),
                "recommended_true": known(each.recommended_true),
            }
            for each in result.evaluations
        ],
    }


def _turns(evaluations: Sequence[Evaluated]) -> list[Evaluated]:
    """The evaluations after which another state was recommended; the last ones, and the end."""
    turns: list[Evaluated] = []
    for each in evaluations:
        if not turns or each.recommended != turns[-1].recommended:
            turns.append(each)
    if evaluations and turns[-1] is not evaluations[-1]:
        turns.append(evaluations[-1])
    return turns[-_TURNS:]


def _reached(result: Simulated) -> Text:
    text = Text(f"Recommended in the end: {percent(result.final_gain)} over the root. ")
    text.append(f"The best reachable is {percent(result.best_gain)} ({_state(result.best_state)})")
    if result.best_gain > 0 and math.isfinite(result.final_gain):
        text.append(f"; that is {result.final_gain / result.best_gain:.0%} of its gain")
    return text.append(".")


def _state(keys: tuple[str, ...]) -> str:
    return " + ".join(clean(key, 60) for key in keys) or "the root"
