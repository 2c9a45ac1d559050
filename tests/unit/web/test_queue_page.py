"""The queue in a browser."""

from __future__ import annotations

import pytest

from kit.browser import Browser
from kit.waiting_mail import defer, put_in_queue
from kit.web_office import YOU, WebOffice
from mailsponge.store.protocol import HopDown
from mailsponge.web import queue_page
from mailsponge.web.security import csrf


@pytest.fixture
def me(office: WebOffice) -> Browser:
    """Who runs the server."""
    return office.logged_in()


def test_nothing_waits(me: Browser):
    assert "Nothing waits" in me.get("/queue").text


def test_what_waits_is_shown_with_why_and_until_when(office: WebOffice, me: Browser):
    number = put_in_queue(office.store, at=office.clock() - 3600)
    defer(office.store, "example.net", office.clock(), office.clock() + 300)

    page = me.get("/queue").text

    assert f'<a href="/queue/{number}">' in page
    assert "you@example.net" in page
    assert "me@example.org" in page
    assert "450 4.2.0 This mailbox is being moved" in page
    assert "in 5 min" in page


def test_a_next_hop_that_is_down_is_told_once_for_all(office: WebOffice, me: Browser):
    put_in_queue(office.store)
    office.store.hop_is_down("example.net", HopDown(office.clock() + 600, 3, "no route to host"))

    page = me.get("/queue").text

    assert "Nothing gets through to <strong>example.net</strong>, 3 times in a row: no route to host" in page


def test_one_message_is_shown_with_its_story(office: WebOffice, me: Browser):
    number = put_in_queue(office.store, ["you@example.net", "they@example.com"])

    page = me.get(f"/queue/{number}").text

    assert "they@example.com" in page
    assert "called itself client.example.org" in page


def test_a_message_that_is_gone_is_told_so(me: Browser):
    answer = me.get("/queue/999")

    assert answer.status == 404
    assert "Message 999 is not in the queue" in answer.text


def test_hold_and_undo(office: WebOffice, me: Browser):
    number = put_in_queue(office.store)

    held = me.get(me.send("/queue", f"/queue/{number}/hold").header("location")).text
    waits = office.store.in_queue(number)

    assert f"Message {number} is held." in held
    assert f'action="/queue/{number}/release"' in held
    assert waits.recipients[0].held
    me.send("/queue", f"/queue/{number}/release")
    assert not office.store.in_queue(number).recipients[0].held


def test_delete_and_undo(office: WebOffice, me: Browser):
    number = put_in_queue(office.store)

    gone = me.get(me.send("/queue", f"/queue/{number}/delete").header("location")).text

    assert office.store.in_queue(number) is None
    assert "for a week it can be put back" in gone
    me.send("/queue", f"/queue/{number}/release")
    assert office.store.in_queue(number) is not None


def test_retry_makes_it_due_now(office: WebOffice, me: Browser):
    number = put_in_queue(office.store)
    defer(office.store, "example.net", office.clock(), office.clock() + 300)

    me.send("/queue", f"/queue/{number}/retry")

    assert office.store.in_queue(number).recipients[0].next_attempt_at <= office.clock()


def test_all_of_it_is_tried_at_once(office: WebOffice, me: Browser):
    numbers = [put_in_queue(office.store, [f"you@{name}.example"]) for name in ("a", "b")]
    for name in ("a.example", "b.example"):
        defer(office.store, name, office.clock(), office.clock() + 300)

    answer = me.send("/queue", "/queue/retry-all")

    assert answer.header("location") == "/queue?done=all"
    assert all(
        office.store.in_queue(each).recipients[0].next_attempt_at <= office.clock() for each in numbers
    )


def test_htmx_gets_the_part_that_changes(office: WebOffice, me: Browser):
    number = put_in_queue(office.store)

    answer = me.send("/queue", f"/queue/{number}/hold", hx_request="true")

    assert answer.status == 200
    assert "<html" not in answer.text
    assert "(1 recipient)" in answer.text


def test_what_cannot_be_done_is_told_with_the_list(office: WebOffice, me: Browser):
    answer = me.send("/queue", "/queue/999/hold")

    assert answer.status == 409
    assert "999" in answer.text


@pytest.mark.parametrize("word", ["explode", "retry-all"])
def test_there_are_no_other_buttons(office: WebOffice, me: Browser, word: str):
    assert me.send("/queue", f"/queue/1/{word}").status == 404


@pytest.mark.parametrize(
    "query", ["done=evil&id=1", "done=hold&id=<b>", "done=hold&id=" + "9" * 30, "done=hold"]
)
def test_an_address_says_nothing_that_we_do_not(me: Browser, query: str):
    assert 'class="notice' not in me.get(f"/queue?{query}").text


@pytest.mark.parametrize("path", ["/queue/1/hold", "/queue/1/delete", "/queue/retry-all"])
def test_who_does_not_look_after_the_server_changes_nothing(office: WebOffice, path: str):
    number = put_in_queue(office.store)
    you = office.logged_in_as(YOU)

    answer = you.post(path.replace("1", str(number)), {"csrf": _token_of(you)})

    assert answer.status == 404
    assert not office.store.in_queue(number).recipients[0].held


def test_what_strangers_wrote_is_text_and_nothing_else(office: WebOffice, me: Browser):
    number = put_in_queue(office.store, ['"<script>alert(1)</script>"@example.net'])

    page = me.get("/queue").text + me.get(f"/queue/{number}").text

    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_a_long_queue_is_shown_in_part(office: WebOffice, me: Browser):
    for _ in range(queue_page.SHOWN + 1):
        put_in_queue(office.store)

    page = me.get("/queue").text

    assert page.count("<tr>") == queue_page.SHOWN + 1  # and the heading
    assert "mailsponge queue list --all" in page


def _token_of(browser: Browser) -> str:
    return csrf.token_of(browser.cookies["mailsponge"])
