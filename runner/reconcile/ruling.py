"""What is decided about each object, in words that a person can check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Thing(StrEnum):
    """What a ruling is about."""

    CONTAINER = "container"
    IMAGE = "image"
    REF = "ref"  # of the evidence repository
    FOLDER = "folder"  # of a run, or of an attempt
    FILE = "file"  # half-written
    RUN = "run"


class Fate(StrEnum):
    """What becomes of an object.

    ``ADOPT``: an open attempt goes on with it. ``RESET``: it is made again what the journal says.
    ``KILL``: nothing explains it, and nobody can use it. ``KEEP``: it is explained. ``FOREIGN``:
    it isn't of this state folder, or not of this product's making, and not touched. ``MISSING``:
    the journal explains it, and it isn't there.
    """

    ADOPT = "adopt"
    RESET = "reset"
    KILL = "kill"
    KEEP = "keep"
    FOREIGN = "foreign"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Ruling:
    """The fate of one object, and why.

    ``name`` is what the object is removed by: a container's name, an image's tag or digest, a ref's
    full name, or a path. ``to`` is what it is reset to: the digest that a tag shall have, or the
    commit that a ref shall have.
    """

    thing: Thing
    name: str
    run_id: str
    fate: Fate
    why: str
    to: str = ""
