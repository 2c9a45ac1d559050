"""Stands before every page: asks whether it is us that is meant, who it is, and whether our own page asks.

    Host ──> session ──> (POST) origin ──> form, bounded ──> its token ──> the page ──> headers

Nothing that a room does can leave one of these out. What is refused is said in words, and what is not there looks the
same to everybody.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Final, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailsponge.errors import StateError
from mailsponge.logfields import bare, sentence
from mailsponge.web import error_pages
from mailsponge.web.office import Office
from mailsponge.web.security import User, cookies, csrf, headers, hosts, links, onward, origin
from mailsponge.web.security.stamps import stamp_of

log = logging.getLogger("mailsponge.web")

PUBLIC: Final = ("/login", "/static/", "/favicon.ico", links.PATH, headers.CSP_REPORTS)
"""What those may ask for who have not logged in."""
STRANGERS_FORM: Final = 16 * 1024
"""Octets of what somebody may fill in who has not logged in."""
STRANGERS_SECONDS: Final = 10.0
"""Seconds that it may take to come."""
FORM_OVERHEAD: Final = 1024 * 1024
"""Octets that a form may have beside a message."""
FIELDS: Final = 2000
FILES: Final = 100
SAFE: Final = ("GET", "HEAD", "OPTIONS")


class Refused(NamedTuple):
    """Why a request goes no further."""

    status: int
    why: str
    """For whoever asked, and for the log."""


class Guard:
    """The outermost part of the application."""

    def __init__(self, app: ASGIApp, office: Office) -> None:
        self._app = app
        self._office = office

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"there are only pages here, nothing of the kind {scope['type']}")
        given = HTTPConnection(scope)
        secure = scope["scheme"] == "https" or given.headers.get("x-forwarded-proto") == "https"
        send = partial(_finished, send, scope, secure)
        refused = self._stranger_host(given.headers)
        if refused is not None:
            _tell(given, refused)
            await PlainTextResponse(f"{refused.why}\n", refused.status)(scope, receive, send)
            return
        self._recognise(scope, given, secure)
        await self._save_sessions()
        answer = await self._turned_away(scope, given, receive)
        if answer is not None:
            await answer(scope, receive, send)
            return
        try:
            await self._ask_the_page(scope, receive, send)
        finally:
            if "form" in scope["state"]:
                await scope["state"]["form"].close()

    async def _ask_the_page(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer(send)
        try:
            await self._app(scope, _drained(receive) if "form" in scope["state"] else receive, answer)
        except Exception:
            log.exception("a page failed; please report this")
            if answer.begun:
                raise
            broken = await run_in_threadpool(error_pages.broken, Request(scope))
            await broken(scope, receive, send)

    def _stranger_host(self, given: Headers) -> Refused | None:
        host = given.get("host", "")
        if hosts.name_of(host) in hosts.allowed(self._office.config()):
            return None
        return Refused(
            421,
            f"This server is not known as {host[:200]!a}. If it should be, add the name to hosts in [web] of its "
            "configuration; else use the address that it prints when it starts.",
        )

    def _recognise(self, scope: Scope, given: HTTPConnection, secure: bool) -> None:
        """Find out who it is, and lay down what pages ask for (`who.py`, `pages.py`)."""
        identity = cookies.identity_in(given.cookies, secure)
        state = scope.setdefault("state", {})
        state["kept"] = identity
        state["identity"] = identity or cookies.new()
        state["user"] = self._user_of(identity)
        state["stays"] = partial(self._is_in, identity)

    def _user_of(self, identity: str) -> User | None:
        session = self._office.sessions.find(identity) if identity else None
        if session is None or session.stamp != stamp_of(self._office.config(), session.user):
            return None
        return User(session.user, self._office.is_admin(session.user))

    def _is_in(self, identity: str) -> bool:
        return self._user_of(identity) is not None

    async def _save_sessions(self) -> None:
        if self._office.sessions.want_saving:
            try:
                await run_in_threadpool(self._office.sessions.save)
            except StateError as error:
                log.error("sessions are not kept: %s", error)

    async def _turned_away(self, scope: Scope, given: HTTPConnection, receive: Receive) -> Response | None:
        """Why the request gets no further, if it does not; and what was filled in, if it does."""
        path, method = scope["path"], scope["method"]
        if path == headers.CSP_REPORTS:
            return await self._report(scope, receive)
        if method not in SAFE:
            refused = await self._read_form(scope, given, receive)
            if refused is not None:
                _tell(given, refused)
                return await run_in_threadpool(error_pages.page, Request(scope), refused.status, refused.why)
        if scope["state"]["user"] is not None or path.startswith(PUBLIC):
            return None
        return await run_in_threadpool(_to_the_login, Request(scope))

    async def _read_form(self, scope: Scope, given: HTTPConnection, receive: Receive) -> Refused | None:
        sent = given.headers
        if not origin.is_ours(sent.get("host", ""), sent.get("origin"), sent.get("sec-fetch-site")):
            return Refused(403, "This form was sent by a page of another site. Nothing was changed.")
        known = scope["state"]["user"] is not None
        limits = self._office.config().limits
        most = 2 * int(limits.message_size) + FORM_OVERHEAD if known else STRANGERS_FORM
        seconds = float(limits.message_deadline) if known else STRANGERS_SECONDS
        try:
            async with asyncio.timeout(seconds):
                form = await Request(scope, _bounded(receive, most)).form(
                    max_files=FILES, max_fields=FIELDS, max_part_size=most
                )
        except _TooLarge:
            return Refused(
                413, f"That is more than the {most:,} bytes that may be sent here. Send less at a time."
            )
        except TimeoutError:
            return Refused(408, "The form took too long to arrive. Try again.")
        except (HTTPException, MultiPartException, ClientDisconnect, ValueError):
            return Refused(
                400, "The form cannot be read. Go back, load the page again, and send it once more."
            )
        scope["state"]["form"] = form
        if not _has_token(form, sent, scope["state"]["kept"]):
            return Refused(
                403,
                "This form is too old, or is none of ours. Go back, load the page again, and send it once more.",
            )
        return None

    async def _report(self, scope: Scope, receive: Receive) -> Response:
        """A browser tells what it has not run or loaded (CSP): a hole in a page, or an attack that it has stopped."""
        if scope["method"] != "POST":
            return Response(status_code=405, headers={"allow": "POST"})
        try:
            async with asyncio.timeout(STRANGERS_SECONDS):
                body = await Request(scope, _bounded(receive, STRANGERS_FORM)).body()
        except (_TooLarge, TimeoutError):
            return Response(status_code=413)
        log.warning("csp-report %s", sentence(body[:1000].decode("utf-8", "replace")))
        return Response(status_code=204)


def _has_token(form: FormData, sent: Headers, identity: str) -> bool:
    token = form.get(csrf.FIELD) or sent.get(csrf.HEADER)
    return bool(identity) and isinstance(token, str) and csrf.is_right(identity, token)


def _to_the_login(request: Request) -> Response:
    """For who has not logged in; the same whatever they ask for."""
    if request.headers.get("hx-request") == "true":
        return Response(status_code=401, headers={"hx-redirect": "/login"})
    if request.method not in SAFE:
        return RedirectResponse("/login", 303)
    if request.headers.get("accept") == "text/event-stream":
        return Response(status_code=204)
    if request.headers.get("sec-fetch-site") == "cross-site":
        # A link in a mail or on another site: the browser keeps the cookie to itself. Asked by a page of ours, it
        # sends it, if there is one.
        return error_pages.again(request)
    return RedirectResponse(onward.login_for(request.url.path, request.url.query), 303)


class _TooLarge(Exception):
    pass


def _bounded(receive: Receive, most: int) -> Receive:
    """What comes, until it is too much. Raises _TooLarge."""
    left = most

    async def bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise _TooLarge
        return message

    return bounded


def _drained(receive: Receive) -> Receive:
    """What comes after a form that was read: nothing, and then perhaps that the browser is gone."""
    is_first = True

    async def drained() -> Message:
        nonlocal is_first
        if is_first:
            is_first = False
            return {"type": "http.request", "body": b"", "more_body": False}
        return await receive()

    return drained


class _Answer:
    """Sends on, and knows whether anything was sent."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        self.begun = True
        await self._send(message)


async def _finished(send: Send, scope: Scope, secure: bool, message: Message) -> None:
    """Send on, with what every answer has."""
    if message["type"] == "http.response.start":
        sent = MutableHeaders(raw=message.setdefault("headers", []))
        for name, value in headers.HEADERS.items():
            sent.setdefault(name, value)
        if secure:
            sent.setdefault("strict-transport-security", headers.HSTS)
        state = scope.get("state", {})
        if state.get("shown") and not state["kept"]:
            sent.append("set-cookie", cookies.header(state["identity"], secure))
    await send(message)


def _tell(given: HTTPConnection, refused: Refused) -> None:
    peer = given.client.host if given.client else ""
    log.info("web-refused peer=%s status=%d why=%s", bare(peer), refused.status, sentence(refused.why))
