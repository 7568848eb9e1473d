"""Where doors are not what they are to be, that is told, and nothing goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import EngineError
from runner.model import Limits
from runner.sandbox.fake import FakeSandbox
from runner.sandbox.proof import demand_way_out


@pytest.mark.parametrize(
    ("limits", "wanted"),
    [
        (Limits(), "an agent's way to models and tools can't be had on this engine: "),
        (
            Limits(hosts=("a.example",), runtime="runsc"),
            'sandbox.network = "allow" can\'t be had on this engine under the runtime "runsc": ',
        ),
    ],
)
def test_a_step_that_has_this_machines_network_is_no_proof(
    tmp_path: Path, limits: Limits, wanted: str
) -> None:
    """It has other interfaces; where it hasn't, its doors aren't at their own ports."""
    sandbox = FakeSandbox(tmp_path / "fake", "proof")
    with pytest.raises(EngineError, match=r"but it (has other interfaces|is not reached): ") as told:
        demand_way_out(sandbox, limits, sandbox.base(), tmp_path)
    assert str(told.value).startswith(wanted)
    assert sandbox.leftovers().containers == ()
