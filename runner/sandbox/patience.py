"""Asking an engine again that did not answer, where asking twice does no harm."""

from __future__ import annotations

import tenacity

from runner.errors import EngineUnavailable

# Looking up, listing and removing mean the same however often they are asked. Starting and
# measuring don't: those are a new attempt, which the search hands out after a longer pause.
patiently = tenacity.retry(
    retry=tenacity.retry_if_exception_type(EngineUnavailable),
    wait=tenacity.wait_random_exponential(multiplier=0.2, max=3.0),
    stop=tenacity.stop_after_attempt(4),
    reraise=True,
)
