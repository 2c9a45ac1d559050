"""What every test with a real peer needs: a post office that really runs, the peer's program, and a message.

``mailsponge serve`` runs as its own process on a free loopback port with a data directory of its own; what landed in a
mailbox is read with ``mailsponge mail``, as a person would.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kit import peers
from kit.client import Outcome
from kit.house import House
from kit.mail_server import PATIENCE, MailServer
from kit.post import Post, trace_and_message

PEOPLE = """\
[domains."example.org"]
[users.me]
[users.you]
[aliases]
team = ["me", "you"]
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is a peer test: ``pytest -m 'not peer'`` leaves them out."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.peer)


@pytest.fixture
def peer() -> Callable[[str], str]:
    """Look up a peer's program by its name."""
    return peers.program


class PostOffice:
    """A running ``mailsponge serve`` and the commands that look into it."""

    host = "127.0.0.1"

    def __init__(self, folder: Path) -> None:
        self._server = MailServer(folder, PEOPLE)
        self._server.start()
        self.port = self._server.port

    def stop(self) -> int:
        """End the server as an administrator would; returns its exit status."""
        return self._server.stop()

    @property
    def log(self) -> str:
        return self._server.log.read_text()

    def mails(self, user: str) -> list[dict[str, Any]]:
        """The mails in a user's mailbox, newest first."""
        listed = self._mailsponge("mail", "list", "--user", user, "--json")
        return list(json.loads(listed))

    def raw(self, mail: dict[str, Any]) -> bytes:
        """A mail as it is kept, trace header and all."""
        return self._mailsponge("mail", "show", str(mail["id"]), "--raw")

    def message(self, mail: dict[str, Any]) -> bytes:
        """A mail as it was sent: without the trace header, which has to be there."""
        return trace_and_message(self.raw(mail))[1]

    def sole_message(self, user: str = "me") -> bytes:
        """The message in a mailbox that holds exactly one, as it was sent."""
        [mail] = self.mails(user)
        return self.message(mail)

    def _mailsponge(self, *arguments: str) -> bytes:
        done = subprocess.run(
            [sys.executable, "-m", "mailsponge", *arguments, "--data", self._server.data],
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout


@pytest.fixture
def office(tmp_path: Path) -> Iterator[PostOffice]:
    """A post office for example.org, where me and you live, and team leads to both."""
    office = PostOffice(tmp_path)
    status = None
    try:
        yield office
    finally:
        status = office.stop()
    assert status == 0, f"serve ended with {status}:\n{office.log}"


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """A post office with every way in, one for all tests, in a folder that every user gets at."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        house = House(Path(folder))
        house.start()
        try:
            yield house
        finally:
            status = house.stop()
        log = house.log.read_text()
        assert status == 0, log
        assert "Traceback" not in log


@pytest.fixture
def post(house: House) -> Iterator[Post]:
    """What the house takes in this test, and what it says meanwhile."""
    post = Post(house)
    yield post
    post.empty()


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Outcome]:
    """Run a peer's program; it finds no settings of the person who runs the tests."""
    home = tmp_path / "home"
    home.mkdir()

    def _run(*command: str | Path, stdin: bytes = b"") -> Outcome:
        done = subprocess.run(
            command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"}, check=False,
            timeout=PATIENCE,
        )  # fmt: skip
        return Outcome(done.returncode == 0, done.stdout.decode(errors="replace"), done.returncode)

    return _run


@pytest.fixture
def another_authority(run: Callable[..., Outcome], peer: Callable[[str], str], tmp_path: Path) -> Path:
    """A certificate of somebody who has nothing to do with the house's."""
    certificate = tmp_path / "authority.pem"
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null")
    made = run(peer("openssl"), "req", "-x509", *key, "-subj", "/CN=Another", "-out", certificate)
    assert made.succeeded, made.said
    return certificate
