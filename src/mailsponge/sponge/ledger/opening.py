"""Opening a job's ledger, wherever it is; and setting aside one that is damaged."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import ModuleType

from mailsponge import clock
from mailsponge.errors import LedgerUnreadable, StateError
from mailsponge.sponge.ledger.protocol import Ledger
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.places import JobPlace, job_places


def read_ledger(place: JobPlace, seconds_left: Callable[[], float] = lambda: 5.0) -> Ledger | None:
    """Open a job's ledger to look into it; None if the job has none yet. Raises StateError."""
    if place.database:
        postgres = _postgres()
        known = place.directory.name in postgres.jobs(place.database, seconds_left)
        return postgres.PostgresLedger(place.database, place.directory.name, seconds_left) if known else None
    return SqliteLedger(place.ledger, seconds_left) if place.ledger.exists() else None


def open_ledger(place: JobPlace, seconds_left: Callable[[], float] = lambda: 5.0) -> tuple[Ledger, str]:
    """Open a job's ledger; a damaged file is set aside under another name, never overwritten, and a new one begun.

    Returns the ledger and what there is to say about it: where the damaged one is, or an empty text. Raises StateError.
    """
    if place.database:
        return _postgres().PostgresLedger(place.database, place.directory.name, seconds_left), ""
    try:
        return SqliteLedger(place.ledger, seconds_left), ""
    except LedgerUnreadable as error:
        aside = set_aside(place.ledger)
        return SqliteLedger(
            place.ledger, seconds_left
        ), f"{error}; it is kept as {aside}, and a new one is begun"


def every_job(state: Path, database: str = "") -> list[JobPlace]:
    """Every job, by name: those with a directory here, and those that the database knows. Raises StateError."""
    here = list(job_places(state, database))
    if not database:
        return here
    elsewhere = (JobPlace(state / name, database) for name in _postgres().jobs(database))
    return sorted({*here, *elsewhere})


def forget_job(place: JobPlace, name: str) -> None:
    """Keep what a shared ledger has of a job under another name; a file is forgotten with its directory."""
    if place.database:
        with (
            closing(_postgres().PostgresLedger(place.database, place.directory.name)) as ledger,
            ledger.transaction(),
        ):
            ledger.rename(name)


def _postgres() -> ModuleType:
    """The ledger in PostgreSQL, loaded only when it is asked for: its driver is no part of the standard library."""
    try:
        from mailsponge.sponge.ledger import postgres
    except ImportError as error:
        raise StateError(
            f"a ledger in PostgreSQL needs its driver: pip install 'mailsponge[postgres]' ({error})"
        ) from error
    return postgres


def set_aside(path: Path) -> Path:
    """Rename a damaged ledger, with its journal, to a name that tells when. Raises StateError."""
    stamp = clock.iso(clock.now()).replace(":", "").replace("-", "")
    aside = path.with_name(f"{path.name}.damaged-{stamp}-{os.urandom(2).hex()}")
    try:
        # Its journal first: left behind, SQLite would play it back into the new ledger.
        hot_journal = path.with_name(f"{path.name}-journal")
        if hot_journal.exists():
            hot_journal.rename(aside.with_name(f"{aside.name}-journal"))
        path.rename(aside)
    except OSError as error:
        raise StateError(f"the damaged ledger {path} cannot be set aside: {error}") from error
    return aside
