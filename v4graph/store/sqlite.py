"""The ledger as an SQLite file: its address, how it is opened, and what its complaints mean."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from v4graph.errors import LedgerBroken, StoreError, StoreLocked
from v4graph.store.faults import full, not_writable

FILE = "ledger.sqlite"
_WRITING = {
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMMAP,
}
"""What a file system without room answers with, beside the number for it."""


def address(file: Path) -> str:
    """The database address of a ledger; where one may not write, it is opened for reading.

    A file read as one that never changes has an address that says which state of it: as soon as it can be written,
    or somebody else did, the address is another one.
    """
    if os.access(file.parent, os.W_OK) or not file.exists():
        return f"sqlite:///{file}"
    logged = file.with_name(f"{file.name}-wal")  # what it holds is read where there is one
    alone = not logged.exists() or not logged.stat().st_size
    state = f"&immutable=1&state={file.stat().st_mtime_ns}" if alone else ""
    return f"sqlite:///file:{quote(str(file))}?mode=ro{state}&uri=true"


def prepare(connection: Any, _record: Any) -> None:
    """Set up a new connection."""
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:
            raise
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()


def explain(context: Any) -> None:
    """Tell an error of SQLite as one of ours.

    Raises:
        StoreError: of the kind that it means; mistakes of the program stay what they are.
    """
    told = fault(context.original_exception, context.engine.url.database or FILE)
    if told is not None:
        raise told from context.original_exception


def fault(error: BaseException, place: str) -> StoreError | None:
    """What an error of SQLite means; None when it is a mistake of ours, or of another database."""
    if not isinstance(error, sqlite3.Error):
        return None
    number = getattr(error, "sqlite_errorcode", None) or 0
    code, home = number & 0xFF, Path(place).parent
    if code == sqlite3.SQLITE_FULL or number in _WRITING:
        return full(home)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return not_writable(home)
    if code == sqlite3.SQLITE_BUSY:
        return StoreLocked(
            "Another process has been writing to the ledger for too long. Try again.", headers={"Retry-After": "10"}
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return broken("is damaged")
    return broken("cannot be read") if code == sqlite3.SQLITE_IOERR else None


def broken(how: str) -> LedgerBroken:
    """The ledger cannot be used; a backup helps."""
    return LedgerBroken(
        f"The ledger ({FILE}) {how}. Stop the server, move it away together with {FILE}-wal and -shm, and run "
        "“v4graph restore FILE” with the last backup. Keep what you moved: more may be saved from it."
    )
