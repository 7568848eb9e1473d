from collections.abc import Iterator
from pathlib import Path

import pytest
from helios import Engine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the store of the test lives."""
    return tmp_path / "store"


@pytest.fixture
def engine(folder: Path) -> Iterator[Engine]:
    with Engine(folder) as opened:
        yield opened
