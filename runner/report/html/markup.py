"""Building HTML so that forgetting to escape is impossible: text is escaped unless it is ``Markup``.

``Markup`` is a string that was escaped already. What is made of it by ordinary string operations
is an ordinary string again, and so would be escaped twice rather than not at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from runner.report.text import clean, clean_block

_VOID = frozenset({"br", "circle", "hr", "line", "meta", "path", "polyline", "rect"})
_ATTRIBUTE_LIMIT = 2000

Attribute = str | int | float | bool | None


class Markup(str):
    """Text that may stand in a page as it is."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: Attribute) -> Markup:
    """An element. Attributes that are ``None`` or ``False`` are left out, ``True`` has no value;
    ``class_`` is ``class`` and ``stroke_width`` is ``stroke-width``."""
    given = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{given}>" if name in ("br", "hr", "meta") else f"<{name}{given}/>")
    return Markup(f"<{name}{given}>{join(children)}</{name}>")


def join(parts: Iterable[str]) -> Markup:
    """The parts one after another, those that aren't ``Markup`` escaped."""
    return Markup("".join(part if isinstance(part, Markup) else text(part) for part in parts))


def text(said: str) -> Markup:
    """Foreign text with its control characters made visible, escaped."""
    return Markup(escape(clean_block(said), quote=True))


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    shown = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return f' {name}="{escape(clean(shown, _ATTRIBUTE_LIMIT), quote=True)}"'
