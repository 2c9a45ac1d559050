"""Scripts, style and icon. Nothing secret: they are for who has not logged in, too."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailsponge.web.shipped import addresses, statics

FOR_EVER = "public, max-age=31536000, immutable"


def static(request: Request) -> Response:
    """One file, gzipped if the browser takes that. Raises HTTPException (404)."""
    found = statics().get(request.path_params["path"])
    if found is None:
        raise HTTPException(404)
    headers = {"cache-control": FOR_EVER, "vary": "accept-encoding"}
    packs = "gzip" in request.headers.get("accept-encoding", "")
    if packs:
        headers["content-encoding"] = "gzip"
    return Response(found.packed if packs else found.content, media_type=found.media_type, headers=headers)


def favicon(request: Request) -> Response:
    """Where browsers look for an icon unasked."""
    return Response(
        statics()[addresses()["icon.svg"].removeprefix("/static/")].content,
        media_type="image/svg+xml",
        headers={"cache-control": "public, max-age=86400"},
    )


routes = [Route("/static/{path:path}", static), Route("/favicon.ico", favicon)]
