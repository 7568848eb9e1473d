"""Calls of the engine's API, read from a request's target into one form.

A target that could be read in two ways is refused: percent signs, empty, ``.`` and ``..`` segments in
the path, keys that are repeated, versions of the API in which a call may mean something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from runner.wire import Malformed

CONTAINER, IMAGE = "{container}", "{image}"
OLDEST_MINOR = 40  # of Docker 19.03 and Podman 4; before 1.24 a start could change the host's side
REPEATED = frozenset(("changes",))
_FIELDS_LIMIT = 64

_VERSION = re.compile(r"/v1\.([1-9][0-9]{1,2})(?=/)")
_PATH = re.compile(r"(?:/[A-Za-z0-9._:@-]+)+")
_LINE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}"
_REFERENCE = r"[A-Za-z0-9][A-Za-z0-9._:@-]*(?:/[A-Za-z0-9][A-Za-z0-9._:@-]*)*?"
_SHAPES = (
    (re.compile(r"/(?:_ping|build|commit|events|info|version|containers/(?:json|create))"), ""),
    (re.compile(r"/images/(?:create|get|json|load)"), ""),
    (re.compile(rf"(?P<before>/containers/)(?P<name>{_NAME})(?P<after>(?:/[a-z]+)?)"), CONTAINER),
    (re.compile(rf"(?P<before>/distribution/)(?P<name>{_REFERENCE})(?P<after>/json)"), IMAGE),
    (
        re.compile(
            rf"(?P<before>/images/)(?P<name>{_REFERENCE})(?P<after>(?:/(?:get|history|json|push|tag))?)"
        ),
        IMAGE,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """``shape`` is the method and the path, where ``{container}`` or ``{image}`` stands for ``name``.

    ``version`` is the path's prefix, such as ``/v1.41``, or empty. ``query`` has each key's values.
    """

    shape: str
    name: str = ""
    version: str = ""
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def one(self, key: str) -> str:
        """The value of a key that isn't repeated; "" if it is absent."""
        return self.query.get(key, ("",))[0]

    def target(self, name: str = "", **changed: str) -> str:
        """The target that says this call, with another ``name``, and query values ``changed``."""
        path = self.shape.split(" ", 1)[1]
        for placeholder in (CONTAINER, IMAGE):
            path = path.replace(placeholder, name or self.name)
        query = {**self.query, **{key: (value,) for key, value in changed.items()}}
        text = urlencode([(key, value) for key, values in query.items() for value in values])
        return f"{self.version}{path}?{text}" if text else f"{self.version}{path}"


def read_call(method: str, target: str) -> Call:
    """Raises ``Malformed`` for what has no one meaning. An unknown path is a shape as it stands."""
    path, mark, query = target.partition("?")
    version = ""
    if found := _VERSION.match(path):
        if int(found[1]) < OLDEST_MINOR:
            raise Malformed(f"version 1.{found[1]} of the API; 1.{OLDEST_MINOR} is the oldest spoken")
        version, path = found[0], path[found.end() :]
    if not _PATH.fullmatch(path) or {".", ".."} & {*path.split("/")}:
        raise Malformed("a path that isn't plain: /segment/segment, nothing empty, nothing encoded")
    values = _query(query) if mark else {}
    for shape, placeholder in _SHAPES:
        match = shape.fullmatch(path)
        if match and not placeholder:
            return Call(f"{method} {path}", "", version, values)
        if match:
            shaped = f"{method} {match['before']}{placeholder}{match['after']}"
            return Call(shaped, match["name"], version, values)
    return Call(f"{method} {path}", "", version, values)


def _query(text: str) -> dict[str, tuple[str, ...]]:
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, errors="strict",
            max_num_fields=_FIELDS_LIMIT,
        )  # fmt: skip
    except ValueError as error:
        raise Malformed(f"the query: {error}") from error
    found: dict[str, tuple[str, ...]] = {}
    for key, value in pairs:
        if key in found and key not in REPEATED:
            raise Malformed(f"the query has {key!r} twice")
        if not _LINE.fullmatch(value):
            raise Malformed(f"the query's {key!r} is no single line")
        found[key] = (*found.get(key, ()), value)
    return found
