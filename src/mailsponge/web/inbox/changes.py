"""What somebody does with messages in a list, and how it is undone: values, and a function that has the store do it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlencode

from starlette.datastructures import FormData

from mailsponge.errors import UsageError
from mailsponge.store.reading import ARCHIVE, INBOX, JUNK, MOST_ROWS, TRASH, Inbox

STAYING: Final = {
    "read": "marked as read",
    "unread": "marked as unread",
    "star": "starred",
    "unstar": "without a star",
}
"""What leaves messages where they are, and the words for it."""
OPPOSITE: Final = {"read": "unread", "unread": "read", "star": "unstar", "unstar": "star"}
UNDOES: Final = frozenset((*OPPOSITE.values(), "restore", "move"))
"""What a toast offers: nothing that takes anything away, whoever wrote its address."""
FOLDERS: Final = {"archive": ARCHIVE, "junk": JUNK, "inbox": INBOX}
"""What puts messages into a folder that everybody has."""


class Wish(NamedTuple):
    """What is to be done, and to which messages."""

    what: str
    ids: tuple[int, ...]
    folder: str = ""
    """Where they go, for ``move``."""
    source: str = ""
    """Where they lie now, as the page says: where undoing puts them back."""


class Toast(NamedTuple):
    """What is said after it was done."""

    words: str
    undo: str
    """What undoes it; empty: nothing does."""
    ids: tuple[int, ...]
    folder: str
    """Where undoing puts them."""


def wished(form: FormData | Mapping[str, str]) -> Wish | None:
    """Read the form around a list: ``do`` and the ids that were ticked; ``star 17`` names its own. None where nothing
    was chosen, or nothing that can be done.
    """
    what, _, own = str(form.get("do", "")).partition(" ")
    ticked = [own] if own else _ticked(form)
    ids = tuple(dict.fromkeys(number for number in map(_number, ticked) if number is not None))[:MOST_ROWS]
    folder = str(form.get("folder", "")).strip()
    known = what in STAYING or what in FOLDERS or what in ("delete", "restore", "remove", "move")
    return Wish(what, ids, folder, str(form.get("source", ""))) if known and ids else None


def _ticked(form: FormData | Mapping[str, str]) -> list[str]:
    if isinstance(form, FormData):
        return [each for each in form.getlist("id") if isinstance(each, str)]
    return form.get("ids", "").split(".")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def carry_out(inbox: Inbox, mailbox: str, wish: Wish) -> Toast:
    """Have it done. Raises StoreError, UsageError for a folder that cannot be."""
    what, ids = wish.what, wish.ids
    if what in ("read", "unread"):
        return _told(inbox.set_seen(mailbox, ids, what == "read"), wish, OPPOSITE[what])
    if what in ("star", "unstar"):
        return _told(inbox.set_starred(mailbox, ids, what == "star"), wish, OPPOSITE[what])
    if what == "remove":
        return _told(inbox.remove(mailbox, ids), wish, "")
    if what == "restore":
        return _told(inbox.restore(mailbox, ids), wish, "")
    folder = FOLDERS.get(what, wish.folder)
    if what == "delete" or folder == TRASH:
        gone = inbox.discard(mailbox, ids)
        return _told(len(gone), wish._replace(what="delete", ids=gone), "restore")
    if not folder or "/" in folder or not folder.isprintable():
        raise UsageError("a folder needs a name, without a slash in it")
    return _told(
        inbox.move(mailbox, ids, folder), wish._replace(folder=folder), "move" if wish.source else ""
    )


def _told(number: int, wish: Wish, undo: str) -> Toast:
    messages = "1 message" if number == 1 else f"{number} messages"
    match wish.what:
        case "delete":
            words = f"{messages} moved to the Trash"
        case "remove":
            words = f"{messages} removed for good"
        case "restore":
            words = f"{messages} put back"
        case what if what in STAYING:
            words = f"{messages} {STAYING[what]}"
        case _:
            words = f"{messages} moved to {wish.folder}"
    return Toast(words, undo if number else "", wish.ids, wish.source)


def query(**values: str) -> str:
    """Values as they stand in an address."""
    return urlencode(values)


def with_toast(where: str, toast: Toast) -> str:
    """The page to come to afterwards, which shows the toast."""
    path, _, before = where.partition("?")
    kept = "&".join(
        each
        for each in before.split("&")
        if each and not each.startswith(("said=", "undo=", "ids=", "into="))
    )
    said = query(said=toast.words, undo=toast.undo, ids=".".join(map(str, toast.ids)), into=toast.folder)
    return f"{path}?{kept}{'&' if kept else ''}{said}"


def toast(given: Mapping[str, str]) -> Toast | None:
    """The toast that `with_toast` put into the address. Anybody may write such an address, so it says nothing but
    words of ours, and a number.
    """
    wish = wished({"do": given.get("undo", "") or "read", "ids": given.get("ids", "")})
    words = given.get("said", "")
    if not words or not _is_ours(words):
        return None
    undo = given.get("undo", "") if wish is not None and wish.what in UNDOES else ""
    return Toast(words[:200], undo, () if wish is None else wish.ids, given.get("into", ""))


def _is_ours(words: str) -> bool:
    number, _, rest = words.partition(" ")
    ours = (*STAYING.values(), "removed for good", "put back")
    said = rest.removeprefix("messages ").removeprefix("message ")
    return words == SENT or (number.isdecimal() and (said in ours or said.startswith("moved to ")))


SENT: Final = "The message is on its way."
"""What is said after one was sent."""
