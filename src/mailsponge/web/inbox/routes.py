"""Every page of the inbox."""

from __future__ import annotations

from starlette.routing import Route

from mailsponge.web.inbox import compose, listing, message

_FOLDER = "/mail/{mailbox}/{folder}"
_MESSAGE = _FOLDER + "/{id:int}"

routes = [
    Route("/mail", listing.home),
    Route("/mail/{mailbox}", listing.search),
    Route(_FOLDER, listing.folder, methods=["GET"]),
    Route(_FOLDER, listing.change, methods=["POST"]),
    Route(f"{_FOLDER}/arrivals", listing.arrivals),
    Route(f"{_FOLDER}/write", compose.write, methods=["GET"]),
    Route(f"{_FOLDER}/write", compose.send, methods=["POST"]),
    Route(_MESSAGE, message.message),
    Route(f"{_MESSAGE}/html", message.html),
    Route(f"{_MESSAGE}/part/{{number:int}}", message.part),
    Route(f"{_MESSAGE}/source", message.source),
    Route(f"{_MESSAGE}/download", message.download),
    Route(f"{_MESSAGE}/details", message.details),
    Route(f"{_MESSAGE}/thread", message.thread),
]
