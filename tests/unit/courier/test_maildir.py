"""Rules of a Maildir: a file a message, whole or not there, in hostile surroundings too."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from kit.orders import HOUSE, LETTER, ORDER, deliver, myself
from mailsponge.courier.maildir import Maildir, folder_of, unique_name
from mailsponge.mail.outcome import Result

NAME = f"1700000000.M250000P7Q17.mail.example.org,S={len(LETTER)}"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "Maildir"


@pytest.fixture
def maildir(there: Path) -> Maildir:
    return Maildir(str(there), HOUSE)


def names(there: Path) -> dict[str, list[str]]:
    return {part: sorted(os.listdir(there / part)) for part in ("cur", "new", "tmp")}


def test_a_letter_lies_in_new_as_it_is(maildir: Maildir, there: Path):
    outcome = deliver(maildir)

    assert outcome.result is Result.DELIVERED
    assert outcome.why == f"into {there}"
    assert names(there) == {"cur": [], "new": [NAME], "tmp": []}
    assert (there / "new" / NAME).read_bytes() == LETTER


def test_nobody_else_may_read_it(maildir: Maildir, there: Path):
    deliver(maildir)

    assert stat.S_IMODE((there / "new" / NAME).stat().st_mode) == 0o600
    assert {stat.S_IMODE(path.stat().st_mode) for path in (there, *there.iterdir())} == {0o700}


def test_its_name_says_when_it_came_and_how_large_it_is():
    assert unique_name(HOUSE, ORDER, 1234) == "1700000000.M250000P7Q17.mail.example.org,S=1234"


def test_no_host_makes_a_path_of_a_name():
    assert "/" not in unique_name(HOUSE._replace(host="../../etc/x:y"), ORDER, 1)


def test_a_home_directory_is_the_persons(tmp_path: Path):
    deliver(Maildir("~/Mail", HOUSE), person=myself(tmp_path))

    assert os.listdir(tmp_path / "Mail" / "new") == [NAME]


def test_a_large_letter_is_all_there(maildir: Maildir, there: Path):
    letter = b"Subject: large\n\n" + b"x" * 3_000_000 + b"\n"
    deliver(maildir, letter)

    [name] = os.listdir(there / "new")
    assert (there / "new" / name).read_bytes() == letter


def test_another_message_lies_beside_it(maildir: Maildir, there: Path):
    deliver(maildir)
    deliver(maildir, message=18)

    assert len(os.listdir(there / "new")) == 2


# A second attempt


def test_a_second_attempt_finds_it_in_new(maildir: Maildir, there: Path):
    deliver(maildir)

    assert deliver(maildir, again=True).result is Result.DELIVERED
    assert names(there) == {"cur": [], "new": [NAME], "tmp": []}


def test_a_second_attempt_finds_what_was_read_meanwhile(maildir: Maildir, there: Path):
    deliver(maildir)
    (there / "new" / NAME).rename(there / "cur" / f"{NAME}:2,S")

    outcome = deliver(maildir, again=True)
    assert outcome.result is Result.DELIVERED
    assert "nobody heard the end of" in outcome.why
    assert names(there) == {"cur": [f"{NAME}:2,S"], "new": [], "tmp": []}


# Folders


def test_a_detail_leads_to_a_folder_that_is_there(maildir: Maildir, there: Path):
    deliver(maildir, message=1)
    (there / ".Lists.Python").mkdir()
    deliver(maildir, detail="Lists.Python")

    assert os.listdir(there / ".Lists.Python" / "new") == [NAME]


def test_a_detail_makes_no_folder(maildir: Maildir, there: Path):
    deliver(maildir, detail="lists")

    assert sorted(os.listdir(there)) == ["cur", "new", "tmp"]
    assert os.listdir(there / "new") == [NAME]


@pytest.mark.parametrize(
    "detail",
    [
        "", ".", "..", "a/b", "../x", "a..b", ".a", "a.", "a b", "a\0b", "ä", "x" * 201, "a\n", "Sent", "sent-items",
        "Drafts", "Trash", "Junk", "Spam", "INBOX", "Deleted", "Lists.Sent", "Archive.2024",
    ],
)  # fmt: skip
def test_no_address_leads_to_what_is_no_folder_for_strangers(detail: str):
    assert folder_of(detail) is None


def test_a_folder_that_is_a_link_is_not_gone_into(maildir: Maildir, there: Path, tmp_path: Path):
    deliver(maildir, message=1)
    (tmp_path / "elsewhere").mkdir()
    (there / ".lists").symlink_to(tmp_path / "elsewhere")

    assert deliver(maildir, detail="lists").result is Result.DEFERRED
    assert os.listdir(tmp_path / "elsewhere") == []


# Hostile surroundings


@pytest.mark.parametrize("part", ["tmp", "new", "cur"])
def test_parts_that_are_links_are_not_followed(maildir: Maildir, there: Path, tmp_path: Path, part: str):
    there.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (there / part).symlink_to(tmp_path / "elsewhere")

    outcome = deliver(maildir)
    assert (outcome.result, outcome.status) == (Result.DEFERRED, "4.3.5")
    assert f"{there}/{part}: " in outcome.why
    assert "symbolic link" in outcome.why
    assert os.listdir(tmp_path / "elsewhere") == []


def test_a_file_in_the_place_of_the_maildir_is_left_alone(maildir: Maildir, there: Path):
    there.write_text("notes")

    assert deliver(maildir).result is Result.DEFERRED
    assert there.read_text() == "notes"


def test_a_home_that_is_not_mounted_is_not_made(tmp_path: Path):
    outcome = deliver(Maildir("~/Maildir", HOUSE), person=myself(tmp_path / "home"))

    assert outcome.result is Result.DEFERRED
    assert "mount the disk" in outcome.why
    assert not (tmp_path / "home").exists()


def test_other_files_are_never_touched(maildir: Maildir, there: Path):
    deliver(maildir, message=1)
    control = [there / "dovecot.index", there / "dovecot-uidlist", there / "new" / "dovecot.x"]
    for file in control:
        file.write_text("theirs")
    deliver(maildir)

    assert [file.read_text() for file in control] == ["theirs"] * 3


@pytest.mark.parametrize(
    ("number", "status", "advice"),
    [
        (errno.ENOSPC, "4.3.1", "make room on that disk"),
        (errno.EDQUOT, "4.2.2", "the user has to make room"),
        (errno.EIO, "4.3.0", "see what is wrong there"),
    ],
)
@pytest.mark.parametrize("call", ["fsync", "link"])
def test_a_disk_that_fails_leaves_nothing_behind(
    maildir: Maildir, there: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, status: str, advice: str
):  # fmt: skip
    deliver(maildir, message=1)

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as broken:
        broken.setattr(os, call, fail)
        outcome = deliver(maildir)
    assert (outcome.result, outcome.status) == (Result.DEFERRED, status)
    assert advice in outcome.why
    assert names(there)["tmp"] == []
    assert len(names(there)["new"]) == 1


def test_where_files_have_one_name_only_it_is_renamed(
    maildir: Maildir, there: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    deliver(maildir)

    assert names(there) == {"cur": [], "new": [NAME], "tmp": []}
