"""What can go wrong with evidence, beside what ``runner.errors`` already names."""

from __future__ import annotations

from runner.errors import EvidenceError, ExitCode, TaskError


class GitMissing(EvidenceError):
    """There is no ``git`` on the PATH."""

    exit_code = ExitCode.ENVIRONMENT


class TreeTooLarge(EvidenceError):
    """A workspace holds more files or bytes than a record may; the action's doing, not git's."""


class Refused(TaskError):
    """Something can't be done to the user's folder or repository; nothing there was changed."""
