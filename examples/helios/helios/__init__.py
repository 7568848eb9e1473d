"""A content-addressed snapshot engine for virtual trees of files."""

from helios.engine import Engine
from helios.errors import CorruptObject, HeliosError, ObjectMissing, PathError
from helios.model import Change, Commit

__all__ = [
    "Change",
    "Commit",
    "CorruptObject",
    "Engine",
    "HeliosError",
    "ObjectMissing",
    "PathError",
]
