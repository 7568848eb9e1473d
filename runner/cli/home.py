"""Where things lie on this machine, and how its parts are opened."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from runner.evidence import Evidence
from runner.settings import Settings, load_settings
from runner.store import Store

out = Console(soft_wrap=True, highlight=False)
aside = Console(stderr=True, soft_wrap=True, highlight=False)  # talk that is no result

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
RunOption = Annotated[
    str,
    typer.Option("--run", "-r", help="The run's id, or its beginning; the latest if left out."),
]


@dataclass(frozen=True, slots=True)
class StateFolder:
    """What outlives a process: the journal, the evidence, and a folder for each run."""

    root: Path

    @property
    def journal(self) -> Path:
        return self.root / "journal.db"

    @property
    def evidence(self) -> Path:
        return self.root / "evidence.git"

    def run(self, run_id: str) -> Path:
        """A run's own folder: attempts, events, report, patch."""
        return self.root / "runs" / run_id


@functools.cache
def settings() -> Settings:
    """The machine's settings, read once. Raises ``TaskError``."""
    return load_settings()


def state() -> StateFolder:
    """This machine's state folder."""
    return StateFolder(settings().state)


def read_store() -> Store:
    """The journal, for reading only. Raises ``TaskError`` if there is none yet."""
    return Store.read(state().journal)


def evidence() -> Evidence:
    """The evidence repository."""
    return Evidence(state().evidence)


def print_json(value: Any) -> None:
    """Print one JSON object, for programs."""
    out.file.write(json.dumps(value, indent=2, allow_nan=False) + "\n")
