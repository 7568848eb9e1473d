"""Categories of work, by which models are compared."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

GENERAL = "general"
_TESTS = re.compile(r"(^|/)(tests?|specs?|__tests__)/|(^|/)test_|[._-](test|spec)\.[a-z]+$")
_DOCS = frozenset({".md", ".rst", ".adoc", ".txt"})
_BUILD = frozenset({"dockerfile", "makefile", "cmakelists.txt", "go.mod", "package.json"})
_BUILD_ENDS = frozenset({".toml", ".yaml", ".yml", ".cfg", ".ini", ".gradle", ".cmake", ".lock"})
_LANGUAGES = {
    ".c": "c", ".cc": "c++", ".cpp": "c++", ".cs": "c#", ".cxx": "c++", ".go": "go", ".h": "c",
    ".hpp": "c++", ".java": "java", ".js": "javascript", ".jsx": "javascript", ".kt": "kotlin",
    ".mjs": "javascript", ".php": "php", ".py": "python", ".pyx": "python", ".rb": "ruby",
    ".rs": "rust", ".scala": "scala", ".sh": "shell", ".sql": "sql", ".swift": "swift",
    ".ts": "typescript", ".tsx": "typescript", ".zig": "zig",
}  # fmt: skip


def category_of(tag: str, files: Sequence[str] = ()) -> str:
    """The category of a piece of work: the action's tag if it has one; else what most of its files
    are (``tests``, ``docs``, ``build``, or a language; of equals the first in the alphabet); else
    ``general``."""
    if tag:
        return tag.lower()
    kinds = Counter(kind for path in files if (kind := _kind_of(path.lower())))
    return min(kinds, key=lambda kind: (-kinds[kind], kind)) if kinds else GENERAL


def _kind_of(path: str) -> str:
    place = PurePosixPath(path)
    if _TESTS.search(path):
        return "tests"
    if place.name in _BUILD or place.suffix in _BUILD_ENDS:
        return "build"
    return "docs" if place.suffix in _DOCS else _LANGUAGES.get(place.suffix, "")
