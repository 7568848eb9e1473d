"""The content-addressed store: what goes in gets its digest as its name."""

from pathlib import Path

from helios.digest import object_digest
from helios.errors import CorruptObject
from helios.loose import LooseObjects


class ObjectStore:
    """Objects of a kind (``blob``, ``tree``, ``commit``) by digest. Nothing is ever changed."""

    def __init__(self, folder: Path) -> None:
        self._objects = LooseObjects(folder)
        self._folder = folder

    def get(self, kind: str, digest: str) -> bytes:
        """The payload of an object.

        Raises ``ObjectMissing``, or ``CorruptObject`` if it isn't what was stored.
        """
        payload = self._objects.read(digest)
        if object_digest(kind, payload) != digest:
            raise CorruptObject(f"{kind} {digest} in {self._folder} is damaged")
        return payload

    def put(self, kind: str, payload: bytes) -> str:
        """Store an object and return its digest."""
        digest = object_digest(kind, payload)
        # Equal objects have equal names, so that writing one twice does no harm.
        self._objects.write(digest, payload)
        return digest

    def close(self) -> None:
        """Let go of the files."""
        self._objects.close()
