"""Lessons as they are told to an agent: what worked and what didn't, the most fitting first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

from runner.model import MetricSpec, Outcome
from runner.store import Lesson

_UNTOLD = frozenset({Outcome.DUPLICATE, Outcome.INFRA, Outcome.BUDGET})


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody is about to do. ``words`` are free text, such as the prompt; ``without`` are
    attempts of the present run (``run``) that are known by other ways, by their labels."""

    objective: MetricSpec | None = None
    tags: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    words: str = ""
    run: str = ""
    without: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """All of it, what tells most first: only so many words are looked for."""
        objective = self.objective.name if self.objective else ""
        return " ".join([*self.tags, objective, *self.files, self.words])


def told(lessons: Iterable[Lesson], query: Query, project: str, most: int) -> tuple[str, ...]:
    """The texts of at most so many lessons: those that worked and the others in turn, each in the
    given order. No text is told twice."""
    worked: dict[str, None] = {}
    others: dict[str, None] = {}
    for lesson in lessons:
        known = lesson.run == query.run and lesson.label in query.without
        if not known and lesson.text and lesson.outcome not in _UNTOLD:
            side = worked if lesson.outcome in (None, Outcome.IMPROVED) else others
            side[_told(lesson, project)] = None
    return tuple(_in_turn(worked, others))[:most]


def _told(lesson: Lesson, project: str) -> str:
    elsewhere = "" if lesson.project == project else f" (in another project, {lesson.project})"
    return f"{_word(lesson.outcome)}{elsewhere}: {lesson.text}"


def _word(outcome: Outcome | None) -> str:
    match outcome:
        case None:
            return "an agent's note"
        case Outcome.IMPROVED:
            return "worked"
        case Outcome.NEUTRAL | Outcome.REGRESSED | Outcome.REJECTED:
            return "didn't help"
        case _:
            return "failed"


def _in_turn(first: Iterable[str], second: Iterable[str]) -> Iterator[str]:
    for pair in zip_longest(first, second):
        yield from (each for each in pair if each is not None)
