"""From lessons to the memory that a policy takes in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runner.model import Outcome
from runner.planner.memory import Memory, Seen, Used
from runner.store import Lesson

_FADE = 0.7  # of a run's weight is left for each later run of the project
_NOT_SEEN = frozenset({None, Outcome.BUDGET, Outcome.INFRA})  # nothing of the idea was seen


def memory_of(lessons: Iterable[Lesson], project: str, carry_over: float = 0.0) -> Memory:
    """What the lessons say of states and strategies. Those of the project's last run weigh 1, those
    of each earlier run 0.7 times as much; those of other projects ``carry_over`` times that."""
    kept = [each for each in lessons if each.outcome not in _NOT_SEEN]
    weights = _weights(kept, project, carry_over)
    seen: list[Seen] = []
    used: list[Used] = []
    for lesson in kept:
        weight = weights[lesson.project, lesson.run]
        passed = lesson.total is not None
        if weight <= 0.0:
            continue
        if lesson.uses is not None:
            if not lesson.again:
                gain = lesson.gain if lesson.outcome is not Outcome.DUPLICATE else None
                used.append(Used(lesson.tag, lesson.uses, gain, weight))
        elif passed or not lesson.again:
            seen.append(Seen(frozenset(lesson.result), lesson.total, weight))
    return Memory(tuple(seen), tuple(used))


def _weights(
    lessons: Sequence[Lesson], project: str, carry_over: float
) -> dict[tuple[str, str], float]:
    runs: dict[str, set[str]] = {}
    for lesson in lessons:
        runs.setdefault(lesson.project, set()).add(lesson.run)
    return {
        (name, run): (1.0 if name == project else carry_over) * _FADE**age
        for name, ids in runs.items()
        for age, run in enumerate(sorted(ids, reverse=True))
    }
