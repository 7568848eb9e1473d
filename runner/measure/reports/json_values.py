"""JSON of unknown origin, a piece at a time: only what is asked for is ever held.

The standard parser wants the whole document, and makes objects of many times its size of it.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterable, Iterator

from runner.measure.reports.cases import TooLarge, Unreadable
from runner.measure.reports.text import READ_CHARS

MAX_DEPTH = 100
MAX_TOKENS = 10_000_000
MAX_KEPT_CHARS = 16 << 20  # of one member of a document, or of one element of it
_ATOM_CHARS = 64
_VALUE_CHARS = 32  # what a value counts for, however short it is

_SPACE = re.compile(r"[ \t\r\n]*+")
_STRING = re.compile(r'(?:[^"\\]++|\\.)*+', re.DOTALL)
_ATOM = re.compile(r'[^\s{}\[\]:,"]*+')
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
    lexer = _Lexer(_decoded(chunks))
    documents = 0
    while lexer.find_document():
        documents += 1
        if must not in _Document(lexer, wanted, deliver).read():
            raise Unreadable(f"is another JSON than was expected: it has no {must!a}")
    if not documents:
        raise Unreadable("has no JSON object in it, or is empty")


def _decoded(chunks: Iterable[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    for chunk in chunks:
        yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


class _Lexer:
    def __init__(self, texts: Iterator[str]) -> None:
        self._texts = texts
        self._text = ""
        self._at = 0
        self._line_begins = True
        self._tokens = 0
        self.string = ""  # of the last token, if it was one: the beginning, as it is written

    def _more(self) -> bool:
        """Replace the text, all of which is used, by the next piece."""
        for text in self._texts:
            if text:
                self._text, self._at = text, 0
                return True
        self._text, self._at = "", 0
        return False

    def find_document(self) -> bool:
        """Go to the next line that begins with ``{``; false if there is none."""
        while self._at < len(self._text) or self._more():
            if self._line_begins and self._text[self._at] == "{":
                self._line_begins = False
                return True
            end = self._text.find("\n", self._at)
            self._line_begins = end >= 0
            self._at = end + 1 if end >= 0 else len(self._text)
        return False

    def token(self) -> str:
        """One of ``{}[]:,``, or a quote for a string, or an atom (number, ``true``...)."""
        self._tokens += 1
        if self._tokens > MAX_TOKENS:
            raise TooLarge(f"has more than {MAX_TOKENS:,} values and marks")
        while True:
            if space := _SPACE.match(self._text, self._at):
                self._at = space.end()
            if self._at < len(self._text):
                break
            if not self._more():
                raise Unreadable("ends in the middle")
        first = self._text[self._at]
        if first in "{}[]:,":
            self._at += 1
            return first
        if first == '"':
            self._at += 1
            self._read_string()
            return first
        return self._read_atom()

    def _read_string(self) -> None:
        kept, chars = [], 0
        while True:
            match = _STRING.match(self._text, self._at)
            end = match.end() if match else self._at
            if chars < READ_CHARS:
                kept.append(self._text[self._at : end][: READ_CHARS - chars])
                chars += len(kept[-1])
            if end < len(self._text) and self._text[end] == '"':
                self._at = end + 1
                self.string = "".join(kept)
                return
            escape = self._text[end:]  # a backslash, of an escape that the next piece completes
            if not self._more():
                raise Unreadable("ends in the middle of a string")
            self._text = escape + self._text

    def _read_atom(self) -> str:
        atom = ""
        while True:
            match = _ATOM.match(self._text, self._at)
            end = match.end() if match else self._at
            atom += self._text[self._at : end]
            self._at = end
            if len(atom) > _ATOM_CHARS:
                raise Unreadable(f"is no JSON: {atom[:_ATOM_CHARS]!a}…")
            if end < len(self._text) or not self._more():
                return atom


class _Document:
    def __init__(
        self, lexer: _Lexer, wanted: frozenset[str], deliver: Callable[[str, object], None]
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
                    self._hand_on(key, self._value(element, True, 3))
            elif key in self._wanted:
                self._hand_on(key, self._value(token, True, 2))
            else:
                self._value(token, False, 2)
                self._kept = 0
        return found

    def _hand_on(self, key: str, value: object) -> None:
        self._deliver(key, value)
        self._kept = 0

    def _value(self, token: str, keep: bool, depth: int) -> object:
        """The value that begins with ``token``; an empty one if it isn't to be kept."""
        if depth > MAX_DEPTH:
            raise Unreadable(f"is nested deeper than {MAX_DEPTH} levels")
        if keep:
            self._count(_VALUE_CHARS)
        if token == "{":
            return self._object(keep, depth)
        if token == "[":
            return self._array(keep, depth)
        if token == '"':
            return self._string() if keep else ""
        return _atom(token)

    def _object(self, keep: bool, depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        for key in self._keys(depth):
            kept = keep and key in self._wanted
            if kept and key in found:
                raise Unreadable(f"has the key {key!a} twice in one object")
            value = self._value(self._lexer.token(), kept, depth + 1)
            if kept:
                found[key] = value
        return found

    def _array(self, keep: bool, depth: int) -> list[object]:
        found: list[object] = []
        for token in self._elements():
            value = self._value(token, keep, depth + 1)
            if keep:
                found.append(value)
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
