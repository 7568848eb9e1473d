"""The board of features: who works on what, for all agents and processes of one run.

A small JSON file that is locked while it is changed; what can't be read of it counts as empty, since
it only keeps agents from doing the same work twice.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from runner.keeping import keep_whole, keeping
from runner.mcp.desk import DeskError
from runner.mcp.results import Feature, Features, FeatureStatus

FILE = "features.json"
MOST = 100
_ALL = TypeAdapter(tuple[Feature, ...])


class Board:
    """The board of the run with this folder, as one ``owner`` sees it (``FeaturesPart``).

    Methods raise ``DeskError``, and ``StateError``.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        self._path = folder / FILE
        self._owner = owner

    def all(self) -> Features:
        """What there is."""
        return Features("", self._read())

    def claim(self, name: str, note: str) -> Features:
        """Take a feature that nobody has."""
        with self._changing() as features:
            found = _find(features, name)
            if found is not None and (
                found.owner != self._owner or found.status is FeatureStatus.DONE
            ):
                state = "is done" if found.status is FeatureStatus.DONE else "is being worked on"
                raise DeskError(f"{found.name!r} {state} by {found.owner}: choose something else")
            if found is None and len(features) >= MOST:
                raise DeskError(f"the board has {MOST} features already: work without a claim")
            _put(features, Feature(name, self._owner, note=note))
            return Features(f"{name!r} is yours", tuple(features))

    def update(self, name: str, note: str) -> Features:
        """Change the note of a feature of the owner's."""
        with self._changing() as features:
            _put(features, replace(self._own(features, name), note=note))
            return Features(f"the note of {name!r} is changed", tuple(features))

    def done(self, name: str, note: str) -> Features:
        """A feature of the owner's is done."""
        with self._changing() as features:
            found = self._own(features, name)
            _put(features, replace(found, status=FeatureStatus.DONE, note=note or found.note))
            return Features(f"{name!r} is done", tuple(features))

    def leave(self) -> None:
        """Give back what the owner has claimed and not done."""
        if not any(each.owner == self._owner for each in self._read()):
            return
        with self._changing() as features:
            done = FeatureStatus.DONE
            features[:] = [f for f in features if f.owner != self._owner or f.status is done]

    def _own(self, features: list[Feature], name: str) -> Feature:
        found = _find(features, name)
        if found is None:
            mine = ", ".join(repr(f.name) for f in features if f.owner == self._owner) or "none"
            raise DeskError(f"there is no feature {name!r}; yours: {mine}. Claim it first")
        if found.owner != self._owner:
            raise DeskError(f"{name!r} is {found.owner}'s, not yours")
        return found

    def _read(self) -> tuple[Feature, ...]:
        with keeping("read", self._path):
            text = self._path.read_bytes() if self._path.exists() else b"[]"
        try:
            return _ALL.validate_json(text)
        except ValidationError:
            return ()

    @contextlib.contextmanager
    def _changing(self) -> Iterator[list[Feature]]:
        """The features, for nobody else to change meanwhile; kept if nothing is raised."""
        with keeping("lock", self._path):
            lock = os.open(
                self._path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
            )
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            features = list(self._read())
            yield features
            keep_whole(self._path, _ALL.dump_json(tuple(features)))
        finally:
            os.close(lock)


def _find(features: list[Feature], name: str) -> Feature | None:
    key = _key(name)
    return next((each for each in features if _key(each.name) == key), None)


def _put(features: list[Feature], feature: Feature) -> None:
    for at, each in enumerate(features):
        if _key(each.name) == _key(feature.name):
            features[at] = replace(feature, name=each.name)
            return
    features.append(feature)


def _key(name: str) -> str:
    """Two ways to write a name are one feature."""
    return " ".join(name.casefold().split())
