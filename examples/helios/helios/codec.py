"""Directories and commits as bytes, and back."""

import json
from collections.abc import Iterable

from helios.errors import CorruptObject
from helios.model import Commit, Entry


def encode_tree(entries: Iterable[Entry]) -> bytes:
    """A directory; equal directories give equal bytes."""
    lines = [
        {"name": entry.name, "kind": entry.kind, "digest": entry.digest} for entry in entries
    ]
    return json.dumps(lines, sort_keys=True).encode()


def decode_tree(payload: bytes) -> list[Entry]:
    """The entries of a directory, in the order in which they were encoded."""
    try:
        return [
            Entry(line["name"], line["kind"], line["digest"]) for line in json.loads(payload)
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptObject(f"not a directory: {error}") from error


def encode_commit(commit: Commit) -> bytes:
    """A commit; its id is the digest of this."""
    return f"root {commit.root}\nparent {commit.parent}\n\n{commit.message}".encode()


def decode_commit(payload: bytes) -> Commit:
    """The commit that was encoded."""
    try:
        head, message = payload.decode().split("\n\n", 1)
        root, parent = head.split("\n")
        return Commit(root.removeprefix("root "), parent.removeprefix("parent "), message)
    except ValueError as error:
        raise CorruptObject(f"not a commit: {error}") from error
