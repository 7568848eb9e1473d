"""When a step is ended, and as what."""

from __future__ import annotations

import pytest

from runner.sandbox.protocol import PARTING_S, Exit
from runner.sandbox.vigil import Vigil


@pytest.mark.parametrize(
    ("quiet_s", "notes", "due", "exit_"),
    [
        (0.0, (), 100.0, Exit.TIMEOUT),
        (0.0, ((50.0, True, False),), 100.0, Exit.TIMEOUT),
        (30.0, (), 30.0, Exit.SILENT),
        (30.0, ((20.0, False, False),), 30.0, Exit.SILENT),
        (30.0, ((20.0, True, False),), 50.0, Exit.SILENT),
        (30.0, ((69.0, True, False),), 99.0, Exit.SILENT),
        (30.0, ((70.0, True, False),), 100.0, Exit.TIMEOUT),
        (30.0, ((20.0, True, True),), 20.0 + PARTING_S, Exit.OK),
        (0.0, ((20.0, True, True),), 20.0 + PARTING_S, Exit.OK),
        # The result is in once; what comes after it doesn't give more time, and silence takes none.
        (5.0, ((20.0, True, True), (28.0, True, True)), 20.0 + PARTING_S, Exit.OK),
        # The limit of time holds, and what is in is in.
        (0.0, ((99.0, True, True),), 100.0, Exit.OK),
    ],
)
def test_the_first_of_three_reasons(
    quiet_s: float, notes: tuple[tuple[float, bool, bool], ...], due: float, exit_: Exit
) -> None:
    vigil = Vigil(until=100.0, spoke_at=0.0, quiet_s=quiet_s)
    for now, spoke, result_is_in in notes:
        vigil.note(now, spoke=spoke, result_is_in=result_is_in)
    assert (vigil.due, vigil.exit) == (due, exit_)
