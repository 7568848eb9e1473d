"""One request from leave to settlement: money is set aside, the upstream asked, its answer passed on
as it comes and counted, and what it cost written down, however it ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Event

from runner.gateway.api import Api
from runner.gateway.bodies import Asked
from runner.gateway.books import NANO, CapReached, Caps, Settlement
from runner.gateway.ledger import Ledger, Ticket
from runner.gateway.meter import Meter
from runner.gateway.prices import Price, Prices
from runner.gateway.refusal import OutOfMoney, Refused
from runner.gateway.relaying import Course, Out, pass_on
from runner.gateway.retrying import Attempts
from runner.gateway.sending import Broken, Hold, Patience, Ways
from runner.gateway.transcript import Exchange, Redaction, Transcript
from runner.gateway.usage import Usage, tokens_of

_STEP_S = 0.5


@dataclass(frozen=True, slots=True)
class Office:
    """What requests of one node share. ``closing`` tells that the node is at its end,
    ``settled`` is told what each request came to."""

    node: str
    caps: Caps
    prices: Prices
    ledger: Ledger
    ways: Ways
    patience: Patience
    redaction: Redaction
    transcript: Transcript
    hold: Hold
    closing: Event
    settled: Callable[[Settlement], None]


def exchange(asked: Asked, headers: dict[str, str], office: Office, out: Out) -> None:
    """Answer a request.

    Raises ``Refused`` as long as nothing has been passed on; ``StateError`` if the money can't be
    written down; ``OSError`` if nobody waits for the answer any more.
    """
    ticket = None if asked.route.api is Api.COUNT_TOKENS else _leave(asked, office, out)
    attempts = Attempts(
        asked, headers, office.ways, office.patience, office.hold, office.closing.wait
    )
    course = Course(asked, Meter(asked))
    with ExitStack() as ending:
        ending.callback(_settle, course, attempts, ticket, office)
        course.settle = ending.close
        try:
            with attempts.answer(lambda: office.closing.is_set() or out.is_gone()) as answer:
                course.worked_on = answer.status == 200
                pass_on(course, answer, office.redaction, out)
        except Refused as refused:
            course.status, course.why = refused.status, str(refused)
            raise
        except Broken as broken:
            course.worked_on |= broken.sent and not course.status
            course.status, course.why = broken.status, str(broken)
            raise Refused(course.status, course.why) from broken
        except OSError as error:
            course.why = f"nobody waited for the answer any more ({type(error).__name__})"
            raise


def price_of(asked: Asked, prices: Prices) -> tuple[Price, bool]:
    """What the model of a request costs, and whether that is a guess."""
    upstream = asked.route.upstream
    return (upstream.price, False) if upstream.price else prices.of(upstream.dialect, asked.model)


def _leave(asked: Asked, office: Office, out: Out) -> Ticket:
    """Set aside what a request costs at most; wait for others where that is too much by now."""
    price, _ = price_of(asked, office.prices)
    most_usd = price.most_usd(asked.input_tokens, asked.output_tokens, kept_1h=asked.kept_1h)
    deadline = time.monotonic() + office.patience.money_s
    while True:
        try:
            ticket = office.ledger.reserve(office.node, round(most_usd * NANO), office.caps)
        except CapReached as reached:
            raise OutOfMoney(str(reached)) from reached
        if ticket:
            return ticket
        if office.closing.is_set() or out.is_gone():
            raise Refused(503, "the node is at its end", final=True)
        if time.monotonic() > deadline:
            why = "what is left of the budget is set aside for requests that are under way"
            raise Refused(429, why, retry_after_s=5)
        office.ledger.wait(_STEP_S)


def _usage(course: Course) -> Usage:
    """What is to be paid: also for what somebody may have worked on, and never answered."""
    if (
        course.worked_on
        and not course.meter.began
        and course.asked.route.api is not Api.COUNT_TOKENS
    ):
        return Usage(fresh=tokens_of(len(course.asked.body)), estimated=True)
    return course.meter.usage


def _settle(course: Course, attempts: Attempts, ticket: Ticket | None, office: Office) -> None:
    usage = _usage(course)
    asked, (price, guessed) = course.asked, price_of(course.asked, office.prices)
    nano = round(price.cost_usd(usage) * NANO)
    estimated = usage.estimated or (guessed and nano > 0)
    office.transcript.add(
        Exchange(
            at=round(course.began_at, 3),
            seconds=round(time.monotonic() - course.started, 3),
            upstream=asked.route.upstream.name,
            call=asked.route.api,
            model=asked.model,
            status=course.status,
            why=course.why,
            tries=attempts.count,
            streamed=asked.streams,
            input_tokens=usage.input,
            cached_tokens=usage.cached,
            output_tokens=usage.output,
            cost_usd=nano / NANO,
            estimated=estimated,
            withheld=asked.withheld,
            request=asked.body.decode("ascii"),
            response=course.meter.text,
        )
    )
    if ticket:
        name, model = asked.route.upstream.name, office.redaction.text(asked.model)
        tokens = usage.input, usage.cached, usage.output
        settlement = Settlement("", 0.0, name, model, nano, *tokens, estimated)
        office.settled(settlement)
        office.ledger.settle(ticket, settlement)
