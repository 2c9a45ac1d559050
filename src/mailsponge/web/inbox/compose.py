"""Writing: a new message, an answer, and handing it in."""

from __future__ import annotations

import secrets
from typing import Final

import anyio.from_thread
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mailsponge import clock
from mailsponge.errors import StoreError, UsageError
from mailsponge.mail.address import Address
from mailsponge.store.reading import SENT, Row
from mailsponge.web import mime, pages
from mailsponge.web.inbox import asked, changes, draft, sending
from mailsponge.web.inbox.asked import path_of
from mailsponge.web.inbox.draft import Answered, Draft, File
from mailsponge.web.inbox.headers import first
from mailsponge.web.inbox.message import content_of, shown_text
from mailsponge.web.office import office_of
from mailsponge.web.security import form, who

MOST_NAMES: Final = 50
"""Addresses of their own that somebody can choose among."""


def write(request: Request) -> Response:
    """An empty form, or one that begins an answer."""
    mailbox = asked.mailbox(request)
    begun = Draft(sender=_own(request)[0], to=request.query_params.get("to", "")[:1000])
    row = _answered_row(request, request.query_params.get("answer", ""))
    if row is not None:
        everybody = request.query_params.get("all") == "1"
        answered = _answered(row, content_of(request, row))
        home = office_of(request).accounts().first
        begun = draft.answer(answered, everybody=everybody, is_mine=_is_mine(request), home=home)
        begun = begun._replace(sender=_own(request)[0])
    return _form(request, mailbox, begun, "" if row is None else str(row.id))


def send(request: Request) -> Response:
    """Hand it in; back to the form, with what was written and what is wrong, if it is not taken."""
    mailbox = asked.mailbox(request)
    filled = form(request)
    written = _written(filled)
    answers = str(filled.get("answers", ""))
    try:
        number, post = _hand_in(request, written, answers)
    except (UsageError, StoreError) as refusal:
        return _form(request, mailbox, written, answers, str(refusal), 422)
    if not post.is_to_themselves:
        store = asked.store(request)
        store.move(mailbox, [number], SENT)
        store.set_seen(mailbox, [number], True)
    toast = changes.Toast(changes.SENT, "", (), "")
    return RedirectResponse(changes.with_toast(path_of(mailbox, asked.folder(request)), toast), 303)


def _hand_in(request: Request, written: Draft, answers: str) -> tuple[int, sending.Post]:
    """Have the message accepted. Raises UsageError for what is wrong with it, StoreError."""
    rooms = office_of(request)
    accounts, config = rooms.accounts(), rooms.config()
    letter = draft.understood(written, accounts.first)
    row = _answered_row(request, answers)
    place = draft.Thread() if row is None else draft.thread(_answered(row, content_of(request, row)))
    now = rooms.clock()
    name = f"<{int(now)}.{secrets.token_hex(10)}@{config.hostname}>"
    post = sending.admitted(
        accounts,
        rooms.routes(),
        sending.Limits(int(config.limits.message_size), config.limits.recipients),
        user=who(request).name,
        peer=request.client.host if request.client else "",
        writer=letter.sender,
        recipients=tuple(letter.recipients),
        content=draft.composed(letter, place, at=clock.local(now), message_id=name),
        smtputf8=draft.needs_smtputf8(letter),
    )
    number = anyio.from_thread.run(sending.accepted, rooms.store, post, config.hostname, rooms.clock)
    return number, post


def _written(filled: FormData) -> Draft:
    def field(name: str) -> str:
        value = filled.get(name, "")
        return value if isinstance(value, str) else ""

    uploads = [each for each in filled.getlist("files") if isinstance(each, UploadFile) and each.filename]
    files = tuple(File(each.filename or "", each.content_type or "", each.file.read()) for each in uploads)
    return Draft(
        field("sender"), field("to"), field("cc"), field("bcc"), field("subject"), field("text"), files
    )


def _form(
    request: Request, mailbox: str, written: Draft, answers: str, wrong: str = "", status: int = 200
) -> Response:
    store = asked.store(request)
    return pages.render(
        request,
        "inbox/write.html",
        status,
        mailbox=mailbox,
        folder=asked.folder(request),
        folders=store.folders(mailbox),
        draft=written,
        answers=answers,
        own=_own(request),
        wrong=wrong,
        path_of=path_of,
        query="",
        toast=None,
    )


def _own(request: Request) -> list[str]:
    """The addresses that somebody may write from; their own name first."""
    accounts = office_of(request).accounts()
    names = accounts.names_of(who(request).name)[:MOST_NAMES]
    return [str(Address(name, accounts.first)) for name in names]


def _is_mine(request: Request) -> draft.IsMine:
    own = set(_own(request))
    return lambda address: str(address).lower() in own


def _answered_row(request: Request, number: str) -> Row | None:
    """The message that is answered, if it lies in the writer's mailbox."""
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        return None
    return asked.store(request).row(asked.mailbox(request), int(number))


def _answered(row: Row, content: bytes) -> Answered:
    return Answered(
        sender=first(content, "reply-to") or first(content, "from"),
        to=first(content, "to"),
        cc=first(content, "cc"),
        subject=row.subject,
        message_id=first(content, "message-id"),
        references=first(content, "references"),
        when=clock.local(row.date or row.arrived_at).strftime("%Y-%m-%d %H:%M"),
        text=shown_text(content, mime.taken_apart(content)),
    )
