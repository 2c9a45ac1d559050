"""Rows "CR/LF in log text, subject, envelope", "forged log lines", "local part as path or command", "finding users",
"backscatter", "MIME and header bombs": what a stranger writes stays text.

It begins no line and no header, drives no terminal, names no file, starts no program, and says nothing of who lives
here. Nothing is parsed while a message is accepted, so a message can be no bomb then; whoever lists the mailbox later
stands it, too.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.attacks import Post, Wire, open_post, plain

LIMITS = "errors = 1000000"

ESCAPES = "\x1b]0;owned\x07\x1b[2J"
TRACE = re.compile(
    r"Return-Path: <[ -~]*>\r\n"
    r"Received: from [ -~]+\r\n"
    r"\tby [ -~]+ with [A-Z0-9]+ id [0-9]+(?:\r\n\tfor <[ -~]+>)?;\r\n"
    r"\t[ -~]+\r\n"
)


@pytest.mark.parametrize(
    "name",
    [
        b"x\rReceived: forged",
        b"x\nReceived: forged",
        b"x\0y",
        b"x y",
        b"x\ty",
        ESCAPES.encode(),
        "x\u2028Received:".encode(),
        "x\x85Received:".encode(),
        b"x" * 256,
        b"\xff\xfe",
        b"",
    ],
)  # fmt: skip
def test_a_name_in_hello_that_is_none_is_refused(connect: Callable[[], Wire], name: bytes) -> None:
    wire = connect()
    wire.send(b"EHLO " + name + b"\r\nVRFY the.end\r\n")
    codes = list(iter(lambda: wire.codes(1)[0], 252))

    # Where the name holds a line's end there are two lines of it, and neither is a hello.
    assert codes
    assert min(codes) >= 500


@pytest.mark.parametrize(
    "name", [b"(comment)", b"x;\\r\\nSubject:forged", b"[127.0.0.1](me@example.org)", b"<>@\"'`$(id)%s%n{0}", b"id=1"]
)  # fmt: skip
def test_a_name_in_hello_is_made_harmless(post: Post, name: bytes) -> None:
    with plain(post.server) as wire:
        assert wire.code(b"EHLO " + name) == 250
        wire.envelope()
        assert wire.code(b"Subject: real\r\n.") == 250

    [letter] = post.letters("you")
    trace = TRACE.match(letter.decode())
    assert trace is not None
    assert letter[trace.end() :] == b"Subject: real\r\n"
    assert re.match(
        r"Return-Path: <[^>]*>\r\nReceived: from [A-Za-z0-9?._:\[\]\-]+ \(\[127\.0\.0\.1\]\)\r\n", trace[0]
    )
    post.empty()


@pytest.mark.parametrize(
    "sender",
    [
        b"a\rb@c.example",
        b"a\nb@c.example",
        b'"a\rSubject: forged"@c.example',
        b'"a\\\r\\\nSubject: forged"@c.example',
        b'"a\0b"@c.example',
        b'"' + ESCAPES.encode() + b'"@c.example',
        "a\u2028b@c.example".encode(),
        "a\u202eb@c.example".encode(),
        b"a@c.example>\rX: <y",
    ],
)
@pytest.mark.parametrize("parameters", [b"", b" SMTPUTF8"])
def test_an_envelope_with_control_characters_is_refused(
    connect: Callable[[], Wire], sender: bytes, parameters: bytes
) -> None:
    wire = connect()
    for command in (b"MAIL FROM:<" + sender + b">" + parameters, b"RCPT TO:<" + sender + b">"):
        wire.send(command + b"\r\nVRFY the.end\r\n")
        codes = list(iter(lambda: wire.codes(1)[0], 252))

        assert codes
        assert min(codes) >= 500


@pytest.mark.parametrize(
    ("sender", "parameters", "kept"),
    [
        (b'"a b\\"<c>"@d.example', b"", b'"a b\\"<c>"@d.example'),
        (b'" to=<x@y> taken id=1"@d.example', b"", b'" to=<x@y> taken id=1"@d.example'),
        ("mänsch@d.example".encode(), b" SMTPUTF8", "mänsch@d.example".encode()),
    ],
)
def test_an_odd_sender_stays_in_its_place(post: Post, sender: bytes, parameters: bytes, kept: bytes) -> None:
    with plain(post.server) as wire:
        wire.hello()
        assert wire.code(b"MAIL FROM:<" + sender + b">" + parameters) == 250
        assert wire.code(b"RCPT TO:<you@example.org>") == 250
        assert wire.code(b"DATA") == 354
        assert wire.code(b"Subject: real\r\n.") == 250

    [letter] = post.letters("you")
    assert letter.startswith(b"Return-Path: <" + kept + b">\r\nReceived: from ")
    post.empty()


def test_no_line_of_the_log_is_anybody_elses(tmp_path: Path) -> None:
    with open_post(tmp_path) as post, plain(post.server) as wire:
        for name in (b"taken;id=1", b"\\n2026-01-01T00:00:00.000Z", b"%s%n{0}", b"x\"y='z"):
            assert wire.code(b"EHLO " + name) == 250
            for sender in (b'"a to=<x>"@d.example', "mänsch\u200d@d.example".encode()):
                assert wire.code(b"MAIL FROM:<" + sender + b"> SMTPUTF8") == 250
                assert wire.code(b'RCPT TO:<"no body\\"\\\\"@example.org>') == 550
                assert wire.code("RCPT TO:<nöbody@example.org>".encode()) == 550
                assert wire.code(b"RCPT TO:<you@example.org>") == 250
                assert wire.code(b"DATA") == 354
                assert wire.code(ESCAPES.encode() + b"\r\nforged\r\n.") == 250

    ready, *told, stopping = post.log()
    assert "ready" in ready
    assert "stopping" in stopping
    assert len(told) == 8  # one a message
    for line in told:
        assert re.fullmatch(
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z taken id=\d+ peer=127\.0\.0\.1 [ -~]*", line
        )
        assert len(re.findall(r" to=<", line.partition(" why=")[0])) == 1


PATHS = [
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    ".",
    "~root",
    "you/../me",
    "you/",
    "-oQ/tmp/x",
    "--help",
    "|touch pwned",
    "`touch pwned`",
    "$(touch pwned)",
    "you;touch pwned",
    "you\\",
    "you'--",
    "you%00",
    "*",
    "y?u",
    "YOU*",
    ":include:/etc/passwd",
    "file:///etc/passwd",
    "maildir:/tmp/x",
]


@pytest.mark.parametrize("local", PATHS)
def test_a_local_part_is_looked_up_and_nothing_else(
    connect: Callable[[], Wire], post: Post, local: str
) -> None:
    there = sorted(post.server.data.parent.rglob("*"))
    wire = connect()
    assert wire.code(b"MAIL FROM:<>") == 250
    quoted = local.replace("\\", "\\\\").replace('"', '\\"')
    for spelling in (local, f'"{quoted}"'):
        assert wire.code(f"RCPT TO:<{spelling}@example.org>".encode()) in (501, 550, 553)
    assert wire.code(b"DATA") == 554
    assert sorted(post.server.data.parent.rglob("*")) == there
    assert not Path("pwned").exists()


def test_the_question_who_lives_here_has_one_answer(connect: Callable[[], Wire]) -> None:
    wire = connect()
    answers = {
        wire.ask(b"VRFY " + name) for name in (b"me", b"nobody", b"me@example.org", b"x@y.example", b"root")
    }

    assert len(answers) == 1
    assert answers.pop().startswith("252 ")
    for command in (b"EXPN team", b"EXPN me"):
        assert wire.code(command) in (500, 502)


def test_who_does_not_live_here_is_refused_while_the_sender_listens_and_nobody_is_written_to(
    connect: Callable[[], Wire], post: Post
) -> None:
    wire = connect()
    for sender in (b"me@example.org", b"", b"postmaster@example.org"):
        assert wire.code(b"MAIL FROM:<" + sender + b">") == 250
        assert wire.code(b"RCPT TO:<nobody@example.org>") == 550
        assert wire.code(b"DATA") == 554
        assert wire.code(b"RSET") == 250
    assert post.letters("me") == []


BOMBS = {
    "nested comments": b"From: " + b"(" * 50_000 + b"\r\n\r\n",
    "nested angles": b"To: " + b"<" * 50_000 + b"\r\n\r\n",
    "a group in a group": b"To: " + b"a:" * 20_000 + b"\r\n\r\n",
    "many addresses": b"To: " + b"a@b.example,\r\n " * 5_000 + b"c@d.example\r\n\r\n",
    "encoded words": b"Subject: " + b"=?utf-8?q?=61?=\r\n " * 4_000 + b"end\r\n\r\n",
    "an encoded word of much": b"Subject: =?utf-8?b?" + b"QUFB" * 20_000 + b"?=\r\n\r\n",
    "an unknown charset": b"Subject: =?x-none?q?=FF?=\r\n\r\n",
    "many headers": b"X: y\r\n" * 15_000 + b"\r\n",
    "a date of nines": b"Date: " + b"9" * 50_000 + b"\r\n\r\n",
    "a date out of time": b"Date: Sat, 31 Dec 999999999 23:59:60 +9999\r\n\r\n",
    "no header": b"\r\n",
    "nothing": b"",
    "parts in parts": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (number, number) for number in range(3_000)
    ),
    "a boundary of much": b"Content-Type: multipart/mixed; boundary=" + b"x" * 90_000 + b"\r\n\r\n",
    "8-bit headers": b"Subject: \xff\xfe\x80\r\nFrom: \xc3\x28\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_a_message_like_any_other(post: Post, bomb: bytes) -> None:
    with plain(post.server) as wire:
        wire.hello()
        wire.envelope()
        assert wire.code(bomb + b".") == 250

    [letter] = post.letters("you")
    assert letter.endswith(bomb)
    listed = subprocess.run(
        [sys.executable, "-m", "mailsponge", "mail", "list", "--json", "--data", post.server.data],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert len(json.loads(listed.stdout)) == 1
    post.empty()
