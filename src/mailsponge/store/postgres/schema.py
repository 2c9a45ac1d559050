"""The tables of the shared store, one numbered step after the other. One that was released is never changed.

They lie in a schema of their own, ``mailsponge_mail``, beside the sponge's. Servers that start at the same moment take
turns.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Final

from mailsponge.errors import StoreError
from mailsponge.store.postgres.connection import Connection

LOCK: Final = 0x4D53504F
"""``MSPO``: the first half of each advisory lock of ours. The second is a node's id, or 0 for the schema."""


@cache
def migrations() -> list[str]:
    """The SQL of each version of the schema, from the first on. Read once: a server may leave the right to."""
    folder = resources.files("mailsponge.store.postgres").joinpath("schema")
    return [
        file.read_text("utf-8")
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name[0].isdigit()
    ]


def bring_up_to_date(connection: Connection, shown: str) -> None:
    """Make the tables or, where they are older, what they lack. Raises StoreError, and what psycopg raises."""
    if _version(connection, shown) == len(migrations()):
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s, 0)", (LOCK,))
        _require_utf8(connection, shown)
        known = _version(connection, shown)
        if known == 0:
            connection.execute("CREATE SCHEMA IF NOT EXISTS mailsponge_mail")
            connection.execute("CREATE TABLE mailsponge_mail.version (version integer PRIMARY KEY)")
        for version, script in enumerate(migrations()[known:], known + 1):
            connection.execute(script.encode())
            connection.execute("INSERT INTO mailsponge_mail.version VALUES (%s)", (version,))


def require_up_to_date(connection: Connection, shown: str) -> None:
    """Raise StoreError where there is no mail store, or one of another version: only a server makes or changes it."""
    version = _version(connection, shown)
    if version == 0:
        raise StoreError(f"{shown}: there is no mail store in it: start `mailsponge serve`, and it makes one")
    if version < len(migrations()):
        raise StoreError(
            f"{shown}: an older mailsponge wrote it: start `mailsponge serve` once, and it is brought up to date"
        )


def _version(connection: Connection, shown: str) -> int:
    """0 where there is nothing. Raises StoreError for what a newer program wrote."""
    ((is_there,),) = connection.execute("SELECT to_regclass('mailsponge_mail.version') IS NOT NULL")
    if not is_there:
        return 0
    ((version,),) = connection.execute("SELECT coalesce(max(version), 0) FROM mailsponge_mail.version")
    if version > len(migrations()):
        raise StoreError(
            f"{shown}: a newer mailsponge wrote it (version {version}, this one knows {len(migrations())}): "
            "upgrade mailsponge; it was left as it is"
        )
    return int(version)


def _require_utf8(connection: Connection, shown: str) -> None:
    ((encoding,),) = connection.execute("SELECT current_setting('server_encoding')")
    if encoding != "UTF8":
        raise StoreError(
            f"{shown} is encoded as {encoding}: not every text fits in; "
            "make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )
