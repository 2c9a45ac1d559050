"""The whole server on a disk that fails, is full, or can only be read: mail is put off meanwhile, and all is well again
without a restart as soon as the disk is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from kit.awaited import awaited, until
from kit.busy_office import AWAY, ME, SENDER, BusyOffice
from kit.mail_server import MailServer
from kit.postgres import Postgres

VICTIM = Path(__file__).with_name("office_victim.py")
TIMES = 40


def test_each_write_fails_in_turn_and_nothing_is_lost_or_doubled(folder: Path) -> None:
    with BusyOffice(folder) as busy:
        first = busy.server()
        first.start()
        assert first.stop() == 0
        server = busy.server(VICTIM, "fail", TIMES)
        server.start()
        with busy.posted.line(server.port) as line:
            while f"has failed {TIMES} times" not in server.log.read_text():
                busy.post_some(line)
        busy.office.wait_until_nothing_waits()
        assert server.stop() == 0
        twice = busy.account()
    print(f"{len(busy.posted.taken)} of {len(busy.posted.letters)} letters were taken; twice: {dict(twice)}")
    assert 0 < len(busy.posted.taken) < len(busy.posted.letters)
    # An attempt that succeeded is not made again because it could not be written down at once.
    assert not +twice
    assert "Traceback" not in server.log.read_text()


class Trouble(NamedTuple):
    """What is wrong with the disk, from one moment to another."""

    begins: Callable[[], object]
    ends: Callable[[], object]


class Case(NamedTuple):
    """A server, and the trouble that its disk will be in."""

    busy: BusyOffice
    server: MailServer
    trouble: Trouble
    reply: str


@pytest.fixture
def at_end() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(params=["full", "read-only", "small"])
def case(request: pytest.FixtureRequest, folder: Path, at_end: ExitStack) -> Case:
    """A disk that says it is full, one that says it can only be read, and a real one that is full."""
    if request.param == "small":
        _mounted(folder, at_end)
    busy = at_end.enter_context(BusyOffice(folder, limits='least_free = "1 kB"'))
    if request.param == "small":
        filler = folder / "filler"
        return Case(busy, busy.server(), Trouble(lambda: _fill(filler), filler.unlink), "452 4.3.1 ")
    state = folder / "state"
    state.write_text("well")
    return Case(
        busy,
        busy.server(VICTIM, "state", state),
        Trouble(lambda: state.write_text(request.param), lambda: state.write_text("well")),
        "452 4.3.1 " if request.param == "full" else "452 4.3.0 ",
    )


def _mounted(folder: Path, at_end: ExitStack, size: str = "8m") -> None:
    """Put a small disk there, which is the same user's."""
    owner = folder.stat()
    options = f"size={size},uid={owner.st_uid},gid={owner.st_gid}"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], check=False)
    if mounted.returncode:
        pytest.skip("no right to mount a small disk here; its twin in memory is tested")
    at_end.callback(subprocess.run, ["umount", folder], check=True)


def _fill(filler: Path) -> None:
    """Take up all the room that there is, to the last octet."""
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(64 * 1024))


def put_off(busy: BusyOffice, server: MailServer, reply: str) -> None:
    """Post until nothing is taken any more: what room there is within the file is used up first."""
    with busy.posted.line(server.port) as line:
        refused = 0
        while refused < 3:
            letter = line.post(SENDER, ME, AWAY)
            refused = 0 if letter.taken else refused + 1
            assert letter.taken or str(letter.reply).startswith(reply)
        assert str(line.post(SENDER, ME, size=600_000).reply).startswith(reply)


def test_mail_is_put_off_until_the_disk_is_well_and_what_was_done_is_not_done_again(case: Case) -> None:
    busy, server, trouble, reply = case
    server.start()
    with busy.far.waits_at_the_end():
        with busy.posted.line(server.port) as line:
            line.post(SENDER, AWAY)
        until(lambda: busy.far.letters(), lambda: server.log.read_text())
        trouble.begins()
        put_off(busy, server, reply)
    awaited(lambda log: "not-settled " in log, server.log.read_text)
    trouble.ends()
    with busy.posted.line(server.port) as line:
        busy.post_some(line)
        assert busy.posted.letters[-1].taken
    busy.office.wait_until_nothing_waits()
    assert server.stop() == 0
    assert not +busy.account()
    assert "Traceback" not in server.log.read_text()


@pytest.fixture
def small_database(postgres: Postgres, at_end: ExitStack) -> tuple[str, Path]:
    """A database on a disk with little room, and that disk."""
    place = postgres.home / "small"
    place.mkdir()
    shutil.chown(place, postgres.home.owner(), postgres.home.group())
    at_end.callback(place.rmdir)
    _mounted(place, at_end, "20m")
    os.chmod(place, 0o700)
    (place / "space").mkdir()
    shutil.chown(place / "space", postgres.home.owner(), postgres.home.group())
    postgres.sql(f"CREATE TABLESPACE small LOCATION '{place / 'space'}'")
    at_end.callback(postgres.sql, "DROP TABLESPACE small")
    postgres.sql("CREATE DATABASE small TABLESPACE small")
    at_end.callback(postgres.sql, "DROP DATABASE small WITH (FORCE)")
    return postgres.url("small"), place


def test_so_is_it_until_a_database_has_room_again(
    folder: Path, small_database: tuple[str, Path], at_end: ExitStack
) -> None:
    url, place = small_database
    busy = at_end.enter_context(BusyOffice(folder, url))
    server = busy.server()
    server.start()
    with busy.far.waits_at_the_end(), busy.posted.line(server.port) as line:
        busy.post_some(line)
        until(lambda: busy.far.letters(), server.log.read_text)
        _fill(place / "filler")
        put_off(busy, server, "452 4.3.1 ")
    (place / "filler").unlink()
    with busy.posted.line(server.port) as line:
        busy.post_some(line)
        assert busy.posted.letters[-1].taken
    busy.office.wait_until_nothing_waits()
    assert server.stop() == 0
    assert not +busy.account()
    assert "Traceback" not in server.log.read_text()
