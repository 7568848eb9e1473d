"""The name of an object is the hash of its kind and its content."""

import hashlib

CHUNK_BYTES = 64  # what SHA-256 takes at a time


def object_digest(kind: str, payload: bytes) -> str:
    """SHA-256 over ``<kind> <size>\\0<payload>``, as 64 hex digits."""
    hasher = hashlib.sha256()
    hasher.update(f"{kind} {len(payload)}\0".encode())
    # Chunks keep the hasher's input small, however big the file is.
    for start in range(0, len(payload), CHUNK_BYTES):
        hasher.update(payload[start : start + CHUNK_BYTES])
    return hasher.hexdigest()
