"""When a step that doesn't end by itself is ended, and as what: decided from what it prints."""

from __future__ import annotations

from dataclasses import dataclass

from runner.sandbox.protocol import PARTING_S, Exit


@dataclass(slots=True)
class Vigil:
    """Over one step. All moments are of ``time.monotonic``.

    ``until`` is the end of its time. ``spoke_at`` is when it last printed something, or began.
    ``quiet_s`` is ``Step.quiet_s``.
    """

    until: float
    spoke_at: float
    quiet_s: float = 0.0
    _result_at: float | None = None

    def note(self, now: float, *, spoke: bool, result_is_in: bool) -> None:
        """Whether something came since the last look, and whether what came held the result."""
        if spoke:
            self.spoke_at = now
        if result_is_in and self._result_at is None:
            self._result_at = now

    @property
    def due(self) -> float:
        """When it is to be killed, if nothing more comes until then."""
        return self._end()[0]

    @property
    def exit(self) -> Exit:
        """How a step has ended that was killed when it was due."""
        return self._end()[1]

    def _end(self) -> tuple[float, Exit]:
        if self._result_at is not None:
            return min(self._result_at + PARTING_S, self.until), Exit.OK
        silent_at = self.spoke_at + self.quiet_s
        if self.quiet_s > 0 and silent_at < self.until:
            return silent_at, Exit.SILENT
        return self.until, Exit.TIMEOUT
