"""What the sponge says of itself: one line on standard error, and never an exception."""

from __future__ import annotations

import io
import sys

import pytest

from mailsponge.sponge.complaint import complain


def test_a_complaint_is_one_line_that_says_who_complains(capsys):
    complain("the state directory cannot be written")

    assert capsys.readouterr() == ("", "mailsponge: the state directory cannot be written\n")


def test_what_cannot_be_encoded_is_shown_all_the_same(capsys):
    complain("job \udcff ø")

    assert capsys.readouterr().err == "mailsponge: job \\udcff ø\n"


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "no space left on device")


class Ascii(io.TextIOWrapper):
    """A terminal that knows no more than ASCII."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="ascii")


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [None, Full(), closed(), Ascii()], ids=["none", "full", "closed", "ascii"])
def test_without_anybody_to_hear_it_the_program_goes_on(monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream)

    complain("nobody hears this: ø")
