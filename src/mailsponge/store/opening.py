"""Opening a store, whatever it is: a directory with an SQLite file, or a PostgreSQL database.

What a database needs is loaded only where one is asked for: its driver is an extra.
"""

from __future__ import annotations

from importlib import import_module

from mailsponge.data_place import DataPlace
from mailsponge.errors import StoreError
from mailsponge.store.beside import SqliteBeside
from mailsponge.store.protocol import Beside, Call, Store, direct
from mailsponge.store.sqlite import SqliteStore


def open_store(place: DataPlace, *, node: str, call: Call = direct) -> Store:
    """The store of a server that takes mail in, made or brought up to date where need be.

    ``node`` is this machine's name among those that share a database. ``call`` carries one callback a commit to the
    caller's thread. Raises StoreError that says what to do.
    """
    if place.directory is not None:
        return SqliteStore(place.directory, call=call)
    load_postgres()
    from mailsponge.store.postgres.store import PostgresStore

    return PostgresStore(place.url, node=node, call=call)


def open_beside(place: DataPlace) -> Beside:
    """What other processes do beside a server, or without one. Makes nothing. Raises StoreError."""
    if place.directory is not None:
        return SqliteBeside(place.directory)
    load_postgres()
    from mailsponge.store.postgres.queue import PostgresQueue

    return PostgresQueue(place.url)


def shared_secret(place: DataPlace, name: str, made: bytes) -> bytes:
    """Octets that all servers of a database know, and nobody else: those that were kept first. Raises StoreError."""
    load_postgres()
    from mailsponge.store.postgres.secret import kept_in

    return kept_in(place.url, name, made)


def load_postgres() -> None:
    """Load all that a database needs: later, this process may have left the right to. Raises StoreError where it is not
    installed.
    """
    try:
        for module in "psycopg", "mailsponge.store.postgres.store", "mailsponge.store.postgres.secret":
            import_module(module)
    except ImportError as error:
        raise StoreError(
            f"PostgreSQL's driver is missing ({error}): pip install 'mailsponge[server,postgres]'"
        ) from error
