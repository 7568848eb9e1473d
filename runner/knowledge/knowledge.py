"""What the runs of one state folder have learned. A help, never a must: it ends no run."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from runner.errors import JournalError, StateError
from runner.knowledge.category import GENERAL, category_of
from runner.knowledge.choosing import Choice, Offer, PriceOf, choose
from runner.knowledge.presets import preset_of
from runner.knowledge.recollection import memory_of
from runner.knowledge.telling import Query, told
from runner.model import Action, MetricSpec
from runner.planner.memory import Memory
from runner.report.text import clean
from runner.store import NOTE, KnowledgeFile, Lesson

NAME = "knowledge.sqlite"  # in the state folder
NOTE_LIMIT = 500  # characters of an agent's note
_LOOKED_AT = 40  # lessons found, of which some are told

_T = TypeVar("_T")


class Knowledge:
    """The lessons of one project, and with ``carry_over`` (0 to 1) those of others, weakly.

    Whatever is wrong with the file turns it off: ``trouble`` then says what, in one line, and every
    question is answered as if nothing were known. Threads may share it.
    """

    def __init__(self, file: KnowledgeFile | None, project: str, carry_over: float) -> None:
        """For ``open``; ``file`` is ``None`` if nothing is to be remembered."""
        self._file = file
        self._lock = threading.Lock()
        self.project = project
        self.carry_over = carry_over
        self.trouble = ""

    @classmethod
    def open(
        cls, path: Path, project: str, carry_over: float = 0.0, enabled: bool = True
    ) -> Knowledge:
        """The knowledge in this file, which is made if there is none. Raises nothing: see ``trouble``."""
        knowledge = cls(None, project, carry_over)
        if enabled:
            try:
                knowledge._file = KnowledgeFile(path)
            except (JournalError, StateError) as error:
                knowledge._give_up(error)
        return knowledge

    def __enter__(self) -> Knowledge:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._close()

    @property
    def enabled(self) -> bool:
        return self._file is not None

    def record(self, lesson: Lesson | None) -> None:
        """Keep a lesson, unless the same attempt's is there."""
        if lesson is not None:
            self._ask(lambda file: file.add(lesson))

    def note(
        self, run: str, label: str, category: str, text: str, tags: Sequence[str] = ()
    ) -> bool:
        """Keep what an agent wrote down: one line, of 500 characters at most. It is told to others as
        a note, and is never evidence. Whether it was kept: not if it is there, or nothing is."""
        line = clean(text, NOTE_LIMIT)
        if not line:
            return False
        name = hashlib.sha256(f"{category}\0{line}".encode("utf-8", "replace")).hexdigest()[:16]
        lesson = Lesson(
            project=self.project,
            run=run,
            attempt=f"{NOTE}-{name}",
            label=label,
            kind=NOTE,
            tag=clean(" ".join(tags)),
            category=clean(category).lower() or GENERAL,
            text=line,
        )
        return bool(self._ask(lambda file: file.add(lesson)))

    def memory(self, objective: MetricSpec, run: str = "") -> Memory:
        """What earlier searches have seen, for the policy of ``run``: only of runs whose ids sort
        below its own, so that a resumed run has the memory that it began with."""
        carry = self.carry_over
        lessons = self._ask(
            lambda file: file.observed(
                self.project, carry > 0.0, run, objective.name, objective.goal
            )
        )
        return memory_of(lessons or (), self.project, carry)

    def lessons(self, query: Query, most: int = 8) -> tuple[str, ...]:
        """What to know before doing this: short texts, best first. Where too little is found by its
        words, the project's latest lessons follow."""

        def look(file: KnowledgeFile) -> tuple[Lesson, ...]:
            others = self.carry_over > 0.0
            found = file.search(query.text, self.project, others, _LOOKED_AT)
            # Those of the project itself come before those of others.
            own = [lesson for lesson in found if lesson.project == self.project]
            foreign = [lesson for lesson in found if lesson.project != self.project]
            return *own, *file.latest(self.project, _LOOKED_AT), *foreign

        return told(self._ask(look) or (), query, self.project, most)

    def reference(self, category: str, most: int = 8) -> str:
        """A prompt of what is known of a category of work; "" if nothing is."""
        lines = self.lessons(Query(tags=(category,)), most)
        if not lines:
            return ""
        head = f"What earlier attempts have shown ({clean(category)} work):"
        return "\n".join([head, *(f"- {line}" for line in lines)])

    def category(self, action: Action) -> str:
        """The category of the work that an action is about to do: by its tag; or else what it mostly
        was when it was done before."""
        if action.tag:
            return category_of(action.tag)
        found = self._ask(lambda file: file.categories(self.project, action.key))
        return found[0] if found else GENERAL

    def choose(
        self, category: str, preset: str, offers: Sequence[Offer], price_of: PriceOf, seed: str
    ) -> Choice:
        """The model for a piece of work, and why. Without records it is drawn from what the preset
        assumes. Raises TaskError for a preset that isn't there."""
        chosen = preset_of(preset)
        standings = self._ask(lambda file: file.standings(self.project, self.carry_over))
        return choose(category, chosen, offers, standings or (), price_of, seed)

    def _ask(self, question: Callable[[KnowledgeFile], _T]) -> _T | None:
        """The answer; ``None`` if there is nothing to ask, or it failed."""
        with self._lock:
            if self._file is None:
                return None
            try:
                return question(self._file)
            except (JournalError, StateError) as error:
                self._give_up(error)
                return None

    def _give_up(self, error: Exception) -> None:
        self._close()
        self.trouble = f"nothing is learned from here on: {error}"

    def _close(self) -> None:
        if self._file is not None:
            with suppress(JournalError, StateError):
                self._file.close()
            self._file = None
