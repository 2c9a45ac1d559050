"""A ledger that cannot be read is kept aside, byte for byte; a new one is begun, and standard error tells of it."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kit.programs import Job
from mailsponge.sponge.ledger.sqlite_file import VERSION

Damage = Callable[[Path], None]


@pytest.fixture
def kept(job: Job) -> Job:
    """A job with some history: enough for the ledger to be more than a page or two."""
    job.log('for number in range(300): log.info(f"number {number} " + "x" * 200)')
    job.log('log.error("gone wrong")')
    return job


def aside(job: Job) -> list[Path]:
    return sorted(job.place.directory.glob("ledger.db.damaged-*"))


def assert_it_was_told_once(said: str, where: Path) -> None:
    assert said.count("\n") == 1
    assert said.startswith("mailsponge: job job: the ledger ")
    assert f"it is kept as {where}, and a new one is begun" in said


def garbage(path: Path) -> None:
    path.write_bytes(random.Random("garbage").randbytes(20_000))


def text(path: Path) -> None:
    path.write_text("this is no ledger\n" * 1000)


def a_header_and_then_nothing(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def cut_in_the_middle_of_a_page(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 100])


def cut_between_pages(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:8192])


def zeros_in_the_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    path.write_bytes(content)


def another_program_s_schema(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE run (unlike TEXT)")
        database.execute(f"PRAGMA user_version = {VERSION}")


@pytest.mark.parametrize(
    "damage",
    [
        garbage,
        text,
        a_header_and_then_nothing,
        cut_in_the_middle_of_a_page,
        cut_between_pages,
        zeros_in_the_middle,
    ],
)
def test_a_damaged_ledger_is_set_aside_and_the_program_goes_on(kept: Job, damage: Damage):
    damage(kept.place.ledger)
    content = kept.place.ledger.read_bytes()

    done = kept.log('log.error("after")', "sys.exit(3)")

    assert done.status == 3
    (where,) = aside(kept)
    assert where.read_bytes() == content
    assert_it_was_told_once(done.err, where)
    assert kept.texts() == ["after"]
    assert kept.endings() == ["finished"]
    assert kept.left_to_fold() == []


def test_on_every_python(kept: Job, python: str):
    garbage(kept.place.ledger)
    content = kept.place.ledger.read_bytes()

    done = kept.log('log.error("after")', python=python)

    (where,) = aside(kept)
    assert where.read_bytes() == content
    assert_it_was_told_once(done.err, where)
    assert kept.texts() == ["after"]


def test_after_that_all_is_as_ever(kept: Job):
    garbage(kept.place.ledger)
    kept.log('log.error("one")')

    done = kept.log('log.error("two")')

    assert done.err == ""
    assert kept.texts() == ["one", "two"]
    assert len(aside(kept)) == 1


def test_a_second_damage_does_not_overwrite_what_was_kept_of_the_first(kept: Job):
    for number in range(3):
        kept.place.ledger.write_bytes(b"garbage %d" % number * 1000)
        kept.log('log.error("after")')

    assert sorted(path.read_bytes()[:9] for path in aside(kept)) == [b"garbage 0", b"garbage 1", b"garbage 2"]


def test_a_directory_in_its_place_is_set_aside_with_what_is_in_it(kept: Job):
    kept.place.ledger.unlink()
    kept.place.ledger.mkdir()
    (kept.place.ledger / "notes.txt").write_text("mine")

    done = kept.log('log.error("after")', "sys.exit(3)")

    assert done.status == 3
    (where,) = aside(kept)
    assert (where / "notes.txt").read_text() == "mine"
    assert_it_was_told_once(done.err, where)
    assert kept.texts() == ["after"]


@pytest.mark.parametrize("kind", ["fifo", "link to nowhere", "link to itself", "empty"])
def test_whatever_stands_in_its_place_the_program_goes_on_and_nothing_is_lost(kept: Job, kind: str):
    kept.place.ledger.unlink()
    if kind == "fifo":
        os.mkfifo(kept.place.ledger)
    elif kind == "link to nowhere":
        kept.place.ledger.symlink_to(kept.home / "nowhere" / "ledger.db")
    elif kind == "link to itself":
        kept.place.ledger.symlink_to(kept.place.ledger)
    else:
        kept.place.ledger.touch()

    done = kept.log('log.error("after")', "sys.exit(3)")

    assert done.status == 3
    if done.err:
        assert done.err.count("\n") == 1
        assert done.err.startswith("mailsponge: job job: the ledger ")
        if not aside(kept):
            assert "the next run folds it" in done.err
            kept.place.ledger.unlink()
            kept.squeeze()
    assert kept.texts() == ["after"]


def test_a_ledger_of_a_newer_mailsponge_is_left_alone_and_nothing_is_lost(kept: Job):
    with closing(sqlite3.connect(kept.place.ledger)) as database:
        database.execute("PRAGMA user_version = 99")
    content = kept.place.ledger.read_bytes()

    done = kept.log('log.error("after")', "sys.exit(3)")

    assert done.status == 3
    assert "written by a newer mailsponge" in done.err
    assert kept.place.ledger.read_bytes() == content
    assert aside(kept) == []
    with closing(sqlite3.connect(kept.place.ledger)) as database:
        database.execute(f"PRAGMA user_version = {VERSION}")
    kept.squeeze()
    assert kept.texts()[-1] == "after"


def test_a_ledger_without_its_tables_does_not_end_the_program(kept: Job):
    another_program_s_schema(kept.place.ledger)
    content = kept.place.ledger.read_bytes()

    done = kept.log('log.error("after")', "sys.exit(3)")

    assert done.status == 3
    assert done.err.startswith("mailsponge: job job: the ledger ")
    assert content in [path.read_bytes() for path in [kept.place.ledger, *aside(kept)]]


def damaged_schema(ledger: Path) -> None:
    """SQLite's own complaint about this is no UTF-8."""
    content = ledger.read_bytes()
    assert content.count(b"CREATE TABLE run (") == 1
    ledger.write_bytes(content.replace(b"CREATE TABLE run (", b"CRE\x83TE TABLE run ("))


def without_version(ledger: Path) -> None:
    content = bytearray(ledger.read_bytes())
    content[60:64] = bytes(4)
    ledger.write_bytes(content)


def read_only_header(ledger: Path) -> None:
    content = bytearray(ledger.read_bytes())
    content[18] = 9
    ledger.write_bytes(content)


@pytest.mark.parametrize("damage", [damaged_schema, without_version, read_only_header])
def test_damage_that_sqlite_explains_oddly_is_set_aside_like_any_other(kept: Job, damage):
    damage(kept.place.ledger)
    content = kept.place.ledger.read_bytes()

    done = kept.log('log.error("after")', "sys.exit(3)")

    (where,) = aside(kept)
    assert done.status == 3
    assert where.read_bytes() == content
    assert kept.texts() == ["after"]
    assert kept.left_to_fold() == []


def test_damage_that_shows_in_the_outbox_alone_does_not_stop_mail_for_good(kept: Job):
    kept.log('log.critical("told")')
    content = kept.place.ledger.read_bytes()
    subject = kept.mails()[0].subject.encode()
    kept.place.ledger.write_bytes(content.replace(subject, b"\xff" + subject[1:]))

    done = kept.log('log.info("the ledger is found to be damaged")', "sys.exit(3)")

    assert done.status == 3
    (where,) = aside(kept)
    assert f"it is kept as {where}" in done.err
    kept.log('log.critical("after")')
    assert [mail.status for mail in kept.mails()] == ["waiting"]


def test_whatever_bytes_are_wrong_the_program_goes_on_and_no_record_is_lost(kept: Job):
    """Flip some bytes anywhere: either nobody minds, or the ledger is set aside; what is logged is kept in any case."""
    dice = random.Random("bytes")
    whole = kept.place.ledger.read_bytes()
    for number in range(25):
        content = bytearray(whole)
        for _ in range(dice.choice((1, 10, 300))):
            content[dice.randrange(len(content))] = dice.randrange(256)
        kept.place.ledger.write_bytes(content)
        before = aside(kept)

        done = kept.log(f'log.error("after {number}")', "sys.exit(3)")

        assert done.status == 3, number
        assert "Traceback" not in done.err, (number, done.err)
        new = [path for path in aside(kept) if path not in before]
        if new:
            assert new[0].read_bytes() == bytes(content)
            assert_it_was_told_once(done.err, new[0])
            assert f"after {number}" in kept.texts()
        else:
            with closing(sqlite3.connect(kept.place.ledger)) as database:
                found = database.execute("SELECT text FROM record ORDER BY rowid DESC LIMIT 1").fetchone()
            assert found == (f"after {number}",), (number, done.err)
        assert kept.left_to_fold() == []


def test_a_damaged_ledger_of_one_job_is_no_matter_to_another(kept: Job):
    other = Job(kept.home, "other")
    garbage(kept.place.ledger)

    kept.log(
        'log.error("here")', 'log.addHandler(SpongeHandler("other", "me@example.org"))', 'log.error("both")'
    )

    assert kept.texts() == ["here", "both"]
    assert other.texts() == ["both"]


def test_mailsponge_check_sets_it_aside_too(kept: Job):
    kept.log('log.error("died")', "os._exit(0)")
    garbage(kept.place.ledger)

    done = kept.command("check")

    (where,) = aside(kept)
    assert str(where) in done.err
    assert kept.texts() == ["died"]
