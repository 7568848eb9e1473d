"""A reviewer's answer: nothing but a clear rejection with a reason rejects."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.prompts import Review, read_backtrack, read_review


def test_a_rejection() -> None:
    text = '{"verdict": "reject", "reason": "bench.py:3 is recognised", "note": "else fine"}'
    assert read_review(text) == Review(True, "bench.py:3 is recognised", "else fine")


@pytest.mark.parametrize(
    "around", ["```json\n%s\n```", "I have read it.\n\n%s\n\nThat is all.", "\n%s"]
)
def test_words_around_it_do_no_harm(around: str) -> None:
    answer = json.dumps({"verdict": "reject", "reason": "it caches"}, indent=1)
    assert read_review(around % answer) == Review(True, "it caches", "")


def test_a_pass_with_a_note() -> None:
    assert read_review('{"verdict": "pass", "note": "names are odd"}') == Review(
        note="names are odd"
    )
    assert read_review('{"verdict": "pass"}') == Review()
    kept = read_review('{"verdict": "pass", "reason": "clean", "note": "fast"}')
    assert kept == Review(note="fast (clean)")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON object"),
        ("reject it, it cheats", "no JSON object"),
        ("} {", "no JSON object"),
        ('{"verdict": "reject"}', "rejects without a reason"),
        ('{"verdict": "reject", "reason": " \\n "}', "rejects without a reason"),
        ('{"verdict": "REJECT", "reason": "x"}', "neither reject nor pass"),
        ('{"verdict": "accept"}', "neither reject nor pass"),
        ("{}", "neither reject nor pass"),
        ('{"verdict": true, "reason": "x"}', "its verdict is no text"),
        ('{"verdict": "reject", "reason": ["x"]}', "its reason is no text"),
        ('{"verdict": "pass", "verdict": "reject", "reason": "x"}', "no single valid"),
        ('{"verdict": "pass"} or {"verdict": "reject", "reason": "x"}', "no single valid"),
        ('{"verdict": "reject", "reason": "x", "merge": "yes"}', "has a field 'merge'"),
        ('[{"verdict": "reject", "reason": "x"}, {}]', "no single valid"),
        ('{"verdict": "reject", "reason": "x"', "no JSON object"),
        ('{"a":' * 30_000 + "}", "has over"),
        ('{"a":' * 10_000 + "1" + "}" * 10_000, "no single valid"),
        ('{"verdict": ' + "9" * 5000 + "}", "no single valid"),
    ],
)
def test_what_is_unclear_is_a_note(text: str, why: str) -> None:
    found = read_review(text)
    assert not found.rejects
    assert found.reason == ""
    assert found.note.startswith("the review is unclear (")
    assert why in found.note
    assert len(found.note) < 500


@given(st.text(max_size=200) | st.from_regex(r'\{"verdict": "(reject|pass)", "\w*": .{0,40}\}'))
def test_nothing_raises_and_no_rejection_lacks_a_reason(text: str) -> None:
    found = read_review(text)
    assert found.rejects == bool(found.reason)
    assert (found.reason + found.note).isprintable()


def test_what_is_said_is_cleaned_and_bounded() -> None:
    reason = "\x1b[31mbad\n::error::x" + "y" * 5000
    found = read_review(json.dumps({"verdict": "reject", "reason": reason}))
    assert found.reason.startswith("bad ::error")
    assert len(found.reason) <= 1000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("BACKTRACK: no way left", "no way left"),
        ("I tried.\n`BACKTRACK: the lock is needed`\n", "the lock is needed"),
        ("BACKTRACK: one\nBACKTRACK: two\n", "two"),
        ("BACKTRACK:\nnothing", ""),
        ("I won't say BACKTRACK: now", ""),
        ("", ""),
    ],
)
def test_giving_up(text: str, reason: str) -> None:
    assert read_backtrack(text) == reason
