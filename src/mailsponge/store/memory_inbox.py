"""Looking through mailboxes in memory, and putting them in order: as the others do, but every message is looked at."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from mailsponge import clock
from mailsponge.store import query, threads
from mailsponge.store.folders import all_of_them, require_name
from mailsponge.store.glance import BEGINNING, Glance, glance
from mailsponge.store.memory_mailboxes import Discarded, Kept, MemoryMailboxes
from mailsponge.store.paging import begins_after, page_of, portions
from mailsponge.store.protocol import Step
from mailsponge.store.query import Query
from mailsponge.store.reading import (
    INBOX,
    KEPT_IN_TRASH,
    LONGEST_THREAD,
    TRASH,
    Cursor,
    Folder,
    Only,
    Page,
    Row,
)
from mailsponge.store.threads import Known, Place


class Listed(NamedTuple):
    """A message that was read, in one mailbox."""

    glance: Glance
    thread: int


class MemoryInbox(MemoryMailboxes):
    """See `reading.Inbox`."""

    def __init__(self, now: clock.Clock = clock.now) -> None:
        super().__init__(now)
        self._listed: dict[tuple[str, int], Listed] = {}
        self._mentions: dict[tuple[str, int], tuple[int, bool]] = {}
        """By mailbox and Message-ID: a message that has it (True), or names it."""
        self._looked: dict[str, tuple[int, list[Row]]] = {}
        """What a mailbox looked like when its version was asked for."""

    def folders(self, mailbox: str) -> list[Folder]:
        """Counted."""
        found: dict[str, tuple[int, int]] = {}
        for row in self._rows(mailbox):
            count, unseen = found.get(row.folder, (0, 0))
            found[row.folder] = count + 1, unseen + (not row.seen)
        return all_of_them(found)

    def page(
        self, mailbox: str, folder: str, *, before: Cursor | None = None, most: int = 50, only: Only = "all"
    ) -> Page:
        """Newest arrival first."""
        end = begins_after(before)
        rows = [
            row
            for row in reversed(self._rows(mailbox))
            if row.folder == folder
            and (row.arrived_at, row.id) < end
            and not (only == "unread" and row.seen)
            and not (only == "starred" and not row.starred)
        ]
        return page_of(most, lambda some: rows[:some])

    def row(self, mailbox: str, message_id: int) -> Row | None:
        """Read now, if it was not."""
        self._read(mailbox, [message_id])
        return next((row for row in self._rows(mailbox) if row.id == message_id), None)

    def thread(self, mailbox: str, thread: int) -> list[Row]:
        """Oldest arrival first."""
        return [row for row in self._rows(mailbox) if row.thread == thread][:LONGEST_THREAD]

    def search(self, mailbox: str, words: str, *, before: Cursor | None = None, most: int = 50) -> Page:
        """The highest id first."""
        wanted, end = query.read(words), begins_after(before).id
        rows = [
            row
            for row in sorted(self._rows(mailbox), key=lambda row: -row.id)
            if row.id < end and row.folder != TRASH and self._is_wanted(row, wanted)
        ]
        return page_of(most, lambda some: rows[:some])

    def _is_wanted(self, row: Row, wanted: Query) -> bool:
        has = set(self._listed[row.mailbox, row.id].glance.words.split())
        return (
            not wanted.is_empty
            and has.issuperset(wanted.words)
            and all(any(word.startswith(begun) for word in has) for begun in wanted.beginnings)
            and (wanted.since is None or row.arrived_at >= wanted.since)
            and (wanted.until is None or row.arrived_at < wanted.until)
        )

    def set_seen(self, mailbox: str, ids: Collection[int], seen: bool) -> int:
        """In a set."""
        return len(self._arranged(mailbox, ids, lambda kept: _put(kept.seen, mailbox, seen)))

    def set_starred(self, mailbox: str, ids: Collection[int], starred: bool) -> int:
        """In a set."""
        return len(self._arranged(mailbox, ids, lambda kept: _put(kept.starred, mailbox, starred)))

    def move(self, mailbox: str, ids: Collection[int], folder: str) -> int:
        """From the Trash, too."""
        require_name(folder)
        if folder == TRASH:
            return len(self.discard(mailbox, ids))

        def moved(kept: Kept) -> bool:
            if _folder(kept, mailbox) == folder:
                return False
            kept.discarded.pop(mailbox, None)
            kept.folders[mailbox] = folder
            return True

        return len(self._arranged(mailbox, ids, moved))

    def discard(self, mailbox: str, ids: Collection[int]) -> tuple[int, ...]:
        """With where it was."""

        def discarded(kept: Kept) -> bool:
            if mailbox in kept.discarded:
                return False
            kept.discarded[mailbox] = Discarded(self._now(), _folder(kept, mailbox))
            return True

        return tuple(self._arranged(mailbox, ids, discarded))

    def restore(self, mailbox: str, ids: Collection[int]) -> int:
        """To where it was."""

        def restored(kept: Kept) -> bool:
            return kept.discarded.pop(mailbox, None) is not None

        return len(self._arranged(mailbox, ids, restored))

    def remove(self, mailbox: str, ids: Collection[int]) -> int:
        """From the Trash alone."""
        with self._turn:
            return len(
                [message for some in portions(ids) for message in some if self._removed(mailbox, message)]
            )

    def _removed(self, mailbox: str, message: int) -> bool:
        kept = self._kept.get(message)
        if kept is None or mailbox not in kept.mailboxes or mailbox not in kept.discarded:
            return False
        kept.mailboxes.remove(mailbox)
        if kept.mailboxes or kept.waits:
            kept.later.append(Step(self._now(), "deleted", f"from the mailbox {mailbox}"))
        else:
            del self._kept[message]
        return True

    def _empty_trash(self, now: float) -> int:
        old = [
            (mailbox, message)
            for message, kept in self._kept.items()
            for mailbox, discarded in kept.discarded.items()
            if discarded.at < now - KEPT_IN_TRASH
        ]
        return len([message for mailbox, message in old if self._removed(mailbox, message)])

    def index(self, most: int) -> int:
        """Newest first."""
        with self._turn:
            unread = [
                (mailbox, message)
                for message, kept in sorted(self._kept.items(), reverse=True)
                for mailbox in sorted(kept.mailboxes)
                if (mailbox, message) not in self._listed
            ]
            messages = list(dict.fromkeys(message for _, message in unread))[:most]
            for mailbox, message in unread:
                if message in messages:
                    self._list(mailbox, message)
            return len(messages)

    def version(self, mailbox: str) -> int:
        """Another one if it does not look as it did when this was asked for last."""
        with self._turn:
            rows = self._rows(mailbox)
            version, before = self._looked.get(mailbox, (0, []))
            if rows != before:
                version += 1
                self._looked[mailbox] = version, rows
            return version

    def _rows(self, mailbox: str) -> list[Row]:
        """All of a mailbox, oldest arrival first."""
        with self._turn:
            rows = [
                _row(mailbox, message, self._kept[message], listed)
                for (name, message), listed in self._listed.items()
                if name == mailbox and self._lies_in(mailbox, message)
            ]
        return sorted(rows, key=lambda row: (row.arrived_at, row.id))

    def _lies_in(self, mailbox: str, message: int) -> bool:
        return message in self._kept and mailbox in self._kept[message].mailboxes

    def _arranged(self, mailbox: str, ids: Collection[int], change: Callable[[Kept], bool]) -> list[int]:
        with self._turn:
            there = [message for some in portions(ids) for message in some if self._lies_in(mailbox, message)]
            self._read(mailbox, there)
            return [message for message in there if change(self._kept[message])]

    def _read(self, mailbox: str, messages: Collection[int]) -> None:
        with self._turn:
            for message in messages:
                if self._lies_in(mailbox, message) and (mailbox, message) not in self._listed:
                    self._list(mailbox, message)

    def _list(self, mailbox: str, message: int) -> None:
        kept = self._kept[message]
        read = glance(kept.acceptance.envelope, (kept.content or kept.head)[:BEGINNING])
        place = self._place(mailbox, read.names)
        thread = message if place.thread is None else place.thread
        for (name, number), listed in self._listed.items():
            if name == mailbox and listed.thread == place.joins:
                self._listed[name, number] = listed._replace(thread=thread)
        self._listed[mailbox, message] = Listed(read, thread)
        for name_of_other in read.names.others:
            self._mentions.setdefault((mailbox, name_of_other), (message, False))
        own = read.names.own
        if own is not None and not self._mentions.get((mailbox, own), (0, False))[1]:
            self._mentions[mailbox, own] = message, True

    def _place(self, mailbox: str, names: threads.Names) -> Place:
        known = (self._known(mailbox, name) for name in names.others)
        own = None if names.own is None else self._known(mailbox, names.own)
        return threads.place(own, next((each for each in known if each is not None), None))

    def _known(self, mailbox: str, name: int) -> Known | None:
        message, owned = self._mentions.get((mailbox, name), (0, False))
        if not self._lies_in(mailbox, message):
            self._mentions.pop((mailbox, name), None)
            return None
        thread = self._listed[mailbox, message].thread
        return Known(thread, owned, len(self.thread(mailbox, thread)))


def _put(names: set[str], name: str, there: bool) -> bool:
    """Whether that changed something."""
    if (name in names) == there:
        return False
    (names.add if there else names.remove)(name)
    return True


def _folder(kept: Kept, mailbox: str) -> str:
    return TRASH if mailbox in kept.discarded else kept.folders.get(mailbox, INBOX)


def _row(mailbox: str, message: int, kept: Kept, listed: Listed) -> Row:
    said = listed.glance.said
    return Row(
        id=message,
        mailbox=mailbox,
        folder=_folder(kept, mailbox),
        sender=said.sender,
        to=said.to,
        subject=said.subject,
        snippet=listed.glance.snippet,
        date=said.date,
        arrived_at=kept.acceptance.arrived_at,
        size=kept.size,
        seen=mailbox in kept.seen,
        starred=mailbox in kept.starred,
        thread=listed.thread,
        attachments=listed.glance.attachments,
    )
