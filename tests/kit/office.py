"""What a server keeps, seen from beside it, whether it runs or not, and whatever it keeps it in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from kit.awaited import until
from kit.mail_server import PATIENCE
from kit.posted import is_report, tokens
from mailsponge.data_place import DataPlace
from mailsponge.store.opening import open_beside
from mailsponge.store.protocol import Beside, Queued


class Office:
    """Its mailboxes and its queue."""

    def __init__(self, place: DataPlace) -> None:
        self._place = place

    @contextmanager
    def opened(self) -> Iterator[Beside]:
        """All of it, as the commands see it."""
        with closing(open_beside(self._place)) as store:
            yield store

    def contents(self, mailbox: str) -> list[bytes]:
        """Everything in a mailbox."""
        with self.opened() as store:
            return [b"".join(store.content(entry.id)) for entry in store.mails(mailbox)]

    def letters(self, mailbox: str) -> Counter[str]:
        """How often each letter lies in a mailbox; reports are left out."""
        return tokens(content for content in self.contents(mailbox) if not is_report(content))

    def reports(self, mailbox: str) -> Counter[str]:
        """How many reports lie there about each letter."""
        return tokens(content for content in self.contents(mailbox) if is_report(content))

    def waiting(self) -> list[Queued]:
        """What waits in the queue."""
        with self.opened() as store:
            return list(store.queued())

    def wait_until_nothing_waits(self) -> None:
        """Raises AssertionError if that does not come."""
        until(lambda: not self.waiting(), lambda: str(self.waiting()[:5]), 3 * PATIENCE)


def in_maildir(path: Path) -> Counter[str]:
    """How often each letter is there."""
    return tokens(file.read_bytes() for folder in ("new", "cur") for file in (path / folder).glob("*"))
