"""Rules of what is done with messages in a list."""

from __future__ import annotations

import pytest
from starlette.datastructures import FormData

from kit.delivered import deliver, letter
from mailsponge.errors import UsageError
from mailsponge.store.memory import MemoryStore
from mailsponge.web.inbox import changes
from mailsponge.web.inbox.changes import Wish


def form(*fields: tuple[str, str]) -> FormData:
    return FormData(list(fields))


def test_the_ticked_messages_are_meant():
    assert changes.wished(form(("do", "read"), ("id", "3"), ("id", "5"), ("id", "3"))) == Wish("read", (3, 5))


def test_a_star_names_its_own_message():
    assert changes.wished(form(("do", "star 17"), ("id", "3"))) == Wish("star", (17,))


@pytest.mark.parametrize(
    "fields",
    [
        [("do", "read")],
        [("id", "3")],
        [("do", "explode"), ("id", "3")],
        [("do", "read"), ("id", "-3")],
        [("do", "read"), ("id", "3e5")],
        [("do", "read"), ("id", "9" * 40)],
        [("do", "read"), ("id", "١")],
    ],
)
def test_what_makes_no_sense_is_no_wish(fields: list[tuple[str, str]]):
    assert changes.wished(form(*fields)) is None


@pytest.mark.parametrize("what", ["read", "star", "archive", "delete", "junk"])
def test_what_was_done_is_undone_by_what_its_toast_says(what: str):
    store = MemoryStore()
    number = deliver(store, letter(), "me")
    before = store.row("me", number)

    toast = changes.carry_out(store, "me", Wish(what, (number,), source="Inbox"))
    changed = store.row("me", number)
    changes.carry_out(store, "me", Wish(toast.undo, toast.ids, toast.folder))

    assert changed != before
    assert store.row("me", number) == before


def test_nobody_changes_what_lies_in_another_mailbox():
    store = MemoryStore()
    number = deliver(store, letter(), "you")

    for what in ("read", "star", "archive", "delete", "remove"):
        assert changes.carry_out(store, "me", Wish(what, (number,))).words.startswith("0 messages")
    assert store.row("you", number) is not None


@pytest.mark.parametrize("folder", ["", "a/b", "a\nb"])
def test_a_folder_needs_a_name_that_an_address_can_have(folder: str):
    with pytest.raises(UsageError, match="name"):
        changes.carry_out(MemoryStore(), "me", Wish("move", (1,), folder))


def test_a_toast_comes_back_out_of_its_address():
    toast = changes.Toast("2 messages moved to the Trash", "restore", (3, 5), "Inbox")
    query = changes.with_toast("/mail/me/Inbox?only=unread", toast).partition("?")[2]

    assert query.startswith("only=unread&")
    assert changes.toast(dict(pair.split("=") for pair in query.replace("+", " ").split("&"))) == toast


@pytest.mark.parametrize("undo", ["delete", "remove", "archive"])
def test_a_toast_that_a_stranger_made_up_takes_nothing_away(undo: str):
    toast = changes.toast({"said": "1 message starred", "undo": undo, "ids": "3"})

    assert toast is not None
    assert toast.undo == ""


@pytest.mark.parametrize(
    "said", ["Your account is locked. Call 0900", "1 message was lost, call us", "moved to x"]
)
def test_a_toast_says_nothing_that_a_stranger_made_up(said: str):
    assert changes.toast({"said": said}) is None
