"""Rules of the inbox's pages: what they show, to whom, and what a click does."""

from __future__ import annotations

import html
import re

import msgspec
import pytest

from kit.browser import Answer, Browser
from kit.delivered import deliver, letter
from kit.web_office import ME, YOU, WebOffice
from mailsponge.config.units import Size
from mailsponge.mail.address import parse

LIST = "/mail/me/Inbox"
AT = 1_800_000_000.0


def filled(office: WebOffice, number: int) -> list[int]:
    return [deliver(office.store, letter(f"Nr {n}.", name=str(n)), ME, at=AT + n) for n in range(number)]


def subjects(answer: Answer) -> list[str]:
    return [html.unescape(each) for each in re.findall(r'class="subject">([^<]*)<', answer.text)]


def link(answer: Answer, mark: str) -> str:
    """The address of the link or part that has a mark in its tag."""
    tag = next(tag for tag in re.findall(r"<[^>]+>", answer.text) if mark in tag)
    found = re.search(r'(?:href|hx-get)="([^"]*)"', tag)
    assert found is not None
    return html.unescape(found[1])


def flat(answer: Answer) -> str:
    """The page's words."""
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", answer.text).split()))


def test_the_newest_stands_first(office: WebOffice):
    filled(office, 3)

    assert subjects(office.logged_in().get(LIST)) == ["Nr 2.", "Nr 1.", "Nr 0."]


def test_a_page_leads_to_the_next_without_a_script(office: WebOffice):
    filled(office, 120)
    me = office.logged_in()
    pages = [me.get(LIST)]
    while 'rel="next"' in pages[-1].text:
        pages.append(me.get(link(pages[-1], 'rel="next"')))

    assert [len(subjects(page)) for page in pages] == [50, 50, 20]
    assert [subject for page in pages for subject in subjects(page)] == [
        f"Nr {n}." for n in range(119, -1, -1)
    ]


def test_htmx_gets_the_next_rows_alone(office: WebOffice):
    filled(office, 60)
    me = office.logged_in()
    answer = me.get(link(me.get(LIST), 'rel="next"'), hx_request="true")

    assert len(subjects(answer)) == 10
    assert "<html" not in answer.text


def test_a_list_that_asks_again_has_what_is_new_and_ends_where_it_did(office: WebOffice):
    filled(office, 60)
    me = office.logged_in()
    first = me.get(LIST)
    deliver(office.store, letter("New.", name="new"), ME, at=AT + 1000)
    answer = me.get(link(first, 'id="first"'), hx_request="true")

    assert subjects(answer) == ["New.", *subjects(first)]


@pytest.mark.parametrize("place", ["x", "1_", "-1_5", "nan_1", "1e400_1", "1_99999999999999999999"])
def test_a_place_that_makes_no_sense_is_the_beginning(office: WebOffice, place: str):
    filled(office, 2)

    assert len(subjects(office.logged_in().get(f"{LIST}?before={place}"))) == 2


def test_what_is_found_is_listed(office: WebOffice):
    deliver(office.store, letter("Boats"), ME)
    deliver(office.store, letter("Trains"), ME)

    assert subjects(office.logged_in().get("/mail/me?q=boat*")) == ["Boats"]


def test_a_message_shows_what_it_says(office: WebOffice):
    number = deliver(office.store, letter("Lunch", "At <noon>"), ME)

    assert "At &lt;noon&gt;" in office.logged_in().get(f"{LIST}/{number}").text


def test_whoever_opens_a_message_has_read_it(office: WebOffice):
    number = deliver(office.store, letter(), ME)
    office.logged_in().get(f"{LIST}/{number}")

    row = office.store.row(ME, number)
    assert row is not None
    assert row.seen


def test_asking_whether_a_message_is_there_does_not_read_it(office: WebOffice):
    number = deliver(office.store, letter(), ME)
    office.logged_in().ask("HEAD", f"{LIST}/{number}")

    row = office.store.row(ME, number)
    assert row is not None
    assert not row.seen


OF_A_MESSAGE = ("", "/html", "/part/1", "/source", "/download", "/details", "/thread")


@pytest.mark.parametrize("page", OF_A_MESSAGE)
def test_another_ones_message_is_not_there_whatever_its_id(office: WebOffice, page: str):
    number = deliver(office.store, letter("Secret"), YOU)
    me = office.logged_in()

    answers = [me.get(f"{place}/{number}{page}") for place in (LIST, "/mail/you/Inbox", "/mail/YOU/Inbox")]
    missing = me.get(f"{LIST}/{number + 1}{page}")
    assert [answer.status for answer in answers] == [404, 404, 404]
    assert answers[0].text == missing.text


@pytest.mark.parametrize(
    "path",
    [
        "/mail/you",
        "/mail/you?q=a*",
        "/mail/you/Inbox",
        "/mail/you/Inbox/write",
        "/mail/you/Inbox/arrivals",
        "/mail/../you/Inbox",
    ],
)
def test_another_ones_mailbox_is_not_there(office: WebOffice, path: str):
    deliver(office.store, letter("Secret"), YOU)

    assert office.logged_in().get(path).status == 404


@pytest.mark.parametrize("page", OF_A_MESSAGE)
def test_a_number_that_is_none_is_not_there(office: WebOffice, page: str):
    me = office.logged_in()

    for number in ("99999999999999999999999", "0", "1x"):
        assert me.get(f"{LIST}/{number}{page}").status == 404


def test_nobody_answers_another_ones_message(office: WebOffice):
    number = deliver(office.store, letter("Secret"), YOU)

    assert "Secret" not in office.logged_in().get(f"{LIST}/write?answer={number}").text


def test_what_is_done_to_another_ones_message_is_not_done(office: WebOffice):
    number = deliver(office.store, letter(), YOU)
    office.logged_in().send(LIST, LIST, {"do": "remove", "id": str(number)})

    assert office.store.row(YOU, number) is not None


def test_a_form_without_its_token_changes_nothing(office: WebOffice):
    number = deliver(office.store, letter(), ME)
    answer = office.logged_in().post(LIST, {"do": "delete", "id": str(number)})

    assert answer.status == 403
    assert subjects(office.logged_in().get(LIST)) == ["Lunch"]


def test_what_was_deleted_comes_back(office: WebOffice):
    number = deliver(office.store, letter(), ME)
    me = office.logged_in()
    answer = me.send(LIST, LIST, {"do": "delete", "id": str(number), "source": "Inbox"})
    told = me.get(answer.header("location"))

    assert subjects(told) == []
    assert "1 message moved to the Trash" in told.text
    me.send(LIST, LIST, {"do": "restore", "id": str(number)})
    assert subjects(me.get(LIST)) == ["Lunch"]


def test_htmx_gets_the_rows_that_changed_and_those_that_went(office: WebOffice):
    first, second = filled(office, 2)
    me = office.logged_in()
    starred = me.send(LIST, LIST, {"do": f"star {first}", "source": "Inbox"}, hx_request="true")
    gone = me.send(LIST, LIST, {"do": "delete", "id": str(second), "source": "Inbox"}, hx_request="true")

    assert f'<li id="m{first}" hx-swap-oob="true"' in starred.text
    assert f'<li id="m{second}" hx-swap-oob="delete">' in gone.text


def test_what_was_found_stays_in_its_list_wherever_it_lies(office: WebOffice):
    number = deliver(office.store, letter("Boats"), ME)
    office.store.move(ME, [number], "Archive")
    me = office.logged_in()
    starred = me.send(LIST, LIST, {"do": f"star {number}", "q": "boats"}, hx_request="true")
    gone = me.send(LIST, LIST, {"do": "delete", "id": str(number), "q": "boats"}, hx_request="true")

    assert f'<li id="m{number}" hx-swap-oob="true"' in starred.text
    assert f'<li id="m{number}" hx-swap-oob="delete">' in gone.text


def test_a_folder_that_cannot_be_is_told(office: WebOffice):
    number = deliver(office.store, letter(), ME)
    answer = office.logged_in().send(LIST, LIST, {"do": "move", "id": str(number), "folder": "a/b"})

    assert answer.status == 400
    assert "a folder needs a name" in flat(answer)


@pytest.mark.parametrize(
    "back", ["https://evil.test/", "//evil.test", "/mail/me\\evil", "/login", "/mail/you/Inbox"]
)
def test_a_form_leads_nowhere_else(office: WebOffice, back: str):
    number = deliver(office.store, letter(), ME)
    answer = office.logged_in().send(LIST, LIST, {"do": "read", "id": str(number), "back": back})

    assert answer.header("location").startswith(f"{LIST}?")


def test_one_of_several_recipients_hears_nothing_of_the_others(office: WebOffice):
    number = deliver(office.store, letter(), ME, YOU)
    details = office.logged_in().get(f"{LIST}/{number}/details")

    assert "you@localhost" not in details.text
    assert "me@localhost" in details.text


def write(me: Browser, **fields: str) -> Answer:
    return me.send(f"{LIST}/write", f"{LIST}/write", {"sender": "me@localhost", "subject": "Lunch", **fields})


def content_of(office: WebOffice, number: int) -> bytes:
    return b"".join(office.store.content(number))


def test_what_is_written_to_somebody_here_arrives_and_a_copy_lies_in_sent(office: WebOffice):
    answer = write(office.logged_in(), to="you", text="On Friday?")
    office.store.index(10)
    (arrived,) = office.store.page(YOU, "Inbox").rows
    (sent,) = office.store.page(ME, "Sent").rows

    assert answer.status == 303
    assert (arrived.subject, arrived.id, sent.seen) == ("Lunch", sent.id, True)
    assert office.store.page(ME, "Inbox").rows == ()


def test_what_is_written_to_elsewhere_waits_in_the_queue(office: WebOffice):
    write(office.logged_in(), to="Ann <ann@example.net>")
    (waiting,) = office.store.queued()

    assert [str(each.address) for each in waiting.recipients] == ["ann@example.net"]
    assert str(waiting.reverse_path) == "me@localhost"


def test_a_message_to_oneself_arrives(office: WebOffice):
    write(office.logged_in(), to="me")
    office.store.index(10)

    assert [row.subject for row in office.store.page(ME, "Inbox").rows] == ["Lunch"]


def test_blind_copies_are_the_writers_alone_to_know(office: WebOffice):
    me = office.logged_in()
    write(me, to="ann@example.net", bcc="you")
    office.store.index(10)
    (arrived,) = office.store.page(YOU, "Inbox").rows
    you = office.logged_in_as(YOU)

    assert b"Bcc" not in content_of(office, arrived.id)
    assert "Sent to" in flat(me.get(f"/mail/me/Sent/{arrived.id}"))
    assert "you@localhost" in flat(me.get(f"/mail/me/Sent/{arrived.id}"))
    assert "Sent to" not in flat(you.get(f"/mail/you/Inbox/{arrived.id}"))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"to": ""}, "nobody is named"),
        ({"to": "nobody-here"}, "nobody of that name lives here"),
        ({"to": "you", "sender": "you@localhost"}, "not yours to send from"),
        ({"to": "you", "sender": "boss@bank.example"}, "not yours to send from"),
        ({"to": "x@printer.localhost"}, "localhost is this machine"),
    ],
)
def test_what_submission_would_refuse_is_refused_and_nothing_is_lost(
    office: WebOffice, fields: dict[str, str], says: str
):
    answer = write(office.logged_in(), **{"text": "Long & dear", **fields})

    assert answer.status == 422
    assert says in flat(answer)
    assert "Long &amp; dear" in answer.text
    assert office.store.count() == 0


def test_a_message_may_be_no_larger_than_any_other(office: WebOffice):
    limits = msgspec.structs.replace(office.config.limits, message_size=Size(2000))
    office.config = msgspec.structs.replace(office.config, limits=limits)

    assert "attach less" in flat(write(office.logged_in(), to="you", text="x" * 3000))


def test_an_answer_stands_in_its_thread(office: WebOffice):
    number = deliver(office.store, letter(), ME)
    me = office.logged_in()
    page = f"{LIST}/write?answer={number}"
    assert "Re: Lunch" in me.get(page).text
    me.send(
        page,
        f"{LIST}/write",
        {"sender": "me@localhost", "to": "you", "answers": str(number), "subject": "Re: Lunch"},
    )
    (sent,) = office.store.page(ME, "Sent").rows

    assert [row.id for row in office.store.thread(ME, sent.thread)] == [number, sent.id]


def test_where_the_writer_sits_is_not_in_the_message(office: WebOffice):
    browser = office.logged_in()
    browser.peer = "203.0.113.7"
    write(browser, to="you")
    (sent,) = office.store.page(ME, "Sent").rows

    assert b"203.0.113.7" not in content_of(office, sent.id)
    message = office.store.message(sent.id)
    assert message is not None
    assert message.envelope.reverse_path == parse("me@localhost")
