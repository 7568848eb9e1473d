"""Worker threads: journeys in, events out, trouble told apart."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from runner.errors import Cancelled, EngineUnavailable
from runner.model import (
    Decision,
    Expand,
    Expansion,
    Job,
    JobKind,
    Journey,
    Outcome,
    Phase,
    State,
    Stopped,
    StopReason,
)
from runner.pool import ThreadPool

closed: list[int] = []


def job(label: str) -> Job:
    return Job(JobKind.EXPAND, label, 1, State("A"), State("A"))


def expand(job: Job) -> Journey:
    yield Phase(job.label, "container.started")
    if job.label == "A.2":
        raise EngineUnavailable("gone")
    if job.label == "A.3":
        raise ValueError("a defect")
    return Expansion(job, Outcome.NEUTRAL, Decision.COMMIT, 0.0)


@contextmanager
def worker(slot: int) -> Iterator[Expand]:
    try:
        yield expand
    finally:
        closed.append(slot)


def test_phases_come_before_the_expansion_and_workers_are_closed() -> None:
    closed.clear()
    with ThreadPool(2, worker, threading.Event()) as pool:
        assert pool.workers == 2
        pool.submit(job("A.1"))
        said = [pool.take(), pool.take()]
    assert said[0] == Phase("A.1", "container.started")
    assert said[1] == Expansion(job("A.1"), Outcome.NEUTRAL, Decision.COMMIT, 0.0)
    assert sorted(closed) == [0, 1]


def test_trouble_of_the_engine_is_an_expansion_without_a_reward() -> None:
    with ThreadPool(1, worker, threading.Event()) as pool:
        pool.submit(job("A.2"))
        pool.take()
        assert pool.take() == Expansion(
            job("A.2"), Outcome.INFRA, Decision.ABANDON, None, reason="gone"
        )


def test_a_defect_reaches_the_planner() -> None:
    with ThreadPool(1, worker, threading.Event()) as pool:
        pool.submit(job("A.3"))
        pool.take()
        with pytest.raises(ValueError, match="a defect"):
            pool.take()


def test_being_told_to_stop_ends_the_wait_and_the_workers() -> None:
    cancelled = threading.Event()

    def patient(job: Job) -> Journey:
        yield Phase(job.label, "container.started")
        cancelled.wait(60)
        raise Cancelled("told to stop")

    @contextmanager
    def open_patient(_slot: int) -> Iterator[Expand]:
        yield patient

    with ThreadPool(1, open_patient, cancelled) as pool:
        pool.submit(job("A.1"))
        pool.take()
        threading.Timer(0.05, cancelled.set).start()
        assert pool.take() == Stopped(StopReason.INTERRUPTED, "told to stop")


def test_a_delayed_job_is_given_up_at_once_when_told_to_stop() -> None:
    cancelled = threading.Event()
    with ThreadPool(1, worker, cancelled) as pool:
        pool.submit(job("A.1"), delay_s=3600.0)
        threading.Timer(0.05, cancelled.set).start()
        assert isinstance(pool.take(), Stopped)
