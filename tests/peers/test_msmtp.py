"""msmtp's exit status tells a script what the server meant (sysexits.h)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kit import house as ways
from kit.client import Letter, Login
from kit.house import House
from kit.post import Post
from kit.program_clients import Msmtp

HELLO = b"Subject: hello\r\n\r\nworld\r\n"


@pytest.fixture
def msmtp(house: House, run, peer, tmp_path) -> Msmtp:
    return Msmtp(house, run, peer("msmtp"), tmp_path)


def test_taken_is_0(msmtp: Msmtp, post: Post):
    assert msmtp.send(Letter(HELLO), ways.SUBMISSION_SCRAM).status == os.EX_OK


def test_a_recipient_or_a_sender_that_cannot_be_is_65(msmtp: Msmtp, post: Post):
    nobody = Letter(HELLO, recipient="nobody@example.org")
    not_mine = Letter(HELLO, sender="you@example.org")

    assert msmtp.send(nobody, ways.SUBMISSION_SCRAM).status == os.EX_DATAERR
    assert msmtp.send(not_mine, ways.SUBMISSION_SCRAM).status == os.EX_DATAERR


@pytest.mark.parametrize(
    "way", [ways.SUBMISSION, ways.SUBMISSION_LOGIN, ways.SUBMISSION_SCRAM], ids=lambda way: way.mechanism
)
def test_a_wrong_password_is_77(msmtp: Msmtp, way, post: Post):
    msmtp.login = Login(password="wrong horse")

    assert msmtp.send(Letter(HELLO), way).status == os.EX_NOPERM


def test_a_certificate_that_nobody_vouches_for_is_69(msmtp: Msmtp, another_authority: Path, post: Post):
    msmtp.trusts = another_authority

    assert msmtp.send(Letter(HELLO), ways.SUBMISSION).status == os.EX_UNAVAILABLE


def test_before_tls_there_is_no_way_to_log_in_which_is_69(msmtp: Msmtp, post: Post):
    outcome = msmtp.send(Letter(HELLO), ways.SUBMISSION._replace(starttls=False))

    assert outcome.status == os.EX_UNAVAILABLE
    assert "does not support authentication" in outcome.said
