from __future__ import annotations

from pathlib import Path

import pytest

from runner.evidence import Evidence


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return Evidence(tmp_path / "evidence.git")
