"""What an action was given to know, and may not leave behind."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import IO, cast

from runner.errors import EvidenceError
from runner.measure.protected import shown
from runner.sandbox.onefile import ForwardReader
from runner.sandbox.redact import MASK

_COPY_BYTES = 1 << 20


def hidden(secrets: Mapping[str, str]) -> tuple[bytes, ...]:
    """The bytes of the secrets, as they stand in files and streams."""
    return tuple(os.fsencode(value) for value in secrets.values())


def leaked(archive: Callable[[], Iterable[bytes]], secrets: Mapping[str, str]) -> str:
    """Which secret is in a tar stream, as ``TOKEN to path``; "" if none is.

    File names and the targets of links count. What was encoded, packed or enciphered is not found.
    ``archive`` gives the stream, a second time if something is in it. Raises ``EvidenceError`` for
    a stream in which there is something, and that isn't a whole tar archive.
    """
    if not _held_in(archive(), secrets):
        return ""
    try:
        with tarfile.open(
            fileobj=cast("IO[bytes]", ForwardReader(archive())), mode="r|", errors="surrogateescape"
        ) as tar:
            for member in tar:
                tar.members = []  # type: ignore[attr-defined]  # tarfile would keep them all
                if name := _held_in(_pieces(tar, member), secrets):
                    return f"{name} to {_place(member.name, secrets)}"
    except (tarfile.TarError, ValueError, OverflowError, IndexError) as error:
        raise EvidenceError(f"the container's archive is damaged: {error}") from error
    return f"{', '.join(secrets)} to what can't be told apart"  # better one node too few


def _held_in(pieces: Iterable[bytes], secrets: Mapping[str, str]) -> str:
    """The name of a secret that is in the stream, wherever that was cut; "" if none is."""
    values = dict(zip(secrets, hidden(secrets), strict=True))
    overlap = max(map(len, values.values()), default=1) - 1
    tail = b""
    for piece in pieces:
        text = tail + piece
        for name, value in values.items():
            if value in text:
                return name
        tail = text[-overlap:]
    return ""


def _pieces(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    """The member's names and its content."""
    data = tar.extractfile(member) if member.isreg() else None
    names = (os.fsencode(member.name), b"\0", os.fsencode(member.linkname), b"\0")
    return chain(names, iter(lambda: data.read(_COPY_BYTES) if data else b"", b""))


def _place(path: str, secrets: Mapping[str, str]) -> str:
    """The path for a message, which may be the place of the secret itself."""
    for value in secrets.values():
        path = path.replace(value, MASK.decode())
    return shown("/" + path.lstrip("/"))
