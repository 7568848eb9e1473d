"""The record of money: after kills, over midnight, between planners, and when somebody wrote in it."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import StateError
from runner.gateway import Caps, Ledger
from runner.gateway.books import NANO, Books, CapReached, Opening, Settlement, entry_of
from runner.model import NOTHING_SPENT, Spending

NOON = 1_795_262_400.0  # 2026-11-21 12:00:00 UTC
DAY_S = 86_400.0
NO_CAPS = Caps()
CENT = NANO // 100


class Clock:
    def __init__(self, at: float = NOON) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def cost(cents: int = 1) -> Settlement:
    return Settlement("", 0.0, "anthropic", "claude", cents * CENT, 10, 4, 2, False)


def spend(ledger: Ledger, cents: int = 1, node: str = "A.1") -> None:
    ticket = ledger.reserve(node, 5 * CENT, NO_CAPS)
    assert ticket
    ledger.settle(ticket, cost(cents))


def test_it_is_read_back(tmp_path: Path) -> None:
    folder, clock = tmp_path / "spending", Clock()
    with Ledger(folder, "run-1", clock) as ledger:
        spend(ledger)
        spend(ledger, 2)
        assert ledger.spending == Spending(2, 20, 8, 4, 0.03)
    with Ledger(folder, "run-1", clock) as again:
        assert again.spending == Spending(2, 20, 8, 4, 0.03)
        assert (again.run_usd, again.day_usd) == (0.03, 0.03)
        assert again.spent_by("A.1") == again.spending
        assert again.spent_by("A.2") == NOTHING_SPENT
        with pytest.raises(
            CapReached, match=r"the node's budget is spent: .* \$0.03, and has used \$0.03"
        ):
            again.reserve("A.1", 0, Caps(node_usd=0.03))
        assert again.reserve("A.2", 0, Caps(node_usd=0.03))
    assert Ledger.of_run(folder, "run-1") == Spending(2, 20, 8, 4, 0.03)
    assert Ledger.of_run(folder, "run") == NOTHING_SPENT
    assert Ledger.of_run(tmp_path / "none", "run-1") == NOTHING_SPENT


def test_a_day_is_of_all_runs_and_ends_at_midnight(tmp_path: Path) -> None:
    clock = Clock()
    with Ledger(tmp_path, "run-1", clock) as one, Ledger(tmp_path, "run-2", clock) as two:
        spend(one, 3)
        spend(two, 4)
        caps = Caps(day_usd=0.07)
        for each in (one, two):
            with pytest.raises(CapReached, match="today, by all runs, may use"):
                each.reserve("A.9", CENT, caps)
        clock.at += DAY_S
        late = one.reserve("A.9", CENT, caps)
        assert late
        assert one.day_usd == 0.0
        clock.at += DAY_S
        one.settle(late, cost(9))
        assert one.day_usd == 0.0  # it counts for the day on which it began
        assert one.run_usd == pytest.approx(0.12)
    with Ledger(tmp_path, "run-1", clock) as again:
        assert (again.run_usd, again.day_usd) == (pytest.approx(0.12), 0.0)
    assert len(list(tmp_path.glob("*.jsonl"))) == 2


def test_planners_see_what_others_have_set_aside(tmp_path: Path) -> None:
    clock, caps = Clock(), Caps(day_usd=0.10)
    with Ledger(tmp_path, "run-1", clock) as one, Ledger(tmp_path, "run-2", clock) as two:
        ticket = one.reserve("A", 8 * CENT, caps)
        assert ticket
        assert two.reserve("A", 3 * CENT, caps) is None
        small = two.reserve("A", 2 * CENT, caps)
        assert small
        one.settle(ticket, cost(1))
        assert two.reserve("A", 7 * CENT, caps)


def test_who_died_may_have_spent_all_that_was_set_aside(tmp_path: Path) -> None:
    """Also seen by those who live: nobody waits for the dead."""
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from runner.gateway import Caps, Ledger\n"
        f"ledger = Ledger(Path(sys.argv[1]), 'run-2', lambda: {NOON})\n"
        f"ledger.reserve('A', {8 * CENT}, Caps())\n"
        "print('open', flush=True)\n"
        "time.sleep(60)\n"
    )
    caps = Caps(day_usd=0.10)
    with Ledger(tmp_path, "run-1", Clock()) as living:
        with subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE
        ) as other:
            assert other.stdout
            assert other.stdout.readline() == b"open\n"
            assert living.reserve("A", 3 * CENT, caps) is None
            other.send_signal(signal.SIGKILL)
            other.wait(20)
        assert living.reserve("A", 3 * CENT, caps)
        assert living.day_usd == pytest.approx(0.08)
    with Ledger(tmp_path, "run-2", Clock()) as resumed:
        assert resumed.spending == Spending(1, 0, 0, 0, 0.08, True)


def test_a_line_that_broke_off_goes(tmp_path: Path) -> None:
    clock = Clock()
    with Ledger(tmp_path, "run-1", clock) as ledger:
        spend(ledger)
    [day] = tmp_path.glob("*.jsonl")
    whole = day.read_bytes()
    for size in range(1, 60):
        with day.open("ab") as file:
            file.write(whole[:size])
        assert Ledger.of_run(tmp_path, "run-1").requests == 1
        with Ledger(tmp_path, "run-1", clock) as again:
            assert again.spending.requests == 1
            ticket = again.reserve("A.1", CENT, NO_CAPS)
            assert ticket
            again.settle(ticket, cost(0))
        assert len(day.read_bytes().splitlines()) == 4
        day.write_bytes(whole)


@pytest.mark.parametrize(
    "line",
    [
        "nonsense", "[]", "null", "{}", '{"id": "run-1.x"}', '{"id": "run-1.x", "most_nano": "1"}',
        json.dumps({"id": "run-1.x", "at": 1.0, "owner": "o", "run": "run-1", "node": "A", "most_nano": -1}),
        json.dumps({"id": "run-1.x", "at": 1.0, "owner": "o", "run": "run-1", "node": "A", "most_nano": 1, "y": 1}),
        json.dumps({"id": "run-1.x", "at": 1.0, "owner": "o", "run": "run-1", "node": "A", "most_nano": 1.5}),
    ],
)  # fmt: skip
def test_what_nobody_wrote_is_an_error(tmp_path: Path, line: str) -> None:
    clock = Clock()
    with Ledger(tmp_path, "run-1", clock) as ledger:
        spend(ledger)
    [day] = tmp_path.glob("*.jsonl")
    with day.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(StateError, match="bring the file back, or move it away"):
        Ledger(tmp_path, "run-1", clock)
    day.unlink()
    with Ledger(tmp_path, "run-1", clock) as anew:
        assert anew.run_usd == 0.0


def test_the_folder_is_made_but_not_what_it_lies_in(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="can't make the folder"):
        Ledger(tmp_path / "gone" / "spending", "run-1")


def test_nothing_is_left_lying_about(tmp_path: Path) -> None:
    with Ledger(tmp_path, "run-1", Clock()) as ledger:
        spend(ledger)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["2026-11-21.jsonl", "lock"]


entries = st.lists(
    st.tuples(st.sampled_from("AB"), st.integers(0, 9 * CENT), st.integers(0, 9 * CENT)),
    max_size=12,
)


@given(entries, st.integers(1, 30), st.integers(0, 1 << 16))
def test_no_cap_is_passed_by_more_than_one_request(
    asked: list[tuple[str, int, int]], cap_cents: int, seed: int
) -> None:
    """Requests that come and end in any order, each costing no more than was set aside for it."""
    caps, books, order = Caps(run_usd=cap_cents / 100), Books(), random.Random(seed)
    open_now: list[tuple[Opening, int]] = []
    spent = dearest = 0
    waiting = list(asked)
    while waiting or open_now:
        if waiting and (not open_now or order.random() < 0.5):
            node, most, share = waiting.pop()
            try:
                may = books.may_open("day", "run", node, most, caps)
            except CapReached:
                assert spent >= cap_cents * CENT
                continue
            if may:
                opening = Opening(f"run.{len(waiting)}", 0.0, "me", "run", node, most)
                books.enter("day", opening)
                open_now.append((opening, min(share, most)))
            else:
                assert open_now
        if open_now and order.random() < 0.5:
            opening, nano = open_now.pop(order.randrange(len(open_now)))
            books.enter("day", Settlement(opening.id, 0.0, "", "", nano, 1, 0, 1, False))
            spent += nano
            dearest = max(dearest, nano)
            assert spent <= cap_cents * CENT + dearest
    assert books.spent_usd("run", "run") == spent / NANO


def test_an_entry_that_comes_twice_counts_once() -> None:
    books, opening = Books(), Opening("run.1", 0.0, "me", "run", "A", 5)
    settled = Settlement("run.1", 0.0, "", "", 3, 1, 0, 1, False)
    for entry in (opening, opening, settled, settled, opening):
        books.enter("day", entry)
    assert books.spent_usd("run", "run") == 3 / NANO
    assert books.owners() == set()


@pytest.mark.parametrize("amount", [0, -1, float("nan"), float("inf")])
def test_caps_are_above_nothing(amount: float) -> None:
    for name in ("node_usd", "run_usd", "day_usd"):
        with pytest.raises(ValueError, match="must be a number of US dollars above 0"):
            Caps(**{name: amount})


def test_entries_are_written_as_they_are_read() -> None:
    with pytest.raises(ValueError, match="at is 'x'"):
        entry_of({"id": "a", "at": "x", "owner": "o", "run": "r", "node": "n", "most_nano": 1})
