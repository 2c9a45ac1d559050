"""A folder's list, and what was found: a page at a time, and what somebody does with the messages they chose."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, get_args

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mailsponge.store.reading import INBOX, MOST_ROWS, TRASH, Cursor, Only, Page, Row
from mailsponge.web import events, pages
from mailsponge.web.inbox import asked, changes
from mailsponge.web.inbox.asked import cursor, cursor_text, path_of
from mailsponge.web.security import form, who

MOST: Final = 50
"""Rows of a page."""


def home(request: Request) -> Response:
    """Where the navigation leads: the list of what arrives."""
    return RedirectResponse(path_of(who(request).mailboxes[0], INBOX), 303)


def folder(request: Request) -> Response:
    """The list of a folder; only its rows if htmx asks, which puts them behind those before, or renews the first."""
    mailbox, name = asked.mailbox(request), asked.folder(request)
    store = asked.store(request)
    chosen = request.query_params.get("only", "all")
    only: Only = next((each for each in get_args(Only) if each == chosen), "all")
    # Asked before the rows: what comes in between is told once too often, and never missed.
    version = store.version(mailbox)
    view = _view(request)
    found = view.cut(store.page(mailbox, name, before=view.before, most=view.most, only=only))
    return _page(
        request,
        mailbox,
        name,
        found,
        version,
        only=only,
        query="",
        more="" if only == "all" else f"only={only}&",
    )


def search(request: Request) -> Response:
    """What was found, in whatever folders."""
    mailbox = asked.mailbox(request)
    words = request.query_params.get("q", "")[: asked.LONGEST_QUERY].strip()
    if not words:
        return RedirectResponse(path_of(mailbox, INBOX), 303)
    store = asked.store(request)
    version = store.version(mailbox)
    view = _view(request)
    found = view.cut(store.search(mailbox, words, before=view.before, most=view.most))
    return _page(
        request, mailbox, INBOX, found, version, only="all", query=words, more=changes.query(q=words) + "&"
    )


class _View(NamedTuple):
    """Which rows of a list are shown."""

    before: Cursor | None
    until: Cursor | None
    """The last one that a page shows already, which asks for what is new above it."""

    @property
    def most(self) -> int:
        return MOST if self.until is None else MOST_ROWS

    def cut(self, page: Page) -> Page:
        if self.until is None:
            return page
        return Page(tuple(row for row in page.rows if (row.arrived_at, row.id) >= self.until), page.next)


def _view(request: Request) -> _View:
    return _View(cursor(request.query_params, "before"), cursor(request.query_params, "until"))


def _page(
    request: Request,
    mailbox: str,
    name: str,
    found: Page,
    version: int,
    *,
    only: str,
    query: str,
    more: str,
) -> Response:
    following = f"{request.url.path}?{more}before={cursor_text(found.next)}" if found.next else ""
    context: dict[str, Any] = {
        "mailbox": mailbox,
        "folder": name,
        "rows": found.rows,
        "following": following,
        "renew": f"{request.url.path}?{more}until={cursor_text(_end(found))}",
        "query": query,
        "only": only,
        "path_of": path_of,
        "trash": TRASH,
    }
    if pages.wants_fragment(request) and "before" in request.query_params:
        return pages.render(request, "inbox/rows.html", **context)
    fresh = pages.wants_fragment(request) and "until" in request.query_params
    return pages.render(
        request,
        "inbox/fresh.html" if fresh else "inbox/list.html",
        folders=asked.store(request).folders(mailbox),
        version=version,
        toast=changes.toast(request.query_params),
        **context,
    )


def _end(page: Page) -> Cursor:
    """The last row of a page; of one that is the last of all, before everything that there could be."""
    return page.next if page.next is not None else Cursor(0.0, 1)


def change(request: Request) -> Response:
    """Do to the chosen messages what was asked for, and show the list again; only the rows that changed to htmx."""
    mailbox, name = asked.mailbox(request), asked.folder(request)
    store = asked.store(request)
    filled = form(request)
    wish = changes.wished(filled)
    if wish is None:
        raise HTTPException(
            400, "Nothing was chosen that this could be done to. Go back, and tick some messages."
        )
    done = changes.carry_out(store, mailbox, wish)
    back = str(filled.get("back", ""))
    if not pages.wants_fragment(request):
        where = back if back.startswith(f"/mail/{mailbox}") and "\\" not in back else path_of(mailbox, name)
        return RedirectResponse(changes.with_toast(where, done), 303)
    query = str(filled.get("q", ""))
    rows = [store.row(mailbox, number) for number in wish.ids]
    kept = [row for row in rows if row is not None and _is_listed(row, name, query)]
    return pages.render(
        request,
        "inbox/changed.html",
        mailbox=mailbox,
        folder=name,
        query=query,
        folders=store.folders(mailbox),
        kept=kept,
        gone=set(wish.ids) - {row.id for row in kept},
        toast=done,
        path_of=path_of,
        trash=TRASH,
    )


def _is_listed(row: Row, folder: str, query: str) -> bool:
    """Whether a list has the message still: a search finds it in any folder but the Trash."""
    return row.folder != TRASH if query else row.folder == folder


def arrivals(request: Request) -> Response:
    """Says when something in the mailbox is new."""
    mailbox, store = asked.mailbox(request), asked.store(request)
    return events.follow(request, lambda: store.version(mailbox))
