"""The pages put together: every room's routes, and the guard before all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from mailsponge.web import dashboard, error_pages, login, pages, queue_page, static_files
from mailsponge.web.guard import Guard
from mailsponge.web.inbox.routes import routes as inbox_routes
from mailsponge.web.office import Office
from mailsponge.web.security import who


class Room(NamedTuple):
    """An entry of the navigation, and what lies behind it."""

    name: str
    path: str
    routes: Sequence[BaseRoute]
    for_admins: bool = False


ROOMS = (
    Room("Jobs", "/jobs", dashboard.routes, for_admins=True),
    Room("Inbox", "/mail", inbox_routes),
    Room("Queue", "/queue", queue_page.routes, for_admins=True),
)
"""In the order of the navigation. The first that somebody may see is the page they come to."""


def home(request: Request) -> Response:
    """The first page: the first room."""
    user = who(request)
    open_to = [room.path for room in ROOMS if user.is_admin or not room.for_admins]
    return RedirectResponse(open_to[0], 303) if open_to else pages.render(request, "nothing.html")


def make_app(office: Office) -> Starlette:
    """The application that answers browsers."""
    rooms: list[BaseRoute] = [route for room in ROOMS for route in room.routes]
    app = Starlette(
        routes=[Route("/", home), *login.routes, *static_files.routes, *rooms],
        middleware=[Middleware(Guard, office=office)],
        exception_handlers=error_pages.HANDLERS,
    )
    app.router.redirect_slashes = False
    app.state.office = office
    app.state.rooms = ROOMS
    app.state.templates = pages.environment()
    return app
