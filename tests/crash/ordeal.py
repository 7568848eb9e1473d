"""A run that is killed again and again, resumed to its end, and looked at then."""

from __future__ import annotations

import json
import multiprocessing
import random
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from tests.crash.planner import BROKEN, DONE, plan
from tests.crash.points import OF_ENGINE, POINTS, Fate, Side, Trap
from tests.crash.scenes import ENGINE, Place, Scene
from tests.crash.sound import kept_at, tree_of, unsound
from tests.crash.witness import Witness

_LIMIT_S = 300.0
_POLL_S = 0.005
_GONE_S = 5.0
_MOST_LIVES = 30


@dataclass(frozen=True, slots=True)
class Life:
    """One process's: it ends at a trap, or is killed from outside, or ends by itself.

    ``after_files`` is how many files of attempts are new when the killer begins to wait for
    ``delay_s``: so it comes at any moment of the work, however slow the machine is.
    """

    traps: tuple[Trap, ...] = ()
    after_files: int | None = None
    delay_s: float = 0.0

    def __str__(self) -> str:
        if self.after_files is not None:
            return f"kill {self.delay_s:.3f} s after {self.after_files} files"
        return ", ".join(map(str, self.traps)) or "to its end"


@dataclass(frozen=True, slots=True)
class Calm:
    """A run of a scene that nobody disturbed: its tree, how often each point was reached, and how
    many files its attempts left."""

    tree: tuple[object, ...]
    counts: dict[str, int]
    files: int


@dataclass(slots=True)
class Ordeal:
    """What became of one run. ``wrong`` is empty if all is as it must be; ``kills`` are those that
    hit."""

    seed: int
    scene: Scene
    lives: tuple[Life, ...]
    kills: list[Life] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def again(self) -> str:
        """The command that repeats it."""
        what = "short" if self.scene.short else "full"
        return f"python -m benchmarks.crashes --only {self.scene.world} {what} {self.seed}"


@cache
def _context() -> ForkServerContext:
    """Processes are forks of one that has imported everything and done nothing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.crash.planner", "tests.crash.points"])
    return context


def calm(place: Place) -> Calm:
    """Run a scene undisturbed. Raises AssertionError for one that doesn't end well."""
    place.make()
    code = live(place, Life())
    assert code == DONE, (code, said(place))
    wrong = unsound(place, (), [], [])
    assert wrong == [], wrong
    counts = json.loads((place.folder / "counts.json").read_text())
    return Calm(tree_of(place), counts, _files(place))


def live(place: Place, life: Life) -> int:
    """One process, to its end; its exit code, -9 if it was killed."""
    wanted = None if life.after_files is None else _files(place) + life.after_files
    process = started(place, life)
    deadline = time.monotonic() + _LIMIT_S
    while process.exitcode is None and time.monotonic() < deadline:
        if wanted is not None and _files(place) >= wanted:
            process.join(life.delay_s)
            break
        process.join(_LIMIT_S if wanted is None else _POLL_S)
    hangs = time.monotonic() >= deadline
    code = ended(place, process)
    return BROKEN if hangs else code


def ended(place: Place, process: ForkServerProcess) -> int:
    """Kill a process that still runs; its exit code, -9 if it was killed, now or before.

    By its own word: now and then the server of forks loses what became of a child.
    """
    process.kill()
    process.join()
    alive, deadline = Path(f"/proc/{process.pid}/cwd"), time.monotonic() + _GONE_S
    while alive.exists() and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    process.close()
    return int(place.ending.read_text()) if place.ending.exists() else -signal.SIGKILL


def _files(place: Place) -> int:
    return sum(1 for _ in (place.state / "runs" / place.run_id).glob("attempts/*/*"))


def started(place: Place, life: Life) -> ForkServerProcess:
    """One process, on its way."""
    place.ending.unlink(missing_ok=True)
    arguments = (place, life.traps, place.folder / "said")
    process = _context().Process(target=plan, args=arguments)
    process.start()
    return process


def suffer(place: Place, seed: int, lives: Sequence[Life], calm: Calm, witness: Witness) -> Ordeal:
    """Live all ``lives``, then to the end; what is wrong then."""
    place.make()
    ordeal = Ordeal(seed, place.scene, tuple(lives))
    began, kept = time.monotonic(), []
    pending = list(lives)
    for _ in range(_MOST_LIVES):
        life = pending.pop(0) if pending else Life()
        code = live(place, life)
        if code == DONE:
            break
        if code == BROKEN:
            ordeal.wrong.append(f"the planner broke, or hangs: {said(place)[-600:]}")
            break
        if code < 0:
            ordeal.kills.append(life)
        elif not any(trap.fate is Fate.FAULT for trap in life.traps):
            ordeal.wrong.append(f"exit {code}, and nothing had failed: {said(place)[-600:]}")
        kept.append(kept_at(place, witness.now(place)))
    else:
        ordeal.wrong.append(f"no end after {_MOST_LIVES} lives")
    if not ordeal.wrong:
        same = calm.tree if place.scene.workers == 1 else ()
        faults = any(trap.fate is Fate.FAULT for life in lives for trap in life.traps)
        ordeal.wrong += unsound(place, same, kept, witness.starts(place), retried=faults)
    ordeal.seconds = time.monotonic() - began
    return ordeal


def said(place: Place) -> str:
    """What the processes complained about."""
    return (place.folder / "said").read_text(errors="replace")


def lives_of(seed: int, calm: Calm, scene: Scene) -> tuple[Life, ...]:
    """The lives of one seed: two of three are killed at points, the third at any moment.

    Seeds one after another begin at one point after another, so all are met, on both sides.
    """
    chance = random.Random(seed)
    if seed % 3 == 2:
        return tuple(
            Life(after_files=chance.randint(1, calm.files // 2), delay_s=chance.uniform(0.0, 0.08))
            for _ in range(chance.randint(3, 6))
        )
    reached = [point for point in POINTS if calm.counts.get(point)]
    cells = [(point, side) for point in reached for side in Side]
    first = cells[(seed - seed // 3) % len(cells)]
    traps = [_trap(chance, *first, calm.counts[first[0]])]
    for _ in range(chance.randint(0, 2)):
        point = chance.choice([*reached, "reopened"])
        traps.append(_trap(chance, point, chance.choice(list(Side)), calm.counts.get(point, 1)))
    lives = [Life((trap,)) for trap in traps]
    if scene.world != ENGINE and chance.random() < 0.25:
        point = chance.choice([point for point in OF_ENGINE if point in reached])
        number = chance.randint(1, calm.counts[point])
        fault = Trap(point, number, chance.choice(list(Side)), Fate.FAULT)
        given_up = Trap("abandoned", 1, chance.choice(list(Side)))
        lives[0] = Life((chance.choice([traps[0], given_up]), fault))
    return tuple(lives)


def _trap(chance: random.Random, point: str, side: Side, count: int) -> Trap:
    fate = Fate.KILL_ALL if chance.random() < 0.3 else Fate.KILL
    return Trap(point, chance.randint(1, count), side, fate)
