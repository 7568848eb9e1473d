"""A catalogue: a folder of changes to try, one file each.

``<key>.patch`` is a patch for ``git apply``; the text above its first diff may have lines such as
``Description: Keep the index in memory``. ``<key>.sh`` is a script for ``sh``; the comments at its
top may have the same lines. Other files are not read, nor are folders.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator
from pathlib import Path

from runner.agents.keys import check_key
from runner.errors import TaskError
from runner.model import Action, ActionKind

MAX_BYTES = 8 << 20
_HEADERS = ("Description", "Prior", "Group", "Tag", "Open-ended")
_DIFF = (b"diff --git ", b"--- ")
_PLAIN_SH = (["sh"], ["env", "sh"], ["dash"])


def load_catalogue(folder: Path) -> tuple[Action, ...]:
    """The actions of a folder, in the order of their keys, which are the files' stems.

    Raises ``TaskError`` with the file, and the line, that can't be read or understood.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix in {".patch", ".sh"})
    except OSError as error:
        raise TaskError(f"{folder}: can't be read as a catalogue: {error.strerror}") from error
    if not files:
        raise TaskError(f"{folder}: the catalogue holds no *.patch and no *.sh")
    return tuple(_action(path) for path in files)


def _action(path: Path) -> Action:
    if why := check_key(path.stem):
        raise TaskError(f"{path}: the name of the action, {path.stem!r}, {why}")
    body = _read(path)
    if path.suffix == ".patch":
        kind, header = ActionKind.PATCH, _patch_header(path, body)
    else:
        kind, header = ActionKind.COMMAND, _script_header(path, body)
    found = _parse(path, header)
    return Action(
        key=path.stem,
        kind=kind,
        body=body,
        description=found.get("Description", ""),
        group=found.get("Group", ""),
        prior=float(found.get("Prior", "0")),
        tag=found.get("Tag", ""),
        open_ended=found.get("Open-ended") == "true",
    )


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise TaskError(f"{path}: has over {MAX_BYTES} bytes, more than an action may have")
        body = path.read_bytes()
    except OSError as error:
        raise TaskError(f"{path}: can't be read: {error.strerror}") from error
    if b"\0" in body:
        line = body[: body.index(b"\0")].count(b"\n") + 1
        raise TaskError(
            f"{path}:{line}: holds a NUL byte; make patches of such files with git diff --binary"
        )
    if not body.strip():
        raise TaskError(f"{path}: is empty")
    return body


def _patch_header(path: Path, body: bytes) -> list[str]:
    """The lines above the first diff."""
    lines = body.splitlines()
    for number, line in enumerate(lines):
        if line.startswith(_DIFF):
            return [above.decode("utf-8", "replace") for above in lines[:number]]
    raise TaskError(f"{path}: holds no diff: no line starts with `diff --git ` or `--- `")


def _script_header(path: Path, body: bytes) -> list[str]:
    """The comments at the top, without their marks."""
    lines = [line.decode("utf-8", "replace") for line in body.splitlines()]
    if lines[0].startswith("#!"):
        program = [Path(word).name for word in lines[0][2:].split()]
        if program not in _PLAIN_SH:
            raise TaskError(
                f"{path}:1: {lines[0]!r}: catalogue scripts are run by sh, without options; "
                "put `set -e` on a line of its own, and call other interpreters from within"
            )
    header = []
    for line in lines:
        if not line.startswith("#"):
            break
        header.append(line[1:])
    return header


def _parse(path: Path, header: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, key, value in _fields(path, header):
        where = f"{path}:{number}: {key}: {value!r}"
        if key in found:
            raise TaskError(f"{where}: {key} is there twice")
        if why := _wrong(key, value):
            raise TaskError(f"{where}: {why}")
        found[key] = value
    return found


def _fields(path: Path, header: list[str]) -> Iterator[tuple[int, str, str]]:
    """Number, key and value of the lines that are headers; text of other kinds is passed over."""
    for number, line in enumerate(header, start=1):
        key, colon, value = line.strip().partition(":")
        if colon and key in _HEADERS:
            yield number, key, value.strip()
        elif colon and (near := _meant(key)):
            raise TaskError(f"{path}:{number}: {key!r}: did you mean {near!r}?")


def _meant(key: str) -> str:
    """The header that a word was probably meant to be; "" if it is just a word."""
    near = difflib.get_close_matches(key.title(), [known.title() for known in _HEADERS], 1, 0.8)
    return near[0].replace("-E", "-e") if near else ""


def _wrong(key: str, value: str) -> str:
    """Why the value of a header is no good; "" if it is."""
    match key:
        case "Prior" if not _is_prior(value):
            return "must be a number from -10 to 10 (the expected gain, a log-ratio)"
        case "Open-ended" if value not in {"true", "false"}:
            return "must be true or false"
        case "Group" | "Tag":
            return check_key(value)
        case _:
            return "" if value else "is empty"


def _is_prior(text: str) -> bool:
    try:
        value = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        return False
    return -10.0 <= value <= 10.0
