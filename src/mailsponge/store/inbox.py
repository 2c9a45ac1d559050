"""Looking through a mailbox of the SQLite store, and putting it in order, from any process."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import inf
from pathlib import Path
from typing import Any, Final

from mailsponge import clock
from mailsponge.store import database, query, removing, rows
from mailsponge.store.folders import all_of_them, require_name
from mailsponge.store.indexing import SqliteIndexer
from mailsponge.store.mailboxes import SqliteMailboxes
from mailsponge.store.paging import begins_after, page_of, portions
from mailsponge.store.query import Query
from mailsponge.store.reading import LONGEST_THREAD, TRASH, Cursor, Folder, Only, Page, Row

_BOX: Final = "(SELECT number FROM box WHERE mailbox = :mailbox)"
_NUMBER: Final = "SELECT number FROM box WHERE mailbox = ?"
_VERSION: Final = "SELECT version FROM box WHERE mailbox = ?"
_FOLDERS: Final = (
    "SELECT name, count, unseen FROM folder WHERE box = (SELECT number FROM box WHERE mailbox = ?)"
)

_COLUMNS: Final = """
message, :mailbox, folder, sender, recipients, subject, snippet, date, arrived_at, size, seen, starred, thread,
attachments
"""
_PAGE: Final = f"""
SELECT {_COLUMNS} FROM head
WHERE box = {_BOX} AND folder = :folder AND (arrived_at, message) < (:at, :id) %s
ORDER BY arrived_at DESC, message DESC LIMIT :most
"""
_PAGES: Final[dict[Only, str]] = {
    "all": _PAGE % "",
    "unread": _PAGE % "AND seen = 0",
    "starred": _PAGE % "AND starred = 1",
}
_ROW: Final = f"SELECT {_COLUMNS} FROM head WHERE id = (:message << 20) + {_BOX}"
_THREAD: Final = f"""
SELECT {_COLUMNS} FROM head WHERE box = {_BOX} AND thread = :thread ORDER BY arrived_at, message LIMIT {LONGEST_THREAD}
"""
_SEARCH: Final = f"""
SELECT {_COLUMNS} FROM found CROSS JOIN head ON head.id = found.rowid
WHERE found MATCH :match AND found.rowid < :before
    AND folder <> '{TRASH}' AND arrived_at >= :since AND arrived_at < :until
ORDER BY found.rowid DESC LIMIT :most
"""

_THESE: Final = "WHERE mailbox = :mailbox AND message IN (SELECT value FROM json_each(:messages))"
_SET_SEEN: Final = f"UPDATE entry SET seen = :value {_THESE} AND seen <> :value RETURNING message"
_SET_STARRED: Final = f"UPDATE entry SET starred = :value {_THESE} AND starred <> :value RETURNING message"
_MOVE: Final = f"""
UPDATE entry SET folder = :value, discarded_at = NULL, discarded_from = NULL {_THESE} AND folder <> :value
RETURNING message
"""
_DISCARD: Final = f"""
UPDATE entry SET folder = '{TRASH}', discarded_at = :value, discarded_from = folder {_THESE} AND folder <> '{TRASH}'
RETURNING message
"""
_RESTORE: Final = f"""
UPDATE entry SET folder = discarded_from, discarded_at = NULL, discarded_from = NULL {_THESE} AND folder = '{TRASH}'
RETURNING message
"""


class SqliteInbox(SqliteMailboxes):
    """See `reading.Inbox`; opened as `SqliteMailboxes` is."""

    def __init__(
        self, directory: Path, *, connect: database.Connect = database.connect, now: clock.Clock = clock.now
    ) -> None:
        super().__init__(directory, connect=connect, now=now)
        self._indexer = SqliteIndexer(directory / database.NAME, connect)

    def folders(self, mailbox: str) -> list[Folder]:
        """By counters."""
        found = {name: (count, unseen) for name, count, unseen in self._reading.rows(_FOLDERS, mailbox)}
        return all_of_them(found)

    def page(
        self, mailbox: str, folder: str, *, before: Cursor | None = None, most: int = 50, only: Only = "all"
    ) -> Page:
        """By an index."""
        at, number = begins_after(before)
        return page_of(
            most,
            lambda some: self._found(
                _PAGES[only], mailbox=mailbox, folder=folder, at=at, id=number, most=some
            ),
        )

    def row(self, mailbox: str, message_id: int) -> Row | None:
        """By its id."""
        for some in portions([message_id]):
            self._indexer.read(mailbox, some)
            for row in self._found(_ROW, mailbox=mailbox, message=message_id):
                return row
        return None

    def thread(self, mailbox: str, thread: int) -> list[Row]:
        """By an index."""
        return self._found(_THREAD, mailbox=mailbox, thread=thread)

    def search(self, mailbox: str, words: str, *, before: Cursor | None = None, most: int = 50) -> Page:
        """By FTS5, from the highest id down."""
        wanted = query.read(words)
        found = self._reading.rows(_NUMBER, mailbox)
        if wanted.is_empty or not found:
            return Page((), None)
        ((box,),) = found
        values = {
            "match": _match(wanted, box),
            "before": begins_after(before).id << 20,
            "since": -inf if wanted.since is None else wanted.since,
            "until": inf if wanted.until is None else wanted.until,
        }
        return page_of(most, lambda some: self._found(_SEARCH, mailbox=mailbox, most=some, **values))

    def _found(self, statement: str, **values: object) -> list[Row]:
        return [_row(row) for row in self._reading.named(statement, values)]

    def set_seen(self, mailbox: str, ids: Collection[int], seen: bool) -> int:
        """Durable when it returns."""
        return len(self._change(_SET_SEEN, mailbox, ids, int(seen)))

    def set_starred(self, mailbox: str, ids: Collection[int], starred: bool) -> int:
        """Durable when it returns."""
        return len(self._change(_SET_STARRED, mailbox, ids, int(starred)))

    def move(self, mailbox: str, ids: Collection[int], folder: str) -> int:
        """Durable when it returns."""
        require_name(folder)
        if folder == TRASH:
            return len(self.discard(mailbox, ids))
        return len(self._change(_MOVE, mailbox, ids, folder))

    def discard(self, mailbox: str, ids: Collection[int]) -> tuple[int, ...]:
        """Durable when it returns."""
        return tuple(self._change(_DISCARD, mailbox, ids, self._now()))

    def restore(self, mailbox: str, ids: Collection[int]) -> int:
        """Durable when it returns."""
        return len(self._change(_RESTORE, mailbox, ids, None))

    def _change(self, statement: str, mailbox: str, ids: Collection[int], value: object) -> list[int]:
        """The messages that it changed, some in each transaction."""
        changed: list[Any] = []
        for some in portions(ids):
            self._indexer.read(mailbox, some)
            values = {"mailbox": mailbox, "messages": rows.json(some), "value": value}
            with self._reading.transaction() as connection:
                changed += [message for (message,) in connection.execute(statement, values).fetchall()]
        return sorted(changed)

    def remove(self, mailbox: str, ids: Collection[int]) -> int:
        """Durable when it returns."""
        removed = 0
        for some in portions(ids):
            with self._reading.transaction() as connection:
                now = self._now()
                removed += sum(removing.remove(connection, mailbox, message, now) for message in some)
        return removed

    def index(self, most: int) -> int:
        """Through a connection of its own."""
        return self._indexer.index(most)

    def version(self, mailbox: str) -> int:
        """One small row."""
        return next((version for (version,) in self._reading.rows(_VERSION, mailbox)), 0)

    def close(self) -> None:
        """Let go of the file."""
        self._indexer.close()
        super().close()


def _row(row: Sequence[Any]) -> Row:
    return Row(*row)._replace(seen=bool(row[10]), starred=bool(row[11]))


def _match(wanted: Query, box: int) -> str:
    """In FTS5's own language. A word is letters and digits, and maybe its field: nothing in it could mean more."""
    whole = (f'"{word}"' for word in (f"in:{box}", *wanted.words))
    return " ".join((*whole, *(f'"{word}"*' for word in wanted.beginnings)))
