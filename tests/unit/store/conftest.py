from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.store import Store

from .stories import ROOT_METRICS, ROOT_STATE, RUN, view


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """A journal with one run that has its root."""
    with Store(path) as opened:
        opened.create_run(view())
        opened.set_root(RUN, ROOT_STATE, ROOT_METRICS)
        yield opened
