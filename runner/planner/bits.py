"""States as vectors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.uint8]


def bits(state: int, count: int) -> Bits:
    """The lowest ``count`` bits of a state, action by action, as 0 and 1."""
    size = (count + 7) // 8
    raw = (state & ((1 << count) - 1)).to_bytes(size, "little")
    return np.unpackbits(np.frombuffer(raw, dtype=np.uint8), bitorder="little")[:count]
