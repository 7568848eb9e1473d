"""What changed between two Merkle trees."""

from helios.merkle import list_tree
from helios.model import Change
from helios.store import ObjectStore


def diff_trees(store: ObjectStore, old: str, new: str) -> list[Change]:
    """The files that differ between two Merkle roots, by path."""
    before = dict(list_tree(store, old))
    after = dict(list_tree(store, new))
    changes = []
    for path in sorted(before.keys() | after.keys()):
        if path not in before:
            changes.append(Change(path, "added"))
        elif path not in after:
            changes.append(Change(path, "removed"))
        elif before[path] != after[path]:
            changes.append(Change(path, "changed"))
    return changes
