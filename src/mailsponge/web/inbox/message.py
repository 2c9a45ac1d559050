"""One message: what it says, what is attached, where it came from and what happened to it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from mailsponge import clean
from mailsponge.accounts import Absent
from mailsponge.mail.address import Address
from mailsponge.store.plain_text import without_tags
from mailsponge.store.protocol import Message
from mailsponge.store.reading import TRASH, Row
from mailsponge.web import attachments, html_mail, mime, pages
from mailsponge.web.inbox import asked, headers, telling
from mailsponge.web.inbox.asked import path_of
from mailsponge.web.office import office_of
from mailsponge.web.security import who

LONGEST_TEXT: Final = 256 * 1024
"""Bytes of a text that are shown; all of it can be saved."""
SHORT: Final = 2500
"""Characters of HTML that a low frame has room for."""
LONGEST_SOURCE: Final = 512 * 1024
MOST_IN_THREAD: Final = 30
"""Messages that are shown whole on one page."""


class Attachment(NamedTuple):
    """A part that can be saved."""

    number: int
    name: str
    kind: str
    size: int
    """Bytes, about: without its transfer encoding."""


class Shown(NamedTuple):
    """What of a message is read."""

    text: Markup
    """The plain text, links and all; empty where there is none."""
    is_cut: bool
    has_plain: bool
    """Its sender wrote a plain text."""
    html: bool
    """There is an HTML text that can be shown."""
    far_pictures: int
    """Pictures in it that lie elsewhere."""
    is_short: bool
    """... and it needs no tall frame, as far as that can be told from here."""
    too_much: bool
    """... that cannot, for it is too large."""
    attachments: list[Attachment]
    is_whole: bool
    """All of its parts were looked at."""


def shown(content: bytes) -> Shown:
    """Read a message."""
    taken = mime.taken_apart(content)
    source = "" if taken.html is None else mime.words(content, taken.html, html_mail.LONGEST + 1)
    can = bool(source) and html_mail.can_be_shown(source)
    text = shown_text(content, taken)
    return Shown(
        text=Markup(html_mail.linked(clean.block(text[:LONGEST_TEXT]))),
        is_cut=len(text) > LONGEST_TEXT,
        has_plain=taken.plain is not None and bool(text.strip()),
        html=can,
        far_pictures=html_mail.far_pictures_in(source) if can else 0,
        is_short=len(source) < SHORT,
        too_much=bool(source) and not can,
        attachments=[_attachment(content, part) for part in taken.attachments],
        is_whole=taken.is_whole,
    )


def shown_text(content: bytes, taken: mime.Taken) -> str:
    """The text that is read: the plain one, else that of the HTML; about so much of it as is shown."""
    if taken.plain is not None:
        return mime.words(content, taken.plain, LONGEST_TEXT + 1)
    return "" if taken.html is None else without_tags(mime.words(content, taken.html, LONGEST_TEXT))


def _attachment(content: bytes, part: mime.Part) -> Attachment:
    length = part.end - part.start
    size = length * 57 // 78 if part.encoding == "base64" else length
    return Attachment(
        part.number, attachments.shown_name(part.name, part.number, part.kind), clean.line(part.kind), size
    )


def content_of(request: Request, row: Row) -> bytes:
    """The message's bytes."""
    return b"".join(asked.store(request).content(row.id))


def message(request: Request) -> Response:
    """A message: the plain text first, or its HTML where that is all there is or what is asked for. Opening it marks it
    as read.
    """
    row = asked.row(request)
    store = asked.store(request)
    kept = store.message(row.id)
    if kept is None:
        raise HTTPException(404)
    if request.method == "GET" and not row.seen:
        store.mark_seen(row.id, row.mailbox)
        row = row._replace(seen=True)
    read = shown(content_of(request, row))
    view = request.query_params.get("view", "")
    as_html = read.html and (view == "html" or (view != "text" and not read.has_plain))
    thread = store.thread(row.mailbox, row.thread)
    return pages.render(
        request,
        "inbox/message.html",
        mailbox=row.mailbox,
        folder=row.folder,
        folders=store.folders(row.mailbox),
        row=row,
        read=read,
        as_html=as_html,
        pictures=request.query_params.get("pictures") == "1",
        thread=thread if len(thread) > 1 else [],
        envelope=_recipients(request, kept, row),
        path_of=path_of,
        trash=TRASH,
        query="",
        toast=None,
    )


def _recipients(request: Request, kept: Message, row: Row) -> list[Address]:
    """Whom a message went to, for the one who wrote it."""
    return list(kept.envelope.recipients[:1000]) if telling.wrote(row.mailbox, kept) else []


def html(request: Request) -> Response:
    """The HTML of a message: a document of its own, for a frame. Pictures that lie elsewhere only if asked for."""
    row = asked.row(request)
    far = request.query_params.get("pictures") == "1"
    document = _document(content_of(request, row), far_pictures=far)
    if document is None:
        raise HTTPException(404)
    return HTMLResponse(document, headers=html_mail.headers(far))


def _document(content: bytes, *, far_pictures: bool) -> str | None:
    taken = mime.taken_apart(content)
    source = "" if taken.html is None else mime.words(content, taken.html, html_mail.LONGEST + 1)
    if not source or not html_mail.can_be_shown(source):
        return None

    def picture(content_id: str) -> tuple[str, bytes] | None:
        for part in taken.parts:
            if (
                part.content_id
                and part.content_id == content_id
                and part.kind in attachments.SHOWN_AS_THEY_ARE
            ):
                return part.kind, mime.data(content, part)
        return None

    return html_mail.document(source, picture, far_pictures=far_pictures)


def part(request: Request) -> Response:
    """One attachment, to be saved."""
    content = content_of(request, asked.row(request))
    found = mime.taken_apart(content).part(int(request.path_params["number"]))
    if found is None:
        raise HTTPException(404)
    held = mime.data(content, found)
    name = attachments.saved_name(found.name, found.number, found.kind)
    return Response(
        held, media_type=attachments.media_type(found.kind, held), headers=attachments.headers(name)
    )


def download(request: Request) -> Response:
    """The message, byte for byte as it is kept, to be saved."""
    row = asked.row(request)
    return Response(
        content_of(request, row),
        media_type="application/octet-stream",
        headers=attachments.headers(f"message-{row.id}.eml"),
    )


def source(request: Request) -> Response:
    """How a message is written: its bytes as text, the beginning of very long ones."""
    row = asked.row(request)
    pieces: list[bytes] = []
    for piece in asked.store(request).content(row.id):
        pieces.append(piece)
        if sum(map(len, pieces)) > LONGEST_SOURCE:
            break
    raw = b"".join(pieces)[:LONGEST_SOURCE]
    return _about(
        request, row, "inbox/source.html", text=raw.decode("utf-8", "replace"), is_cut=row.size > len(raw)
    )


def details(request: Request) -> Response:
    """What happened to a message, the way it came, and its headers explained."""
    row = asked.row(request)
    store = asked.store(request)
    kept = store.message(row.id)
    if kept is None:
        raise HTTPException(404)
    user = who(request).name
    told = telling.told_to(user, kept, store.trace(row.id), _theirs(request, user))
    head = next(iter(store.content(row.id)), b"")
    return _about(request, row, "inbox/details.html", told=told, said=headers.headers(head))


def _theirs(request: Request, user: str) -> telling.IsTheirs:
    accounts = office_of(request).accounts()

    def is_theirs(address: Address) -> bool:
        found = accounts.find(address)
        return not isinstance(found, Absent) and user in found.people

    return is_theirs


def _about(request: Request, row: Row, template: str, **context: Any) -> Response:
    store = asked.store(request)
    return pages.render(
        request,
        template,
        mailbox=row.mailbox,
        folder=row.folder,
        folders=store.folders(row.mailbox),
        row=row,
        path_of=path_of,
        query="",
        toast=None,
        **context,
    )


class Read(NamedTuple):
    """A message of a thread, and what of it is read."""

    row: Row
    read: Shown


def thread(request: Request) -> Response:
    """The messages of a thread, one below the other, as plain text; the last ones of a very long one."""
    row = asked.row(request)
    rows = asked.store(request).thread(row.mailbox, row.thread)
    unseen = [each.id for each in rows[-MOST_IN_THREAD:] if not each.seen]
    if request.method == "GET" and unseen:
        asked.store(request).set_seen(row.mailbox, unseen, True)
    found = [Read(each, shown(content_of(request, each))) for each in rows[-MOST_IN_THREAD:]]
    return _about(request, row, "inbox/thread.html", found=found, earlier=len(rows) - len(found))
