from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from runner.evidence import Claims


def test_the_first_wins_and_may_ask_again() -> None:
    claims = Claims({"t0": "A"})
    assert claims.claim("t0", "A.1") == "A"
    assert claims.claim("t1", "A.1") == ""
    assert claims.claim("t1", "A.1") == ""
    assert claims.claim("t1", "A.2") == "A.1"


def test_only_the_owner_releases() -> None:
    claims = Claims()
    claims.claim("t", "A.1")
    claims.release("t", "A.2")
    claims.release("unknown", "A.1")
    assert claims.claim("t", "A.2") == "A.1"
    claims.release("t", "A.1")
    assert claims.claim("t", "A.2") == ""


def test_a_race_has_one_winner() -> None:
    for _ in range(50):
        claims, barrier = Claims(), Barrier(4)

        def claim(label: str, claims: Claims = claims, barrier: Barrier = barrier) -> str:
            barrier.wait()
            return claims.claim("tree", label)

        with ThreadPoolExecutor(4) as pool:
            twins = list(pool.map(claim, ["A.1", "A.2", "A.3", "A.4"]))
        winners = [label for label in twins if label == ""]
        assert len(winners) == 1
        assert len(set(twins)) == 2
