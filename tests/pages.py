"""Files that a page of the documentation gives whole, in fences that name them."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
_FENCE = re.compile(r"^```(?P<language>\w+) file=(?P<file>\S+)\n(?P<text>.*?)^```$", re.M | re.S)


def files_of(page: str) -> dict[str, str]:
    """The files that a page gives whole, by their names."""
    text = (DOCS / page).read_text()
    return {found["file"]: found["text"] for found in _FENCE.finditer(text)}
