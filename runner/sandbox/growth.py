"""Whether a container wrote more than it may: bytes, and files, which take room of their own."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import docker
import requests

from runner.errors import EngineOutOfSpace
from runner.model import Limits
from runner.sandbox.room import Room, folder_here, room_of

# On the usual file systems no file that has anything in it takes less.
FILE_BYTES = 4096
# The engine sums up sizes, and so sees neither empty files nor folders, but walks over all of them.
# Counting takes several times as long as that; so it is done where the walk is slow, and again
# where it has become slower.
_SLOW_S = 0.05
_SLOWER = 1.5
_CHUNK = 1 << 18
_FLOOR_SHARE, _FLOOR_BYTES, _FLOOR_INODES = 0.005, 512 << 20, 5000
_ONE = b'"Kind":'


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


class Growth:
    """What is known of the files of one worker's containers."""

    def __init__(self, api: docker.APIClient) -> None:
        self._api = api
        self._counted_at_s: dict[str, float] = {}  # by container: how long the walk took then

    def is_too_much(self, name: str, size_bytes: int, walk_s: float, limits: Limits) -> bool:
        """``size_bytes`` is what the engine says that the container wrote, and ``walk_s`` how long
        it took to find that out.

        Raises ``EngineOutOfSpace`` if the engine's own disk is about to be full: a file that was
        removed while it is open is in no sum, and takes its room all the same.
        """
        demand_floor(room_of(self._disk) if self._disk else None, name)
        if size_bytes > limits.disk_bytes:
            return True
        if walk_s < max(_SLOW_S, self._counted_at_s.get(name, 0.0) * _SLOWER):
            return False
        too_many = self._has_more_files(name, most_files(limits))
        self._counted_at_s[name] = walk_s
        return too_many

    def forget(self, name: str) -> None:
        """The container is gone."""
        self._counted_at_s.pop(name, None)

    @cached_property
    def _disk(self) -> Path | None:
        return folder_here(self._api.base_url, self._api.info())

    def _has_more_files(self, name: str, most: int) -> bool:
        """Whether a container changed more files than that; an engine that takes longer to say so
        than its client waits has too many to count."""
        url = self._api._url("/containers/{0}/changes", name)
        count, tail = 0, b""
        try:
            with self._api._get(url, stream=True) as answer:
                self._api._raise_for_status(answer)
                for chunk in answer.iter_content(_CHUNK):
                    text = tail + chunk
                    count += text.count(_ONE)
                    tail = text[-len(_ONE) + 1 :]
                    if count > most:
                        return True
        except requests.exceptions.ReadTimeout:
            return True
        return False
