"""States as integers: which actions are in effect, and whose open-ended change they stand on.

Bit i of a state is set if action i is in effect. Above those bits stands the index of the node
whose open-ended action made a state of its own (0 if none did): what such an action does is
another thing each time, so no two of its states are equal.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from runner.errors import TaskError
from runner.model import Action


class States:
    """How the actions of one search lead from state to state.

    Raises ``TaskError`` if two actions share a key.
    """

    def __init__(self, actions: Sequence[Action]) -> None:
        self.index = _index_of(actions)
        self._open_ended = [action.open_ended for action in actions]
        self._set = [1 << i for i in range(len(actions))]
        self._keep = _masks_kept(actions)
        self._count = len(actions)
        self._all = (1 << len(actions)) - 1

    def after(self, state: int, action: int) -> int:
        """The state after a closed action (by index), which replaces others of its group."""
        return state & self._keep[action] | self._set[action]

    def toggled(self, state: int, action: int) -> int:
        """The state without the action if it is in effect, else the one after it."""
        bit = self._set[action]
        return state & ~bit if state & bit else self.after(state, action)

    def branched(self, state: int, node: int) -> int:
        """The state that an open-ended action makes, when it is tried by the node of this index."""
        return state & self._all | node << self._count

    def is_open_ended(self, action: int) -> bool:
        return self._open_ended[action]

    def untried(self, state: int, known: Container[int]) -> list[int]:
        """The actions that lead to a state that isn't known; open-ended ones always do."""
        keep, open_ended = self._keep, self._open_ended
        return [
            i
            for i, bit in enumerate(self._set)
            if open_ended[i] or (not state & bit and (state & keep[i] | bit) not in known)
        ]

    def added(self, state: int, lineage: int) -> int:
        """The bits in effect in ``state`` that weren't yet in the state ``lineage`` before it."""
        return state & ~lineage & self._all

    def combined(self, lineage: int, added: int) -> int:
        """The state that has ``added`` on top of ``lineage``: the reverse of ``added``."""
        state = lineage
        if state == 0:
            return added
        for i, bit in enumerate(self._set):
            if added & bit:
                state = self.after(state, i)
        return state

    def actions_in(self, state: int) -> list[int]:
        """The indexes of the actions in effect."""
        return [i for i, bit in enumerate(self._set) if state & bit]


def _index_of(actions: Sequence[Action]) -> dict[str, int]:
    index: dict[str, int] = {}
    for i, action in enumerate(actions):
        if action.key in index:
            raise TaskError(f"two actions have the key {action.key!r}; keys must differ")
        index[action.key] = i
    return index


def _masks_kept(actions: Sequence[Action]) -> list[int]:
    """For each action, the mask of what stays in effect when it is applied."""
    groups: dict[str, int] = {}
    for i, action in enumerate(actions):
        if action.group:
            groups[action.group] = groups.get(action.group, 0) | 1 << i
    return [~groups[action.group] if action.group else -1 for action in actions]
