"""Rules of the command line: what Postfix's sendmail(1) takes is taken, and what cannot be is told."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.sendmail.flags import Misused, parse


def read(*words: str, program: str = "/usr/sbin/sendmail"):
    return parse([program, *words])


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (["-t"], "from_header", True),
        (["-i", "a"], "dot_is_data", True),
        (["-oi", "a"], "dot_is_data", True),
        (["-o", "i", "a"], "dot_is_data", True),
        (["-f", "me@example.org", "a"], "sender", "me@example.org"),
        (["-fme@example.org", "a"], "sender", "me@example.org"),
        (["-r", "me", "a"], "sender", "me"),
        (["-f", "", "a"], "sender", ""),
        (["-F", "Me Myself", "a"], "name", "Me Myself"),
        (["-FCronDaemon", "a"], "name", "CronDaemon"),
        (["-G", "a"], "gateway", True),
        (["-v", "a"], "verbose", True),
        (["-B8BITMIME", "a"], "eight_bit", True),
        (["-B", "7bit", "a"], "eight_bit", False),
        (["-O", "smtputf8=yes", "a"], "smtputf8", True),
        (["-OSMTPUTF8=no", "a"], "smtputf8", False),
        (["-O", "smtputf8=autodetect", "a"], "smtputf8", None),
        (["-N", "success,delay", "a"], "notify", "SUCCESS,DELAY"),
        (["-Nnever", "a"], "notify", "NEVER"),
        (["-R", "full", "a"], "ret", "FULL"),
        (["-Rhdrs", "a"], "ret", "HDRS"),
        (["-V", "id 17", "a"], "envid", "id 17"),
        (["-bm", "a"], "mode", "send"),
        (["-bp"], "mode", "queue"),
        (["-bs"], "mode", "smtp"),
        (["-bi"], "mode", "aliases"),
        (["-I"], "mode", "aliases"),
        (["-bv", "a"], "mode", "verify"),
        (["-q"], "mode", "flush"),
        (["--help"], "mode", "help"),
        (["-bp", "-j"], "json", True),
        (["-bp", "--json"], "json", True),
        (["-bp", "--data", "/d"], "data", "/d"),
        (["-bp", "--data=/d"], "data", "/d"),
        (["-bp", "--config", "/c"], "config", "/c"),
        (["-bp", "-C", "/c"], "config", "/c"),
    ],
)
def test_it_is_understood(words, field, value):
    assert getattr(read(*words), field) == value


@pytest.mark.parametrize(
    ("words", "flush"),
    [(["-q"], ""), (["-qI17"], "I17"), (["-qI", "17"], "I17"), (["-qRexample.org"], "Rexample.org")],
)
def test_what_of_the_queue_is_flushed(words, flush):
    assert (read(*words).mode, read(*words).flush) == ("flush", flush)


@pytest.mark.parametrize(
    "words",
    [
        ["-Am"], ["-Ac"], ["-bh"], ["-bH"], ["-h", "5"], ["-h5"], ["-L", "label"], ["-m"], ["-n"], ["-o7"], ["-o8"],
        ["-om"], ["-oem"], ["-oeq"], ["-odi"], ["-odb"], ["-O", "DeliveryMode=b"], ["-q30m"], ["-q1h"], ["-U"],
        ["-X", "/log"], ["-em"], ["-p", "smtp"], ["-oA/etc/aliases"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_means_nothing_here_is_taken(words):
    flags = read(*words, "me@example.org")
    assert (flags.mode, flags.recipients, flags.sender, flags.dot_is_data) == (
        "send", ["me@example.org"], None, False,
    )  # fmt: skip


def test_letters_stand_together():
    flags = read("-tivf", "me@example.org")
    assert (flags.from_header, flags.dot_is_data, flags.verbose, flags.sender) == (
        True, True, True, "me@example.org",
    )  # fmt: skip


def test_crons_own_line():
    flags = read("-FCronDaemon", "-i", "-B8BITMIME", "-oem", "me")
    assert (flags.name, flags.dot_is_data, flags.eight_bit, flags.recipients) == (
        "CronDaemon", True, True, ["me"],
    )  # fmt: skip


def test_the_first_recipient_ends_the_options():
    assert read("a@b", "-f", "c@d").recipients == ["a@b", "-f", "c@d"]


def test_two_dashes_end_them_too():
    assert read("-i", "--", "-t", "--json").recipients == ["-t", "--json"]


@pytest.mark.parametrize(("program", "mode"), [("mailq", "queue"), ("/usr/bin/newaliases", "aliases")])
def test_by_another_name_it_is_another_program(program, mode):
    assert read(program=program).mode == mode


@pytest.mark.parametrize(
    ("words", "because"),
    [
        ([], "to whom"),
        (["-i"], "to whom"),
        (["-bv"], "to whom"),
        (["-t", "-bv", "a"], "do not go together"),
        (["-qSexample"], "-qS is not to be had"),
        (["-qS", "example"], "-qS is not to be had"),
        (["-bd"], "mailsponge serve"),
        (["-bz", "a"], "-bz is no mode"),
        (["-z", "a"], "-z is no option"),
        (["--force", "a"], "--force is no option"),
        (["-f"], "-f needs an argument"),
        (["-B", "9BIT", "a"], "-B takes 7bit or 8bitmime"),
        (["-N", "never,delay", "a"], "-N takes never"),
        (["-N", "", "a"], "-N takes never"),
        (["-R", "body", "a"], "-R takes full or hdrs"),
        (["-V", "x\ny", "a"], "printable ASCII"),
        (["-V", "x" * 101, "a"], "at most 100"),
        (["-O", "smtputf8=maybe", "a"], "yes, no or autodetect"),
        (["-oA"], "-oA needs"),
    ],
)
def test_what_cannot_be_is_told(words, because):
    with pytest.raises(Misused, match=because):
        read(*words)


@given(st.lists(st.text(max_size=8), max_size=8))
def test_nothing_else_is_raised(words):
    with contextlib.suppress(Misused):
        read(*words)
