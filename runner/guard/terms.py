"""What whoever starts a guard grants beyond what every search needs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """``images`` may be pulled, read and started from, by these very names, beside oppie's own.
    ``builds``: images may be made (built, loaded, pulled, imported as a base). ``networks`` are what
    containers may be attached to beside ``none``. ``mounts`` are paths on the engine's machine that
    containers may read. ``runtimes`` may be named by containers."""

    images: frozenset[str] = frozenset()
    builds: bool = True
    networks: frozenset[str] = frozenset()
    mounts: frozenset[str] = frozenset()
    runtimes: frozenset[str] = frozenset()
