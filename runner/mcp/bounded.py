"""Results cut to a size that an agent can read, so that they still fit their schemas."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

MOST_BYTES = 48 << 10  # of an answer, as JSON
_CUTS = ((4000, 100), (1000, 40), (300, 20), (100, 5), (20, 1))  # characters, items; then the next


def bounded(result: object) -> tuple[dict[str, Any], str]:
    """A result (a dataclass) as a JSON object and as JSON text of at most ``MOST_BYTES``.

    Long texts lose their middle, and say so; long lists lose their end.
    """
    whole = asdict(result)  # type: ignore[call-overload]
    for chars, items in _CUTS:
        value = _cut(whole, chars, items)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        if len(text.encode("utf-8", "replace")) <= MOST_BYTES:
            return value, text
    raise ValueError("a result with more fields than fit an answer")


def _cut(value: Any, chars: int, items: int) -> Any:
    match value:
        case str():
            return shortened(value, chars)
        case dict():
            return {key: _cut(each, chars, items) for key, each in value.items()}
        case list() | tuple():
            return [_cut(each, chars, items) for each in value[:items]]
        case _:
            return value


def shortened(text: str, chars: int) -> str:
    """At most about ``chars`` characters of a text, its beginning and its end. What no UTF-8 can say
    is replaced."""
    text = text.encode("utf-8", "replace").decode()
    if len(text) <= chars:
        return text
    left = len(text) - chars
    return (
        f"{text[: chars // 2]} [... {left} characters left out ...] {text[-(chars - chars // 2) :]}"
    )
