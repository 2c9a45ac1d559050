"""Rules of ``sendmail -bs``: the server speaks, and every byte goes through."""

from __future__ import annotations

import os

from kit.smtp_server import SmtpServer, hangs_up


def test_a_whole_session_goes_through(sendmail, server):
    said = b"EHLO me\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n\r\nhello\r\n.\r\nQUIT\r\n"
    done = sendmail("-bs", stdin=said)

    assert done.returncode == 0
    assert done.stdout.startswith(b"220 test.example")
    assert done.stdout.endswith(b"221 2.0.0 bye\r\n")
    assert server.mails[0].content == b"\r\nhello\r\n"


def test_a_large_message_does_too(sendmail, server):
    content = b"0123456789\r\n" * 200_000
    said = b"EHLO me\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n" + content + b".\r\nQUIT\r\n"

    assert sendmail("-bs", stdin=said).returncode == 0
    assert server.mails[0].content == content


def test_it_ends_with_the_server(sendmail, place):
    with SmtpServer({"greeting": hangs_up}, path=place):
        assert sendmail("-bs", stdin=b"").returncode == 0


def test_without_a_server_it_says_so_in_smtp(sendmail):
    done = sendmail("-bs")

    assert done.returncode == os.EX_TEMPFAIL
    assert done.stdout.startswith(b"421 4.3.2 ")
