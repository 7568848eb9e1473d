"""Whether a container wrote more than it may: bytes, and files, which take room of their own."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import docker
import requests

from runner.errors import EngineOutOfSpace
from runner.model import Limits
from runner.sandbox.downloads import archive_of, download
from runner.sandbox.protocol import WORKSPACE
from runner.sandbox.room import Room, folder_here, room_of

# On the usual file systems no file that has anything in it takes less.
FILE_BYTES = 4096
# The engine sums up sizes, and so sees neither empty files nor folders, but walks over all of them.
# Counting takes several times as long as that; so it is done where the walk is slow, and again
# where it has become slower.
_SLOW_S = 0.05
_SLOWER = 1.5
_SELDOM = 10.0
_FLOOR_SHARE, _FLOOR_BYTES, _FLOOR_INODES = 0.005, 512 << 20, 5000
_ONE = b'"Kind":'
_MAGIC = b"\0ustar"  # in each header of a tar archive; more of them harm who wrote them


def most_files(limits: Limits) -> int:
    """How many files and folders a container may make or change."""
    return limits.disk_bytes // FILE_BYTES


def demand_floor(room: Room | None, name: str) -> None:
    """End what runs before a disk is full to its last byte: who filled it can't be told, so it is
    nobody's outcome. Raises ``EngineOutOfSpace``."""
    if room is None:
        return
    short = room.free_bytes < min(_FLOOR_SHARE * room.total_bytes, _FLOOR_BYTES)
    few = room.free_inodes < min(_FLOOR_SHARE * room.total_inodes, _FLOOR_INODES)
    if short or few:
        raise EngineOutOfSpace(
            f"the engine's disk ({room.where}) has {room.free_bytes >> 20} MiB and "
            f"{room.free_inodes:,} inodes left, so {name} was ended"
        )


@dataclass(slots=True)
class _Volume:
    """What a workspace held before its container was started, and when to look again
    (``time.monotonic``)."""

    size_bytes: int
    files: int
    look_at: float = 0.0


class Growth:
    """What is known of the files of one worker's containers."""

    def __init__(self, api: docker.APIClient) -> None:
        self._api = api
        self._counted_at_s: dict[str, float] = {}  # by container: how long the walk took then
        self._volumes: dict[str, _Volume] = {}

    def is_too_much(self, name: str, size_bytes: int, walk_s: float, limits: Limits) -> bool:
        """``size_bytes`` is what the engine says that the container wrote, and ``walk_s`` how long
        it took to find that out.

        Raises ``EngineOutOfSpace`` if the engine's own disk is about to be full: a file that was
        removed while it is open is in no sum, and takes its room all the same.
        """
        demand_floor(room_of(self._disk) if self._disk else None, name)
        if size_bytes > limits.disk_bytes or (limits.read_only and self._is_full(name, limits)):
            return True
        if walk_s < max(_SLOW_S, self._counted_at_s.get(name, 0.0) * _SLOWER):
            return False
        too_many = self._has_more_files(name, most_files(limits))
        self._counted_at_s[name] = walk_s
        return too_many

    def begin(self, name: str) -> None:
        """From here on, what the container's workspace holds more is its own doing. Its volume is in
        no sum of the engine's."""
        self._volumes[name] = _Volume(*self._held(name))

    def forget(self, name: str) -> None:
        """The container is gone."""
        self._counted_at_s.pop(name, None)
        self._volumes.pop(name, None)

    def _is_full(self, name: str, limits: Limits) -> bool:
        """Whether a volume grew by more than the limit. It is read to its end to know that, so the
        more it holds, the more seldom."""
        if name not in self._volumes:  # another planner began it
            self.begin(name)
        volume, started = self._volumes[name], time.monotonic()
        if started < volume.look_at:
            return False
        most_bytes, most = volume.size_bytes + limits.disk_bytes, volume.files + most_files(limits)
        size_bytes, files = self._held(name, most_bytes, most)
        volume.look_at = time.monotonic() + _SELDOM * (time.monotonic() - started)
        return size_bytes > most_bytes or files > most

    def _held(
        self, name: str, most_bytes: float = math.inf, most: float = math.inf
    ) -> tuple[int, int]:
        """The bytes of the workspace's archive and its files, or as many as are more than that."""
        size_bytes, files, tail = 0, 0, b""
        with contextlib.closing(archive_of(self._api, name, WORKSPACE)) as archive:
            for piece in archive:
                text = tail + piece
                size_bytes += len(piece)
                files += text.count(_MAGIC)
                tail = text[-len(_MAGIC) + 1 :]
                if size_bytes > most_bytes or files > most:
                    break
        return size_bytes, files

    @cached_property
    def _disk(self) -> Path | None:
        return folder_here(self._api.base_url, self._api.info())

    def _has_more_files(self, name: str, most: int) -> bool:
        """Whether a container changed more files than that; an engine that takes longer to say so
        than its client waits has too many to count."""
        url = self._api._url("/containers/{0}/changes", name)
        count, tail = 0, b""
        try:
            with contextlib.closing(download(self._api, url)) as answer:
                for chunk in answer:
                    text = tail + chunk
                    count += text.count(_ONE)
                    tail = text[-len(_ONE) + 1 :]
                    if count > most:
                        return True
        except requests.exceptions.ReadTimeout:
            return True
        return False
