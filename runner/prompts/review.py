"""What a reviewer, or an agent that gives up, has said: words of a stranger, read strictly."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from runner.report.text import clean

READ_CHARS = 64 << 10
SAID_CHARS = 1000

_FIELDS = {"verdict", "reason", "note"}
_BACKTRACK = re.compile(r"^[ \t>*`]{0,4}BACKTRACK:[ \t]*(\S.{0,2000})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Review:
    """``reason`` is there if, and only if, the change is rejected. ``note`` is for people."""

    rejects: bool = False
    reason: str = ""
    note: str = ""


class _Unclear(Exception):
    """What was said is not what was asked for; the message says why."""


def read_review(text: str) -> Review:
    """What a reviewer's answer comes to. It never raises.

    A rejection is one JSON object ``{"verdict": "reject", "reason": "...", "note": "..."}``, alone or
    between words without braces, with a reason. All else rejects nothing: what is unclear becomes a
    note that says why, and shows how the answer begins.
    """
    try:
        verdict, reason, note = _parse(text)
    except _Unclear as why:
        said = clean(text, 300)
        return Review(note=f"the review is unclear ({why}): {said or 'it said nothing'}")
    if verdict == "reject":
        return Review(True, reason, note)
    return Review(note=note)


def read_backtrack(text: str) -> str:
    """The reason of an agent that gives its node up, from its last line ``BACKTRACK: <reason>``; ""
    if there is none."""
    found = _BACKTRACK.findall(text[-READ_CHARS:])
    return clean(found[-1].rstrip("`* "), SAID_CHARS) if found else ""


def _parse(text: str) -> tuple[str, str, str]:
    if len(text) > READ_CHARS:
        raise _Unclear(f"it has over {READ_CHARS:,} characters")
    begin, end = text.find("{"), text.rfind("}")
    if begin < 0 or end < begin:
        raise _Unclear("it holds no JSON object")
    try:
        answer = json.loads(text[begin : end + 1], object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _Unclear("it holds no single valid JSON object") from error
    if unknown := set(answer) - _FIELDS:
        raise _Unclear(f"it has a field {clean(str(min(unknown)), 40)!r}")
    fields = {name: answer.get(name, "") for name in ("verdict", "reason", "note")}
    for name, value in fields.items():
        if not isinstance(value, str):
            raise _Unclear(f"its {name} is no text")
    verdict, reason, note = fields["verdict"], *(_said(fields[n]) for n in ("reason", "note"))
    if verdict not in ("reject", "pass"):
        raise _Unclear("its verdict is neither reject nor pass")
    if verdict == "reject" and not reason:
        raise _Unclear("it rejects without a reason")
    if verdict == "pass" and reason:
        note = f"{note} ({reason})" if note else reason
    return verdict, reason, note


def _said(text: str) -> str:
    return clean(text, SAID_CHARS)


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """An object whose keys differ: of two equal ones, nobody can say which was meant."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found
