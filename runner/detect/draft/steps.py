"""Steps of a Dockerfile."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Install:
    """Lines of a Dockerfile: those that need root, and those for the user of the sandbox, in
    ``/workspace``. ``packages`` are Debian's that they use."""

    as_root: tuple[str, ...] = ()
    as_user: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


def copy(paths: Sequence[str], target: str) -> str:
    """The form as JSON holds any name."""
    return f"COPY --chown=1000:1000 {json.dumps([*paths, target], ensure_ascii=False)}"
