"""XML of unknown origin as a stream of events, in bounded memory.

Expat itself is used rather than a library around it, since nothing is built that would have to be
bounded: no tree, and no entity. Entities, which all known bombs and file inclusions need, have to
be declared in a document type declaration, and a document that has one is refused at its first
character. What is not XML is made good where test runners are known to get it wrong: bytes that
are not in the encoding, control characters, references to characters that XML doesn't have, and
several documents in a row.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import Protocol
from xml.parsers import expat

from runner.measure.reports.cases import TooLarge, Unreadable

MAX_DEPTH = 100
MAX_ELEMENTS = 5_000_000
MAX_DOCUMENTS = 10_000
# Expat starts a tag anew with each piece of it that comes, in time quadratic in the tag's length.
MAX_TAG_BYTES = 4 << 20

_HEAD_BYTES = 256
_DECLARED = re.compile(rb"<\?xml[^>]*\bencoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
# Those that can be decoded in one pass, by the names that Python gives them; Python has others
# that are no encodings of text, or quadratic.
_ENCODINGS = {
    "utf-8",
    "ascii",
    "iso8859-1",
    "iso8859-15",
    "cp1252",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
}
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:x([0-9a-fA-F]{1,8})|([0-9]{1,8}));")
_REFERENCE_CHARS = 12
_NEXT_DOCUMENT = {
    expat.errors.codes[expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT],
    expat.errors.codes[expat.errors.XML_ERROR_MISPLACED_XML_PI],
}
_ENDS_EARLY = {
    expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS],
    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN],
    expat.errors.codes[expat.errors.XML_ERROR_PARTIAL_CHAR],
    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION],
}


class Elements(Protocol):
    """What wants to know of a document's elements. Tags and attributes are without namespaces."""

    def opened(self, tag: str, attributes: dict[str, str], depth: int) -> None: ...

    def text(self, text: str) -> None: ...

    def closed(self, tag: str) -> None: ...


def read_xml(chunks: Iterable[bytes], elements: Elements) -> None:
    """Tell ``elements`` of all documents in ``chunks``; the root of each has depth 1.

    Raises ``Unreadable`` where the input stops being XML, and ``TooLarge`` at a limit.
    """
    reading = _Documents(elements)
    for text in _mended(_decoded(chunks)):
        reading.feed(text.encode())
    reading.end()


class _Documents:
    """A parser per document, one after the other."""

    def __init__(self, elements: Elements) -> None:
        self._elements = elements
        self._depth = 0
        self._count = 0
        self._documents = 0
        self._begin()

    def _begin(self) -> None:
        self._documents += 1
        if self._documents > MAX_DOCUMENTS:
            raise TooLarge(f"has more than {MAX_DOCUMENTS:,} documents in a row")
        self._fed = 0
        self._parser = expat.ParserCreate("utf-8")  # whatever the document declares
        self._parser.buffer_text = True  # one event for many lines
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._elements.text
        self._parser.StartDoctypeDeclHandler = _refuse

    def feed(self, data: bytes) -> None:
        while data:
            try:
                self._parser.Parse(data, False)
            except expat.ExpatError as error:
                data = self._rest(error, data)
            else:
                self._fed += len(data)
                break
        if self._fed - self._parser.CurrentByteIndex > MAX_TAG_BYTES:
            raise TooLarge(f"has a tag of more than {MAX_TAG_BYTES >> 20} MiB")

    def end(self) -> None:
        try:
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise _unreadable(error) from None

    def _rest(self, error: expat.ExpatError, data: bytes) -> bytes:
        """What follows the end of a document in ``data``; the next parser is ready for it."""
        begins = self._parser.ErrorByteIndex - self._fed
        if self._depth or error.code not in _NEXT_DOCUMENT or not 0 <= begins < len(data):
            raise _unreadable(error) from None
        self._begin()
        return data[begins:]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH:
            raise Unreadable(f"is nested deeper than {MAX_DEPTH} elements")
        if self._count > MAX_ELEMENTS:
            raise TooLarge(f"has more than {MAX_ELEMENTS:,} elements")
        plain = {_local(key): value for key, value in attributes.items()}
        self._elements.opened(_local(name), plain, self._depth)

    def _end(self, name: str) -> None:
        self._elements.closed(_local(name))
        self._depth -= 1


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _refuse(*_: object) -> None:
    raise Unreadable("has a document type declaration, which no test report needs")


def _unreadable(error: expat.ExpatError) -> Unreadable:
    if error.code in _ENDS_EARLY:
        return Unreadable("ends in the middle, or is empty")
    return Unreadable(f"is no XML at line {error.lineno}: {expat.ErrorString(error.code)}")


def _decoded(chunks: Iterable[bytes]) -> Iterator[str]:
    """Text, decoded with replacement."""
    head = b""
    decoder: codecs.IncrementalDecoder | None = None
    for chunk in chunks:
        if decoder:
            yield decoder.decode(chunk)
            continue
        head += chunk
        if len(head) >= _HEAD_BYTES:
            decoder = _decoder(head)
            yield decoder.decode(head)
    if decoder:
        yield decoder.decode(b"", final=True)
    else:
        yield _decoder(head).decode(head, final=True)


def _decoder(head: bytes) -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder(_encoding(head))("replace")


def _encoding(head: bytes) -> str:
    """The encoding of what begins with ``head``, by the bytes first: .NET programs are known to
    declare UTF-16 and to write UTF-8."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head.startswith(b"<\0"):
        return "utf-16-le"
    if head.startswith(b"\0<"):
        return "utf-16-be"
    match = _DECLARED.match(head[:_HEAD_BYTES])
    if not match or head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    declared = match[1].decode()
    try:
        name = codecs.lookup(declared).name
    except LookupError:
        name = ""
    if name not in _ENCODINGS:
        raise Unreadable(f"is in the encoding {declared!r}, which isn't read")
    return "utf-8" if name.startswith("utf-16") else name


def _mended(texts: Iterable[str]) -> Iterator[str]:
    """Text without the characters, and the references to them, that XML doesn't have."""
    held = ""
    for text in texts:
        text = held + text
        # A reference may go on in the next piece.
        cut = text.rfind("&", -_REFERENCE_CHARS)
        whole = cut < 0 or ";" in text[cut:]
        text, held = (text, "") if whole else (text[:cut], text[cut:])
        text = text.replace("\ufeff", "")  # the byte order marks of documents in a row
        yield _REFERENCE.sub(_valid, _NO_XML.sub("\ufffd", text))
    yield held


def _valid(match: re.Match[str]) -> str:
    """The reference, if it is to a character of XML 1.0 (production 2), or a replacement."""
    code = int(match[1], 16) if match[1] else int(match[2])
    valid = code in (9, 10, 13) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD
    return match[0] if valid or 0x10000 <= code <= 0x10FFFF else "\ufffd"
