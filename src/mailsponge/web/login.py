"""The two ways in, a password and a one-time link, and the way out."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from mailsponge.auth.check import Verdict
from mailsponge.auth.credentials import credentials
from mailsponge.auth.exchange import Denied, Granted
from mailsponge.auth.guesses import TooMany
from mailsponge.logfields import bare, sentence
from mailsponge.web.office import Office, office_of
from mailsponge.web.pages import render
from mailsponge.web.security import cookies, form, links
from mailsponge.web.security.onward import onward
from mailsponge.web.security.stamps import stamp_of
from mailsponge.web.words import span

log = logging.getLogger("mailsponge.web")

WRONG = "The name or the password is wrong."


def login(request: Request) -> Response:
    """The login page; who is in already goes on."""
    wanted = onward(request.query_params.get("next", ""))
    if request.scope["state"]["user"] is not None:
        return RedirectResponse(wanted, 303)
    return _login_page(request, wanted)


async def log_in(request: Request) -> Response:
    """Check a name and a password. Wrong ones cost the address time, and then its tries (auth/guesses.py)."""
    rooms, filled = office_of(request), form(request)
    name, password = str(filled.get("name", "")), str(filled.get("password", ""))
    wanted, peer = onward(str(filled.get("next", ""))), _peer(request)
    loop = asyncio.get_running_loop()
    decision = rooms.guesses.begin(peer, loop.time(), rooms.config().limits.login_failures)
    if isinstance(decision, TooMany):
        _told(peer, "too many wrong passwords from that address")
        why = f"Too many wrong passwords came from your address. Try again in {span(decision.seconds)}."
        return await run_in_threadpool(_login_page, request, wanted, name, why, 429)
    await asyncio.sleep(decision.seconds)
    verdict = await _checked(rooms, name, password)
    if isinstance(verdict, Granted):
        rooms.guesses.ended(peer)
        return await run_in_threadpool(_let_in, request, verdict.user, wanted)
    if isinstance(verdict, Denied):
        rooms.guesses.failed(peer, loop.time())
        why, status = WRONG, 403
    else:
        rooms.guesses.ended(peer)
        why, status = "Too much is going on just now. Try again in a moment.", 503
    _told(peer, verdict.why)
    return await run_in_threadpool(_login_page, request, wanted, name, why, status)


def enter(request: Request) -> Response:
    """What a one-time link shows: a button. Looking at it uses nothing up."""
    if not office_of(request).links.is_good(request.path_params["token"]):
        return render(request, "link_over.html", 410)
    return render(request, "enter.html", name=office_of(request).first_user)


def entered(request: Request) -> Response:
    """The button: the link is used up."""
    rooms = office_of(request)
    if not rooms.links.use(request.path_params["token"]):
        _told(_peer(request), "a one-time link that is used up or too old")
        return render(request, "link_over.html", 410)
    return _let_in(request, rooms.first_user, "/")


def log_out(request: Request) -> Response:
    """End the session, here and in the browser."""
    state = request.scope["state"]
    office_of(request).sessions.end(state["identity"])
    answer = RedirectResponse("/login", 303)
    answer.headers.append("set-cookie", cookies.header("", _is_secure(request)))
    return answer


def _let_in(request: Request, user: str, wanted: str) -> Response:
    """Begin a session under an identity that nobody had before: whatever cookie the browser came with opens nothing."""
    rooms, state = office_of(request), request.scope["state"]
    rooms.sessions.end(state["identity"])
    identity = rooms.sessions.begin(user, stamp_of(rooms.config(), user))
    log.info("web-logged-in peer=%s login=%s", bare(_peer(request)), bare(user))
    answer = RedirectResponse(wanted, 303)
    answer.headers.append("set-cookie", cookies.header(identity, _is_secure(request)))
    return answer


def _login_page(request: Request, wanted: str, name: str = "", why: str = "", status: int = 200) -> Response:
    nobody = office_of(request).directory().empty
    return render(
        request, "login.html", status, wanted=wanted, name=name, why=why, nobody_has_a_password=nobody
    )


async def _checked(rooms: Office, name: str, password: str) -> Verdict:
    """What a check in a thread says. What cannot be a name or a password is refused without one, whoever lives here."""
    directory = rooms.directory()
    asked = credentials(name.encode("utf-8", "surrogatepass"), password.encode("utf-8", "surrogatepass"))
    if isinstance(asked, Denied):
        return asked
    if directory.empty:
        return Denied("nobody can log in: no user has a password")
    told: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
    rooms.checks.begin(directory, asked, partial(_tell, told))
    return await told


def _tell(told: asyncio.Future[Verdict], verdict: Verdict) -> None:
    if not told.done():
        told.set_result(verdict)


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"


def _told(peer: str, why: str) -> None:
    """What was typed is not told: people type their password where the name belongs."""
    log.info("web-not-logged-in peer=%s why=%s", bare(peer), sentence(why))


routes = [
    Route("/login", login, methods=["GET"]),
    Route("/login", log_in, methods=["POST"]),
    Route("/logout", log_out, methods=["POST"]),
    Route(links.PATH + "{token}", enter, methods=["GET"]),
    Route(links.PATH + "{token}", entered, methods=["POST"]),
]
