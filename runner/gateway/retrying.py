"""Asking an upstream again, where it says that this is of use, and as long as nothing was passed on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential,
    wait_random,
)

from runner.gateway.bodies import Asked
from runner.gateway.refusal import Refused
from runner.gateway.sending import Answer, Broken, Hold, Patience, Ways, sent

# Too much at a time, or trouble that may pass; 529 is Anthropic's "overloaded".
_PASSING = frozenset((408, 409, 429, 500, 502, 503, 504, 529))
_ATTEMPTS = 8
_FIRST_S, _LONGEST_S = 0.5, 15.0
_MOST_RETRY_AFTER_S = 3600.0
_STEP_S = 0.5


class _Again(Exception):
    """To be asked again; ``after_s`` if the upstream says when."""

    def __init__(self, after_s: float | None = None) -> None:
        super().__init__()
        self.after_s = after_s


class Attempts:
    """The attempts at one request; ``count`` is how many there were."""

    def __init__(
        self,
        asked: Asked,
        headers: dict[str, str],
        ways: Ways,
        patience: Patience,
        hold: Hold,
        pause: Callable[[float], object],
    ) -> None:
        self._asked = asked
        self._headers = headers
        self._ways = ways
        self._patience = patience
        self._hold = hold
        self._pause = pause
        self._held = ExitStack()
        self._last: Answer | Broken | None = None
        self.count = 0

    @contextlib.contextmanager
    def answer(self, is_over: Callable[[], bool]) -> Iterator[Answer]:
        """The first answer that isn't to be had otherwise, or the last one. ``is_over`` if nobody
        wants it any more. Raises ``Broken``, ``Refused``."""
        retrying = Retrying(
            retry=retry_if_exception_type(_Again),
            stop=stop_after_attempt(_ATTEMPTS) | stop_before_delay(self._patience.retry_s),
            wait=_wait,
            sleep=lambda seconds: self._sleep(seconds, is_over),
            retry_error_callback=self._give_up,
        )
        with self._held:
            yield retrying(self._try, is_over)

    def _try(self, is_over: Callable[[], bool]) -> Answer:
        if is_over():
            raise Refused(503, "nobody waits for the answer any more", final=True)
        self._held.close()
        self.count += 1
        route = self._asked.route
        try:
            answer = self._held.enter_context(
                sent(
                    route.upstream,
                    route.path,
                    self._headers,
                    self._asked.body,
                    self._ways,
                    self._patience,
                    self._hold,
                )
            )
        except Broken as broken:
            self._last = broken
            if broken.sent:
                raise
            raise _Again from broken
        self._last = answer
        if _is_passing(answer):
            raise _Again(_retry_after_s(answer))
        return answer

    def _sleep(self, seconds: float, is_over: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while (left_s := deadline - time.monotonic()) > 0 and not is_over():
            self._pause(min(left_s, _STEP_S))

    def _give_up(self, _: RetryCallState) -> Answer:
        if isinstance(self._last, Answer):
            return self._last
        assert self._last is not None
        raise self._last


def _is_passing(answer: Answer) -> bool:
    said = answer.headers.get("x-should-retry")
    if said in ("true", "false") and answer.status >= 400:
        return said == "true"
    return answer.status in _PASSING


def _retry_after_s(answer: Answer) -> float | None:
    """What ``retry-after`` says in seconds; a date isn't read, and nobody here sends one."""
    said = answer.headers.get("retry-after", "")
    return min(float(said), _MOST_RETRY_AFTER_S) if said.isascii() and said.isdecimal() else None


_growing = wait_exponential(multiplier=_FIRST_S, max=_LONGEST_S) + wait_random(0, _FIRST_S)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, _Again) and error.after_s is not None:
        return error.after_s
    return _growing(state)
