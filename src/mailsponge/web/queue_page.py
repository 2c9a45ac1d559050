"""The queue: what waits, why, until when; and putting it right. For admins: other people's mail is in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from mailsponge.errors import StoreError
from mailsponge.queue import waiting
from mailsponge.store.protocol import HopDown, Mailboxes, Queue, Queued, Step
from mailsponge.web.office import office_of
from mailsponge.web.pages import render, wants_fragment
from mailsponge.web.security import admins_only
from mailsponge.web.words import counted

SHOWN: Final = 100
"""Messages that the page has: those that wait longest."""
REASONS: Final = 3
"""Reasons that a message in the list has at most; its own page has all."""
LONGEST_ID: Final = 18
"""Digits."""


class Line(NamedTuple):
    """A recipient that waits."""

    address: str
    original: str
    """Whom the sender wrote to, if that is somebody else."""
    next_hop: str
    attempts: int
    until: float | None
    why: str


class Reason(NamedTuple):
    """Why it waits, for all recipients who wait for the same."""

    why: str
    note: str
    """How many they are, and how often it was tried; empty if there is nothing to add."""


class Letter(NamedTuple):
    """A message that waits, and its recipients."""

    id: int
    sender: str
    """Empty: nobody; it is a report."""
    size: int
    arrived_at: float
    lines: tuple[Line, ...]

    @property
    def is_held(self) -> bool:
        """Whether none of it goes on before somebody releases it."""
        return all(line.until is None for line in self.lines)

    @property
    def until(self) -> float:
        """When the first of it is tried again, if not all of it is held."""
        return min((line.until for line in self.lines if line.until is not None), default=0.0)

    @property
    def reasons(self) -> list[Reason]:
        """Why it waits, each reason once."""
        alike: dict[str, list[Line]] = {}
        for line in self.lines:
            alike.setdefault(line.why, []).append(line)
        return [Reason(why, _note(lines)) for why, lines in list(alike.items())[:REASONS]]


class Change(NamedTuple):
    """A button of the page."""

    does: Callable[[Queue, int], int]
    said: str
    undo: str = ""
    """The button that takes it back."""


CHANGES: Final = {
    "retry": Change(lambda store, number: store.retry(number), "is tried now"),
    "hold": Change(lambda store, number: store.hold(number), "is held", undo="release"),
    "release": Change(
        lambda store, number: store.release(number), "was let go on, and is tried now", undo="hold"
    ),
    "delete": Change(
        lambda store, number: store.withdraw(number),
        "was taken out of the queue; for a week it can be put back",
        undo="release",
    ),
}


def queue(request: Request) -> Response:
    """The list; for htmx, the part of it that changes."""
    admins_only(request)
    return _list(request)


def letter(request: Request) -> Response:
    """One message, and its story. Raises HTTPException (404)."""
    admins_only(request)
    number = request.path_params["number"]
    store = office_of(request).store
    found = store.in_queue(number)
    if found is None:
        return render(request, "queue/gone.html", 404, number=number, steps=_story(store, number))
    steps = store.trace(number)
    return render(request, "queue/letter.html", letter=_letter(found, store.hops_down()), steps=steps)


def change(request: Request) -> Response:
    """Retry, hold, release or delete one message."""
    admins_only(request)
    number, word = request.path_params["number"], request.path_params["word"]
    wanted = CHANGES.get(word)
    if wanted is None:
        return render(
            request, "error.html", 404, title="There is no such button", why="Go back to the queue."
        )
    try:
        changed = wanted.does(office_of(request).store, number)
    except StoreError as error:
        return _list(request, problem=str(error), status=409)
    if wants_fragment(request):
        return _list(request, done=word, number=number, changed=changed)
    return RedirectResponse(f"/queue?done={word}&id={number}", 303)


def retry_all(request: Request) -> Response:
    """Try all that waits."""
    admins_only(request)
    changed = office_of(request).store.retry_all()
    if wants_fragment(request):
        return _list(request, done="all", changed=changed)
    return RedirectResponse("/queue?done=all", 303)


def _list(
    request: Request,
    *,
    done: str = "",
    number: int = 0,
    changed: int | None = None,
    problem: str = "",
    status: int = 200,
) -> Response:
    store = office_of(request).store
    down = store.hops_down()
    found = list(islice(store.queued(), SHOWN + 1))
    template = "queue/list_part.html" if wants_fragment(request) else "queue/list.html"
    return render(
        request,
        template,
        status,
        letters=[_letter(each, down) for each in found[:SHOWN]],
        more=len(found) > SHOWN,
        shown=SHOWN,
        hops_down=sorted(down.items()),
        notice=_notice(request, done, number, changed),
        problem=problem,
    )


class Notice(NamedTuple):
    """What was just done, and how to take it back."""

    text: str
    number: int = 0
    undo: str = ""


def _notice(request: Request, done: str, number: int, changed: int | None) -> Notice | None:
    """After a redirect the address says it, in words of ours only."""
    done = done or request.query_params.get("done", "")
    given = request.query_params.get("id", "")
    number = number or (int(given) if given.isascii() and given.isdigit() and len(given) <= LONGEST_ID else 0)
    if done == "all":
        return Notice("All that waits is tried now.")
    if done not in CHANGES or not number:
        return None
    how_many = "" if changed is None else f" ({counted(changed, 'recipient')})"
    return Notice(f"Message {number} {CHANGES[done].said}{how_many}.", number, CHANGES[done].undo)


def _letter(message: Queued, down: Mapping[str, HopDown]) -> Letter:
    lines = tuple(
        Line(
            str(each.address),
            "" if each.address == each.original else str(each.original),
            each.next_hop,
            each.attempts,
            waiting.until(each, down),
            waiting.why(each, down),
        )
        for each in message.recipients
    )
    sender = "" if message.reverse_path is None else str(message.reverse_path)
    return Letter(message.id, sender, message.size, message.arrived_at, lines)


def _note(lines: list[Line]) -> str:
    most = max(line.attempts for line in lines)
    tries = f"{most} {'try' if most == 1 else 'tries'}" if most else ""
    recipients = counted(len(lines), "recipient") if len(lines) > 1 else ""
    return ", ".join(filter(None, (recipients, tries)))


def _story(store: Mailboxes, number: int) -> list[Step]:
    """What became of a message that has left the queue, as long as that is known."""
    try:
        return store.trace(number)
    except StoreError:
        return []


routes = [
    Route("/queue", queue),
    Route("/queue/retry-all", retry_all, methods=["POST"]),
    Route("/queue/{number:int}", letter),
    Route("/queue/{number:int}/{word}", change, methods=["POST"]),
]
