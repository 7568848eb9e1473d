"""An engine's words on a container's state."""

from __future__ import annotations

import pytest

from runner.sandbox.states import epoch_s, has_ended, ran_s, was_started

NEVER = "0001-01-01T00:00:00Z"
ONE, TWO = "2024-05-01T10:00:00.123456789Z", "2024-05-01T10:00:02.623456789Z"


@pytest.mark.parametrize(
    ("timestamp", "seconds"),
    [
        ("1970-01-01T00:00:10Z", 10.0),
        ("1970-01-01T00:00:10.5Z", 10.5),
        ("1970-01-01T00:00:10.123456789Z", 10.123456),
        ("1970-01-01T02:00:10.5+02:00", 10.5),
        ("1969-12-31T22:30:10-01:30", 10.0),
        (NEVER, -62135596800.0),
    ],
)
def test_times_in_any_zone_and_of_any_precision(timestamp: str, seconds: float) -> None:
    assert epoch_s(timestamp) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("state", "started", "ended", "seconds"),
    [
        ({"Status": "created", "StartedAt": NEVER, "FinishedAt": NEVER}, False, False, 0.0),
        ({"Status": "running", "Running": True, "StartedAt": ONE, "FinishedAt": NEVER}, True, False, 0.0),
        ({"Status": "paused", "Paused": True, "StartedAt": ONE, "FinishedAt": NEVER}, True, False, 0.0),
        ({"Status": "exited", "StartedAt": ONE, "FinishedAt": TWO}, True, True, 2.5),
        ({"Status": "dead", "Dead": True, "StartedAt": ONE, "FinishedAt": TWO}, True, True, 2.5),
        ({"Status": "exited", "StartedAt": ONE, "FinishedAt": NEVER}, True, True, 0.0),
        ({"Status": "exited", "StartedAt": TWO, "FinishedAt": ONE}, True, True, 0.0),
        ({"Status": "exited"}, False, False, 0.0),
    ],
)  # fmt: skip
def test_what_a_state_says(
    state: dict[str, object], started: bool, ended: bool, seconds: float
) -> None:
    assert (was_started(state), has_ended(state)) == (started, ended)
    assert ran_s(state) == pytest.approx(seconds)
