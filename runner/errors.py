"""One hierarchy of errors, each with the exit code that the command line ends with.

A failing *action* is never an error: it is an ``Expansion`` (see ``runner.model``). What is
raised here stops the command or, for ``EngineError``, makes the attempt be tried again.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a finished command tells its caller."""

    IMPROVED = 0
    INTERNAL = 1
    USAGE = 2
    NO_IMPROVEMENT = 3
    BUDGET = 4
    ENVIRONMENT = 5
    ROOT_FAILS = 6
    INTERRUPTED = 130


class OppieError(Exception):
    """Base of all errors that are told to the user as one message, without a traceback."""

    exit_code = ExitCode.INTERNAL


class TaskError(OppieError):
    """The user's task file, setting or argument is wrong; names key, value and what is allowed."""

    exit_code = ExitCode.USAGE


class RootFails(OppieError):
    """The untouched target fails its own setup, checks or benchmark."""

    exit_code = ExitCode.ROOT_FAILS


class Rejected(OppieError):
    """The gate doesn't open for a change; nothing of the user's was changed."""

    exit_code = ExitCode.NO_IMPROVEMENT


class EngineError(OppieError):
    """The container engine is missing or misbehaves; never the fault of an action."""

    exit_code = ExitCode.ENVIRONMENT


class EngineUnavailable(EngineError):
    """No engine answers, or the one that did went away."""


class SnapshotMissing(EngineError):
    """An image that the journal knows is no longer on the engine."""


class EngineOutOfSpace(EngineError):
    """The engine's disk is full: the host's trouble, not the action's."""


class StateError(OppieError):
    """The state folder's disk is full, read-only, slow to answer or gone: the host's trouble, never
    an action's. Whatever was being done can be resumed once there is room."""

    exit_code = ExitCode.ENVIRONMENT


class EvidenceError(OppieError):
    """The evidence repository can't be read or written."""

    exit_code = ExitCode.ENVIRONMENT


class JournalError(OppieError):
    """The journal can't be read or written, or is of a newer version."""

    exit_code = ExitCode.ENVIRONMENT


class Cancelled(OppieError):
    """The work was interrupted and can be resumed; nothing of it was recorded."""

    exit_code = ExitCode.INTERRUPTED
