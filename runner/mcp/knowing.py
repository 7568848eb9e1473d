"""What earlier runs have taught, as tools tell it."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from runner.errors import TaskError
from runner.knowledge import Knowledge, Offer, Query, presets
from runner.knowledge.choosing import PriceOf
from runner.mcp.desk import DeskError
from runner.mcp.results import Choice, Lessons, Preset, Presets, ReferencePrompt, Stored

USUAL_PRESET = "balanced"


class KnownLessons:
    """``KnowledgePart`` over the knowledge base. What is stored is told of as a note of the agent at
    ``label`` of a run."""

    def __init__(self, knowledge: Knowledge, run_id: str, label: str) -> None:
        self._knowledge = knowledge
        self._run_id = run_id
        self._label = label

    def similar(self, what: str, most: int) -> Lessons:
        """See ``KnowledgePart``."""
        _demand(self._knowledge)
        return Lessons(self._knowledge.lessons(Query(words=what), most))

    def prompt(self, category: str) -> ReferencePrompt:
        """See ``KnowledgePart``."""
        _demand(self._knowledge)
        return ReferencePrompt(category, self._knowledge.reference(category))

    def store(self, category: str, pattern: str, tags: tuple[str, ...]) -> Stored:
        """See ``KnowledgePart``."""
        _demand(self._knowledge)
        if self._knowledge.note(self._run_id, self._label, category, pattern, tags):
            return Stored(True, "kept, as a note; it is told to agents who do such work")
        _demand(self._knowledge)  # it may have failed just now
        return Stored(False, "it is known already")


class KnownModels:
    """``ModelsPart`` over the knowledge base and the models that the task's upstreams offer."""

    def __init__(
        self, knowledge: Knowledge, offers: Sequence[Offer], price_of: PriceOf, seed: str
    ) -> None:
        self._knowledge = knowledge
        self._offers = tuple(offers)
        self._price_of = price_of
        self._seed = seed

    def presets(self) -> Presets:
        """Each preset with those of its models that may be used here."""
        return Presets(
            tuple(
                Preset(
                    preset.name,
                    preset.about,
                    tuple(
                        model
                        for dialect, models in preset.models.items()
                        for model in models
                        if self._offered(dialect, model)
                    ),
                )
                for preset in presets()
            )
        )

    def best(self, category: str, preset: str) -> Choice:
        """See ``ModelsPart``. Without records it is drawn from what the preset assumes."""
        try:
            found = self._knowledge.choose(
                category, preset or USUAL_PRESET, self._offers, self._price_of, self._seed
            )
        except TaskError as error:  # a preset that isn't there
            raise DeskError(str(error)) from error
        return Choice(category, found.model, found.why)

    def _offered(self, dialect: str, model: str) -> bool:
        return any(
            offer.dialect == dialect and any(fnmatchcase(model, glob) for glob in offer.globs)
            for offer in self._offers
        )


def _demand(knowledge: Knowledge) -> None:
    if not knowledge.enabled:
        raise DeskError(
            knowledge.trouble or "nothing is remembered here: knowledge is switched off"
        )
