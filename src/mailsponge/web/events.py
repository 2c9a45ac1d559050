"""Pages that are told when something changes (server-sent events), so that nobody has to reload.

A stream says that there is something new, and never what: the page then asks for it as it always does, and its rights
are looked at again. Streams are few a user, end when the session does, and when the server stops (`streams.py`).
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from mailsponge.web.office import office_of
from mailsponge.web.security import who
from mailsponge.web.streams import Version


def follow(request: Request, version: Version) -> Response:
    """Answer with a stream of ``changed`` events, one whenever ``version`` says something else than before.

    A page that was made at some version says so (``?since=``), and misses nothing in between.
    """
    user, streams = who(request).name, office_of(request).streams
    if not streams.has_room(user):
        return Response(status_code=204)  # which tells a browser not to come back
    known = request.headers.get("last-event-id") or request.query_params.get("since")
    stays: Callable[[], bool] = request.scope["state"]["stays"]
    return StreamingResponse(
        streams.events(user, version, known, stays),
        media_type="text/event-stream",
        headers={"x-accel-buffering": "no"},
    )
