"""A post office with every way in that there is, and the ways as a real client takes them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from kit.mail_server import MailServer
from kit.smtp_server import CERTIFICATE

PASSWORD = "correct horse battery staple"
"""The one of ``me``, who logs in; ``you`` and ``søren`` have none."""

SETTINGS = """\
[submission]
listen = ["127.0.0.1:0", "[::1]:0"]
listen_tls = ["127.0.0.1:0", "[::1]:0"]
[local]
socket = "{folder}/submit"
[lmtp]
listen = ["127.0.0.1:0", "unix:{folder}/lmtp"]
[tls]
certificate = "{certificate}"
[limits]
login_failures = 1000  # clients that may not log in do so one after the other here: none has to wait for that
[domains."example.org"]
[users.me]
{password}
[users.you]
[users."søren"]
[aliases]
team = ["me", "you"]
"""


class Way(NamedTuple):
    """A way in, as a client takes it."""

    name: str
    entrance: str
    """As the server calls it when it is ready."""
    protocol: str
    """The word for it in Received (RFC 3848)."""
    place: int = 0
    """Which of the entrance's addresses."""
    starttls: bool = False
    mechanism: str = ""
    """How the client logs in; empty: not at all."""

    @property
    def tls_first(self) -> bool:
        return self.entrance == "submissions"

    @property
    def tls(self) -> bool:
        return self.starttls or self.tls_first


PLAIN = Way("IPv4", "smtp", "ESMTP")
IPV6 = Way("IPv6", "smtp", "ESMTP", place=1)
STARTTLS = Way("STARTTLS", "smtp", "ESMTPS", starttls=True)
SOCKET = Way("socket", "local", "ESMTP")
LMTP = Way("LMTP", "lmtp", "LMTP")
LMTP_STARTTLS = Way("LMTP-STARTTLS", "lmtp", "LMTPS", starttls=True)
LMTP_SOCKET = Way("LMTP-socket", "lmtp", "LMTP", place=1)
SUBMISSION = Way("submission", "submission", "ESMTPSA", starttls=True, mechanism="PLAIN")
SUBMISSION_LOGIN = SUBMISSION._replace(name="submission-LOGIN", mechanism="LOGIN")
SUBMISSION_SCRAM = SUBMISSION._replace(name="submission-SCRAM", mechanism="SCRAM-SHA-256")
SUBMISSION_IPV6 = SUBMISSION._replace(name="submission-IPv6", place=1)
SUBMISSIONS = Way("submissions", "submissions", "ESMTPSA", mechanism="PLAIN")
SUBMISSIONS_SCRAM = SUBMISSIONS._replace(name="submissions-SCRAM", mechanism="SCRAM-SHA-256")
SUBMISSIONS_IPV6 = SUBMISSIONS._replace(name="submissions-IPv6", place=1)


class Address(NamedTuple):
    """Where a server listens: on a host and a port, or, if the port is 0, at a path."""

    host: str
    port: int = 0

    def __str__(self) -> str:
        """As clients write it: ``127.0.0.1:25``, ``[::1]:25`` or the path."""
        if not self.port:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class House(MailServer):
    """For ``me``, who logs in with :data:`PASSWORD`, ``you`` and ``søren``, all at example.org."""

    def __init__(self, folder: Path) -> None:
        settings = SETTINGS.format(folder=folder, certificate=CERTIFICATE, password=hashed(PASSWORD))
        super().__init__(folder, settings, hosts=("127.0.0.1", "[::1]"))

    def address(self, way: Way) -> Address:
        """Where a way begins."""
        told = self.addresses[way.entrance][way.place]
        if told.startswith(("unix:", "/")):
            return Address(told.removeprefix("unix:"))
        host, _, port = told.rpartition(":")
        return Address(host.strip("[]"), int(port))


def hashed(password: str) -> str:
    """The line for the configuration that ``mailsponge password`` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "mailsponge", "password"], input=f"{password}\n", stdout=subprocess.PIPE, text=True,
        check=True,
    )  # fmt: skip
    return done.stdout
