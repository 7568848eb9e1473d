"""A Merkle tree as real files."""

from pathlib import Path

from helios.errors import PathError
from helios.merkle import list_tree
from helios.model import BLOB
from helios.paths import check_path
from helios.store import ObjectStore


def materialise_tree(store: ObjectStore, root: str, folder: Path) -> int:
    """Write all files below a Merkle root into an empty or new folder; returns how many.

    Raises ``PathError`` if the folder isn't empty, or a stored path would leave it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise PathError(f"{folder} is not empty")
    count = 0
    for path, digest in list_tree(store, root):
        check_path(path)
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(store.get(BLOB, digest))
        count += 1
    return count
