"""Image archives on their way to the engine: held to plain tar, and to names below ``oppie/``.

Loading an archive moves the names that it lists, whoever's they were. So it is read as it passes, and
cut off before its end if it lists others. What the engine's reader could take in another way than
this one (long names, links, sparse files, compression, keys in other cases) is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from runner.guard.bodies import read_json
from runner.guard.objects import OWN_REPOSITORY
from runner.guard.order import Refused

_BLOCK = 512
_CONTENT_LIMIT_BYTES = 4 << 20
_ZEROS = bytes(_BLOCK)
_MAGIC = (b"ustar\x0000", b"ustar  \x00")  # POSIX, and GNU
_FILE, _LINK, _FOLDER, _EXTENDED = b"0", b"2", b"5", b"x"
_HEX = "[0-9a-f]{64}"
_MEMBER = re.compile(
    rf"oci-layout|(?:{_HEX})/?|(?:{_HEX})\.(?:json|tar)|(?:{_HEX})/(?:VERSION|json|layer\.tar)"
    rf"|blobs/?|blobs/sha256/?|blobs/sha256/(?:{_HEX})"
)
_TARGET = re.compile(rf"\.\./(?:{_HEX})(?:\.tar|/layer\.tar)")
_EXTENSION = re.compile(rb"(?:[1-9][0-9]* [acm]time=[0-9.]+\n)*")
_IMAGE_KEYS = frozenset(("Config", "Layers", "LayerSources", "Parent", "RepoTags"))
_INDEX_KEYS = frozenset(("annotations", "manifests", "mediaType", "schemaVersion"))
_ENTRY_KEYS = frozenset(("annotations", "digest", "mediaType", "platform", "size"))
_NAME, _SHORT_NAME = "io.containerd.image.name", "org.opencontainers.image.ref.name"


def only_own_images(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces of an archive that `docker save` wrote, as long as all its names are oppie's.

    Raises ``Refused``, before the member that is the reason has been passed on whole.
    """
    scan = _Scan()
    for piece in pieces:
        scan.feed(piece)
        yield piece
    scan.end()


class _Scan:
    """Reads a tar as it comes; keeps nothing but the few members that name images."""

    def __init__(self) -> None:
        self._buffer = b""
        self._left = 0  # bytes of the member at hand, padding included
        self._content: bytearray | None = None
        self._size = 0
        self._judge: Callable[[bytes], None] = _ignore
        self._names_seen = False
        self._over = False

    def feed(self, piece: bytes) -> None:
        self._buffer += piece
        while self._buffer:
            if self._left:
                self._take()
            elif len(self._buffer) < _BLOCK:
                return
            else:
                block, self._buffer = self._buffer[:_BLOCK], self._buffer[_BLOCK:]
                self._header(block)

    def end(self) -> None:
        if self._left or self._buffer.strip(b"\0") or not self._names_seen:
            raise Refused("an archive that breaks off, or has no manifest.json")

    def _take(self) -> None:
        part, self._buffer = self._buffer[: self._left], self._buffer[self._left :]
        self._left -= len(part)
        if self._content is not None:
            self._content += part
            if not self._left:
                self._judge(bytes(self._content[: self._size]))
                self._content = None

    def _header(self, block: bytes) -> None:
        if block == _ZEROS:
            self._over = True
            return
        kind = block[156:157].replace(b"\0", _FILE)
        if self._over or block[257:265] not in _MAGIC or any(block[345:500]) or not _sums_up(block):
            raise Refused("no plain tar archive, such as `docker save` writes")
        name, self._size = _text(block[:100]), _number(block[124:136])
        self._left = -(-self._size // _BLOCK) * _BLOCK
        self._judge = _judge_of(name, kind, _text(block[157:257]))
        if self._judge is not _ignore:
            if self._size > _CONTENT_LIMIT_BYTES:
                raise Refused(f"an archive in which {name[:60]!r} is too large")
            self._names_seen = self._names_seen or name == "manifest.json"
            self._content = bytearray()


def _judge_of(name: str, kind: bytes, target: str) -> Callable[[bytes], None]:
    """Who looks at a member's content. Raises ``Refused`` for a member that no archive has."""
    if kind == _EXTENDED:
        return _check_extension
    if kind == _FILE and name in _JUDGES:
        return _JUDGES[name]
    known = _MEMBER.fullmatch(name)
    if known and (kind in (_FILE, _FOLDER) or (kind == _LINK and _TARGET.fullmatch(target))):
        return _ignore
    raise Refused(f"an archive with the member {name[:80]!r}")


def _ignore(_content: bytes) -> None:
    """Data of layers and configurations."""


def _check_extension(content: bytes) -> None:
    if not _EXTENSION.fullmatch(content):
        raise Refused("an archive with extended headers other than times")


def _check_manifest(content: bytes) -> None:
    images = read_json(content)
    for image in images if isinstance(images, list) else [None]:
        if not isinstance(image, dict) or image.keys() - _IMAGE_KEYS:
            raise Refused("an archive whose manifest.json isn't as `docker save` writes it")
        _demand_own(image.get("RepoTags") or ())


def _check_repositories(content: bytes) -> None:
    names = read_json(content)
    _demand_own(names if isinstance(names, dict) else (None,))


def _check_index(content: bytes) -> None:
    index = read_json(content)
    entries = index.get("manifests") if isinstance(index, dict) else None
    if not isinstance(entries, list) or index.keys() - _INDEX_KEYS:
        raise Refused("an archive whose index.json isn't as `docker save` writes it")
    for entry in entries:
        if not isinstance(entry, dict) or entry.keys() - _ENTRY_KEYS:
            raise Refused("an archive whose index.json isn't as `docker save` writes it")
        annotations = entry.get("annotations") or {}
        if _NAME in annotations:
            _demand_own([str(annotations[_NAME]).removeprefix("docker.io/")])
        elif "/" in str(annotations.get(_SHORT_NAME, "")):
            _demand_own([str(annotations[_SHORT_NAME])])


def _demand_own(names: Any) -> None:
    for name in names:
        if not isinstance(name, str) or not OWN_REPOSITORY.fullmatch(name):
            raise Refused(f"an archive with an image called {json.dumps(name)[:80]}")


_JUDGES: dict[str, Callable[[bytes], None]] = {
    "manifest.json": _check_manifest,
    "repositories": _check_repositories,
    "index.json": _check_index,
}


def _sums_up(block: bytes) -> bool:
    """The header's checksum: the sum of its bytes, its own field taken as spaces."""
    return sum(block[:148]) + sum(b" " * 8) + sum(block[156:]) == _number(block[148:156])


def _text(field: bytes) -> str:
    return field.rstrip(b"\0").decode("latin-1")


def _number(field: bytes) -> int:
    digits = field.strip(b" \0")
    if not re.fullmatch(rb"[0-7]{0,12}", digits):
        raise Refused("an archive with a member of more than 8 GiB")
    return int(digits or b"0", 8)
