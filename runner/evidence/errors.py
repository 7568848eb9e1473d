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


class Conflicting(Refused):
    """Two changes that git can't bring together. ``paths`` are the files concerned."""

    def __init__(self, message: str, paths: tuple[str, ...]) -> None:
        super().__init__(message)
        self.paths = paths


class BranchMoved(Refused):
    """The branch isn't where it was when the merge was prepared. ``after`` is "" if it is gone."""

    def __init__(self, branch: str, before: str, after: str) -> None:
        where = f"to {after}" if after else "away: it is no longer there"
        super().__init__(f"branch {branch!r} moved from {before} {where} while it was checked")
        self.before, self.after = before, after
