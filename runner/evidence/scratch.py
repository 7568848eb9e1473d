"""Folders that are gone afterwards, also if nobody lives to remove them."""

from __future__ import annotations

import tempfile
from pathlib import Path

PREFIX = "oppie-tmp-"


def scratch_in(repository: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder for the time of a ``with`` block. It is in the repository, where the next start
    finds it if this process is killed meanwhile; in the system's own place nobody would."""
    return tempfile.TemporaryDirectory(prefix=PREFIX, dir=repository)
