"""What an action was given to know, and may not leave behind."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, cast

from runner.errors import EvidenceError
from runner.measure.protected import shown
from runner.sandbox.onefile import ForwardReader
from runner.sandbox.redact import MASK

_COPY_BYTES = 1 << 20


def hidden(secrets: Mapping[str, str]) -> tuple[bytes, ...]:
    """The bytes of the secrets, as they stand in files and streams."""
    return tuple(os.fsencode(value) for value in secrets.values())


def leaked(archive: Iterable[bytes], secrets: Mapping[str, str]) -> str:
    """Which secret is in a tar stream, as ``TOKEN to path``; "" if none is.

    File names and the targets of links count. What was encoded, packed or enciphered is not found.
    Raises ``EvidenceError`` for a stream that isn't a whole tar archive.
    """
    try:
        with tarfile.open(
            fileobj=cast("IO[bytes]", ForwardReader(archive)), mode="r|", errors="surrogateescape"
        ) as tar:
            for member in tar:
                tar.members = []  # type: ignore[attr-defined]  # tarfile would keep them all
                for name in _found_in(tar, member, secrets):
                    return f"{name} to {_place(member.name, secrets)}"
    except (tarfile.TarError, ValueError, OverflowError, IndexError) as error:
        raise EvidenceError(f"the container's archive is damaged: {error}") from error
    return ""


def _found_in(
    tar: tarfile.TarFile, member: tarfile.TarInfo, secrets: Mapping[str, str]
) -> Iterator[str]:
    told = {name: os.fsencode(value) for name, value in secrets.items()}
    header = os.fsencode(member.name) + b"\0" + os.fsencode(member.linkname)
    yield from (name for name, value in told.items() if value in header)
    data = tar.extractfile(member) if member.isreg() else None
    overlap = max(map(len, told.values()), default=1) - 1
    tail = b""
    while data is not None and (part := data.read(_COPY_BYTES)):
        text = tail + part
        yield from (name for name, value in told.items() if value in text)
        tail = text[-overlap:]


def _place(path: str, secrets: Mapping[str, str]) -> str:
    """The path for a message, which may be the place of the secret itself."""
    for value in secrets.values():
        path = path.replace(value, MASK.decode())
    return shown("/" + path.lstrip("/"))
