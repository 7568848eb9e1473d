"""The journal's SQLite file: opened, brought up to date, and changed in transactions."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from importlib import resources
from pathlib import Path

from runner.errors import JournalError
from runner.keeping import keeping, state_error
from runner.store.version import version_of

BUSY_TIMEOUT_S = 10.0
# SQLite's codes, of which an extended one has more bits: https://www.sqlite.org/rescode.html
_OF_THE_DISK = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_READONLY_DBMOVED: errno.ENOENT,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_CANTOPEN: errno.ENOENT,
}


def migrations() -> tuple[str, ...]:
    """The scripts that lead from an empty file to the present version, oldest first."""
    folder = resources.files("runner.store") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple((folder / name).read_text(encoding="utf-8") for name in names)


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Turn what SQLite raises into JournalError, with the file's name; into StateError if it is the
    disk that failed."""
    try:
        yield
    except (sqlite3.Error, OverflowError) as error:
        code = getattr(error, "sqlite_errorcode", 0)
        number = _OF_THE_DISK.get(code) or _OF_THE_DISK.get(code & 0xFF)
        if number is None:
            raise JournalError(f"journal {path}: {error}") from error
        raise state_error("write the journal", path, number, str(error)) from error


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open or create the journal and migrate it, after a copy of it was made. Raises JournalError,
    StateError."""
    demand_known(path)
    with telling(path):
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            _back_up(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            # An intent must be on disk before its container exists, and a visit before the
            # container goes: in WAL mode only FULL waits for that at each commit.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            migrate(connection, migrations())
        except BaseException:
            connection.close()
            raise
        return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open the journal so that nothing can be changed; an older one is migrated in memory.

    Raises JournalError, StateError.
    """
    demand_known(path)
    with telling(path):
        connection = _connect_read_only(path)
        try:
            version = _version(connection)
            if version == len(migrations()):
                connection.execute("PRAGMA query_only = ON")
                return connection
            copy = sqlite3.connect(":memory:", isolation_level=None)
            connection.backup(copy)
            migrate(copy, migrations())
        except BaseException:
            connection.close()
            raise
        connection.close()
        return copy


def _connect_read_only(path: Path) -> sqlite3.Connection:
    name = path.absolute().as_uri()
    connection = sqlite3.connect(
        f"{name}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
    )
    try:
        connection.execute("PRAGMA user_version")
    except sqlite3.OperationalError:
        connection.close()
        # A folder that can't be written to has no room for WAL's shared memory. Without a WAL
        # file nobody is writing either.
        if path.with_name(path.name + "-wal").exists():
            raise
        connection = sqlite3.connect(f"{name}?immutable=1", uri=True, isolation_level=None)
    return connection


def demand_known(path: Path) -> None:
    """Raises JournalError for a journal that a newer oppie wrote, before anything opens it."""
    with keeping("read", path):
        version = version_of(path)
    known = len(migrations())
    if version > known:
        raise JournalError(
            f"journal {path} is of version {version}, written by a newer oppie; "
            f"this one knows versions up to {known}. It was left untouched"
        )


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def backup_of(path: Path, version: int) -> Path:
    """Where a journal is copied to before it is migrated from a version."""
    return path.with_name(f"{path.name}.version-{version}")


def _back_up(connection: sqlite3.Connection, path: Path) -> None:
    """Copy an older journal before it is migrated: whoever goes back to the older oppie has it, and
    whoever finds that the migration was wrong. The copy appears whole or not at all; an earlier one of
    the same version gives way."""
    version = _version(connection)
    copy = backup_of(path, version)
    if not 0 < version < len(migrations()):
        return
    scratch = copy.with_name(f"{copy.name}.tmp")
    with keeping("write", copy):
        scratch.unlink(missing_ok=True)
    with closing(sqlite3.connect(scratch)) as target:
        connection.backup(target)
    with keeping("write", copy):
        scratch.rename(copy)


def migrate(connection: sqlite3.Connection, scripts: Sequence[str]) -> None:
    """Run the scripts that the journal hasn't seen, each whole or not at all."""
    version = _version(connection)
    for number, script in enumerate(scripts[version:], start=version + 1):
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{script};\nPRAGMA user_version = {number};\nCOMMIT;"
            )
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of a block's changes, or none; a block within a block joins it."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # SQLite ends it itself when the disk is full
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
