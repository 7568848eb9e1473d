"""Asking an engine again that did not answer, where asking twice does no harm.

Looking up, listing and removing mean the same however often they are asked. Starting a container
doesn't: a second request could run a command again that has ended meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import docker.errors
import requests.exceptions
import tenacity

from runner.errors import Cancelled, EngineError, EngineUnavailable
from runner.sandbox.classify import is_out_of_space

T = TypeVar("T")

OUTAGE_S = 180.0  # a daemon that is being upgraded, on a slow machine, is gone for a minute
_ANSWERED_TIMES = 4  # for an engine that is there, and fails
_TICK_S = 0.2
_WAIT = tenacity.wait_random_exponential(multiplier=0.2, max=3.0)


def is_silence(error: BaseException) -> bool:
    """Whether the engine gave no answer, or only half of one."""
    if isinstance(error, EngineError):
        return isinstance(error, EngineUnavailable)
    if isinstance(error, docker.errors.APIError):  # a kind of RequestException
        return False
    return isinstance(error, requests.exceptions.RequestException | OSError)


def is_transient(error: BaseException) -> bool:
    """Whether the same question may have another answer soon: silence, or a fault of the engine's
    own (5xx), but for a full disk."""
    if isinstance(error, docker.errors.APIError):
        return bool(error.is_server_error()) and not is_out_of_space(str(error))
    return is_silence(error)


patiently = tenacity.retry(
    retry=tenacity.retry_if_exception_type(EngineUnavailable),
    wait=_WAIT,
    stop=tenacity.stop_after_attempt(_ANSWERED_TIMES),
    reraise=True,
)


class Patience:
    """One worker's patience with its engine.

    An engine that is gone is waited for, for ``outage_s`` seconds; one that answers with a fault
    is asked four times. Whoever has waited in vain once doesn't wait again before the engine has
    answered: an attempt that fails has things to clear away, and each would wait anew.
    """

    def __init__(
        self, cancelled: Callable[[], bool] = lambda: False, outage_s: float = OUTAGE_S
    ) -> None:
        self._cancelled = cancelled
        self._outage_s = outage_s
        self._given_up = False
        self.silences = 0  # how often the engine did not answer, so far

    def ask(self, call: Callable[[], T]) -> T:
        """The answer to a call that may be repeated.

        Raises what ``call`` raised last, and ``Cancelled`` if told to stop while waiting.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(is_transient),
            wait=_WAIT,
            stop=self._is_enough,
            sleep=self._sleep,
            reraise=True,
        )
        answer = retrying(call)
        self._given_up = False
        return answer

    def _is_enough(self, state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if error is None or not is_silence(error):
            return state.attempt_number >= _ANSWERED_TIMES
        self.silences += 1
        if self._given_up or (state.seconds_since_start or 0.0) >= self._outage_s:
            self._given_up = True
        return self._given_up

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0:
            if self._cancelled():
                raise Cancelled("the run was told to stop")
            time.sleep(min(_TICK_S, left_s))
