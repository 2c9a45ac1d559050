"""A small podcast client: it looks into every feed, downloads what is new, and keeps what it has.

Run it from cron or a timer. Nobody watches it then, and that is why the sponge is in it: with --mail, what it logs is
remembered from run to run; one mail comes when a show keeps failing, and one when it is back.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from feed import Episode, FeedError, parse
from fetch import FetchError, Page, Validators, Web
from shelf import Shelf, ShelfError, Show

from mailsponge import SpongeHandler, source

log = logging.getLogger("podcasts")


def main(arguments: Sequence[str] | None = None) -> int:
    """Look into every feed once. Returns the exit status: 0, 1 if a show failed, 2 if nothing could be done."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)-7s %(message)s", stream=sys.stdout)
    try:
        if options.mail:
            logging.getLogger().addHandler(SpongeHandler("podcasts", options.mail, patience=options.patience))
        urls = subscriptions(options.subscriptions.read_text(encoding="utf-8"))
        client = Client(Shelf(options.to), Web(options.timeout), options.latest)
    except (OSError, ValueError, ShelfError) as problem:
        log.error("%s", problem)
        return 2
    failed = [url for url in urls if not client.refresh(url)]
    return 1 if failed else 0


def subscriptions(text: str) -> list[str]:
    """The addresses in a subscriptions file: one a line, ``#`` begins a comment, none counts twice."""
    lines = (line.strip() for line in text.splitlines())
    return list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


class Client:
    """Brings a shelf up to date with the web, one show at a time."""

    def __init__(self, shelf: Shelf, web: Web, latest: int) -> None:
        self._shelf = shelf
        self._web = web
        self._latest = latest

    def refresh(self, url: str) -> bool:
        """Look into one feed and download what is new; False if something failed, which is then in the log."""
        show = self._shelf.show(url)
        with source(show.name):
            try:
                return self._refresh(show)
            except (FetchError, FeedError, OSError) as problem:
                log.error("%s: %s (%s)", show.name, problem, url)
                return False

    def _refresh(self, show: Show) -> bool:
        page = self._web.page(show.url, show.validators if show.wanted >= self._latest else Validators())
        if page is None:
            log.info("%s: nothing new", show.name)
            return True
        return self._take(show, page)

    def _take(self, show: Show, page: Page) -> bool:
        feed = parse(page.body, page.url)
        show.title = feed.title or show.title
        missing = [episode for episode in feed.episodes[: self._latest] if episode.guid not in show.episodes]
        failed = [episode for episode in missing if not self._download(show, episode)]
        if not failed:  # else the next run must see the whole feed again, not "not modified"
            show.validators, show.wanted = page.validators, self._latest
        self._shelf.remember(show)
        log.info("%s: %d new", show.name, len(missing) - len(failed))
        return not failed

    def _download(self, show: Show, episode: Episode) -> bool:
        try:
            path = self._shelf.put(show, episode, lambda file: self._web.save(episode.enclosure, file))
        except FetchError as problem:
            log.error("%s: “%s” did not come: %s (%s)", show.name, episode.title, problem, episode.enclosure)
            return False
        log.info("%s: downloaded %s", show.name, path.name)
        return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--subscriptions",
        type=Path,
        required=True,
        metavar="FILE",
        help="addresses of feeds, one a line; # comments",
    )
    add("--to", type=Path, required=True, metavar="DIR", help="where the episodes go, a folder a show")
    add("--latest", type=int, default=5, metavar="N", help="how many episodes of a show to want (default: 5)")
    add(
        "--timeout",
        type=float,
        default=30,
        metavar="SECONDS",
        help="how long to wait for a server (default: 30)",
    )
    add(
        "--mail", metavar="ADDRESS", help="who is told when a show keeps failing; through MAILSPONGE_MAILHOST"
    )
    add(
        "--patience",
        metavar="P",
        help='when a failure matters: "3 runs" (default), "2 of 5 runs", "1 day", "now"',
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
