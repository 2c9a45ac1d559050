"""What a person does with the mail in their mailbox: look through it, find something, put it in order.

`Inbox` is the fourth face of a store (the others stand in `protocol.py`). It shows what `index` has read: accepting a
message reads nothing of it, so a message that has just arrived is in no list before `index` comes by. Whoever names a
message by its id (to move it, say) has it read at once.

A mailbox is its owner's. Every method is told whose it is, and sees and changes nothing in another one: an id that lies
elsewhere, or nowhere, is passed over in silence, so that nobody finds out by guessing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

INBOX: Final = "Inbox"
"""Where mail arrives."""
ARCHIVE: Final = "Archive"
SENT: Final = "Sent"
JUNK: Final = "Junk"
TRASH: Final = "Trash"
"""What was discarded. It is not searched, and emptied after `KEPT_IN_TRASH`."""

STANDING: Final = (INBOX, ARCHIVE, SENT, JUNK, TRASH)
"""Folders that everybody has, empty or not, in the order in which they are shown. Others are there while something lies
in them.
"""

LONGEST_FOLDER: Final = 100
"""Characters of a folder's name."""

KEPT_IN_TRASH: Final = 30 * 86_400.0
"""Seconds after which what was discarded is removed for good (by `Store.tidy`)."""

MOST_ROWS: Final = 500
"""Rows that one page has at most, whatever is asked for."""

LONGEST_THREAD: Final = 1000
"""Messages that a thread holds; the next one begins another. So no stranger makes a page that never ends."""

LONGEST_SNIPPET: Final = 200
"""Characters of a snippet."""

Only = Literal["all", "unread", "starred"]


class Cursor(NamedTuple):
    """Where a page ended: the next one begins after it. To be handed back as it came; anybody may have written it, and
    one that was never given out shows some other place of the same list, and nothing else.
    """

    arrived_at: float
    """Seconds since the epoch."""
    id: int


class Row(NamedTuple):
    """A message in one mailbox, as a list shows it.

    All text is what strangers wrote, decoded: valid Unicode without line ends, but not free of other control
    characters, and not escaped.
    """

    id: int
    mailbox: str
    folder: str
    sender: str
    """The From header, at most 2,000 bytes of it; the envelope's sender where there is none."""
    to: str
    subject: str
    snippet: str
    """How its text begins, in one line."""
    date: float | None
    """Seconds since the epoch by the Date header; None without one that makes sense."""
    arrived_at: float
    """Seconds since the epoch."""
    size: int
    """Bytes."""
    seen: bool
    starred: bool
    thread: int
    """The id of one of its messages, the same for all of them. It changes where a message comes that was missing
    between two threads."""
    attachments: int
    """How many parts there are beside the text."""


class Page(NamedTuple):
    """Some of a list."""

    rows: tuple[Row, ...]
    next: Cursor | None
    """What to hand in as ``before`` for those that follow; None: these were the last."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of a mailbox."""

    name: str
    count: int
    unseen: int


class Inbox(Protocol):
    """See the module. Every method may block, and raises StoreError when the store cannot; none raises for what a
    person or a stranger has written, except `move`.

    What changes something returns how many messages it changed, is durable when it returns, and leaves alone what is as
    it should be already.
    """

    def folders(self, mailbox: str) -> list[Folder]:
        """Those that everybody has, in the order of `STANDING`, then the others in order of the alphabet. Costs the
        same however much lies in them.
        """

    def page(
        self, mailbox: str, folder: str, *, before: Cursor | None = None, most: int = 50, only: Only = "all"
    ) -> Page:
        """What lies in a folder, the newest arrival first, from a page's end on. Costs the same on every page."""

    def row(self, mailbox: str, message_id: int) -> Row | None:
        """One message, read at once if it was not yet; None when it does not lie in this mailbox."""

    def thread(self, mailbox: str, thread: int) -> list[Row]:
        """The messages of a thread, in whatever folders, the oldest arrival first; none where there is no such thread.

        A message belongs to the thread of the nearest message that its References and In-Reply-To name
        (RFC 5322 section 3.6.4) and that is known here, or was named by another message here. What one mailbox holds
        has no say in another one. Subjects have none at all: anybody may write "Re: hello".
        """

    def search(self, mailbox: str, words: str, *, before: Cursor | None = None, most: int = 50) -> Page:
        """The messages that have all of these words, the last to come first; in whatever folders, but not in the Trash.

        Whatever is typed is words, and nothing of it an error. A word is looked for in sender, recipients, subject and
        text (the first 256 kB), whatever its case and accents; one that ends in ``*`` is how words begin.
        ``from:``, ``to:`` and ``subject:`` before a word look there alone; ``before:2026-05-01`` and
        ``after:2026-05-01`` go by the day (UTC) of arrival, which ``after:`` includes. Without a word there is nothing
        to find.
        """

    def set_seen(self, mailbox: str, ids: Collection[int], seen: bool) -> int:
        """Mark as read, or as not. (`Mailboxes.mark_seen` is for whoever opens one: the trace tells of that.)"""

    def set_starred(self, mailbox: str, ids: Collection[int], starred: bool) -> int:
        """Give them a star, or take it away."""

    def move(self, mailbox: str, ids: Collection[int], folder: str) -> int:
        """Put them into a folder, which begins to exist by that. Into the Trash, it is `discard`. StoreError for a name
        that is empty, longer than `LONGEST_FOLDER`, or has control characters or spaces around it.
        """

    def discard(self, mailbox: str, ids: Collection[int]) -> tuple[int, ...]:
        """Put them into the Trash. Returns those that were not in it: hand these to `restore`, and it is undone."""

    def restore(self, mailbox: str, ids: Collection[int]) -> int:
        """Put what lies in the Trash back where it was."""

    def remove(self, mailbox: str, ids: Collection[int]) -> int:
        """Remove what lies in the Trash for good. A message that lies in another mailbox, or waits in the queue, stays
        there.
        """

    def index(self, most: int) -> int:
        """Read messages that no list shows yet, at most so many, the newest first; how many those were. To be called
        from a thread of its own about every second, and again while it returns more than 0: where there is nothing to
        do, that costs a server next to nothing. Several may do it at a time.
        """

    def version(self, mailbox: str) -> int:
        """A number that is another one whenever something in the mailbox has changed: a message is listed, or looks
        different, or is gone. Cheap enough to be asked for several times a second. 0 where there never was anything.
        """
