"""Which paths a tree may hold."""

import re

from helios.errors import PathError

NAME = r"(?!\.{1,2}(?:/|\Z))[^/\\\x00-\x1f]{1,200}"
PATH = re.compile(f"{NAME}(?:/{NAME})*")


def check_path(path: str) -> None:
    """Raise ``PathError`` unless ``path`` is relative, normal and portable."""
    if not PATH.fullmatch(path):
        raise PathError(f"{path!r} is no normal, relative path")
