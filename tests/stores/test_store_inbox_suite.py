"""What a person can do with a whole mailbox, in every store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from store_fixtures import Outcome, acceptance, hand_over, keep, whole

from mailsponge.errors import StoreError
from mailsponge.mail.address import Address
from mailsponge.store import indexer
from mailsponge.store.memory import MemoryStore
from mailsponge.store.protocol import Delivery, Entry, Store
from mailsponge.store.reading import (
    ARCHIVE,
    INBOX,
    KEPT_IN_TRASH,
    LONGEST_THREAD,
    STANDING,
    TRASH,
    Cursor,
    Folder,
    Row,
)
from mailsponge.store.sqlite import SqliteStore

NOW = 1.7e9
Open = Callable[[Callable[[], float]], Store]


@pytest.fixture(params=["sqlite", "memory", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens a store of each kind, by a clock."""
    if request.param == "memory":
        return lambda now: MemoryStore(now=now)
    if request.param == "postgres":
        from mailsponge.store.postgres.store import PostgresStore

        url = request.getfixturevalue("database")
        return lambda now: PostgresStore(url, node="test", now=now)
    return lambda now: SqliteStore(tmp_path / "data", now=now)


@pytest.fixture
def store(opened: Open) -> Iterator[Store]:
    with closing(opened(lambda: NOW)) as store:
        yield store


def letter(
    text: str = "Hello.",
    *,
    subject: str = "hello",
    sender: str = "Anna <anna@example.net>",
    to: str = "me@example.org",
    name: str = "",
    references: str = "",
    reply_to: str = "",
) -> bytes:
    """A message; ``name`` is its Message-ID, without brackets."""
    lines = [f"From: {sender}", f"To: {to}", f"Subject: {subject}", "Content-Type: text/plain; charset=utf-8"]
    lines += [f"Message-ID: <{name}>"] if name else []
    lines += [f"References: {references}"] if references else []
    lines += [f"In-Reply-To: {reply_to}"] if reply_to else []
    return "\r\n".join([*lines, "", text, ""]).encode()


def put(store: Store, content: bytes, *mailboxes: str, at: float = 1000.0) -> int:
    """Accept a message and list it; its id."""
    message = keep(store, content, *mailboxes, arrived_at=at)
    while store.index(100):
        pass
    return message


def listed(store: Store, folder: str = INBOX, mailbox: str = "me") -> list[int]:
    return [row.id for row in store.page(mailbox, folder).rows]


def found(store: Store, words: str, mailbox: str = "me") -> list[int]:
    return [row.id for row in store.search(mailbox, words).rows]


def folder(store: Store, name: str, mailbox: str = "me") -> Folder:
    return next(each for each in store.folders(mailbox) if each.name == name)


def threads(store: Store, mailbox: str = "me") -> list[list[int]]:
    """The messages of each thread."""
    rows = store.page(mailbox, INBOX).rows
    return sorted(
        [row.id for row in store.thread(mailbox, thread)] for thread in {row.thread for row in rows}
    )


# What a list shows


def test_a_row_has_what_a_list_shows(store: Store) -> None:
    content = letter("> quoted\r\nThe  first\r\nlines.", subject="=?utf-8?q?gr=C3=BCn?=", to="a@b.example")
    message = put(store, content, at=5000.0)
    assert store.page("me", INBOX).rows == (
        Row(
            id=message,
            mailbox="me",
            folder=INBOX,
            sender="Anna <anna@example.net>",
            to="a@b.example",
            subject="grün",
            snippet="The first lines.",
            date=None,
            arrived_at=5000.0,
            size=len(content),
            seen=False,
            starred=False,
            thread=message,
            attachments=0,
        ),
    )


def test_attachments_are_counted(store: Store) -> None:
    part = "--b\r\nContent-Type: application/pdf\r\n\r\nx\r\n"
    put(
        store,
        f"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello.\r\n{part}{part}--b--".encode(),
    )
    (row,) = store.page("me", INBOX).rows
    assert (row.attachments, row.snippet) == (2, "Hello.")


def test_nothing_is_listed_before_somebody_indexes(store: Store) -> None:
    first, second, third = (keep(store) for _ in range(3))
    assert listed(store) == []
    assert store.index(2) == 2
    assert listed(store) == [third, second]
    assert store.index(2) == 1
    assert listed(store) == [third, second, first]
    assert store.index(2) == 0


def test_what_another_server_left_unread_is_indexed(opened: Open) -> None:
    with closing(opened(lambda: NOW)) as store:
        if isinstance(store, MemoryStore):
            pytest.skip("nothing outlives a server in memory")
        message = keep(store)
    with closing(opened(lambda: NOW)) as store:
        assert store.index(10) == 1
        assert listed(store) == [message]


def test_a_message_in_two_mailboxes_is_in_both_lists_by_itself(store: Store) -> None:
    message = put(store, letter(), "me", "you")
    assert store.set_starred("you", [message], True) == 1
    assert [(row.mailbox, row.starred) for row in store.page("me", INBOX).rows] == [("me", False)]
    assert [(row.mailbox, row.starred) for row in store.page("you", INBOX).rows] == [("you", True)]


def test_what_is_put_into_a_mailbox_later_is_listed_there(store: Store) -> None:
    later = Delivery(0, Address("you", "example.org"), "you", "mailbox you")
    incoming, outcome = hand_over(store, letter(), acceptance("me")._replace(deliveries=(later,)))
    assert outcome.wait() is None
    store.index(10)
    outcome = Outcome()
    store.put_into(incoming.id, "you", outcome)
    assert outcome.wait() is None
    assert store.index(10) == 1
    assert listed(store) == listed(store, mailbox="you") == [incoming.id]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\0",
        b"Subject: a\0b\r\n\r\n\0",
        b"Subject: =?utf-8?b?7aCA?=\r\n\r\n\xed\xa0\x80",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 30_000,
        b"Content-Type: multipart/mixed" + b";" * 200_000,
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(2000)),
        b"References: " + b"<a@b> " * 20_000 + b"\r\n\r\n",
        b"Content-Type: text/html\r\n\r\n" + b"<a" * 100_000,
        b"\r\n" + b"x" * 3_000_000,
        b"\r\n" + " ".join(map(str, range(200_000))).encode(),
    ],
)
def test_whatever_a_stranger_sends_is_listed(store: Store, content: bytes) -> None:
    message = put(store, content)
    assert listed(store) == [message]
    assert whole(store, message) == content


# Pages


def test_pages_follow_each_other_and_end(store: Store) -> None:
    messages = [keep(store, letter(), arrived_at=1000.0 + number // 3) for number in range(10)]
    store.index(100)
    shown: list[int] = []
    cursor: Cursor | None = None
    sizes = []
    while True:
        page = store.page("me", INBOX, before=cursor, most=4)
        shown += [row.id for row in page.rows]
        sizes.append(len(page.rows))
        cursor = page.next
        if cursor is None:
            break
    assert shown == messages[::-1]
    assert sizes == [4, 4, 2]


def test_a_page_goes_by_when_messages_arrived(store: Store) -> None:
    late = put(store, letter(), at=2000.0)
    early = put(store, letter(), at=1000.0)
    assert listed(store) == [late, early]


def test_what_arrives_meanwhile_moves_no_page(store: Store) -> None:
    messages = [put(store, letter(), at=1000.0 + number) for number in range(4)]
    first = store.page("me", INBOX, most=2)
    put(store, letter(), at=3000.0)
    assert [row.id for row in store.page("me", INBOX, before=first.next, most=2).rows] == messages[1::-1]


def test_unread_and_starred_have_pages_of_their_own(store: Store) -> None:
    first, second = put(store, letter()), put(store, letter())
    store.set_seen("me", [first], True)
    store.set_starred("me", [first], True)
    assert [row.id for row in store.page("me", INBOX, only="unread").rows] == [second]
    assert [row.id for row in store.page("me", INBOX, only="starred").rows] == [first]


@pytest.mark.parametrize(
    "cursor",
    [
        Cursor(0.0, 0),
        Cursor(-1.0, -1),
        Cursor(float("nan"), 5),
        Cursor(float("inf"), 2**70),
        Cursor(1e400, -(2**70)),
    ],
)
def test_a_cursor_that_nobody_gave_out_harms_nobody(store: Store, cursor: Cursor) -> None:
    put(store, letter())
    store.page("me", INBOX, before=cursor)
    store.search("me", "hello", before=cursor)


@pytest.mark.parametrize("most", [-1, 0, 1, 10**9])
def test_a_page_has_a_sensible_number_of_rows_whatever_is_asked_for(store: Store, most: int) -> None:
    message = put(store, letter())
    assert [row.id for row in store.page("me", INBOX, most=most).rows] == [message]


# Whose mail it is


def test_nobody_sees_or_changes_what_lies_in_another_mailbox(store: Store) -> None:
    message = put(store, letter(), "you")
    assert store.row("me", message) is None
    assert store.thread("me", message) == []
    assert found(store, "hello") == []
    assert store.set_seen("me", [message], True) == 0
    assert store.set_starred("me", [message], True) == 0
    assert store.move("me", [message], ARCHIVE) == 0
    assert store.discard("me", [message]) == ()
    assert store.restore("me", [message]) == 0
    assert store.remove("me", [message]) == 0
    assert listed(store, mailbox="you") == [message]


@pytest.mark.parametrize("number", [-(2**70), -1, 0, 2**43, 2**63, 2**70])
def test_an_id_that_is_none_is_passed_over(store: Store, number: int) -> None:
    put(store, letter())
    assert store.row("me", number) is None
    assert store.set_seen("me", [number], True) == 0
    assert store.discard("me", [number]) == ()
    assert store.remove("me", [number]) == 0


def test_a_mailbox_that_never_had_mail_is_empty(store: Store) -> None:
    assert store.folders("nobody") == [Folder(name, 0, 0) for name in STANDING]
    assert store.page("nobody", INBOX).rows == store.search("nobody", "hello").rows == ()
    assert store.version("nobody") == 0


# Putting it in order


def test_seen_and_starred_are_set_and_taken_back(store: Store) -> None:
    first, second = put(store, letter()), put(store, letter())
    assert store.set_seen("me", [first, second, first], True) == 2
    assert store.set_seen("me", [first, second], True) == 0
    assert store.set_seen("me", [second], False) == 1
    assert store.set_starred("me", [second], True) == 1
    assert store.set_starred("me", [second], True) == 0
    assert [(row.seen, row.starred) for row in store.page("me", INBOX).rows] == [(False, True), (True, False)]


def test_a_message_is_marked_whether_it_was_indexed_or_not(store: Store) -> None:
    message = keep(store, letter())
    assert store.set_starred("me", [message], True) == 1
    row = store.row("me", message)
    assert row is not None
    assert row.starred
    assert store.index(10) in (0, 1)
    assert listed(store) == [message]


def test_who_opens_a_message_elsewhere_has_it_seen_in_the_list(store: Store) -> None:
    message = put(store, letter())
    store.mark_seen(message, "me")
    assert [row.seen for row in store.page("me", INBOX).rows] == [True]
    assert folder(store, INBOX) == Folder(INBOX, 1, 0)


def test_what_was_marked_before_it_was_indexed_is_listed_so(store: Store) -> None:
    message = keep(store, letter())
    store.mark_seen(message, "me")
    store.index(10)
    assert folder(store, INBOX) == Folder(INBOX, 1, 0)


def test_folders_count_what_lies_in_them(store: Store) -> None:
    first, second, third = (put(store, letter()) for _ in range(3))
    store.set_seen("me", [first], True)
    store.move("me", [second], "Zoo")
    store.move("me", [third], "Ants")
    assert store.folders("me") == [
        Folder(INBOX, 1, 0),
        *(Folder(name, 0, 0) for name in STANDING[1:]),
        Folder("Ants", 1, 1),
        Folder("Zoo", 1, 1),
    ]
    store.move("me", [second, third], INBOX)
    assert store.folders("me") == [Folder(INBOX, 3, 2), *(Folder(name, 0, 0) for name in STANDING[1:])]


@pytest.mark.parametrize("name", ["", " ", " a", "a ", "a\nb", "a\0b", "a\u202eb", "a" * 101])
def test_a_folder_has_a_name_that_people_can_read(store: Store, name: str) -> None:
    message = put(store, letter())
    with pytest.raises(StoreError, match="folder"):
        store.move("me", [message], name)
    assert listed(store) == [message]


def test_what_is_discarded_can_be_put_back_where_it_was(store: Store) -> None:
    first, second = put(store, letter()), put(store, letter())
    store.move("me", [second], ARCHIVE)
    assert store.discard("me", [first, second]) == (first, second)
    assert store.discard("me", [first, second]) == ()
    assert listed(store, TRASH) == [second, first]
    assert store.restore("me", [first, second, first]) == 2
    assert store.restore("me", [first]) == 0
    assert (listed(store), listed(store, ARCHIVE), listed(store, TRASH)) == ([first], [second], [])


def test_to_move_into_the_trash_is_to_discard(store: Store) -> None:
    message = put(store, letter())
    assert store.move("me", [message], TRASH) == 1
    assert store.move("me", [message], TRASH) == 0
    assert store.restore("me", [message]) == 1


def test_what_is_moved_out_of_the_trash_is_not_emptied_with_it(opened: Open) -> None:
    now = NOW
    with closing(opened(lambda: now)) as store:
        message = put(store, letter())
        store.discard("me", [message])
        store.move("me", [message], ARCHIVE)
        now += KEPT_IN_TRASH + 1
        store.tidy(0.0)
        assert listed(store, ARCHIVE) == [message]
        assert store.restore("me", [message]) == 0


def test_what_lies_in_the_trash_is_in_no_list_of_mails(store: Store) -> None:
    first, second = put(store, letter()), put(store, letter())
    store.discard("me", [first])
    lines: list[Entry] = store.mails()
    assert [line.id for line in lines] == [second]
    assert store.count() == 1


def test_only_what_lies_in_the_trash_is_removed_and_for_good(store: Store) -> None:
    first, second = put(store, letter()), put(store, letter())
    store.discard("me", [first])
    assert store.remove("me", [first, second]) == 1
    assert store.message(first) is None
    assert listed(store, TRASH) == []
    assert listed(store) == [second]
    assert found(store, "hello") == [second]


def test_what_one_removes_another_keeps(store: Store) -> None:
    message = put(store, letter(), "me", "you")
    store.discard("me", [message])
    assert store.remove("me", [message]) == 1
    assert listed(store, mailbox="you") == [message]
    assert [step.what for step in store.trace(message)][-1] == "deleted"
    store.discard("you", [message])
    assert store.remove("you", [message]) == 1
    assert store.message(message) is None


def test_the_trash_is_emptied_after_thirty_days(opened: Open) -> None:
    now = NOW
    with closing(opened(lambda: now)) as store:
        old, young = put(store, letter()), put(store, letter())
        store.discard("me", [old])
        now += KEPT_IN_TRASH - 1
        store.discard("me", [young])
        assert store.tidy(0.0) == 0
        now += 2
        assert store.tidy(0.0) == 1
        assert store.message(old) is None
        assert listed(store, TRASH) == [young]


def test_what_is_deleted_is_in_no_list(store: Store) -> None:
    message = put(store, letter(), "me", "you")
    store.delete(message)
    for mailbox in "me", "you":
        assert store.folders(mailbox)[0] == Folder(INBOX, 0, 0)
        assert listed(store, mailbox=mailbox) == found(store, "hello", mailbox) == []


# Threads


def test_an_answer_joins_the_thread_of_what_it_answers(store: Store) -> None:
    first = put(store, letter(name="1@a"), at=1.0)
    other = put(store, letter(name="x@a"), at=2.0)
    second = put(store, letter(name="2@a", references="<1@a>"), at=3.0)
    third = put(store, letter(name="3@a", reply_to="<2@a>"), at=4.0)
    assert threads(store) == [[first, second, third], [other]]


def test_a_thread_is_shown_from_its_oldest_message_whatever_came_first(store: Store) -> None:
    answer = put(store, letter(name="2@a", references="<1@a>"), at=2.0)
    first = put(store, letter(name="1@a"), at=1.0)
    assert threads(store) == [[first, answer]]


def test_answers_to_what_never_came_are_one_thread(store: Store) -> None:
    messages = [put(store, letter(references="<gone@a>"), at=float(number)) for number in range(3)]
    assert threads(store) == [messages]


def test_what_was_missing_makes_one_thread_of_two(store: Store) -> None:
    first = put(store, letter(name="1@a"), at=1.0)
    third = put(store, letter(name="3@a", references="<2@a>"), at=3.0)
    assert threads(store) == [[first], [third]]
    second = put(store, letter(name="2@a", references="<1@a>"), at=2.0)
    assert threads(store) == [[first, second, third]]


def test_the_nearest_that_is_known_counts(store: Store) -> None:
    first, other = put(store, letter(name="1@a"), at=1.0), put(store, letter(name="x@a"), at=2.0)
    answer = put(store, letter(references="<x@a> <1@a> <unheard-of@a>"), at=3.0)
    assert threads(store) == [[first, answer], [other]]


def test_nobody_makes_one_thread_of_two_that_are_there(store: Store) -> None:
    first, other = put(store, letter(name="1@a"), at=1.0), put(store, letter(name="x@a"), at=2.0)
    put(store, letter(references="<1@a> <x@a>"), at=3.0)
    forged = put(store, letter(name="1@a", references="<x@a>"), at=4.0)
    assert [first, forged] in threads(store)
    assert len(store.thread("me", other)) == 2


def test_a_thread_is_a_mailboxs_own(store: Store) -> None:
    put(store, letter(name="1@a"), "you", at=1.0)
    mine = put(store, letter(name="2@a", references="<1@a>"), "me", at=2.0)
    third = put(store, letter(name="3@a", references="<1@a>"), "you", at=3.0)
    assert threads(store) == [[mine]]
    assert third in threads(store, "you")[0]


def test_a_subject_makes_no_thread(store: Store) -> None:
    first, second = put(store, letter(subject="a"), at=1.0), put(store, letter(subject="Re: a"), at=2.0)
    assert threads(store) == [[first], [second]]


def test_a_message_that_names_itself_is_a_thread_by_itself(store: Store) -> None:
    message = put(store, letter(name="1@a", references="<1@a>", reply_to="<1@a>"))
    assert threads(store) == [[message]]


def test_a_thread_has_an_end(store: Store) -> None:
    for number in range(LONGEST_THREAD + 5):
        keep(store, letter(references="<gone@a>"), arrived_at=float(number))
    while store.index(500):
        pass
    sizes = {len(store.thread("me", row.thread)) for row in store.page("me", INBOX, most=500).rows}
    assert sizes <= {LONGEST_THREAD, 5}


def test_who_answers_what_was_deleted_begins_anew(store: Store) -> None:
    store.delete(put(store, letter(name="1@a")))
    answer = put(store, letter(name="2@a", references="<1@a>"))
    assert threads(store) == [[answer]]


# Search


def test_all_words_are_looked_for_everywhere(store: Store) -> None:
    first = put(store, letter("The invoice for May.", subject="money", sender="Bob <bob@example.net>"))
    second = put(store, letter("An invoice.", subject="more"))
    assert found(store, "invoice") == [second, first]
    assert found(store, "INVOICE money") == [first]
    assert found(store, "bob may") == [first]
    assert found(store, "invoice tomorrow") == []


@pytest.mark.parametrize("words", ["grün", "GRUN", "gru\u0308n", "grün grün"])
def test_neither_case_nor_accents_matter(store: Store, words: str) -> None:
    assert found(store, words) == []
    message = put(store, letter("Alles Grün."))
    assert found(store, words) == [message]


def test_signs_without_spaces_between_them_are_found(store: Store) -> None:
    message = put(store, letter("東京で会いましょう"))
    assert found(store, "東京") == [message]
    assert found(store, "大阪") == []


def test_the_beginning_of_a_word_is_found_where_it_is_asked_for(store: Store) -> None:
    message = put(store, letter("Invoices"))
    assert found(store, "invo") == []
    assert found(store, "invo*") == [message]
    assert found(store, "invox*") == []


def test_a_field_is_looked_for_in_its_header_alone(store: Store) -> None:
    by_anna = put(store, letter("to bob", subject="one"))
    by_bob = put(store, letter("to anna", subject="two", sender="bob@example.net", to="you@example.org"))
    assert found(store, "from:anna") == [by_anna]
    assert found(store, "From:bob@example.net") == [by_bob]
    assert found(store, "to:you") == [by_bob]
    assert found(store, "subject:two anna") == [by_bob]
    assert found(store, "subject:on*") == []
    assert found(store, "from:ann*") == [by_anna]


def test_a_day_bounds_what_is_found(store: Store) -> None:
    first, second = put(store, letter(), at=1_777_593_599.0), put(store, letter(), at=1_777_593_600.0)
    assert found(store, "hello before:2026-05-01") == [first]
    assert found(store, "hello after:2026-05-01") == [second]
    assert found(store, "hello after:2026-05-32") == []


@pytest.mark.parametrize(
    "words",
    [
        "", " ", "*", "**", '"', "'", '"a', "a AND", "OR NOT NEAR(", "a:b", "from:", "from:*", "-no", "^a", "(", "{x}:",
        "a\0b", "\ud800", "%", "_", "\\", "'); DROP TABLE entry; --", "in:1", "x" * 100_000, "a " * 100_000, "&", "|",
        "!", "<->", "a:*", "before:", "before:x",
    ],
)  # fmt: skip
def test_nothing_that_is_typed_is_an_error(store: Store, words: str) -> None:
    put(store, letter("nothing of this"))
    assert found(store, words) == []


def test_a_message_is_found_by_words_as_they_are_typed(store: Store) -> None:
    message = put(store, letter('a "b" c-d e_f O\'Neill'))
    for words in '"b"', "c-d", "e_f", "o'neill", "NEILL.", "(b)", "c d":
        assert found(store, words) == [message]


def test_what_is_found_comes_in_pages(store: Store) -> None:
    messages = [keep(store, letter(), arrived_at=1000.0 + number) for number in range(5)]
    store.index(100)
    first = store.search("me", "hello", most=3)
    assert [row.id for row in first.rows] == messages[:1:-1]
    rest = store.search("me", "hello", most=3, before=first.next)
    assert [row.id for row in rest.rows] == messages[1::-1]
    assert rest.next is None


def test_the_trash_is_not_searched_and_other_folders_are(store: Store) -> None:
    first, second = put(store, letter()), put(store, letter())
    store.discard("me", [first])
    store.move("me", [second], ARCHIVE)
    assert found(store, "hello") == [second]


def test_only_the_beginning_of_a_large_message_is_searched(store: Store) -> None:
    message = put(store, letter("first " + "x " * 200_000 + "last"))
    assert found(store, "first") == [message]
    assert found(store, "last") == []


# What has changed


def test_the_version_of_a_mailbox_changes_with_it_and_with_nothing_else(store: Store) -> None:
    versions = [store.version("me")]

    def changes() -> bool:
        versions.append(store.version("me"))
        return versions[-1] != versions[-2]

    message = put(store, letter(name="2@a", references="<1@a>"))
    assert changes()
    put(store, letter(), "you")
    assert not changes()
    store.set_seen("me", [message], True)
    assert changes()
    store.set_seen("me", [message], True)
    assert not changes()
    store.set_starred("me", [message], True)
    assert changes()
    store.discard("me", [message])
    assert changes()
    store.restore("me", [message])
    assert changes()
    store.delete(message)
    assert changes()
    assert not changes()


def test_many_words_are_written_in_several_transactions(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer, "_WORDS_AT_ONCE", 1)
    messages = [keep(store, letter()) for _ in range(3)]
    assert store.index(10) == 3
    assert listed(store) == messages[::-1]
