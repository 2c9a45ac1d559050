"""Pages for when something is not there, not allowed or broken: what it is, and what to do."""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mailsponge.errors import StateError, UsageError
from mailsponge.web.pages import render, wants_fragment

TITLES: Final = {
    400: "That cannot be",
    403: "That is not allowed",
    404: "There is nothing here",
    405: "That cannot be done here",
    408: "That took too long",
    413: "That is too much",
    429: "Too many wrong passwords",
    500: "Something is broken",
    503: "Not just now",
}
NOT_THERE: Final = "Nothing is at this address, or it is not yours to see. Perhaps it was moved or deleted."
BROKEN: Final = (
    "This page could not be made. That is a defect; the server's log says more. Nothing was lost by it."
)


def page(request: Request, status: int, why: str) -> Response:
    """A page with a title and a sentence; for htmx, the sentence alone, as a notice."""
    template = "error_notice.html" if wants_fragment(request) else "error.html"
    title = TITLES.get(status, "That did not work")
    headers = {"hx-retarget": "#notice", "hx-reswap": "innerHTML"} if wants_fragment(request) else None
    return render(request, template, status, headers, title=title, why=why)


def again(request: Request) -> Response:
    """Ask the browser to ask again, from a page of ours."""
    query = request.url.query
    return render(request, "again.html", where=f"{request.url.path}{'?' if query else ''}{query}")


def on_refusal(request: Request, error: Exception) -> Response:
    """A page says that there is no such thing, or another HTTP error."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return page(request, 404, NOT_THERE)
    if error.status_code == 405:
        return page(
            request, 405, "This address does something else. Go back and use the buttons of the page."
        )
    return page(request, error.status_code, error.detail)


def on_usage(request: Request, error: Exception) -> Response:
    """What was asked for cannot be; the error's words say what can."""
    return page(request, 400, str(error))


def on_state(request: Request, error: Exception) -> Response:
    """What is kept cannot be read or written now."""
    return page(request, 503, str(error))


def broken(request: Request) -> Response:
    """Nobody has thought of this. The guard logs it."""
    return page(request, 500, BROKEN)


HANDLERS = {
    HTTPException: on_refusal,
    UsageError: on_usage,
    StateError: on_state,
}
