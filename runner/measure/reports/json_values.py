"""JSON of unknown origin, a piece at a time: only what is asked for is ever held.

The standard parser wants the whole document, and makes objects of many times its size of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator

from runner.measure.reports.cases import TooLarge, Unreadable
from runner.measure.reports.json_tokens import Tokens
from runner.measure.reports.text import READ_CHARS

MAX_DEPTH = 100
MAX_KEPT_CHARS = 16 << 20  # of one member of a document, or of one element of it
_VALUE_CHARS = 32  # what a value counts for, however short it is

_NAMED: dict[str, object] = {"true": True, "false": False, "null": None}
_NUMBER = re.compile(r"-?[0-9]++(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")


def read_json(
    chunks: Iterable[bytes],
    wanted: frozenset[str],
    must: str,
    deliver: Callable[[str, object], None],
) -> None:
    """Read all JSON objects in ``chunks`` that begin at the beginning of a line, and pass over
    what stands between them.

    ``deliver`` gets each member of an object as key and value, and of a value that is an array,
    each element by itself. Keys that aren't ``wanted`` are left out at all depths. Strings are cut
    to 8,192 characters. Raises ``Unreadable`` where a document is no JSON, or has no key ``must``,
    or if there is no document; ``TooLarge`` at a limit.
    """
    lexer = Tokens(chunks)
    documents = 0
    while lexer.find_document():
        documents += 1
        if must not in _Document(lexer, wanted, deliver).read():
            raise Unreadable(f"is another JSON than was expected: it has no {must!a}")
    if not documents:
        raise Unreadable("has no JSON object in it, or is empty")


class _Document:
    def __init__(
        self, lexer: Tokens, wanted: frozenset[str], deliver: Callable[[str, object], None]
    ) -> None:
        self._lexer = lexer
        self._wanted = wanted
        self._deliver = deliver
        self._kept = 0

    def read(self) -> set[str]:
        """Deliver the members, and return the keys, of those that are wanted."""
        self._expect("{")
        found: set[str] = set()
        for key in self._keys(1):
            if key in self._wanted:
                if key in found:
                    raise Unreadable(f"has the key {key!a} twice in one object")
                found.add(key)
            token = self._lexer.token()
            if token == "[" and key in self._wanted:
                for element in self._elements():
                    self._hand_on(key, self._value(element, 3))
            elif key in self._wanted:
                self._hand_on(key, self._value(token, 2))
            else:
                self._skip(token)
                self._kept = 0
        return found

    def _hand_on(self, key: str, value: object) -> None:
        self._deliver(key, value)
        self._kept = 0

    def _value(self, token: str, depth: int) -> object:
        """The value that begins with ``token``."""
        if depth > MAX_DEPTH:
            raise Unreadable(f"is nested deeper than {MAX_DEPTH} levels")
        self._count(_VALUE_CHARS)
        if token == "{":
            return self._object(depth)
        if token == "[":
            return [self._value(each, depth + 1) for each in self._elements()]
        return self._string() if token == '"' else _atom(token)

    def _skip(self, token: str) -> None:
        if token in ("{", "["):
            self._lexer.skip()
        elif token != '"':
            _atom(token)

    def _object(self, depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        for key in self._keys(depth):
            token = self._lexer.token()
            if key not in self._wanted:
                self._skip(token)
            elif key in found:
                raise Unreadable(f"has the key {key!a} twice in one object")
            else:
                found[key] = self._value(token, depth + 1)
        return found

    def _keys(self, depth: int) -> Iterator[str]:
        """The keys of the object that has begun; after each, its value must be read."""
        token = self._lexer.token()
        while token != "}":
            if token != '"':
                raise Unreadable(f"is no JSON: {token!a} in place of a key")
            key = self._string()
            self._expect(":")
            yield key
            token = self._lexer.token()
            if token == ",":
                token = self._lexer.token()
                if token == "}":
                    raise Unreadable("is no JSON: a comma before the end of an object")
            elif token != "}":
                raise Unreadable(f"is no JSON: {token!a} after a value, {depth} levels deep")

    def _elements(self) -> Iterator[str]:
        """The first token of each element of the array that has begun; after each, the rest of
        the element must be read."""
        token = self._lexer.token()
        while token != "]":
            yield token
            token = self._lexer.token()
            if token == ",":
                token = self._lexer.token()
                if token == "]":
                    raise Unreadable("is no JSON: a comma before the end of an array")
            elif token != "]":
                raise Unreadable(f"is no JSON: {token!a} after an element")

    def _expect(self, token: str) -> None:
        if (found := self._lexer.token()) != token:
            raise Unreadable(f"is no JSON: {found!a} in place of {token!a}")

    def _string(self) -> str:
        written = self._lexer.string
        self._count(len(written))
        if "\\" not in written:
            return written
        # It may have been cut in the middle of an escape, of six characters at most.
        for end in range(len(written), max(0, len(written) - 6), -1):
            try:
                return str(json.loads(f'"{written[:end]}"', strict=False))
            except ValueError:
                if len(written) < READ_CHARS:
                    break
        raise Unreadable("is no JSON: a string has an escape that there isn't")

    def _count(self, chars: int) -> None:
        self._kept += chars
        if self._kept > MAX_KEPT_CHARS:
            raise TooLarge(f"has an entry of more than {MAX_KEPT_CHARS >> 20} Mi characters")


def _atom(token: str) -> object:
    if token in _NAMED:
        return _NAMED[token]
    if _NUMBER.fullmatch(token):
        return float(token)
    raise Unreadable(f"is no JSON: {token!a}")
