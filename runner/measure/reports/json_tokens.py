"""The tokens of JSON, from pieces of any size."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

from runner.measure.reports.cases import TooLarge, Unreadable
from runner.measure.reports.text import READ_CHARS

MAX_TOKENS = 10_000_000
_ATOM_CHARS = 64

_SPACE = re.compile(r"[ \t\r\n]*+")
_STRING = re.compile(r'(?:[^"\\]++|\\.)*+', re.DOTALL)
# All up to a bracket, or to a string that isn't complete.
_CONTENT = re.compile(r'[^{}\[\]"]*+(?:"(?:[^"\\]++|\\.)*+"[^{}\[\]"]*+)*+', re.DOTALL)
_ATOM = re.compile(r'[^\s{}\[\]:,"]*+')


class Tokens:
    """The tokens of all documents in ``chunks``, whatever pieces they come in."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._texts = _decoded(chunks)
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

    def skip(self) -> None:
        """Go behind the end of the object or array that has begun. What is in it isn't checked,
        but for strings and the number of brackets: a test run's coverage can be large."""
        depth = 1
        while depth:
            if match := _CONTENT.match(self._text, self._at):
                self._at = match.end()
            if self._at == len(self._text):
                if not self._more():
                    raise Unreadable("ends in the middle")
                continue
            first = self._text[self._at]
            self._at += 1
            self._count()
            if first == '"':
                self._read_string()
            else:
                depth += 1 if first in "{[" else -1

    def _count(self) -> None:
        self._tokens += 1
        if self._tokens > MAX_TOKENS:
            raise TooLarge(f"has more than {MAX_TOKENS:,} values and marks")

    def token(self) -> str:
        """One of ``{}[]:,``, or a quote for a string, or an atom (number, ``true``...)."""
        self._count()
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


def _decoded(chunks: Iterable[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    for chunk in chunks:
        yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)
