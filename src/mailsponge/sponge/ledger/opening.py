"""Opening a job's ledger, wherever it is; and setting aside one that is damaged."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from mailsponge import clock
from mailsponge.errors import LedgerUnreadable, StateError
from mailsponge.sponge.ledger.protocol import Ledger
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.places import JobPlace


def read_ledger(place: JobPlace) -> Ledger | None:
    """Open a job's ledger to look into it; None if the job has none yet. Raises StateError."""
    return SqliteLedger(place.ledger) if place.ledger.exists() else None


def open_ledger(place: JobPlace, seconds_left: Callable[[], float] = lambda: 5.0) -> tuple[Ledger, str]:
    """Open a job's ledger; a damaged one is set aside under another name, never overwritten, and a new one begun.

    Returns the ledger and what there is to say about it: where the damaged one is, or an empty text. Raises StateError.
    """
    try:
        return SqliteLedger(place.ledger, seconds_left), ""
    except LedgerUnreadable as error:
        aside = set_aside(place.ledger)
        return SqliteLedger(
            place.ledger, seconds_left
        ), f"{error}; it is kept as {aside}, and a new one is begun"


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
