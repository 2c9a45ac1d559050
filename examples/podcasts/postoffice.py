"""The post office of the demo: `mailsponge` as its own process, and as the commands a person would type."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from processes import PATIENCE, Processes, end, start

READY = re.compile(r"ready: smtp (127\.0\.0\.1:\d+) · mail for (\S+@\S+)")


class CommandFailed(Exception):
    """A command ended otherwise than it should; the text says how."""


class Mail(NamedTuple):
    """A line of the mailbox."""

    id: str
    mailbox: str
    to: str
    subject: str


class Mailsponge:
    """The command `mailsponge`, run in an environment of its own."""

    def __init__(self, processes: Processes, environ: Mapping[str, str]) -> None:
        self.processes = processes
        self.environ = dict(environ)

    def command(self, *arguments: str) -> list[str]:
        """The words to start it with."""
        return [sys.executable, "-m", "mailsponge", *arguments]

    def __call__(self, *arguments: str) -> str:
        """What a command prints. Raises CommandFailed unless it ends with status 0."""
        done = self.processes.run(self.command(*arguments), self.environ)
        if done.returncode:
            raise CommandFailed(f"mailsponge {' '.join(arguments)}: status {done.returncode}\n{done.stderr}")
        return done.stdout

    def status(self, job: str) -> list[dict[str, Any]]:
        """What the sponge remembers of each source of a job."""
        sources: list[dict[str, Any]] = json.loads(self("status", job, "--json"))
        return sources


class PostOffice:
    """`mailsponge serve` on a free port of this machine alone, from ``with`` until it is left."""

    def __init__(self, mailsponge: Mailsponge, data: Path, settings: str) -> None:
        """``settings``: its configuration (TOML), which is kept beside its data."""
        self._mailsponge = mailsponge
        self._data = ("--data", str(data))
        self._config = data.with_suffix(".toml")
        self._config.write_text(settings, encoding="utf-8")
        self._said: list[str] = []
        self._ready = threading.Event()
        self._listening = threading.Thread(target=self._listen)

    def __enter__(self) -> Self:
        command = self._mailsponge.command(
            "serve", "--smtp", "127.0.0.1:0", "--config", str(self._config), *self._data
        )
        self._process = start(command, self._mailsponge.environ)
        self._listening.start()
        try:
            self.address, self.reader = self._wait_until_ready()
        except BaseException:
            self._end()
            raise
        return self

    def _listen(self) -> None:
        """Hear what it says until it ends."""
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self._said.append(line)
                if READY.search(line):
                    self._ready.set()
        self._ready.set()  # as ready as it will ever be

    def _wait_until_ready(self) -> tuple[str, str]:
        """Where it takes mail, and the one person who gets it."""
        self._ready.wait(PATIENCE)
        self._mailsponge.processes.hear()
        match = READY.search(self.said)
        if match is None:
            raise CommandFailed(f"mailsponge serve did not get ready. It said:\n{self.said}")
        return match[1], match[2]

    @property
    def said(self) -> str:
        """What it has printed so far."""
        return "".join(self._said)

    def mails(self) -> list[Mail]:
        """What lies in the mailbox, newest first."""
        listed = json.loads(self._mailsponge("mail", "list", "--json", *self._data))
        return [Mail(str(m["id"]), m["mailbox"], _joined(m["to"]), m["subject"]) for m in listed]

    def mail_list(self) -> str:
        """The mailbox as a person sees it."""
        return self._mailsponge("mail", "list", *self._data)

    def mail_show(self, mail: Mail) -> str:
        """A mail as a person reads it."""
        return self._mailsponge("mail", "show", mail.id, *self._data)

    def trace(self, mail: Mail) -> str:
        """What became of a mail, as a person is told."""
        return self._mailsponge("trace", mail.id, *self._data)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        end(self._process)
        self._listening.join()


def _joined(to: str | list[str]) -> str:
    return to if isinstance(to, str) else ", ".join(to)
