"""Files to a Merkle tree of stored objects, and back."""

from collections.abc import Iterator

from helios.codec import decode_tree, encode_tree
from helios.model import BLOB, TREE, Entry
from helios.store import ObjectStore
from helios.worktree import WorkTree


def write_tree(store: ObjectStore, work: WorkTree) -> str:
    """Store all files and directories; returns the Merkle root."""
    root: dict[str, object] = {}
    for file in work.files():
        directory = root
        for folder in file.folders:
            directory = directory.setdefault(folder, {})
        directory[file.name] = file.data
    return _write_directory(store, root)


def _write_directory(store: ObjectStore, directory: dict[str, object]) -> str:
    entries = []
    for name in sorted(directory):
        child = directory[name]
        if isinstance(child, dict):
            entries.append(Entry(name, TREE, _write_directory(store, child)))
        else:
            entries.append(Entry(name, BLOB, store.put(BLOB, child)))
    return store.put(TREE, encode_tree(entries))


def read_tree(store: ObjectStore, root: str) -> dict[str, bytes]:
    """All files below a Merkle root, by path."""
    return {path: store.get(BLOB, digest) for path, digest in list_tree(store, root)}


def list_tree(store: ObjectStore, root: str, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The path and the blob's digest of each file below a Merkle root."""
    for entry in decode_tree(store.get(TREE, root)):
        if entry.kind == TREE:
            yield from list_tree(store, entry.digest, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.digest
