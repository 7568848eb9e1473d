"""Objects on disk, one file each."""

from pathlib import Path

from helios.errors import ObjectMissing


class LooseObjects:
    """A folder of records, each in a file that is named by its digest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "objects"
        self._folder.mkdir(parents=True, exist_ok=True)

    def has(self, digest: str) -> bool:
        return self._path(digest).exists()

    def write(self, digest: str, record: bytes) -> None:
        """Store a record so that a crash leaves either all of it or nothing."""
        path = self._path(digest)
        unfinished = path.with_suffix(".new")
        unfinished.write_bytes(record)
        unfinished.replace(path)

    def read(self, digest: str) -> bytes:
        try:
            return self._path(digest).read_bytes()
        except FileNotFoundError:
            raise ObjectMissing(f"no object {digest}") from None

    def close(self) -> None:
        """Nothing is held open."""

    def _path(self, digest: str) -> Path:
        return self._folder / digest
