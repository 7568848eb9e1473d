"""What one visit taught, as it is kept from run to run."""

from __future__ import annotations

from dataclasses import dataclass

from runner.model import Goal, Outcome

NOTE = "note"  # the kind of what an agent wrote down itself


@dataclass(frozen=True, slots=True)
class Lesson:
    """One visit, or a note. ``run`` and ``attempt`` together are its name.

    ``actions`` are the keys that were tried, ``state`` those in effect in the parent before, in the
    order in which they were applied, and ``result`` those in effect after. ``uses`` is how often the
    strategy ``tag`` had been used on the path to the parent; ``None`` where the action isn't
    open-ended. ``gain`` with its 95 % interval is over the parent, ``total`` over the root, in log
    units; ``None`` where nothing could be measured. ``again`` says that the state was measured once
    more: the gain is then over the root. ``outcome`` is ``None`` for a note. ``cost_usd`` is ``None``
    if nobody can tell; ``at`` are seconds since 1970; ``files`` are paths in the target.
    """

    project: str
    run: str
    attempt: str
    label: str = ""
    task: str = ""
    at: float = 0.0
    kind: str = ""
    actions: tuple[str, ...] = ()
    tag: str = ""
    category: str = ""
    state: tuple[str, ...] = ()
    result: tuple[str, ...] = ()
    uses: int | None = None
    objective: str = ""
    goal: Goal = Goal.MIN
    outcome: Outcome | None = None
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    total: float | None = None
    again: bool = False
    model: str = ""
    rounds: int = 0
    cost_usd: float | None = 0.0
    estimated: bool = False
    files: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a model has done in a category of work: attempts, how many of them improved something,
    and what those cost whose cost is known. Each counts with its project's weight."""

    category: str
    model: str
    attempts: float = 0.0
    improved: float = 0.0
    priced: float = 0.0
    cost_usd: float = 0.0
