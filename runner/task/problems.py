"""What is wrong with a task file, in words: the key, the value, and what is allowed."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from runner.errors import TaskError
from runner.task.file import TaskFile

_SHOWN_CHARS = 60

# pydantic's words for a wrong type are those of Python; these are TOML's.
_TYPES = {
    "string_type": 'must be text, in quotes: "…"',
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "list_type": "must be a list: […]",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "finite_number": "must be a finite number",
}


def raise_problems(path: Path, problems: Sequence[str]) -> None:
    """Raise one ``TaskError`` that tells all ``problems`` of the task file, if there are any."""
    if len(problems) == 1:
        raise TaskError(f"{path}: {problems[0]}")
    if problems:
        listed = "".join(f"\n  {problem}" for problem in problems)
        raise TaskError(f"{path}: {len(problems)} problems:{listed}")


def shape_problems(error: ValidationError) -> list[str]:
    """One line for each value that doesn't have the shape the file asks for."""
    return [_line(detail) for detail in error.errors()]


def key_of(location: Iterable[int | str]) -> str:
    """``benchmark.pairs``, or ``actions[2].command`` for the second of a list."""
    key = ""
    for part in location:
        key += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if key else part
    return key


def shown(value: object) -> str:
    """A value as the user wrote it, roughly, and not too long."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = '"' + value.encode("unicode_escape").decode() + '"'
    elif isinstance(value, dict):
        text = "{…}"
    else:
        text = str(value)
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"


def _line(detail: ErrorDetails) -> str:
    location = detail["loc"]
    match detail["type"]:
        case "extra_forbidden":
            return _unknown(location)
        case "missing":
            return f"{key_of(location)}: is missing{_hint(location)}"
        case "value_error":
            why = str(detail["ctx"]["error"])
        case "too_short":
            why = f"must not be empty{_hint(location)}"
        case "string_pattern_mismatch":
            why = "must be the name of an image, such as debian:12 or host:5000/team/image@sha256:…"
        case kind:
            why = _TYPES.get(kind) or detail["msg"].replace("Input should be", "must be")
    value = detail["input"]
    if isinstance(value, dict):
        return f"{key_of(location)}: {why}"
    return f"{key_of(location)} = {shown(value)}: {why}"


def _unknown(location: tuple[int | str, ...]) -> str:
    allowed = list(_section_at(location[:-1]).model_fields)
    wrong = str(location[-1])
    near = difflib.get_close_matches(wrong, allowed, n=1)
    guess = f" Did you mean {near[0]}?" if near else ""
    shown_key = key_of((*location[:-1], shown(wrong)[1:-1]))
    return f"{shown_key}: there is no such key.{guess} Allowed: {', '.join(allowed)}"


def _section_at(location: Iterable[int | str]) -> type[BaseModel]:
    section: type[BaseModel] = TaskFile
    for part in location:
        if isinstance(part, str):
            section = _section_in(section.model_fields[part].annotation)
    return section


def _section_in(annotation: object) -> type[BaseModel]:
    """The model in an annotation such as ``list[ActionSection]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(_section_in(inner) for inner in typing.get_args(annotation))


def _hint(location: tuple[int | str, ...]) -> str:
    match location:
        case ("benchmark",):
            return "; a [benchmark] with a command and its metrics"
        case ("benchmark", "metrics"):
            return '; at least one metric, such as metrics = [{name = "time_us", goal = "min"}]'
        case _:
            return ""
