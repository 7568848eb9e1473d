"""What names tell: of attempts, of nodes, of refs."""

from __future__ import annotations

import re

_LABEL = re.compile(r"A(\.[1-9][0-9]*)*")
_ATTEMPT = re.compile(r"(A(?:\.[1-9][0-9]*)*)-[1-9][0-9]*")
_PART = re.compile(rf"({_ATTEMPT.pattern})-[a-z]+[0-9]*")
# An attempt in a clean room, such as A.1-verify-2, A-room-1 or A.1-merge-1-before.
_CLEAN_ROOM = re.compile(r"A(\.[1-9][0-9]*)*-[a-z]+-[1-9][0-9]*(-[a-z]+)*")


def is_label(name: str) -> bool:
    """Whether it is a node's label."""
    return _LABEL.fullmatch(name) is not None


def is_node_attempt(name: str) -> bool:
    """Whether it is the id of an attempt that has a row, such as ``A.1-2``."""
    return _ATTEMPT.fullmatch(name) is not None


def whole_of(name: str) -> str:
    """The id of the attempt that a part has, such as ``A.1-2`` of its round ``A.1-2-r1``; "" if it is
    the name of no part."""
    found = _PART.fullmatch(name)
    return found[1] if found else ""


def is_clean_room(name: str) -> bool:
    """Whether it is the id of an attempt that has no row, because none is ever gone on with."""
    return _CLEAN_ROOM.fullmatch(name) is not None


def belongs_to(attempt_id: str, attempts: frozenset[str]) -> str:
    """That one of ``attempts`` that an object is of, or "".

    Parts of an attempt have ids of their own, such as ``A-1-sealed`` of ``A-1``.
    """
    if attempt_id in attempts:
        return attempt_id
    found = _ATTEMPT.match(attempt_id)
    whole = found.group() if found and attempt_id.startswith(found.group() + "-") else ""
    return whole if whole in attempts else ""
