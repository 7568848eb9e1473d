"""What an attempt leaves on the host: its logs, the results of its steps, and what came of it.

The folder is the attempt's memory. A planner that is killed and started again finds there what
had been finished, so that nothing finished runs twice. Files are written whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from runner.keeping import keep_whole, keeping
from runner.model import Expansion, Job

T = TypeVar("T")
RESULT = "result.json"
SPENT = "spent.json"
_TAIL_BYTES = 4096
_REASON_CHARS = 200


class Attempt:
    """The folder of one attempt."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with keeping("make", folder):  # but not the run's: that one may only have gone away
            folder.parent.mkdir(exist_ok=True)
            folder.mkdir(exist_ok=True)

    def log(self, step: str) -> Path:
        """Where a step's output goes."""
        return self.folder / f"{step}.log"

    def once(self, step: str, kind: type[T], run: Callable[[], T]) -> T:
        """The result of a step: read if it is there, else made by ``run`` and kept.

        ``kind`` is the type of the result: a dataclass, or one that JSON has.
        """
        kept = self.kept(step, kind)
        if kept is not None:
            return kept
        result = run()
        write_whole(self._file(step), TypeAdapter(kind).dump_python(result, mode="json"))
        return result

    def start_again(self, but: str) -> None:
        """Forget what has been finished, but for the step ``but``: it is all to be done anew."""
        for kept in self.folder.glob("*.json"):
            if kept != self._file(but):
                kept.unlink()

    def kept(self, step: str, kind: type[T]) -> T | None:
        """The result of a step if ``once`` has kept one."""
        kept = _read(self._file(step))
        return None if kept is None else TypeAdapter(kind).validate_python(kept)

    def finish(self, expansion: Expansion) -> Expansion:
        """Keep what came of the attempt; from here on it is finished, whatever happens."""
        facts = asdict(replace(expansion, job=None))  # type: ignore[arg-type]
        write_whole(self.folder / RESULT, facts)
        return expansion

    def result(self, job: Job) -> Expansion | None:
        """What ``finish`` kept, or ``None``."""
        kept = _read(self.folder / RESULT)
        if kept is None:
            return None
        return TypeAdapter(Expansion).validate_python(kept | {"job": job})

    def spend(self, container_s: float) -> None:
        """Keep what an attempt has cost that came to nothing; all earlier ones of it included."""
        write_whole(self.folder / SPENT, container_s)

    def spent_s(self) -> float:
        """What ``spend`` kept, or 0."""
        return float(_read(self.folder / SPENT) or 0.0)

    def _file(self, step: str) -> Path:
        return self.folder / f"{step}.json"


def write_whole(path: Path, value: Any) -> None:
    """Write JSON so that a reader finds all of it or the old file, even after a power cut. Raises
    ``StateError``."""
    keep_whole(path, json.dumps(value).encode())


def _read(path: Path) -> Any:
    try:
        with keeping("read", path):
            text = path.read_bytes() if path.exists() else b""
        return json.loads(text)
    except ValueError:  # empty, or a file that was torn by another version
        return None


def log_lines(path: Path) -> Iterator[bytes]:
    """The lines of a log, one at a time; nothing if there is none."""
    if path.exists():
        with path.open("rb") as file:
            yield from file


def last_words(path: Path) -> str:
    """The last line of a log that says something, bounded and decoded with replacement."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()
    said = [line.strip() for line in lines if line.strip()]
    return said[-1][:_REASON_CHARS] if said else ""
