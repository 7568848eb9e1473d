"""Generated spaces: four families of landscapes that a search of programs meets.

Every state of a space is listed with its value, so the best gain is known. Each family is a
function of a seed. What is drawn (how many enablers, how rough, how much of it fails) varies from
seed to seed, so that no policy can be fitted to one shape.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from runner.model import Action, MetricSpec
from runner.planner.space import Space

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

METRIC = MetricSpec("time_us", unit="us")
ROOT = 100.0


def catalogue(seed: int) -> Space:
    """12 to 14 patches: some help alone, some after another, some conflict, some break it."""
    rng = random.Random(f"catalogue {seed}")
    count = rng.randint(12, 14)
    keys = [f"p{i}" for i in range(count)]
    gains, fails = patches(rng, count, 5)
    return _space([Action(key) for key in keys], keys, gains, fails, rng.choice((0.01, 0.02, 0.03)))


def patches(rng: random.Random, count: int, conflicts: int) -> tuple[Floats, Bools]:
    """Gain and failure of each subset of ``count`` patches, by bit mask.

    Up to ``conflicts`` pairs fail together, and up to 2 patches fail alone.
    """
    on = bits(count)
    gains = np.zeros(len(on))
    for i in range(count):
        gains += on[:, i] * _alone(rng)
    order = rng.sample(range(count), count)
    for enabler, enabled in itertools.pairwise(order[: rng.randint(4, 6)]):
        # The enabled patch is worth nothing, or costs, without its enabler.
        worth = rng.uniform(0.15, 0.6)
        gains += on[:, enabled] * (on[:, enabler] * worth - rng.choice((0.0, 0.03, 0.08)))
    for _ in range(rng.randint(2, 5)):
        a, b = rng.sample(range(count), 2)
        gains -= on[:, a] * on[:, b] * rng.uniform(0.05, 0.3)
    fails = np.zeros(len(on), dtype=bool)
    for _ in range(rng.randint(0, conflicts)):
        a, b = rng.sample(range(count), 2)
        fails |= on[:, a] & on[:, b]
    for i in rng.sample(range(count), rng.randint(0, 2)):
        fails |= on[:, i]
    return gains, fails


def _alone(rng: random.Random) -> float:
    kind = rng.random()
    if kind < 0.4:
        return rng.expovariate(1 / 0.12)
    if kind < 0.7:
        return 0.0
    return -rng.expovariate(1 / 0.08)


def nk(seed: int) -> Space:
    """Kauffman's NK landscapes: 12 switches, each one's worth depends on K = 2 to 4 others."""
    rng = random.Random(f"nk {seed}")
    count, k = 12, rng.randint(2, 4)
    on = bits(count)
    fitness = np.zeros(len(on))
    for i in range(count):
        locus = [i, *rng.sample([j for j in range(count) if j != i], k)]
        table = np.array([rng.random() for _ in range(1 << len(locus))])
        fitness += table[on[:, locus] @ (1 << np.arange(len(locus)))]
    gains = (fitness - fitness[0]) / count * 4.0
    keys = [f"s{i}" for i in range(count)]
    return _space([Action(k) for k in keys], keys, gains, np.zeros(len(on), dtype=bool), 0.02)


def knobs(seed: int) -> Space:
    """5 knobs of 3 to 4 settings besides the default; pairs of knobs interact; some settings
    together need more of a resource than there is, and fail."""
    rng = random.Random(f"knobs {seed}")
    sizes = [rng.randint(3, 4) for _ in range(5)]
    shape = tuple(size + 1 for size in sizes)
    gains = np.zeros(shape)
    for axis, size in enumerate(sizes):
        # One good setting somewhere on the scale, and less on both sides of it.
        best, height, width = rng.randint(1, size), rng.uniform(0.0, 0.5), rng.uniform(0.7, 2.5)
        curve = [height * math.exp(-(((s - best) / width) ** 2)) for s in range(size + 1)]
        gains += _along(np.array(curve) - curve[0], axis, shape)
    for _ in range(rng.randint(2, 4)):
        a, b = sorted(rng.sample(range(5), 2))
        table = np.array([[rng.gauss(0, 0.12) for _ in range(shape[b])] for _ in range(shape[a])])
        table[0, :] = table[:, 0] = 0.0
        gains += _along(table, (a, b), shape)
    need = np.zeros(shape)
    for axis, size in enumerate(sizes):
        steps = np.arange(size + 1, dtype=np.float64)
        need += _along(steps * rng.uniform(0.0, 1.0), axis, shape)
    fails = need > np.quantile(need, rng.uniform(0.75, 1.0))
    actions = [
        Action(f"k{axis}={s}", group=f"k{axis}")
        for axis, size in enumerate(sizes)
        for s in range(1, size + 1)
    ]
    values: dict[frozenset[str], float | None] = {}
    for place in itertools.product(*(range(n) for n in shape)):
        keys = frozenset(f"k{axis}={s}" for axis, s in enumerate(place) if s)
        if keys:
            values[keys] = None if fails[place] else ROOT * math.exp(-float(gains[place]))
    return Space(METRIC, ROOT, tuple(actions), 0.02, values)


def proposals(seed: int) -> Space:
    """Three strategies of an agent, which proposes one of 4 to 5 hidden changes each time."""
    rng = random.Random(f"proposals {seed}")
    sizes = [rng.randint(4, 5) for _ in range(3)]
    count = sum(sizes)
    keys = [f"h{i}" for i in range(count)]
    gains, fails = patches(rng, count, 2)
    on = bits(count)
    groups = [keys[sum(sizes[:i]) : sum(sizes[: i + 1])] for i in range(3)]
    poor = groups[rng.randrange(3)]  # one strategy is worse than the others
    for key in poor:
        gains -= on[:, keys.index(key)] * abs(rng.gauss(0.1, 0.1))
    agents = [Action(f"agent{i}", tag=f"tag{i}", open_ended=True) for i in range(3)]
    drawn = {agent.key: tuple(group) for agent, group in zip(agents, groups, strict=True)}
    return _space(agents, keys, gains, fails, 0.02, drawn)


FAMILIES: dict[str, Callable[[int], Space]] = {
    "catalogue": catalogue,
    "nk": nk,
    "knobs": knobs,
    "proposals": proposals,
}


def bits(count: int) -> npt.NDArray[np.bool_]:
    """All subsets of ``count`` things: row m has the bits of m."""
    return (np.arange(1 << count)[:, None] >> np.arange(count) & 1).astype(bool)


def _along(values: Floats, axes: int | tuple[int, int], shape: tuple[int, ...]) -> Floats:
    wanted = (axes,) if isinstance(axes, int) else axes
    return values.reshape([n if axis in wanted else 1 for axis, n in enumerate(shape)])


def _space(
    actions: Sequence[Action],
    keys: Sequence[str],
    gains: Floats,
    fails: Bools,
    noise: float,
    drawn: dict[str, tuple[str, ...]] | None = None,
) -> Space:
    times = (ROOT * np.exp(-gains)).tolist()
    values: dict[frozenset[str], float | None] = {}
    states: list[frozenset[str]] = [frozenset()]
    for key in keys:
        states.extend([state | {key} for state in states])
    for mask, state in enumerate(states):
        if mask:
            values[state] = None if fails[mask] else times[mask]
    hidden = tuple(Action(key) for key in keys) if drawn else ()
    return Space(METRIC, ROOT, tuple(actions), noise, values, drawn or {}, hidden)
