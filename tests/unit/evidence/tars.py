"""Tar streams as an engine sends them, made by hand so that they can also be wrong."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Member:
    """One member; ``name`` is used as it is."""

    name: str
    data: bytes = b""
    kind: bytes = tarfile.REGTYPE
    mode: int = 0o644
    link: str = ""
    mtime: int = 0


def file(name: str, data: bytes | str = b"", mode: int = 0o644, mtime: int = 0) -> Member:
    content = data.encode() if isinstance(data, str) else data
    return Member(f"workspace/{name}", content, mode=mode, mtime=mtime)


def symlink(name: str, target: str) -> Member:
    return Member(f"workspace/{name}", kind=tarfile.SYMTYPE, link=target)


def hardlink(name: str, target: str) -> Member:
    return Member(f"workspace/{name}", kind=tarfile.LNKTYPE, link=f"workspace/{target}")


def tar(*members: Member, format_: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(
        fileobj=out, mode="w", format=format_, encoding="utf-8", errors="surrogateescape"
    ) as made:
        for member in (Member("workspace", kind=tarfile.DIRTYPE, mode=0o755), *members):
            info = tarfile.TarInfo(member.name)
            info.type, info.mode, info.mtime = member.kind, member.mode, member.mtime
            info.linkname, info.size = member.link, len(member.data)
            made.addfile(info, io.BytesIO(member.data))
    return out.getvalue()


def chunks(data: bytes, size: int = 1000) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]
