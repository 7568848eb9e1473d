"""The same failure has the same signature, and another one another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.measure.signature import signature

SAME = [
    ("KeyError: 17", "KeyError: 4"),
    ("took 31.5 ms", "took 7ms"),
    ("<A object at 0x7f5f76681e10>", "<A object at 0x7f0012ab34cd>"),
    ("open '/tmp/pytest-of-user/pytest-3/x.txt'", "open '/tmp/pytest-of-user/pytest-17/test_b0/y.txt'"),
    ("at file:///w/a.js:3:14", "at file:///other/b.js:100:2"),
    ("run 6f1c2b7e-8a0d-4c3e-9b1f-0123456789ab", "run 00000000-8a0d-4c3e-9b1f-0123456789ab"),
    ("commit 9f8e7d6c5b4a done", "commit 0a1b2c3d4e5f done"),
    ("at 2026-05-11T07:50:26.123Z", "at 2027-01-02 00:00:00"),
    ("at 07:50:26", "at 23:59:59.999"),
    ("port 8080 in use", "port 43121 in use"),
    ("1,234.5 > 1e-9", "7 > 0.25"),
    (r"C:\Users\me\x.py:3 missing", r"C:\Temp\y.py:12 missing"),
]  # fmt: skip
OTHER = [
    ("AssertionError: assert 3 == 4", "TimeoutError: assert 3 == 4"),
    ("KeyError: 'name'", "KeyError: 'title'"),
    ("a/b failed", "a/c failed"),
    ("beef", "dead"),
    ("", "x"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same(one: str, other: str) -> None:
    assert signature(one) == signature(other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_not_the_same(one: str, other: str) -> None:
    assert signature(one) != signature(other)


def test_counts_may_be_kept() -> None:
    one, other = "2 failed, 3 passed in 0.12s", "1 failed, 4 passed in 0.12s"
    assert signature(one) == signature(other)
    assert signature(one, keep_counts=True) == "2 failed, 3 passed in <duration>"
    assert signature(one, keep_counts=True) != signature(other, keep_counts=True)


@given(st.text(max_size=500))
def test_any_text_has_one(text: str) -> None:
    assert len(signature(text)) <= 300
    assert not any(digit in signature(text) for digit in "0123456789")
