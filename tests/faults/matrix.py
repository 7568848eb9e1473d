"""Every call that a search makes, and what may befall it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.faults.daemon import Daemon
from tests.faults.faults import Away, Cut, CutUpload, Dropped, Failed, Fault, Late, Rule, Struck

SILENCE_S = 3.0  # of the clients' time-out

# Each with the number of the call to strike: the first ones are the root's.
CALLS = {
    "create": (r"POST /containers/create", 8),
    "attach (action)": (r"POST /containers/.*-act/attach", 1),
    "attach (check)": (r"POST /containers/.*\.1-1-check-whole/attach", 1),
    "attach (benchmark)": (r"POST /containers/.*A\.[0-9.]*-1-bench-candidate/attach", 1),
    "start (action)": (r"POST /containers/.*-act/start", 1),
    "start (benchmark)": (r"POST /containers/.*A\.[0-9.]*-1-bench-baseline/start", 1),
    "wait": (r"POST /containers/.*-act/wait", 1),
    "inspect": (r"GET /containers/.*-act/json", 2),
    "logs": (r"GET /containers/.*-act/logs", 1),
    "archive": (r"GET /containers/.*-act/archive", 1),
    "commit": (r"POST /commit", 2),
    "image": (r"GET /images/.*/json", 5),
    "remove": (r"DELETE /containers/.*-act", 1),
    "remove image": (r"DELETE /images/.*", 1),
}
_LINES = ("attach (action)", "attach (check)", "attach (benchmark)")
_BODIES = ("wait", "inspect", "logs", "archive", "commit", "image", *_LINES)
_MESSAGES = ("create", "wait", "inspect", "logs", "archive", "commit", "image")


@dataclass(frozen=True, slots=True)
class Case:
    """One call, and what befalls it."""

    call: str
    fault: str
    rule: Rule


def cases(daemon: Daemon, away_s: float) -> Iterator[Case]:
    """All of them. ``away_s`` is how long the daemon is gone when it is killed."""
    for call, (pattern, nth) in CALLS.items():
        for name, fault in _faults(call, daemon, away_s):
            yield Case(call, name, Rule(pattern, fault, nth))


def _faults(call: str, daemon: Daemon, away_s: float) -> Iterator[tuple[str, Fault]]:
    yield "answer lost", Dropped()
    yield "500 before the work", Failed(500)
    if call not in _LINES:
        yield "503 after the work", Failed(503, after=True)
        yield "answer after the time-out", Late(SILENCE_S + 2.0)
    if call in _BODIES:
        yield "cut off", Cut(30)
    if call in _MESSAGES:
        yield "ends early, cleanly", Cut(0, clean=True)
    if call == "create":
        yield "request cut off", CutUpload(100)
    yield f"nobody listens for {away_s:g} s", Away(away_s)
    yield "kill -9 of the daemon", blow(daemon, away_s)


def blow(daemon: Daemon, away_s: float) -> Struck:
    """The daemon is killed while it is at work, and started again ``away_s`` later."""

    def come_back() -> None:
        time.sleep(away_s)
        daemon.start()

    return Struck(daemon.kill, come_back, 0.01)
