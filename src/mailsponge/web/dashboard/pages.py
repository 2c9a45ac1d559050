"""The pages: all jobs, one job, one source, and the replay of a job. For admins: what programs log is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from mailsponge.errors import MailspongeError, UsageError
from mailsponge.sponge import muting
from mailsponge.sponge.ledger import Ledger
from mailsponge.sponge.model import JOB_ITSELF, Excerpt, Incident, Silence, level_name
from mailsponge.sponge.settings import Settings
from mailsponge.web.dashboard import board as boards
from mailsponge.web.dashboard import changing, charts, replaying, timeline
from mailsponge.web.dashboard.board import Board, Job, Page, Row, Wanted
from mailsponge.web.dashboard.replaying import Replays
from mailsponge.web.dashboard.watching import Place, Watch, looking_into, trouble
from mailsponge.web.office import office_of
from mailsponge.web.pages import render, wants_fragment
from mailsponge.web.security import admins_only, form

MOST_ROWS: Final = 50
"""Sources on a page: with more, the first page and all it loads would be heavier than 100 kB."""
MOST_JOBS: Final = 25
"""Jobs on the first page: the worst. A job is also found by its name."""
RUNS: Final = 20
"""Runs on a job's page."""
LOOKED_BACK: Final = 100
"""Runs that a source's page looks back on."""
FIRST_RECORDS: Final = 40
LAST_RECORDS: Final = 160
"""Records of the last failure that are shown: of more, the two ends."""
MOST_MAILS: Final = 100
"""Mails that a replay lists."""
STEPS: Final = ("now", *(f"{runs} runs" for runs in (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 30)))
"""What the slider can be set to."""


class Desk(NamedTuple):
    """What the pages keep from one request to the next."""

    watch: Watch
    replays: Replays


def _desk(request: Request) -> Desk:
    # Two first requests at once make two; the second stays.
    state = request.app.state
    if not hasattr(state, "desk"):
        office = office_of(request)
        states = [(each.directory, each.database) for each in office.states]
        state.desk = Desk(Watch(states, office.clock), Replays())
    desk: Desk = state.desk
    return desk


# All jobs


class Line(NamedTuple):
    """A row as it is shown."""

    row: Row
    runs: Markup
    """The last runs, as a picture."""
    silence: Silence | None
    link: str


def all_jobs(request: Request) -> Response:
    """Every job and source, the worst first; for htmx, the part that a filter changes."""
    admins_only(request)
    desk = _desk(request)
    found, troubles = desk.watch.board()
    wanted = boards.wanted_of(request.query_params)
    rows = boards.chosen(found, wanted, office_of(request).clock())
    return render(
        request,
        "dashboard/board_part.html" if wants_fragment(request) else "dashboard/board.html",
        troubles=troubles,
        places=desk.watch.shown,
        jobs=_jobs(found, rows, wanted),
        most_jobs=MOST_JOBS,
        counts=found.counts,
        **_table(request, desk, found, rows, wanted, "/jobs"),
    )


def _jobs(found: Board, rows: Sequence[Row], wanted: Wanted) -> list[Job]:
    """The jobs shown: all, or those that something was found of."""
    if not wanted.words and not wanted.standing:
        return list(found.jobs)
    with_rows = {(row.state, row.job) for row in rows}
    return [job for job in found.jobs if (job.state, job.name) in with_rows]


def _table(
    request: Request, desk: Desk, found: Board, rows: Sequence[Row], wanted: Wanted, path: str, **fixed: str
) -> dict[str, Any]:
    """What the table of sources is made of."""
    page = boards.page_of(rows, boards.number_of(request.query_params.get("page", ""), 1), MOST_ROWS)

    def address(wanted: Wanted, number: int = 1) -> str:
        return _address(path, {**fixed, **boards.question(wanted, number)})

    def sorted_by(order: str) -> str:
        turned = wanted.order == order and not wanted.is_reversed
        return address(wanted._replace(order=order, is_reversed=turned))

    return {
        "lines": _lines(desk, found, page, office_of(request).clock()),
        "page": page,
        "wanted": wanted,
        "standings": boards.STANDINGS,
        "page_address": lambda number: address(wanted, number),
        "sorted_by": sorted_by,
        "showing": lambda standing: address(wanted._replace(standing=standing)),
        "many_jobs": len(found.jobs) > 1,
        "path": path,
        "fixed": fixed,
        "job_link": job_link,
    }


def _lines(desk: Desk, found: Board, page: Page, now: float) -> list[Line]:
    cells = desk.watch.cells(page.rows)
    silences = {(job.state, job.name): muting.going_on(job.silences, now) for job in found.jobs}
    return [
        Line(
            row,
            Markup(charts.cells(cells[row])),
            boards.silence_of(row, silences.get((row.state, row.job), ()), now),
            source_link(row.state, row.job, row.source),
        )
        for row in page.rows
    ]


def _address(path: str, asked: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(asked)}" if asked else path


def _which(state: int, job: str) -> dict[str, str]:
    return {"job": job} | ({"in": str(state)} if state else {})


def job_link(state: int, job: str) -> str:
    """The address of a job's page."""
    return _address("/jobs/job", _which(state, job))


def source_link(state: int, job: str, source: str) -> str:
    """The address of a source's page."""
    return _address("/jobs/source", {**_which(state, job), "source": source})


def replay_link(state: int, job: str) -> str:
    """The address of a job's replay."""
    return _address("/jobs/replay", _which(state, job))


def _place(desk: Desk, asked: Mapping[str, Any]) -> Place | None:
    """The job that is asked for."""
    state = boards.number_of(str(asked.get("in", "")), 0)
    return desk.watch.place(state, str(asked.get("job", "")))


def _no_such(request: Request, what: str) -> Response:
    why = "It may have been forgotten, or never have run. The page of all jobs shows what there is."
    return render(request, "error.html", 404, title=f"There is no such {what}", why=why)


# One job


def one_job(request: Request) -> Response:
    """How a job stands: its sources, its last runs, its silences, its rules."""
    admins_only(request)
    place = _place(_desk(request), request.query_params)
    return _no_such(request, "job") if place is None else _job_page(request, place)


def _job_page(request: Request, place: Place, problem: str = "", status: int = 200) -> Response:
    desk, now = _desk(request), office_of(request).clock()
    job, rows = desk.watch.job(place)
    found = Board([job], rows)
    wanted = boards.wanted_of(request.query_params)
    chosen = boards.chosen(found, wanted, now)
    settings, runs = None, []
    try:
        with looking_into(place.job) as ledger:
            if ledger is not None:
                settings, runs = _settings(ledger), ledger.runs(RUNS)
    except (MailspongeError, OSError) as error:
        job = job._replace(trouble=trouble(error))
    return render(
        request,
        "dashboard/job.html",
        status,
        job=job,
        settings=settings,
        runs=runs,
        silences=muting.going_on(job.silences, now),
        shown=changing.shown,
        problem=problem,
        filled=form(request) if request.method == "POST" else {},
        replay=replay_link(place.state, job.name),
        source_link=source_link,
        **_table(request, desk, found, chosen, wanted, "/jobs/job", **_which(place.state, job.name)),
    )


def _settings(ledger: Ledger) -> Settings | None:
    kept = ledger.settings()
    try:
        return Settings.from_json(kept) if kept else None
    except UsageError:
        # A newer version may have written them: then the page has all but these.
        return None


# One source


class Failure(NamedTuple):
    """The last failure, and what was logged in it."""

    run: str
    at: float | None
    records: Excerpt


class Story(NamedTuple):
    """What a ledger tells of one source."""

    rows: Sequence[Row]
    """A row a host."""
    recent: Mapping[str, Sequence[int | None]]
    """What the last runs on each host proved, oldest first."""
    incident: Incident
    failure: Failure | None


def one_source(request: Request) -> Response:
    """How a source stands, and what it logged when it failed last."""
    admins_only(request)
    place = _place(_desk(request), request.query_params)
    if place is None:
        return _no_such(request, "job")
    return _source_page(request, place, request.query_params.get("source", JOB_ITSELF))


def _source_page(
    request: Request, place: Place, source: str, problem: str = "", status: int = 200
) -> Response:
    desk, now = _desk(request), office_of(request).clock()
    job, rows = desk.watch.job(place)
    mine = [row for row in rows if row.source == source]
    if not mine and not job.trouble:
        return _no_such(request, "source")
    story, said = None, job.trouble
    try:
        with looking_into(place.job) as ledger:
            story = _story(ledger, mine) if ledger is not None and mine else None
    except (MailspongeError, OSError) as error:
        said = trouble(error)
    return render(
        request,
        "dashboard/source.html",
        status,
        job=job,
        source=source,
        rows=mine,
        story=story,
        trouble=said,
        silence=boards.silence_of(mine[0], muting.going_on(job.silences, now), now) if mine else None,
        cells=lambda verdicts: Markup(charts.cells(verdicts)),
        sparkline=lambda verdicts: Markup(charts.sparkline(verdicts)),
        summary=charts.summary,
        streak_summary=charts.streak_summary,
        level_name=level_name,
        shown=changing.shown,
        problem=problem,
        filled=form(request) if request.method == "POST" else {},
        job_link=job_link,
        replay=replay_link(place.state, job.name),
    )


def _story(ledger: Ledger, rows: Sequence[Row]) -> Story:
    source = rows[0].source
    recent = {row.host: ledger.recent(source, LOOKED_BACK, row.host) for row in rows}
    incident = ledger.incidents().get(source, Incident())
    states = [standing.state for standing in ledger.standings() if standing.source == source]
    last = max(states, key=lambda state: state.failed_at or 0.0)
    failure = None
    if last.failed_run is not None:
        records = ledger.excerpt(last.failed_run, source, FIRST_RECORDS, LAST_RECORDS)
        failure = Failure(last.failed_run, last.failed_at, records)
    return Story(rows, recent, incident, failure)


# Replay


def replay(request: Request) -> Response:
    """Which mails the last 90 days would have brought; for the slider, the part that changes."""
    admins_only(request)
    desk, asked = _desk(request), request.query_params
    place = _place(desk, asked)
    if place is None:
        return _no_such(request, "job")
    name, template = place.job.name, "dashboard/replay.html"
    if wants_fragment(request):
        template = "dashboard/replay_part.html"
    shown: dict[str, Any] = {
        "job": name,
        "state": place.state,
        "job_link": job_link,
        "days": replaying.DAYS,
        "steps": STEPS,
        "most_mails": MOST_MAILS,
        "read": None,
        "came": None,
        "kept": "",
        "patience": "",
        "problem": "",
        "picture": "",
        "since": None,
        "left_out": 0,
    }
    try:
        kept = desk.replays.of(
            place, desk.watch.version(place.job), lambda: _history(place, office_of(request).clock())
        )
        if not kept.history.episodes:
            return render(request, template, **shown)
        usual = replaying.patience_kept(kept.history.rules)
        patience = _patience(asked) or usual
        shown |= {"read": kept.history, "kept": usual, "patience": patience}
        came = kept.under(patience)
    except UsageError as error:
        return render(request, template, 422, **shown | {"problem": str(error)})
    except (MailspongeError, OSError) as error:
        return render(request, template, 503, **shown | {"problem": trouble(error)})
    since = min(episode.run.began_at for episode in kept.history.episodes)
    shown |= {"came": came, "since": since, "left_out": timeline.left_out(came)}
    shown["picture"] = Markup(timeline.timeline(came, since, kept.history.until))
    return render(request, template, **shown)


def _patience(asked: Mapping[str, str]) -> str:
    """The patience that is asked for: a step of the slider, or a sentence; empty if none is."""
    step = boards.number_of(asked.get("step", ""), -1)
    if 0 <= step < len(STEPS):
        return STEPS[step]
    return asked.get("patience", "").strip()


def _history(place: Place, now: float) -> replaying.History:
    with looking_into(place.job) as ledger:
        return replaying.NOTHING if ledger is None else replaying.history(ledger, place.job.name, now)


# What changes something


def change(request: Request) -> Response:
    """Silence, acknowledge, or take either back; then the page that was asked from."""
    admins_only(request)
    desk, filled = _desk(request), form(request)
    place = _place(desk, filled)
    if place is None:
        return _no_such(request, "job")
    word = request.path_params["word"]
    if word not in CHANGES:
        return _no_such(request, "button")
    source = filled.get("source")
    try:
        CHANGES[word](place, {name: str(value) for name, value in filled.items()}, office_of(request).clock())
    except MailspongeError as error:
        status = 422 if isinstance(error, UsageError) else 503
        if source is None:
            return _job_page(request, place, str(error), status)
        return _source_page(request, place, str(source), str(error), status)
    finally:
        desk.watch.changed(place)
    name = place.job.name
    back = job_link(place.state, name) if source is None else source_link(place.state, name, str(source))
    return RedirectResponse(back, 303)


def _silence(place: Place, filled: Mapping[str, str], now: float) -> None:
    pattern = filled.get("pattern", filled.get("source", muting.EVERYTHING))
    changing.silence(place.job, pattern, filled.get("duration", ""), filled.get("because", ""), now)


def _end(place: Place, filled: Mapping[str, str], now: float) -> None:
    changing.end_silence(place.job, filled.get("pattern", muting.EVERYTHING), now)


def _acknowledge(place: Place, filled: Mapping[str, str], now: float) -> None:
    changing.acknowledge(place.job, filled.get("source"), filled.get("because", ""))


def _take_back(place: Place, filled: Mapping[str, str], now: float) -> None:
    changing.take_back(place.job, filled.get("source"))


CHANGES: Final = {
    "silence": _silence,
    "unsilence": _end,
    "acknowledge": _acknowledge,
    "unacknowledge": _take_back,
}
"""The buttons."""

routes = [
    Route("/jobs", all_jobs),
    Route("/jobs/job", one_job),
    Route("/jobs/source", one_source),
    Route("/jobs/replay", replay),
    Route("/jobs/{word}", change, methods=["POST"]),
]
