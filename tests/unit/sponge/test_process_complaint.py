"""A complaint is one line on standard error, whatever it says and whatever has become of standard error."""

from __future__ import annotations

import errno
import io
import sys

import pytest

from kit.programs import Job
from mailsponge.sponge.complaint import complain


def test_it_is_a_line_that_says_whose_it_is(capfd):
    complain("the disk is full")

    assert capfd.readouterr().err == "mailsponge: the disk is full\n"


def test_it_goes_where_the_program_has_put_standard_error(monkeypatch):
    own = io.StringIO()
    monkeypatch.setattr(sys, "stderr", own)

    complain("Søndag \ud800")

    assert own.getvalue() == "mailsponge: Søndag \\ud800\n"


class Full(io.StringIO):
    """A stream with no room."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, text)


def test_a_stream_that_knows_less_than_unicode_is_told_in_its_own_letters(monkeypatch):
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stderr", ascii_only)

    complain("Søndag")

    assert ascii_only.buffer.getvalue() == b"mailsponge: S\\xf8ndag\n"


@pytest.mark.parametrize("stream", ["none", "closed", "full"])
def test_without_a_standard_error_that_takes_it_nothing_happens(monkeypatch, stream):
    if stream == "none":
        monkeypatch.setattr(sys, "stderr", None)
    elif stream == "closed":
        closed = io.StringIO()
        closed.close()
        monkeypatch.setattr(sys, "stderr", closed)
    else:
        monkeypatch.setattr(sys, "stderr", Full())

    complain("Søndag")


def test_a_standard_error_that_takes_nothing_does_not_change_the_exit_status(job: Job):
    done = job.log(
        "from mailsponge.sponge.complaint import complain",
        'complain("the disk is full")',
        "sys.exit(3)",
        wrapper=("sh", "-c", 'exec "$0" "$@" 2>/dev/full'),
    )

    assert done.status == 3


def test_what_the_program_had_written_before_comes_before(job: Job):
    done = job.log(
        "from mailsponge.sponge.complaint import complain",
        'sys.stderr.write("unfinished ")',
        'complain("the disk is full")',
    )

    assert done.err == "unfinished mailsponge: the disk is full\n"
