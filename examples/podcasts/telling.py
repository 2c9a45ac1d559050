"""What the demo says: what happened in each run and what the sponge made of it, and in the end the mailbox."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from postoffice import Mail, PostOffice
from screen import Screen, padded
from story import SHOWS, STORY, Step

LEGEND = {"ok": "well", "soft": "failing, patience lasts", "hard": "failing, told", "unknown": "not judged"}
INDENT = 25
"""Where the words begin, beside the run, the marks and the count of mails."""


class Standing(NamedTuple):
    """How one source stands after a run, as `mailsponge status` says it."""

    source: str
    state: str
    reason: str

    @property
    def judged(self) -> bool:
        """Whether the last run said anything about it."""
        return not self.reason.startswith("not judged")


Standings = Mapping[str, Standing]
"""By source."""


def standings(sources: Sequence[Mapping[str, Any]]) -> Standings:
    """Read what `mailsponge status JOB --json` prints."""
    return {s["source"]: Standing(s["source"], s["state"], s["reason"]) for s in sources}


def explanations(before: Standings, after: Standings) -> list[str]:
    """What there is to say after a run: of all that is not well, or was not; sources of one fate are said together,
    the job itself last.
    """
    fates: dict[str, list[str]] = {}
    for source, standing in sorted(after.items(), key=lambda item: (not item[0], item[0])):
        was = before[source].state if source in before else "ok"
        if (was, standing.state, standing.judged) != ("ok", "ok", True):
            fates.setdefault(standing.reason, []).append(source)
    return [f"{_together(sources)}: {reason}" for reason, sources in fates.items()]


def _together(sources: list[str]) -> str:
    names = [source or "the job itself" for source in sources]
    return f"{len(names)} shows" if len(names) > 2 else " and ".join(names)


class Teller:
    """Tells the story on a screen, run by run."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._before: Standings = {}
        self._mails = 0

    def opening(self, post_office: str, web_server: str, person: str, patience: str) -> None:
        """Who is who, and what the marks mean."""
        screen = self._screen
        screen.heading(
            f"mailsponge: {len(STORY)} runs of a podcast client, and the mails that a person gets of them"
        )
        screen.line(f"post office  {post_office}  (`mailsponge serve`, a process of its own)")
        screen.line(f"web server   {web_server}  (breaks feeds and mends them)")
        screen.line(f"reader       {person}, to be told of what has failed for {patience}")
        screen.line()
        names = [f"{number} {title}" for number, title in enumerate(SHOWS.values(), 1)]
        for left, right in zip(names[::2], names[1::2], strict=True):
            screen.line(f"{padded(left, 28)}{right}")
        screen.line()
        screen.line("   ".join(f"{screen.marks([state])} {meaning}" for state, meaning in LEGEND.items()))
        screen.line()
        screen.line(screen.paint("run   1 2 3 4 5 6   mails", "dim"))

    def run(
        self, number: int, step: Step, addresses: Sequence[str], after: Standings, mails: list[Mail]
    ) -> None:
        """One run: the world, the marks, the mails so far, and why."""
        screen = self._screen
        marks = screen.marks([_mark(after, *names) for names in zip(SHOWS.values(), addresses, strict=True)])
        screen.item(f"{number:>3}   {marks}   {len(mails):>3}", INDENT, step.tells)
        for explanation in explanations(self._before, after):
            screen.prose(explanation, INDENT, "dim")
        for mail in reversed(mails[: len(mails) - self._mails]):
            screen.prose(f"✉ {mail.subject}", INDENT, "bold")
        self._before, self._mails = after, len(mails)

    def closing(self, post: PostOffice, mails: list[Mail]) -> None:
        """The mailbox, and each mail in it, by the commands that a person would type."""
        screen = self._screen
        screen.heading("In the mailbox")
        screen.command("mailsponge mail list")
        screen.quote(post.mail_list())
        for mail in reversed(mails):
            screen.line()
            screen.command(f"mailsponge mail show {mail.id}")
            screen.quote(post.mail_show(mail))

    def phone(self, post: PostOffice, phone: PostOffice, newest: Mail) -> None:
        """What became of the last mail, and that it is where it should be."""
        screen = self._screen
        screen.heading("And on the phone")
        screen.prose(
            "The reader's mail also goes on to another post office, where a phone looks. How the last one got there:"
        )
        screen.line()
        screen.command(f"mailsponge trace {newest.id}")
        screen.quote(post.trace(newest))
        screen.line()
        screen.command("mailsponge mail list --data phone")
        screen.quote(phone.mail_list())

    def how_to_go_on(self, kept: Path | None) -> None:
        """How to look further, and how to have this for oneself."""
        self._screen.heading("To go on")
        for purpose, command in _ways_on(kept):
            self._screen.line(purpose)
            self._screen.command(command)
            self._screen.line()


def _ways_on(kept: Path | None) -> Iterator[tuple[str, str]]:
    python, here = _short(sys.executable), _short(str(Path(__file__).parent))
    mailsponge = _short(str(Path(sys.executable).with_name("mailsponge")))
    if kept:
        yield "The mailbox of this story:", f"{mailsponge} mail list --data {kept}/post"
        yield (
            "What the sponge remembers of it:",
            f"MAILSPONGE_STATE={kept}/state {mailsponge} status podcasts",
        )
    else:
        yield "The same story, with all of it kept to look at:", f"{python} {here}/demo.py --keep DIR"
    yield "A post office of your own, on 127.0.0.1:2525:", f"{mailsponge} serve"
    yield "The client, for your own subscriptions:", f"{python} {here}/podcasts.py --help"


def _short(path: str) -> str:
    """A path as one would type it from here."""
    return min(path, os.path.relpath(path), key=len)


def _mark(after: Standings, *names: str) -> str:
    """A show's state; it goes by its address until its title is known."""
    standing = next((after[name] for name in names if name in after), None)
    if standing is None or not standing.judged:
        return "unknown"
    return standing.state
