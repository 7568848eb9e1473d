"""Many ordeals, by their seeds: scenes in turn, each compared with a calm run of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from runner.model import SandboxKind
from tests.crash.ordeal import Calm, Ordeal, calm, lives_of, suffer
from tests.crash.scenes import ENGINE, FAKE, Place, Scene
from tests.crash.witness import Lines, Witness

FAKE_SCENES = (
    Scene(FAKE, "frontier", 1, 7),
    Scene(FAKE, "ucb1", 2, 8),
    Scene(FAKE, "frontier", 3, 6, slow_s=0.05),
    Scene(FAKE, "frontier", 4, 7, workers=3),
)
SHORT_SCENES = (
    Scene(FAKE, "ucb1", 5, 3, short=True),
    Scene(FAKE, "frontier", 6, 3, short=True),
    Scene(FAKE, "ucb1", 7, 4, workers=3, short=True),
)
WORKTREE_SCENES = (
    Scene(SandboxKind.WORKTREE, "ucb1", 5, 3, short=True),
    Scene(SandboxKind.WORKTREE, "frontier", 7, 4, workers=3, short=True),
)
TEMPDIR_SCENES = (Scene(SandboxKind.TEMPDIR, "frontier", 6, 3, workers=2, short=True),)
ENGINE_SCENES = (Scene(ENGINE, "ucb1", 2, 5), Scene(ENGINE, "frontier", 4, 4, workers=2))
SHORT_ENGINE_SCENES = (Scene(ENGINE, "ucb1", 8, 2, short=True),)


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder in memory, where there is one: who is killed with -9 can't tell it from a disk, and
    hundreds of runs wait for a disk most of the time."""
    memory = Path("/dev/shm")
    where = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="oppie-crashes-", dir=where) as folder:
        yield Path(folder)


def _clean_already(place: Place) -> None:
    """The fake's world is in the place's folder, and goes with it."""
    del place


@dataclass
class Campaign:
    """``folder`` holds a place for each seed; one that suffered well is removed.

    ``run_id`` makes the run id of a name, which must be nobody
    else's on an engine that is shared. ``clean`` removes what a place left on the engine.
    """

    folder: Path
    scenes: Sequence[Scene]
    witness: Witness = field(default_factory=Lines)
    image: str = ""
    run_id: Callable[[str], str] = str
    clean: Callable[[Place], None] = _clean_already
    calms: dict[Scene, Calm] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ordeals(self, seeds: Iterable[int], at_once: int = 1) -> Iterator[Ordeal]:
        """The ordeals of these seeds, as they come to their ends, in the order of the seeds."""
        with ThreadPoolExecutor(at_once) as threads:
            yield from threads.map(self.ordeal, seeds)

    def ordeal(self, seed: int) -> Ordeal:
        """One seed's: the same lives each time it is asked for."""
        scene = self.scenes[seed % len(self.scenes)]
        known = self._calm_of(scene)
        place = self._place(f"s{seed}", scene)
        try:
            ordeal = suffer(place, seed, lives_of(seed, known, scene), known, self.witness)
        finally:
            self.clean(place)
        if not ordeal.wrong:
            shutil.rmtree(place.folder)
        return ordeal

    def _calm_of(self, scene: Scene) -> Calm:
        with self._lock:
            if scene not in self.calms:
                place = self._place(f"calm{len(self.calms)}", scene)
                try:
                    self.calms[scene] = calm(place)
                finally:
                    self.clean(place)
            return self.calms[scene]

    def _place(self, name: str, scene: Scene) -> Place:
        return Place(self.folder / name, scene, self.run_id(name), self.image)
