"""Rules of the pickup directory: everybody may put in what they like, and only a letter is ever read."""

from __future__ import annotations

import os
import pwd
import socket
import stat
from pathlib import Path

import pytest

from kit.programs import wait_until
from mailsponge.errors import UsageError
from mailsponge.server import pickup_directory
from mailsponge.server.pickup_directory import PickupDirectory, Unfit, prepare

NOBODY = pwd.getpwnam("nobody")
NAME = "0123456789abcdef0123456789abcdef"
OTHER = "f" * 32

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")


@pytest.fixture
def place(tmp_path) -> Path:
    prepare(tmp_path / "pickup", os.geteuid(), os.getegid())
    return tmp_path / "pickup"


@pytest.fixture
def directory(place):
    opened = PickupDirectory(place)
    yield opened
    opened.close()


def later_than(old: Path, place: Path) -> bool:
    """Whether a file that is made now is younger than another, by the system's clock."""
    (place / "tick").touch()
    ticked = (place / "tick").stat().st_ctime_ns
    (place / "tick").unlink()
    return ticked > old.stat().st_ctime_ns


def late(place: Path, name: str) -> float:
    """A moment at which what lies there has been there for too long."""
    return (place / name).lstat().st_ctime + pickup_directory.RUBBISH_AFTER + 1


def now(place: Path) -> float:
    return place.stat().st_ctime


def test_it_is_made_so_that_all_may_put_in_and_nobody_else_may_look(place):
    assert stat.S_IMODE(place.stat().st_mode) == 0o1733


def test_so_it_is_whatever_the_umask_is_and_others_get_there(tmp_path):
    before = os.umask(0o077)
    try:
        prepare(tmp_path / "spool" / "mailsponge" / "pickup", os.geteuid(), os.getegid())
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "spool" / "mailsponge").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "spool" / "mailsponge" / "pickup").stat().st_mode) == 0o1733


@as_root
def test_it_is_the_users_whom_the_server_runs_as(tmp_path):
    prepare(tmp_path / "pickup", NOBODY.pw_uid, NOBODY.pw_gid)

    assert (tmp_path / "pickup").stat().st_uid == NOBODY.pw_uid


def test_one_that_is_there_stays_as_it_is(tmp_path):
    (tmp_path / "pickup").mkdir(mode=0o700)
    prepare(tmp_path / "pickup", os.geteuid(), os.getegid())

    assert stat.S_IMODE((tmp_path / "pickup").stat().st_mode) == 0o700


def test_one_where_others_may_take_out_is_refused(tmp_path):
    (tmp_path / "pickup").mkdir()
    (tmp_path / "pickup").chmod(0o777)
    with pytest.raises(
        UsageError, match=r"not the server's alone to take things out of: `chown .* chmod 1733"
    ):
        prepare(tmp_path / "pickup", os.geteuid(), os.getegid())


@as_root
def test_somebody_elses_is_refused(tmp_path):
    prepare(tmp_path / "pickup", NOBODY.pw_uid, NOBODY.pw_gid)
    with pytest.raises(UsageError, match="not the server's alone"):
        PickupDirectory(tmp_path / "pickup")


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to(path.parent)])
def test_what_is_no_directory_is_refused(tmp_path, make):
    make(tmp_path / "pickup")
    with pytest.raises(UsageError, match="is no directory"):
        prepare(tmp_path / "pickup", os.geteuid(), os.getegid())


def test_a_link_is_never_followed_even_if_it_comes_later(tmp_path, place):
    (tmp_path / "link").symlink_to(place)
    with pytest.raises(UsageError, match="cannot be looked at"):
        PickupDirectory(tmp_path / "link")


def test_where_none_can_be_made_it_says_what_to_do(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="name a directory that the server can make"):
        prepare(tmp_path / "file" / "pickup", os.geteuid(), os.getegid())


def test_a_letter_is_found_and_read(directory, place):
    (place / NAME).write_bytes(b"MAIL")
    found = directory.look(now(place))
    letter = directory.open(NAME)

    assert (found.letters, found.rubbish) == ([NAME], [])
    assert (letter.uid, letter.size) == (os.getuid(), 4)
    assert os.read(letter.descriptor, 10) == b"MAIL"
    assert directory.is_unchanged(letter)
    os.close(letter.descriptor)


def test_one_that_was_written_to_meanwhile_has_changed(directory, place):
    (place / NAME).write_bytes(b"MAIL")
    letter = directory.open(NAME)
    (place / NAME).write_bytes(b"MAIL FROM")

    assert not directory.is_unchanged(letter)
    os.close(letter.descriptor)


def test_one_that_got_another_name_meanwhile_has_too(directory, place):
    (place / NAME).write_bytes(b"MAIL")
    letter = directory.open(NAME)
    (place / OTHER).hardlink_to(place / NAME)

    assert not directory.is_unchanged(letter)
    os.close(letter.descriptor)


def a_link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def a_hard_link(path: Path) -> None:
    (path.parent.parent / "precious").write_text("secret")
    path.hardlink_to(path.parent.parent / "precious")


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        directory = os.open(path.parent, os.O_DIRECTORY)
        made.bind(f"/proc/self/fd/{directory}/{path.name}")  # the path itself may be too long for a socket
        os.close(directory)


STRANGE = [a_link, a_hard_link, os.mkfifo, Path.mkdir, a_socket]


@pytest.mark.parametrize("make", STRANGE)
def test_what_is_no_file_with_one_name_is_no_letter(directory, place, make):
    make(place / NAME)

    assert directory.look(now(place)).letters == []


@pytest.mark.parametrize("make", [a_hard_link, os.mkfifo, Path.mkdir])
def test_nor_is_it_if_it_was_put_there_after_the_look(directory, place, make):
    make(place / NAME)
    with pytest.raises(Unfit, match="no regular file with one name"):
        directory.open(NAME)


@pytest.mark.parametrize("make", [a_link, a_socket])
def test_some_cannot_even_be_opened(directory, place, make):
    make(place / NAME)
    with pytest.raises(OSError, match=r"symbolic links|No such device"):
        directory.open(NAME)


@pytest.mark.parametrize("name", ["tmp-" + NAME, NAME.upper(), NAME[:-1], NAME + "0", ".hidden", "x", "é"])
def test_what_is_not_named_like_a_letter_is_being_written(directory, place, name):
    (place / name).touch()

    assert directory.look(now(place)) == ([], [])


@pytest.mark.parametrize("make", [*STRANGE, Path.touch])
def test_after_an_hour_it_is_rubbish_and_what_it_leads_to_stays(directory, place, make):
    name = NAME if make is not Path.touch else "tmp-" + NAME
    make(place / name)
    found = directory.look(late(place, name))
    for each in found.rubbish:
        directory.remove(each)

    assert found == ([], [name])
    assert list(place.iterdir()) == []
    assert Path("/etc/passwd").exists()
    assert make is not a_hard_link or (place.parent / "precious").read_text() == "secret"


def test_a_letter_is_never_rubbish(directory, place):
    (place / NAME).write_bytes(b"MAIL")

    assert directory.look(late(place, NAME)) == ([NAME], [])


def test_nobodys_clock_but_the_systems_says_how_old_it_is(directory, place):
    (place / "x").touch()
    os.utime(place / "x", (0, 0))

    assert directory.look(now(place)).rubbish == []


def test_what_is_gone_already_is_removed(directory):
    directory.remove(NAME)


def test_a_directory_with_something_in_it_stays(directory, place):
    (place / "x" / "y").mkdir(parents=True)
    with pytest.raises(OSError, match="not empty"):
        directory.remove("x")


@as_root
def test_whose_a_letter_is_says_the_kernel(directory, place):
    (place / NAME).write_bytes(b"MAIL FROM:<root@example.org>")
    os.chown(place / NAME, NOBODY.pw_uid, -1)
    letter = directory.open(NAME)

    assert letter.uid == NOBODY.pw_uid
    os.close(letter.descriptor)


@as_root
def test_it_is_everybodys_turn_and_each_ones_oldest_first(directory, place, monkeypatch):
    monkeypatch.setattr(pickup_directory, "LETTERS_AT_ONCE", 3)
    names = [f"{number:032x}" for number in range(10)]
    for name in names[5:]:
        (place / name).touch()
    wait_until(lambda: later_than(place / names[9], place))
    for name in names[:5]:
        (place / name).touch()
    os.chown(place / names[9], NOBODY.pw_uid, -1)
    letters = directory.look(now(place)).letters

    assert names[9] in letters[:2]
    assert [name for name in letters if name != names[9]] == names[5:8]


def test_of_one_user_there_is_an_end_to_the_bytes(directory, place, monkeypatch):
    monkeypatch.setattr(pickup_directory, "BYTES_AT_ONCE", 10)
    for number in range(4):
        (place / f"{number:032x}").write_bytes(b"x" * 6)

    assert directory.look(now(place)).letters == ["0" * 32]


def test_one_that_is_too_large_for_that_is_taken_alone(directory, place, monkeypatch):
    monkeypatch.setattr(pickup_directory, "BYTES_AT_ONCE", 5)
    (place / NAME).write_bytes(b"x" * 6)

    assert directory.look(now(place)).letters == [NAME]
