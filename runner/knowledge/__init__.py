"""What runs teach: lessons, the memory of policies, texts for agents, and the choice of models."""

from runner.knowledge.category import category_of
from runner.knowledge.choosing import Choice, Offer, PriceOf, attempt_price, choose
from runner.knowledge.knowledge import NAME, Knowledge
from runner.knowledge.lesson import About, lesson_of
from runner.knowledge.presets import Preset, preset_of, presets
from runner.knowledge.project import project_key
from runner.knowledge.recollection import memory_of
from runner.knowledge.telling import Query

__all__ = [
    "NAME",
    "About",
    "Choice",
    "Knowledge",
    "Offer",
    "Preset",
    "PriceOf",
    "Query",
    "attempt_price",
    "category_of",
    "choose",
    "lesson_of",
    "memory_of",
    "preset_of",
    "presets",
    "project_key",
]
