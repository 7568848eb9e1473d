"""The templates, from the package and from a folder of the task's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path

from runner.errors import TaskError
from runner.prompts.parts import names_in

MAX_TEMPLATE_BYTES = 8 << 10


class Kind(StrEnum):
    """What a template is for; ``<kind>.md`` is its file."""

    TRANSITION = "transition"  # the opening of a node
    TDD = "tdd"  # the cycle, which the opening holds
    REFLECT = "reflect"  # what goes back after a round that didn't do
    BACKTRACK = "backtrack"  # what goes back after a round that was rolled back
    REVIEW = "review"
    COMMAND = "command"  # the slash command


_WORK = ("checks", "benchmark", "protected", "new_tests", "tools", "objective", "expected")
_AFTER = ("outcome", "essence", "gain", "rounds", "left", "protected", "round", "node", "state")

ALLOWED: Mapping[Kind, tuple[str, ...]] = {
    Kind.TRANSITION: (
        *("node", "parent", "request", *_WORK),
        *("metrics", "siblings", "lessons", "path", "profile", "cycle"),
    ),
    Kind.TDD: _WORK,
    Kind.REFLECT: (*_AFTER, "kept"),
    Kind.BACKTRACK: _AFTER,
    Kind.REVIEW: ("node", "request", "objective", "measured", "evidence", "diff"),
    Kind.COMMAND: (),
}


@cache
def packaged(kind: Kind) -> str:
    """The template that the package holds."""
    return (Path(__file__).parent / "templates" / f"{kind}.md").read_text(encoding="utf-8")


def load_templates(folder: Path | None) -> dict[Kind, str]:
    """Every kind's template: the folder's, where it has a file of that name, or the package's.

    Raises one ``TaskError`` with all that is wrong: a file of another name, a placeholder that the
    kind doesn't have, one that is no text, or has over 8 KiB. Names that begin with a dot are
    passed over.
    """
    found = {kind: packaged(kind) for kind in Kind}
    problems: list[str] = []
    for path in () if folder is None else _files(folder):
        try:
            kind, text = _read(path)
        except TaskError as error:
            problems.append(str(error))
            continue
        problems += _wrong(path, kind, text)
        found[kind] = text
    if problems:
        raise TaskError("\n".join(problems))
    return found


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise TaskError(f"{folder}: can't be read as prompts: {error.strerror}") from error


def _read(path: Path) -> tuple[Kind, str]:
    if path.name not in {f"{kind}.md" for kind in Kind}:
        allowed = ", ".join(f"{kind}.md" for kind in Kind)
        raise TaskError(f"{path}: is no template of a prompt; allowed: {allowed}")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_TEMPLATE_BYTES + 1)
        text = data.decode("utf-8")
    except OSError as error:
        raise TaskError(f"{path}: can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TaskError(f"{path}: is no UTF-8 text (byte {error.start})") from error
    if len(data) > MAX_TEMPLATE_BYTES:
        raise TaskError(f"{path}: has over {MAX_TEMPLATE_BYTES} bytes, more than a prompt may have")
    if not text.strip() or "\0" in text:
        raise TaskError(f"{path}: {'holds a NUL byte' if text.strip() else 'is empty'}")
    return Kind(path.stem), text


def _wrong(path: Path, kind: Kind, text: str) -> Iterator[str]:
    allowed = ALLOWED[kind]
    for name, line in names_in(text):
        if name not in allowed:
            listed = ", ".join(f"{{{{{each}}}}}" for each in sorted(allowed)) or "none"
            yield f"{path}:{line}: {{{{{name}}}}} is not known there; allowed: {listed}"
