"""Who was first to reach a source tree."""

from __future__ import annotations

from collections.abc import Mapping


class Claims:
    """Source trees (by git tree id) that are known or being measured, and whose they are.

    Worker threads share one; ``dict.setdefault`` decides a race, so that of two equal states
    that are reached at the same time exactly one is measured.
    """

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        self._owners: dict[str, str] = dict(known or {})

    def claim(self, tree_id: str, label: str) -> str:
        """The label of the node that has this tree already, or "" if it is ``label``'s now."""
        owner = self._owners.setdefault(tree_id, label)
        return "" if owner == label else owner

    def release(self, tree_id: str, label: str) -> None:
        """Give up a claim whose attempt came to nothing; another's claim stays."""
        if self._owners.get(tree_id) == label:
            del self._owners[tree_id]
