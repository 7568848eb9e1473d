from __future__ import annotations

import pytest

from runner.model import ROOT
from runner.report.phases import REMARK, REPETITION, doing, doing_aside, happened

from .hostile import HOSTILE, invisible
from .test_eventlog import documented_phases


@pytest.mark.parametrize(
    ("name", "facts", "said"),
    [
        ("container.started", {"container": "c", "image": "oppie/r:A"}, "container started from oppie/r:A"),
        ("action.finished", {"exit": "nonzero", "code": 7, "seconds": 0.5}, "action exited with 7 in 0.5 s"),
        ("action.finished", {"exit": "oom", "code": 137, "seconds": 65.0}, "action hit the memory limit in 1:05"),
        ("evidence.recorded", {"commit": "c0ffee" * 6}, "sources recorded as c0ffeec0ffee"),
        ("evidence.recorded", {"commit": "c0ffee", "files_changed": 1}, "sources recorded as c0ffee, 1 file changed"),
        ("snapshot.committed", {"tag": "oppie/r:A", "digest": "d", "depth": 3}, "snapshot oppie/r:A"),
        ("snapshot.rebuilt", {"of": "A.1", "base": "A", "seconds": 0.5}, "the snapshot of A.1 was gone, and is rebuilt from A's in 0.5 s"),
        ("snapshot.evicted", {"tag": "oppie/r:A.1", "size_bytes": 9}, "snapshot oppie/r:A.1 evicted; it can be rebuilt"),
        ("check.started", {"check": "unit"}, "check unit started"),
        ("check.started", {"check": "unit", "done": 2, "of": 3}, "check unit started (2/3)"),
        ("check.finished", {"check": "unit", "exit": "ok", "seconds": 1.25, "tests": 34}, "check unit ended well in 1.2 s, 34 tests"),
        ("check.finished", {"check": "unit", "exit": "nonzero", "seconds": 1.25, "tests": None}, "check unit exited with an error in 1.2 s"),
        ("check.forgiven", {"check": "unit", "tests": "a, b"}, "check unit: what failed is flaky at the root, and failed alike: a, b"),
        ("tests.red", {"exit": "nonzero", "code": 1}, "its new tests on the parent, without its change: exited with 1"),
        ("tests.green", {"exit": "ok", "code": 0}, "its new tests with its change: ended well"),
        ("benchmark.started", {"pairs": 12, "waited_s": 0.0}, "measuring up to 12 pairs"),
        ("benchmark.finished", {"pairs": 3, "gain": 0.1, "low": 0.05, "high": 0.15, "call": "better"}, "measured +10.5 % [+5.1, +16.2], 3 pairs: better"),
        ("benchmark.finished", {"pairs": 6, "gain": 0.0, "low": -0.1, "high": 0.1, "call": "no matter"}, "measured 0.0 % [-9.5, +10.5], 6 pairs: more pairs would change no decision"),
        ("benchmark.calibrated", {"pairs": 10, "noise": 0.012}, "against itself: 1.2 % standard deviation, 10 pairs"),
        ("verify.started", {"pairs": 40}, "verifying in a clean room, up to 40 pairs"),
        ("verify.finished", {"verdict": "not reproduced"}, "came out of the clean room as: not reproduced"),
        # What isn't known is told as it is.
        ("x.y", {"image": "i", "n": 0.25, "none": None}, "x.y image=i n=0.25 none=-"),
        ("check.started", {"n": 1}, "check.started n=1"),
    ],
)  # fmt: skip
def test_what_has_happened(name: str, facts: dict[str, object], said: str) -> None:
    assert happened(name, facts) == said


def test_every_phase_of_the_page_has_words() -> None:
    for name, keys in documented_phases().items():
        if name in (REMARK, REPETITION):  # told as a sentence, and not at all
            continue
        facts: dict[str, object] = dict.fromkeys(keys, 1.0)
        facts |= dict.fromkeys({"call", "exit"} & keys, "ok")
        assert not happened(name, facts).startswith(name), name


def test_words_of_others_are_not_read_as_a_template() -> None:
    facts: dict[str, object] = {"check": "{0} {image} {check!r}", "tests": HOSTILE}
    told = happened("check.forgiven", facts)
    assert "{0} {image} {check!r}" in told
    assert not invisible(told)
    assert not invisible(happened(HOSTILE, {HOSTILE: HOSTILE}))
    assert not invisible(doing(HOSTILE, facts) + doing_aside(HOSTILE, HOSTILE, facts))


def test_outside_the_search_it_is_told_for_what_purpose() -> None:
    facts: dict[str, object] = {"done": 3, "of": 80}
    assert doing("benchmark.repeated", facts) == "measuring 3/80"
    assert doing_aside("A.1", "benchmark.repeated", facts) == "verifying A.1: measuring 3/80"
    said = doing_aside(ROOT, "benchmark.repeated", facts)
    assert said == "measuring the root against itself 3/80"
    assert (
        doing_aside("A.1", "container.started", {}) == "verifying A.1: building it from its sources"
    )
