"""Looking through a mailbox of the shared store, and putting it in order, from any machine."""

from __future__ import annotations

from collections.abc import Callable, Collection
from math import inf
from typing import Final

from mailsponge import clock
from mailsponge.store import query
from mailsponge.store.folders import all_of_them, require_name
from mailsponge.store.paging import begins_after, page_of, portions
from mailsponge.store.postgres import removing
from mailsponge.store.postgres.connection import Connection, Database
from mailsponge.store.postgres.indexing import PostgresIndexer
from mailsponge.store.postgres.mailboxes import PostgresMailboxes
from mailsponge.store.query import Query
from mailsponge.store.reading import LONGEST_THREAD, TRASH, Cursor, Folder, Only, Page, Row

_NUMBER: Final = "SELECT number FROM mailsponge_mail.box WHERE mailbox = %(mailbox)b"
_BOX: Final = f"({_NUMBER})"
_VERSION: Final = "SELECT version FROM mailsponge_mail.box WHERE mailbox = %(mailbox)b"
_FOLDERS: Final = f"SELECT name, count, unseen FROM mailsponge_mail.folder WHERE box = {_BOX}"

_COLUMNS: Final = """
message, %(mailbox)b::text, folder, sender, recipients, subject, snippet, date, arrived_at, size, seen, starred, thread,
attachments
"""
_BEFORE: Final = "(arrived_at, message) < (%(at)b::double precision, %(id)b::bigint)"
_NEWEST_FIRST: Final = "ORDER BY arrived_at DESC, message DESC LIMIT %(most)b::bigint"
_IN_FOLDER: Final = f"""
SELECT {_COLUMNS} FROM mailsponge_mail.head WHERE box = {_BOX} AND folder = %(folder)b AND {_BEFORE}
"""
_PAGES: Final[dict[Only, str]] = {
    "all": f"{_IN_FOLDER} {_NEWEST_FIRST}",
    "unread": f"{_IN_FOLDER} AND NOT seen {_NEWEST_FIRST}",
    "starred": f"{_IN_FOLDER} AND starred {_NEWEST_FIRST}",
}
_ROW: Final = f"""
SELECT {_COLUMNS} FROM mailsponge_mail.head WHERE id = (%(message)b::bigint << 20) + {_BOX}
"""
_THREAD: Final = f"""
SELECT {_COLUMNS} FROM mailsponge_mail.head WHERE box = {_BOX} AND thread = %(thread)b::bigint
ORDER BY arrived_at, message LIMIT {LONGEST_THREAD}
"""
_MATCHING: Final = "SELECT mailsponge_mail.matching(%(match)b::text::tsquery, %(most)b::bigint)"
_IN_TIME: Final = f"""
folder <> '{TRASH}' AND {_BEFORE}
    AND arrived_at >= %(since)b::double precision AND arrived_at < %(until)b::double precision
"""
_SEARCH_FEW: Final = f"""
SELECT {_COLUMNS} FROM mailsponge_mail.head WHERE id = ANY(%(heads)b::bigint[]) AND {_IN_TIME} {_NEWEST_FIRST}
"""
_SEARCH_MANY: Final = f"""
SELECT {_COLUMNS} FROM mailsponge_mail.head WHERE box = %(box)b::integer AND {_IN_TIME}
    AND (SELECT words @@ %(match)b::text::tsquery FROM mailsponge_mail.found WHERE found.id = head.id) {_NEWEST_FIRST}
"""
_FEW: Final = 1000
"""Messages that have all words, up to which they are gathered by the index of words and put in order. Of more than
that, a page is found sooner by going through the mailbox from its newest message on.
"""

_CHANGE: Final = """
WITH these AS (
    SELECT mailbox, message FROM mailsponge_mail.entry
    WHERE mailbox = %(mailbox)b AND message = ANY(%(messages)b::bigint[]) ORDER BY message FOR NO KEY UPDATE)
UPDATE mailsponge_mail.entry SET {} FROM these
WHERE entry.mailbox = these.mailbox AND entry.message = these.message AND {} RETURNING entry.message
"""
_SET_SEEN: Final = _CHANGE.format("seen = %(value)b", "seen <> %(value)b")
_SET_STARRED: Final = _CHANGE.format("starred = %(value)b", "starred <> %(value)b")
_MOVE: Final = _CHANGE.format(
    "folder = %(value)b, discarded_at = NULL, discarded_from = NULL", "folder <> %(value)b"
)
_DISCARD: Final = _CHANGE.format(
    f"folder = '{TRASH}', discarded_at = %(value)b, discarded_from = folder", f"folder <> '{TRASH}'"
)
_RESTORE: Final = _CHANGE.format(
    "folder = discarded_from, discarded_at = NULL, discarded_from = NULL", f"folder = '{TRASH}'"
)


class PostgresInbox(PostgresMailboxes):
    """See `reading.Inbox`; opened as `PostgresMailboxes` is."""

    def _begin(
        self, database: Database, now: clock.Clock, check: Callable[[Connection, str], None] | None
    ) -> None:
        super()._begin(database, now, check)
        self._indexer = PostgresIndexer(database)

    def folders(self, mailbox: str) -> list[Folder]:
        """By counters."""
        found = self._reading.rows(_FOLDERS, mailbox=mailbox)
        return all_of_them({name: (count, unseen) for name, count, unseen in found})

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
        """By full text, the newest arrival first."""
        wanted = query.read(words)
        found = self._reading.rows(_NUMBER, mailbox=mailbox)
        if wanted.is_empty or not found:
            return Page((), None)
        ((box,),) = found
        at, number = begins_after(before)
        match = _match(wanted, box)
        values: dict[str, object] = {
            "at": at,
            "id": number,
            "since": -inf if wanted.since is None else wanted.since,
            "until": inf if wanted.until is None else wanted.until,
        }
        heads = [head for (head,) in self._reading.rows(_MATCHING, match=match, most=_FEW + 1)]
        if len(heads) > _FEW:
            statement, values = _SEARCH_MANY, {**values, "match": match, "box": box}
        else:
            statement, values = _SEARCH_FEW, {**values, "heads": heads}
        return page_of(most, lambda some: self._found(statement, mailbox=mailbox, most=some, **values))

    def _found(self, statement: str, **values: object) -> list[Row]:
        return [Row(*row) for row in self._reading.rows(statement, **values)]

    def set_seen(self, mailbox: str, ids: Collection[int], seen: bool) -> int:
        """Durable when it returns."""
        return len(self._arranged(_SET_SEEN, mailbox, ids, seen))

    def set_starred(self, mailbox: str, ids: Collection[int], starred: bool) -> int:
        """Durable when it returns."""
        return len(self._arranged(_SET_STARRED, mailbox, ids, starred))

    def move(self, mailbox: str, ids: Collection[int], folder: str) -> int:
        """Durable when it returns."""
        require_name(folder)
        if folder == TRASH:
            return len(self.discard(mailbox, ids))
        return len(self._arranged(_MOVE, mailbox, ids, folder))

    def discard(self, mailbox: str, ids: Collection[int]) -> tuple[int, ...]:
        """Durable when it returns."""
        return tuple(self._arranged(_DISCARD, mailbox, ids, self._now()))

    def restore(self, mailbox: str, ids: Collection[int]) -> int:
        """Durable when it returns."""
        return len(self._arranged(_RESTORE, mailbox, ids))

    def _arranged(self, statement: str, mailbox: str, ids: Collection[int], *value: object) -> list[int]:
        """The messages that it changed, some in each transaction."""
        changed: list[int] = []
        for some in portions(ids):
            self._indexer.read(mailbox, some)
            values = {"mailbox": mailbox, "messages": some, **({"value": value[0]} if value else {})}
            changed += [message for (message,) in self._reading.once(statement, **values)]
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
        """Through a session of its own."""
        return self._indexer.index(most)

    def version(self, mailbox: str) -> int:
        """One small row."""
        return next((version for (version,) in self._reading.rows(_VERSION, mailbox=mailbox)), 0)

    def close(self) -> None:
        """End the sessions."""
        self._indexer.close()
        super().close()


def _match(wanted: Query, box: int) -> str:
    """As a tsquery. A word is letters and digits, and maybe its field: nothing in it could mean more."""
    whole = (f"'{word}'" for word in (f"in:{box}", *wanted.words))
    return " & ".join((*whole, *(f"'{word}':*" for word in wanted.beginnings)))
