"""Secrets that the servers of one database share: whoever comes first makes one, and the others take that."""

from __future__ import annotations

import psycopg

from mailsponge.store.postgres.connection import Database

_KEEP = "INSERT INTO mailsponge_mail.secret (name, value) VALUES (%b, %b) ON CONFLICT DO NOTHING"
_KEPT = "SELECT value FROM mailsponge_mail.secret WHERE name = %b"


def kept_in(url: str, name: str, made: bytes) -> bytes:
    """The secret of that name; ``made``, if there was none. Raises StoreError."""
    database = Database(url)
    connection = database.connect()
    try:
        connection.execute(_KEEP, (name, made))
        ((kept,),) = connection.execute(_KEPT, (name,), binary=True)
    except psycopg.Error as error:
        raise database.worded(error) from error
    finally:
        connection.close()
    return bytes(kept)
