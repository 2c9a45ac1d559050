"""Rules of mailq: it looks as Postfix's does, and has a JSON object a line; and of flushing."""

from __future__ import annotations

import contextlib
import json
import os
import time

import pytest

from mailsponge.mail.address import parse
from mailsponge.mail.envelope import Envelope
from mailsponge.sendmail import queue
from mailsponge.sendmail.flags import Misused
from mailsponge.sendmail.flags import parse as flags
from mailsponge.store.memory import MemoryStore
from mailsponge.store.protocol import Acceptance, Delivery, Queued, Waiting

NOW = 1769844600.0


def waiting(address: str, reply: str = "", *, due: float = NOW + 300, held: bool = False) -> Waiting:
    return Waiting(parse(address), parse(address), "example.net", 2, due, reply, held)


def message(
    *recipients: Waiting, number: int = 17, sender: str = "me@example.org", size: int = 4096
) -> Queued:
    return Queued(number, parse(sender) if sender else None, size, NOW, recipients)


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """A machine whose zone is UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def listed(*messages: Queued) -> list[str]:
    return "\n".join(queue.listed(messages, NOW)).split("\n")


def test_it_looks_as_postfixs_does():
    assert listed(
        message(
            waiting("you@example.net", "connect to example.net: refused"),
            waiting("he@example.net", "connect to example.net: refused"),
            waiting("she@example.com", "450 4.2.0 greylisted"),
        ),
        message(waiting("you@example.net"), number=18, sender="", size=100_000),
    ) == [
        "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------",
        "17             4096 Sat Jan 31 07:30:00  me@example.org",
        "                                           (connect to example.net: refused)",
        "                                         you@example.net",
        "                                         he@example.net",
        "                                                      (450 4.2.0 greylisted)",
        "                                         she@example.com",
        "",
        "18           100000 Sat Jan 31 07:30:00  MAILER-DAEMON",
        "                                         you@example.net",
        "",
        "-- 101 Kbytes in 2 Requests.",
    ]


def test_an_empty_one():
    assert listed() == ["Mail queue is empty"]


@pytest.mark.parametrize(
    ("recipients", "mark"),
    [
        ([waiting("a@x", due=NOW)], "*"),
        ([waiting("a@x"), waiting("b@x", due=NOW)], "*"),
        ([waiting("a@x", held=True, due=NOW)], "!"),
        ([waiting("a@x", held=True), waiting("b@x")], " "),
        ([waiting("a@x")], " "),
    ],
)
def test_a_star_is_active_and_an_exclamation_mark_held(recipients, mark):
    assert listed(message(*recipients))[1][:3] == f"17{mark}"


def test_what_a_stranger_said_cannot_drive_a_terminal():
    assert "\\x1b[31m" in listed(message(waiting("you@example.net", "\x1b[31mred")))[2]


def test_as_json_it_has_postfixs_names():
    lines = list(queue.as_json([message(waiting("a@x", "later"), waiting("b@x", held=True))], NOW))

    assert [json.loads(line) for line in lines] == [
        {
            "queue_name": "deferred",
            "queue_id": "17",
            "arrival_time": 1769844600,
            "message_size": 4096,
            "forced_expire": False,
            "sender": "me@example.org",
            "recipients": [
                {
                    "address": "a@x",
                    "delay_reason": "later",
                    "attempts": 2,
                    "next_attempt_at": "2026-01-31T07:35:00Z",
                },
                {"address": "b@x", "attempts": 2, "next_attempt_at": "2026-01-31T07:35:00Z"},
            ],
        }
    ]


@pytest.fixture
def store(monkeypatch) -> MemoryStore:
    """A queue with a message for each of two domains, tried before; it is what the program finds."""
    made = MemoryStore(now=lambda: NOW)
    for address in ("a@example.net", "b@example.com"):
        to = parse(address)
        delivery = Delivery(0, to, "", to.domain)
        incoming = made.incoming()
        envelope = Envelope(parse("me@example.org"), (to,))
        incoming.accept(Acceptance(envelope, (), NOW, "", "", ("",), (), (delivery,)), lambda error: None)
        made.hold(incoming.id)
    found = contextlib.nullcontext(made)
    monkeypatch.setattr(queue, "_queue", lambda flags: found)
    return made


@pytest.mark.parametrize(
    ("words", "retried"),
    [
        (["-q"], [1, 2]),
        (["-qI2"], [2]),
        (["-qRexample.net"], [1]),
        (["-qR", "EXAMPLE.com"], [2]),
        (["-qRx"], []),
    ],
)
def test_what_is_flushed(store, monkeypatch, words, retried):
    tried: list[int] = []
    monkeypatch.setattr(store, "retry", lambda number: tried.append(number) or 1)
    monkeypatch.setattr(store, "retry_all", lambda: tried.extend([1, 2]) or 2)

    assert queue.flush(flags(["sendmail", *words])) == 0
    assert tried == retried


def test_one_that_is_not_there_is_told(store, capsys):
    assert queue.flush(flags(["sendmail", "-qI99"])) == os.EX_UNAVAILABLE
    assert "99" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["x", "²", "-1", ""])
def test_what_is_no_number_is_told(store, number):
    with pytest.raises(Misused, match="-qI takes the number"):
        queue.flush(flags(["sendmail", f"-qI {number}"]))


def test_it_shows_what_it_finds(store, capsys):
    assert queue.show(flags(["mailq"])) == 0
    assert capsys.readouterr().out.endswith("in 2 Requests.\n")

    queue.show(flags(["mailq", "-j"]))
    assert [json.loads(line)["queue_id"] for line in capsys.readouterr().out.splitlines()] == ["1", "2"]


def test_where_there_is_no_store_it_says_what_to_do(sendmail, tmp_path):
    done = sendmail("-bp", "--data", str(tmp_path / "nothing"))

    assert done.returncode == os.EX_UNAVAILABLE
    assert b"there is no mail store in" in done.stderr


def test_a_configuration_that_cannot_be_is_told(sendmail, tmp_path):
    (tmp_path / "post.toml").write_text("nonsense = 1")
    done = sendmail("-bp", "-C", str(tmp_path / "post.toml"))

    assert done.returncode == os.EX_CONFIG
    assert b"nonsense" in done.stderr


def test_who_may_not_look_is_told(monkeypatch, capsys):
    def opened(data, config):
        raise PermissionError(13, "Permission denied", "/var/lib/mailsponge/store.db")

    monkeypatch.setattr("mailsponge.cli.stores.opened", opened)

    assert queue.show(flags(["mailq"])) == os.EX_NOPERM
    assert (
        "/var/lib/mailsponge/store.db is for the user to see who runs the server" in capsys.readouterr().err
    )
