"""The demo: a post office, a podcast client, and a story of things going wrong; two mails, no more and no fewer.

Starts a post office and a web server of its own, runs the podcast client again and again while feeds break and are
mended, and looks into the mailbox after every run. Each mail also goes on to a second post office, where the reader's
phone looks. Ends with status 0 only if the mails are exactly those the story calls for, here and there. Everything it
writes goes into a temporary directory, which is gone afterwards, as is every process.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from feedserver import FeedServer
from postoffice import CommandFailed, Mail, Mailsponge, PostOffice
from processes import PATIENCE, Processes, Stopped
from screen import Screen, screen
from story import EPISODES, PHONE, READER, SHOWS, STORY, Step
from telling import Teller, standings

JOB = "podcasts"
CLIENT = Path(__file__).with_name("podcasts.py")


class StoryBroken(Exception):
    """The mailbox, or the client, is not as the story has it."""


class Demo:
    """One telling of the story, with everything it writes in one directory."""

    def __init__(
        self, directory: Path, processes: Processes, feeds: FeedServer, teller: Teller, patience: str
    ) -> None:
        self._directory = directory
        self._processes = processes
        self._feeds = feeds
        self._teller = teller
        self._patience = patience
        self._addresses = [feeds.address(name) for name in SHOWS]
        self._mailsponge = Mailsponge(processes, environment(os.environ, directory))

    def play(self) -> None:
        """Tell it from beginning to end. Raises StoryBroken as soon as it goes otherwise."""
        (self._directory / "subscriptions").write_text("\n".join(self._addresses), encoding="utf-8")
        with (
            PostOffice(self._mailsponge, self._directory / "phone", phone_settings()) as phone,
            PostOffice(self._mailsponge, self._directory / "post", settings(phone.address)) as post,
        ):
            self._mailsponge.environ["MAILSPONGE_MAILHOST"] = f"smtp://{post.address}"
            self._teller.opening(post.address, self._feeds.url, post.reader, self._patience)
            for number, step in enumerate(STORY, 1):
                self._run(number, step, post)
            self._check_downloads()
            mails = post.mails()
            self._teller.closing(post, mails)
            self._check_phone(phone, [mail.subject for mail in mails])
            self._teller.phone(post, phone, mails[0])

    def _run(self, number: int, step: Step, post: PostOffice) -> None:
        self._arrange(step)
        client = self._client(post.reader)
        with ThreadPoolExecutor() as both:
            asked = both.submit(self._mailsponge.status, JOB)
            mails = post.mails()
            after = standings(asked.result())
        self._teller.run(number, step, self._addresses, after, mails)
        said = f"{client.stdout}{client.stderr}"
        wrong = wrong_status(number, step, client.returncode) or wrong_mails(number, mails, post.reader)
        if wrong:
            raise StoryBroken(f"{wrong}\nThe client said:\n{said}\nThe post office said:\n{post.said}")

    def _arrange(self, step: Step) -> None:
        self._feeds.mend_all()
        self._feeds.network_down = step.network_down
        for name, how in step.broken.items():
            self._feeds.break_(name, how)

    def _client(self, reader: str) -> subprocess.CompletedProcess[str]:
        """Run the client once, as cron would."""
        options = {
            "--subscriptions": self._directory / "subscriptions",
            "--to": self._directory / "shelf",
            "--timeout": 2,
            "--mail": reader,
            "--patience": self._patience,
        }
        words = [str(word) for option in options.items() for word in option]
        return self._processes.run([sys.executable, str(CLIENT), *words], self._mailsponge.environ)

    def _check_downloads(self) -> None:
        downloads = [a.path for a in self._feeds.answers if a.path.startswith("/audio/") and a.status == 200]
        if sorted(set(downloads)) != sorted(downloads) or len(downloads) != EPISODES:
            raise StoryBroken(
                f"{EPISODES} episodes should have been downloaded once each; these were: {downloads}"
            )

    def _check_phone(self, phone: PostOffice, wanted: list[str]) -> None:
        """Every mail has gone on, or is about to arrive."""
        deadline = time.monotonic() + PATIENCE
        while (found := [mail.subject for mail in phone.mails()]) != wanted:
            if time.monotonic() > deadline:
                raise StoryBroken(f"On the phone should be {wanted}, and there is {found}\n{phone.said}")


def settings(phone: str) -> str:
    """Of the post office: the reader's mail is kept, and goes on to the phone, for which there is a way of its own."""
    return (
        f"[users.{READER}]\n[aliases]\n{READER} = ['{READER}', '{READER}@{PHONE}']\n"
        f"[routes]\n'{PHONE}' = 'smtp://{phone}'\n"
    )


def phone_settings() -> str:
    """Of the other one."""
    return f"hostname = 'mail.{PHONE}'\n[domains.'{PHONE}']\n[users.{READER}]\n"


def environment(given: Mapping[str, str], directory: Path) -> dict[str, str]:
    """The environment of every process of the demo: nothing of the user's own mailsponge, and no traces elsewhere."""
    kept = {name: value for name, value in given.items() if not name.startswith(("MAILSPONGE_", "XDG_"))}
    return kept | {
        "HOME": str(directory),
        "MAILSPONGE_STATE": str(directory / "state"),
        # Forty processes: let them share what the first has compiled, and not leave it lying about.
        "PYTHONPYCACHEPREFIX": str(directory / "pycache"),
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONUTF8": "1",
        "NO_COLOR": "1",
        "COLUMNS": "120",
        "no_proxy": "*",
    }


def wrong_status(number: int, step: Step, status: int) -> str:
    """What is wrong with the client's exit status, by which it says whether something failed; nothing: ""."""
    if status == int(step.fails):
        return ""
    return f"Run {number} should end with status {int(step.fails)}, not {status}.\n"


def wrong_mails(number: int, mails: Sequence[Mail], reader: str) -> str:
    """What is wrong with the mailbox after a run; "" if it holds, newest first, the mails called for and no other."""
    wanted = [step.mail for step in STORY[:number] if step.mail]
    found = list(reversed(mails))
    if len(found) == len(wanted) and all(map(_is, found, wanted, [reader] * len(found))):
        return ""
    return (
        f"After run {number} the mailbox should hold {_counted(wanted)} for {reader}:\n"
        + "".join(f"  a subject with {' and '.join(map(repr, parts))}\n" for parts in wanted)
        + f"and it holds {_counted(found)}:\n"
        + "".join(f"  to {mail.to}: {mail.subject}\n" for mail in found)
    )


def _is(mail: Mail, parts: tuple[str, ...], reader: str) -> bool:
    return mail.to == reader and all(part in mail.subject for part in parts)


def _counted(things: Sequence[object]) -> str:
    return f"{len(things) or 'no'} mail{'' if len(things) == 1 else 's'}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the story. Returns the exit status."""
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that knows no Danish still gets the story
    show = screen()
    try:
        _play(show, options)
    except Stopped as stopped:
        show.line(f"stopped ({stopped})")
        return stopped.status
    except BrokenPipeError:  # nobody reads any more, so nothing more can be said
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (StoryBroken, CommandFailed, OSError, subprocess.SubprocessError) as problem:
        show.heading("The demo failed")
        show.quote(str(problem))
        return 1
    return 0


def _play(show: Screen, options: argparse.Namespace) -> None:
    began = time.monotonic()
    processes = Processes()
    processes.listen()
    teller = Teller(show)
    with _directory(options.keep) as directory, FeedServer() as feeds:
        Demo(directory, processes, feeds, teller, options.patience).play()
    teller.how_to_go_on(options.keep)
    seconds = time.monotonic() - began
    show.line(show.paint(f"✔ Every mail the story calls for, and no other: {seconds:.0f} s.", "green"))


def _directory(keep: Path | None) -> contextlib.AbstractContextManager[Path]:
    """Where everything goes: a place that is kept, or one that is removed. Raises OSError."""
    if keep is None:
        return _temporary()
    keep.mkdir(parents=True)
    return contextlib.nullcontext(keep.resolve())


@contextlib.contextmanager
def _temporary() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mailsponge-demo-") as name:
        yield Path(name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--patience", default="3 runs", help="when a failure matters; any other breaks the story"
    )
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="a new directory for everything, which then stays"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
