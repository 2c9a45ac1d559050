"""A post office that does everything at once: keeps mail, delivers it, sends it on, sends it back, reports; and the
account of it.

    with BusyOffice(folder) as busy:
        server = busy.server()
        server.start()
        busy.post_until_it_is_gone(server)
        …
        twice = busy.account()

One folder, and one database, outlive any number of its servers.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from kit.far_away import BOX, DOMAIN, FarAway
from kit.mail_server import MailServer
from kit.office import Office, in_maildir
from kit.posted import LOST, Line, Posted, doubles
from mailsponge.data_place import DataPlace

SETTINGS = """
[domains."example.org"]
[users.me]
[users.sender]
[users.reader]
deliver = "maildir:{folder}/reader"
[aliases]
box = "{box}"
never = "never@{domain}"
[routes]
"{domain}" = "smtp://127.0.0.1:{port}"
[queue]
{queue}
[limits]
{limits}
"""
SOON = 'first_retry = "1 s"\nlongest_retry = "2 s"'
SENDER = "sender@example.org"
ME, AWAY, NEVER, READER = (f"{name}@example.org" for name in ("me", "box", "never", "reader"))
"""A mailbox here, one far away, nobody there, a Maildir here."""


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that the server gets at: root's own letters are delivered to nobody."""
    with tempfile.TemporaryDirectory(prefix="mailsponge-") as made:
        if os.geteuid() == 0:
            shutil.chown(made, "nobody")
        yield Path(made)


class BusyOffice:
    """Its letters, and where they go.

    Args:
        folder: the server's user owns it.
        data: the URL of a database; left out, the data lie in the folder.
        limits, queue: lines of the configuration.
    """

    def __init__(self, folder: Path, data: str = "", *, limits: str = "", queue: str = SOON) -> None:
        self.folder = folder
        self._data = data
        self._limits = limits
        self._queue = queue
        self.posted = Posted()
        self.far = FarAway()
        self.office = Office(DataPlace.parse(data or folder / "data"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.far.__exit__()

    def server(self, *program: object, name: str = "") -> MailServer:
        """A server of it that has not been started.

        ``program``: what runs it. ``name``: a folder within the folder, for one of several.
        """
        settings = SETTINGS.format(
            folder=self.folder,
            box=BOX,
            domain=DOMAIN,
            port=self.far.port,
            limits=self._limits,
            queue=self._queue,
        )
        user = "nobody" if os.geteuid() == 0 else None
        runs: Sequence[str] = tuple(map(str, program)) or ("-m", "mailsponge")
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return MailServer(folder, settings, data=self._data, program=runs, user=user)

    @staticmethod
    def post_some(line: Line) -> None:
        """A letter for all of them, one whose sender wishes to hear of success, and a large one."""
        line.post(SENDER, ME, AWAY, NEVER, READER)
        line.post(SENDER, ME, rcpt=" NOTIFY=SUCCESS,FAILURE")
        line.post(SENDER, ME, AWAY, size=300_000)

    def post_until_it_is_gone(self, server: MailServer) -> None:
        """One after the other."""
        with suppress(*LOST), self.posted.line(server.port) as line:
            while True:
                self.post_some(line)

    def account(self) -> Counter[str]:
        """All that was taken is there, and nothing that was refused; how often something is there twice, by where."""
        reports = self.office.reports("sender")
        places = {
            ME: self.office.letters("me"),
            READER: in_maildir(self.folder / "reader"),
            AWAY: self.far.letters(),
            NEVER: reports,
        }
        for recipient, copies in places.items():
            assert self.posted.lost(recipient, copies) == [], recipient
            assert self.posted.refused_and_there(copies) == [], recipient
        wished = [letter.token for letter in self.posted.to(ME) if len(letter.recipients) == 1]
        assert [token for token in wished if token not in reports] == []
        return Counter({recipient: doubles(copies) for recipient, copies in places.items()})
