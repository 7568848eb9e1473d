"""Values for templates: cleaned, bounded, and fenced where they are foreign."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runner.report.figures import count
from runner.report.text import bounded, clean_block

LINE_CHARS = 400

_PLACEHOLDER = re.compile(r"\{\{ ?([a-z_]+) ?\}\}")
_MARK_BYTES = 80  # what saying that something was cut takes at most, with the fence
_RUN = 16  # backticks in a row that are kept: a fence has one more
_LONG_RUN = re.compile("`{16,}")


@dataclass(frozen=True, slots=True)
class Part:
    """What stands for a placeholder. ``lines`` may be foreign, and are then put into a fence that
    they can't close; ``head`` is our own sentence above them. At most ``limit_bytes`` are shown."""

    head: str = ""
    lines: tuple[str, ...] = ()
    foreign: bool = True
    limit_bytes: int = 2 << 10

    def text(self, room_bytes: int) -> str:
        """The part in at most ``room_bytes``, and the few that it takes to say what was cut."""
        room = min(room_bytes, self.limit_bytes) - _size(self.head)
        shown = _fitting(self.lines, room)
        left_out = len(self.lines) - len(shown)
        said = f"[cut: {count(left_out, 'more line')}]" if left_out else ""
        fence = _fence(shown) if self.foreign and shown else ""
        body = "\n".join((fence, *shown, fence) if fence else shown)
        return "\n".join(piece for piece in (self.head, body, said) if piece)


def words(text: str) -> Part:
    """A sentence of our own."""
    return Part(text)


def own(text: str, limit_bytes: int) -> Part:
    """What the task's author says: cleaned and bounded, and not fenced, since it is to be obeyed."""
    return Part("", _lines(text), foreign=False, limit_bytes=limit_bytes)


def foreign(head: str, text: str | Iterable[str], limit_bytes: int) -> Part:
    """What programs, files or agents said: a text, or lines each of which stays one line."""
    if isinstance(text, str):
        return Part(head, _lines(text), limit_bytes=limit_bytes)
    return Part(head, tuple(line for each in text for line in _one_line(each)), True, limit_bytes)


def inline(text: str) -> str:
    """A label or name in the middle of our own sentence, as code."""
    shown = bounded(" ".join(clean_block(text, LINE_CHARS).split()), 120).replace("`", "'")
    return f"`{shown}`" if shown else "(none)"


def names_in(template: str) -> list[tuple[str, int]]:
    """The placeholders of a template, each with the number of the line it is on."""
    lines = template.split("\n")
    return [
        (name, number)
        for number, line in enumerate(lines, start=1)
        for name in _PLACEHOLDER.findall(line)
    ]


def fill(template: str, parts: Mapping[str, Part], room_bytes: int) -> str:
    """The template with its placeholders filled, in at most ``room_bytes``.

    ``parts`` are in the order of their use: where not all of them have room, the last ones are
    cut. Nothing that is filled in is looked at for placeholders again.
    """
    used = [name for name, _ in names_in(template)]
    room = room_bytes - _size(_PLACEHOLDER.sub("", template)) - _MARK_BYTES * len(used)
    texts = {}
    for name, part in parts.items():
        if times := used.count(name):
            texts[name] = part.text(max(room, 0) // times)
            room -= _size(texts[name]) * times
        if name in texts and not texts[name]:
            template = re.sub(rf"(?m)^\{{\{{ ?{name} ?\}}\}}\n\n?", "", template)
    return _PLACEHOLDER.sub(lambda found: _placed(found, texts[found[1]]), template)


def _placed(found: re.Match[str], text: str) -> str:
    """A fence is one only where it begins a line, and closes one only where it ends it."""
    if "\n" not in text:
        return text
    before, after = found.string[: found.start()], found.string[found.end() :]
    begin = "" if before.endswith("\n") or not before else "\n"
    return begin + text + ("" if after.startswith("\n") or not after else "\n")


def _fitting(lines: tuple[str, ...], room_bytes: int) -> list[str]:
    """As many lines from the top as have room, cleaned."""
    shown: list[str] = []
    for raw in lines:
        line = clean_block(raw[: LINE_CHARS + 1])
        line = _LONG_RUN.sub("`" * _RUN, bounded(line, LINE_CHARS))
        room_bytes -= _size(line) + 1
        if room_bytes < 0:
            break
        shown.append(line)
    return shown


def _fence(lines: list[str]) -> str:
    """A block ends where a line has as many backticks as began it: more than any of its own."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    return "`" * max(3, longest + 1)


def _lines(text: str) -> tuple[str, ...]:
    shown = text.replace("\r\n", "\n").strip("\n")
    return tuple(line.rstrip() for line in shown.split("\n")) if shown else ()


def _one_line(text: str) -> tuple[str, ...]:
    lines = (line.strip() for line in text[: 4 * LINE_CHARS].splitlines())
    return _lines(" / ".join(line for line in lines if line))


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
