from __future__ import annotations

import math
from dataclasses import replace

import pytest

from runner.model import Measurement, StopReason, Verdict, Verified
from runner.report.summary import Places, render_summary, stop_words

from .hostile import hostile_view, invisible
from .small import OTHERS, small_view, trusted_view

IMPROVED = """\
Verified: A.1 is +25.0 % better than the root (x1.25)
  95 % interval [+20.0, +30.0] %, 16 pairs, fresh containers
  vst_commit_us        358.9 us -> 287.1 us  (objective)
  io_bytes_per_commit    41,000 -> 24,600

  stopped     the budget of nodes is spent (3 of 3 evaluations)
  searched    3 evaluations in 1:15, 4 nodes, run 20251009-085320-k3f9
  branch      oppie/x
  patch       /x/best.patch
  report      /x/report.html

Next:
  oppie diff A A.1 --run x  see what was changed
  oppie apply A.1 --run x   put it on a branch of your repository
  oppie tree --run x        see everything that was tried
"""
NEUTRAL = """\
No improvement was verified.
  The best candidate, A.1, came out as no difference shown
  +1.0 % against the root, 95 % interval [-1.0, +3.0] %, 16 pairs, fresh containers
  That means: the interval holds 0: it may be no better than the root.

  stopped     the budget of nodes is spent (3 of 3 evaluations)
  searched    3 evaluations in 1:15, 4 nodes, run 20251009-085320-k3f9

Next:
  oppie diff A A.1  see what was changed
  oppie tree        see everything that was tried
"""
TRUSTED = """\
Verified: A.1 is +25.0 % better than the root (x1.25)
  95 % interval [+20.0, +30.0] %, 16 pairs, fresh containers
  vst_commit_us        358.9 us -> 287.1 us  (objective)
  io_bytes_per_commit    41,000 -> 24,600

Measured again, each in a clean room:
  A.1    improved        +25.0 % [+20.0, +30.0], 16 pairs, estimated +20.0 %
  A.1.1  not reproduced  +0.1 % [-0.4, +0.6], 40 pairs, estimated +14.0 %
  A.2    failed          check tests exited with 1

  stopped     the budget of nodes is spent (3 of 3 evaluations)
  searched    3 evaluations in 1:15, 4 nodes, run 20251009-085320-k3f9
  containers  2:03 spent, 1:10 saved by stopping early
  noted       check tests is flaky at the root: tests/test_a.py::test_race failed 1 of 3 times
  noted       Against itself the benchmark differs by 1.20 % (standard deviation), so 40 pairs show gains from 0.94 %.
  branch      oppie/x
"""


def test_all_that_was_verified_and_noted_is_told() -> None:
    assert render_summary(trusted_view()).plain.startswith(TRUSTED)


def test_a_gain_that_was_not_reproduced_says_why_and_what_that_means() -> None:
    text = render_summary(replace(trusted_view(), verified=OTHERS[0])).plain
    assert text.startswith("No improvement was verified.\n")
    assert "came out as not reproduced: the search had measured +13.0 % or more; built" in text
    assert "That means: what the search had measured is not in its recorded sources alone" in text
    assert "oppie apply" not in text


def test_a_shortfall_is_told_beside_the_claim() -> None:
    view = small_view()
    assert view.verified is not None
    reason = "the search had measured +38.0 % or more; built from its sources alone it gains less"
    short = replace(view.verified, reason=reason)
    text = render_summary(replace(view, verified=short)).plain
    assert f"fresh containers\n  {reason}\n" in text


def test_a_verified_improvement() -> None:
    places = Places(report="/x/report.html", run_argument="--run x")
    assert render_summary(small_view(), places).plain == IMPROVED


def test_a_candidate_that_did_not_hold_is_no_improvement() -> None:
    measured = Measurement(math.log(1.01), math.log(0.99), math.log(1.03), 16)
    view = replace(small_view(), verified=Verified("A.1", Verdict.NO_DIFFERENCE, measured))
    text = render_summary(view).plain
    assert text == NEUTRAL
    assert "apply" not in text


def test_a_candidate_that_failed_says_why() -> None:
    view = replace(
        small_view(),
        verified=Verified("A.1", Verdict.TAMPERED, None, "protected files changed: b.py"),
    )
    text = render_summary(view).plain
    assert "The best candidate, A.1, came out as tampered: protected files changed: b.py" in text


def test_an_interrupted_run_claims_nothing_and_can_be_resumed() -> None:
    view = replace(small_view(), verified=None, stop=StopReason.INTERRUPTED, stop_detail="")
    text = render_summary(view).plain
    assert text.startswith("Nothing was verified. By estimate, the best so far is A.1.\n")
    assert "  oppie resume" in text
    assert "Verified" not in text


def test_a_run_that_found_nothing_offers_no_diff() -> None:
    view = replace(small_view(), verified=None, best="A", stop=StopReason.EXHAUSTED)
    text = render_summary(view).plain
    assert text.startswith("Nothing was verified.\n")
    assert "oppie diff" not in text
    assert "oppie resume" not in text


@pytest.mark.parametrize("reason", StopReason)
def test_every_stop_has_words_of_its_own(reason: StopReason) -> None:
    others = {stop_words(other) for other in StopReason if other is not reason}
    assert stop_words(reason) not in others
    assert stop_words(reason, "3 of 3\x1b[2J") == f"{stop_words(reason)} (3 of 3)"


def test_hostile_texts_are_shown_and_not_obeyed() -> None:
    text = render_summary(hostile_view(), Places(report="\x1b[2J\nforged"))
    assert not invisible(text.plain)
    assert "\nforged" not in text.plain
