"""The values that the engine stores and returns."""

from dataclasses import dataclass

BLOB = "blob"
TREE = "tree"
COMMIT = "commit"


@dataclass(frozen=True)
class Entry:
    """A line of a stored directory: ``kind`` is ``blob`` or ``tree``, ``digest`` 64 hex digits."""

    name: str
    kind: str
    digest: str


@dataclass(frozen=True)
class Commit:
    """A snapshot: ``root`` is the Merkle root of its files, ``parent`` a commit's id or ``""``."""

    root: str
    parent: str
    message: str


@dataclass(frozen=True)
class Change:
    """A path that differs between two commits: ``kind`` is ``added``, ``removed`` or ``changed``."""

    path: str
    kind: str
