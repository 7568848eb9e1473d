"""What the tools are asked with, strictly: every text is bounded, and nothing names a path.

The models become the schemas that clients are shown, so their descriptions are written for agents.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from runner.knowledge.knowledge import NOTE_LIMIT

Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$"
    ),
]
Word = Annotated[str, StringConstraints(max_length=80, pattern=r"^[^\x00-\x1f]*$")]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Query = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
LEAST_TIME_S, MOST_TIME_S = 1.0, 1800.0


class _Arguments(BaseModel):
    """An argument that a tool doesn't have is an error, or a misspelled one would do nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(_Arguments):
    """No arguments."""


class SkeletonArguments(_Arguments):
    subject: Annotated[
        Name, Field(description="What is to be tested: the name of a function, class or behaviour.")
    ]
    framework: Annotated[
        Word,
        Field(
            description="As tests_detect names it, such as pytest; the repository's own if empty."
        ),
    ] = ""


class RunArguments(_Arguments):
    checks: Annotated[
        tuple[Name, ...],
        Field(max_length=16, description="Names of checks, from tests_detect; all if empty."),
    ] = ()
    time_s: Annotated[
        float,
        Field(ge=LEAST_TIME_S, le=MOST_TIME_S, description="Seconds that all of them may take."),
    ] = 300.0


class TimeArguments(_Arguments):
    time_s: Annotated[
        float, Field(ge=LEAST_TIME_S, le=MOST_TIME_S, description="Seconds that it may take.")
    ] = 600.0


class SimilarArguments(_Arguments):
    what: Annotated[
        Query, Field(description="The work at hand in a few words: files, techniques, symptoms.")
    ]
    most: Annotated[int, Field(ge=1, le=20, description="How many lessons at most.")] = 5


class CategoryArguments(_Arguments):
    category: Annotated[
        Name,
        Field(description="The kind of work, such as algorithm, caching, vectorise, refactor."),
    ]


class StoreArguments(CategoryArguments):
    pattern: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=NOTE_LIMIT),
        Field(description="What works, or doesn't, and when: a few sentences for the next agent."),
    ]
    tags: Annotated[tuple[Name, ...], Field(max_length=8, description="Words to find it by.")] = ()


class BestArguments(CategoryArguments):
    preset: Annotated[Word, Field(description="One of models_presets; balanced if empty.")] = ""


class MostArguments(_Arguments):
    most: Annotated[int, Field(ge=1, le=50, description="How many nodes at most.")] = 20


class FeatureArguments(_Arguments):
    name: Annotated[Name, Field(description="The feature, in words that others recognise.")]
    note: Annotated[Note, Field(description="What the others should know of it.")] = ""
