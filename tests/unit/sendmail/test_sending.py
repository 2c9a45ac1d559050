"""Rules of the program: what becomes of a message, and with what status it ends (sysexits.h)."""

from __future__ import annotations

import os
import pwd
import re
import stat

import pytest

from kit.smtp_server import SmtpServer, hangs_up, says_nothing, then
from mailsponge.sendmail import wire

from .conftest import OFFERS

ME = pwd.getpwuid(os.getuid()).pw_name


def left(pickup) -> list[bytes]:
    """What lies in the pickup directory."""
    return sorted(file.read_bytes() for file in pickup.iterdir())


def test_a_message_is_handed_to_the_server(sendmail, server):
    done = sendmail("you@example.org")

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    [mail] = server.mails
    assert (mail.sender, mail.recipients) == (f"{ME}@test.example", ["you@example.org"])
    assert re.fullmatch(
        rb"Subject: x\r\nFrom: .*@test\.example>?\r\nDate: .*\r\nMessage-ID: <[0-9a-f]{24}@test\.example>\r\n"
        rb"To: undisclosed-recipients:;\r\n\r\nhello\r\n",
        mail.content,
    )


def test_it_says_what_it_does_if_it_is_asked(sendmail, server):
    assert b"taken: 250 2.0.0 taken" in sendmail("-v", "you@example.org").stderr


def test_names_alone_are_at_the_servers_name(sendmail, server):
    sendmail("-f", "boss", "root", "you@example.org")

    assert server.mails[0].sender == "boss@test.example"
    assert server.mails[0].recipients == ["root@test.example", "you@example.org"]


def test_each_recipient_is_named_once(sendmail, server):
    sendmail("-t", "a@x, b@x", "a@x", stdin=b"To: b@x, C <c@x>\nBcc: a@x\n\nhello\n")

    assert server.mails[0].recipients == ["a@x", "b@x", "c@x"]
    assert b"Bcc" not in server.mails[0].content


@pytest.mark.parametrize("nobody", ["", "<>"])
def test_failures_may_be_reported_to_nobody(sendmail, server, nobody):
    sendmail("-f", nobody, "a@x")

    assert server.mails[0].sender == ""
    assert f"{ME}@test.example".encode() in server.mails[0].content


def test_the_name_that_is_given_is_in_the_header(sendmail, server):
    sendmail("-FCronDaemon", "-f", "cron@x", "a@x")

    assert b'\r\nFrom: "CronDaemon" <cron@x>\r\n' in server.mails[0].content


def test_the_name_may_be_in_the_environment(sendmail, server):
    sendmail("a@x", NAME="Me Myself")

    assert f'From: "Me Myself" <{ME}@test.example>'.encode() in server.mails[0].content


def test_another_sender_does_not_get_ones_own_name(sendmail, server):
    sendmail("-f", "boss@x", "a@x", NAME="Me Myself")

    assert b"\r\nFrom: boss@x\r\n" in server.mails[0].content


def test_what_comes_from_elsewhere_is_not_completed(sendmail, server):
    sendmail("-G", "-t", stdin=b"To: a@x\nBcc: b@x\n\nhello\n")

    assert server.mails[0].content == b"To: a@x\r\n\r\nhello\r\n"
    assert server.mails[0].recipients == ["a@x", "b@x"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-N", "success,failure", "-R", "hdrs", "-V", "a b"], " RET=HDRS ENVID=a+20b"),
        (["-B8BITMIME"], " BODY=8BITMIME"),
        (["-O", "smtputf8=yes"], " SMTPUTF8"),
        ([], ""),
    ],
)
def test_what_is_wished_is_said(sendmail, server, arguments, said):
    sendmail(*arguments, "a@x")

    [mail] = [command for command in server.commands if command.startswith("MAIL")]
    assert re.sub(r" SIZE=\d+", "", mail) == f"MAIL FROM:<{ME}@test.example>{said}"


def test_news_are_wished_of_each_recipient(sendmail, server):
    sendmail("-N", "never", "a@x", "b@x")

    assert [each for each in server.commands if each.startswith("RCPT")] == [
        "RCPT TO:<a@x> NOTIFY=NEVER", "RCPT TO:<b@x> NOTIFY=NEVER",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("message", "recipient", "said"),
    [
        (b"Subject: x\n\nhello\n", "a@x", ""),
        ("Subject: x\n\nGrüße\n".encode(), "a@x", " BODY=8BITMIME"),
        ("Subject: Grüße\n\nhello\n".encode(), "a@x", " BODY=8BITMIME SMTPUTF8"),
        ("Subject: Grüße\n\nhello\n".encode("latin-1"), "a@x", " BODY=8BITMIME"),
        (b"Subject: x\n\nhello\n", "jürgen@x", " SMTPUTF8"),
    ],
)
def test_letters_beyond_ascii_are_announced(sendmail, server, message, recipient, said):
    sendmail(recipient, stdin=message)

    [mail] = [command for command in server.commands if command.startswith("MAIL")]
    assert mail.partition(">")[2].partition(" BODY")[0].startswith(" SIZE=")
    assert re.sub(r" SIZE=\d+", "", mail.partition(">")[2]) == said


def test_but_not_if_that_is_not_wished(sendmail, server):
    sendmail("-O", "smtputf8=no", "a@x", stdin="Subject: ü\n\n".encode())

    assert "SMTPUTF8" not in "".join(server.commands)


def test_a_lone_dot_ends_the_message(sendmail, server):
    sendmail("a@x", stdin=b"\nhello\n.\nrest\n")

    assert server.mails[0].content.endswith(b"\r\n\r\nhello\r\n")


@pytest.mark.parametrize("flag", ["-i", "-oi"])
def test_unless_it_is_told_not_to(sendmail, server, flag):
    sendmail(flag, "a@x", stdin=b"\nhello\n.\nrest\n")

    assert server.mails[0].content.endswith(b"\r\n\r\nhello\r\n.\r\nrest\r\n")


def test_more_recipients_than_a_server_takes_come_in_turn(sendmail, place):
    with SmtpServer(extensions=("LIMITS RCPTMAX=2",), path=place) as server:
        assert sendmail("a@x", "b@x", "c@x").returncode == 0

    assert [mail.recipients for mail in server.mails] == [["a@x", "b@x"], ["c@x"]]
    assert server.mails[0].content == server.mails[1].content


# What the server refuses for good.


@pytest.mark.parametrize(
    ("step", "reply", "status"),
    [
        ("MAIL", "550 5.7.1 not your address", os.EX_NOPERM),
        ("MAIL", "552 5.3.4 too large", os.EX_DATAERR),
        ("RCPT", "550 5.1.1 no such user", os.EX_NOUSER),
        ("RCPT", "550 no such user", os.EX_UNAVAILABLE),
        ("RCPT", "550 5.7.1 relaying denied", os.EX_NOPERM),
        ("RCPT", "501 5.1.3 that is no address", os.EX_DATAERR),
        ("RCPT", "553 5.1.3 that is no address", os.EX_DATAERR),
        ("DATA", "554 5.0.0 no", os.EX_DATAERR),
        ("end of data", "554 5.6.0 a bare CR", os.EX_DATAERR),
        ("end of data", "550 5.0.0 no", os.EX_UNAVAILABLE),
    ],
)
def test_a_refusal_is_told_and_is_the_status(sendmail, place, pickup, step, reply, status):
    with SmtpServer({step: reply}, extensions=OFFERS, path=place):
        done = sendmail("a@x")

    assert (done.returncode, left(pickup)) == (status, [])
    assert done.stderr.decode() == f"mailsponge-sendmail: a@x: {reply}\n"


def test_the_others_get_it(sendmail, place):
    with SmtpServer({"RCPT b@x": "550 5.1.1 no such user"}, path=place) as server:
        done = sendmail("a@x", "b@x", "c@x")

    assert done.returncode == os.EX_NOUSER
    assert done.stderr.decode().splitlines()[1:] == ["mailsponge-sendmail: the other recipients get it"]
    assert server.mails[0].recipients == ["a@x", "c@x"]


def test_what_the_server_says_cannot_drive_a_terminal(sendmail, place):
    with SmtpServer({"RCPT": "550 5.1.1 \x1b[31mred\x07"}, path=place):
        assert b"\\x1b[31mred\\x07" in sendmail("a@x").stderr


# What it cannot take now.


def test_without_a_server_it_waits(sendmail, pickup):
    done = sendmail("a@x", "b")

    assert (done.returncode, done.stderr) == (0, b"")
    [letter] = left(pickup)
    host = os.uname().nodename.lower()
    assert letter.startswith(
        f"MAIL FROM:<{ME}@{host}>\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@{host}>\r\nDATA\r\n".encode()
    )
    assert letter.endswith(b"\r\n\r\nhello\r\n.\r\n")


def test_it_says_so_if_it_is_asked(sendmail, pickup):
    assert f"the message waits in {pickup}".encode() in sendmail("-v", "a@x").stderr


@pytest.mark.parametrize(
    "answers",
    [
        {"greeting": "421 4.3.2 stopping"},
        {"EHLO": "421 4.3.2 stopping"},
        {"MAIL": "452 4.3.1 the disk is full"},
        {"RCPT": "451 4.3.0 later"},
        {"DATA": "452 4.3.1 the disk is full"},
        {"end of data": "451 4.3.0 later"},
        {"greeting": hangs_up},
        {"MAIL": hangs_up},
        {"DATA": hangs_up},
        {"end of data": hangs_up},
        {"greeting": "HTTP/1.1 400 Bad Request"},
        {"EHLO": then("250-and", hangs_up)},
        {"MAIL": "2500 what"},
    ],
    ids=lambda answers: " ".join(
        f"{step} {said if isinstance(said, str) else said.__name__}" for step, said in answers.items()
    ),
)
def test_what_the_server_cannot_take_now_waits(sendmail, place, pickup, answers):
    with SmtpServer(answers, extensions=OFFERS, path=place):
        done = sendmail("a@x", "b@x")

    assert (done.returncode, done.stderr) == (0, b"")
    [letter] = left(pickup)
    assert b"\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n" in letter


def test_it_waits_for_those_alone_who_have_not_got_it(sendmail, place, pickup):
    answers = {"RCPT b@x": "451 4.3.0 later", "RCPT c@x": "550 5.1.1 no"}
    with SmtpServer(answers, extensions=OFFERS, path=place) as server:
        done = sendmail("a@x", "b@x", "c@x")

    assert done.returncode == os.EX_NOUSER
    assert server.mails[0].recipients == ["a@x"]
    assert re.findall(rb"RCPT TO:<(.*)>", left(pickup)[0]) == [b"b@x"]


def test_many_recipients_wait_in_several_letters(sendmail, pickup):
    sendmail(*(f"a{number}@x" for number in range(150)))

    assert sorted(letter.count(b"RCPT TO:") for letter in left(pickup)) == [50, 100]


def test_wishes_wait_too(sendmail, pickup):
    sendmail("-N", "success", "-R", "full", "-V", "id", "jürgen@x", stdin="\nü\n".encode())

    assert b"> BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=id\r\n" in left(pickup)[0]
    assert b" NOTIFY=SUCCESS\r\n" in left(pickup)[0]


def test_where_it_cannot_wait_it_says_what_to_do(sendmail, tmp_path):
    done = sendmail("a@x")

    assert done.returncode == os.EX_TEMPFAIL
    said = done.stderr.decode()
    assert "not sent: nobody answers at" in said
    assert f"there is no pickup directory at {tmp_path / 'pickup'}" in said
    assert "mailsponge serve" in said


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_directory_that_nobody_may_write_to_is_told(sendmail, pickup):
    pickup.chmod(0o500)
    done = sendmail("a@x")

    assert done.returncode == os.EX_CANTCREAT
    assert b"Permission denied" in done.stderr


def test_what_should_be_a_directory_and_is_none_is_told(sendmail, tmp_path):
    (tmp_path / "pickup").write_text("x")

    assert sendmail("a@x").returncode == os.EX_CANTCREAT


def test_a_directory_where_others_may_remove_it_is_not_used(sendmail, pickup):
    pickup.chmod(0o777)
    done = sendmail("a@x")

    assert (done.returncode, left(pickup)) == (os.EX_TEMPFAIL, [])
    assert f"chmod 1733 {pickup}".encode() in done.stderr


def test_a_link_to_a_directory_is_not_used(sendmail, pickup, tmp_path):
    (tmp_path / "link").symlink_to(pickup)

    assert sendmail("a@x", MAILSPONGE_PICKUP=str(tmp_path / "link")).returncode == os.EX_CANTCREAT
    assert left(pickup) == []


def test_the_name_of_a_letter_cannot_be_guessed_and_its_mode_is_its_owners_alone(sendmail, pickup):
    sendmail("a@x")
    sendmail("a@x")

    names = [file.name for file in pickup.iterdir()]
    assert len(set(names)) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in names)
    assert {stat.S_IMODE(file.stat().st_mode) for file in pickup.iterdir()} == {0o600}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_in_somebody_elses_directory_that_somebody_can_read_it(sendmail, pickup):
    os.chown(pickup, pwd.getpwnam("nobody").pw_uid, -1)
    sendmail("a@x")

    assert [stat.S_IMODE(file.stat().st_mode) for file in pickup.iterdir()] == [0o644]


# What is wrong before anybody is asked.


@pytest.mark.parametrize(
    ("arguments", "message", "status", "because"),
    [
        ([], b"", os.EX_USAGE, "to whom?"),
        (["-t"], b"Subject: x\n\nTo: a@x\n", os.EX_USAGE, "names nobody in To, Cc or Bcc"),
        (["-t"], b"To: a b\n\nhello\n", os.EX_DATAERR, "the header To"),
        (["a b"], b"", os.EX_DATAERR, "<a b> is no address"),
        (["a@x\nRCPT TO:<b@x>"], b"", os.EX_DATAERR, "is no address"),
        (["-f", "me@x>\r\nRCPT TO:<b@x", "a@x"], b"", os.EX_USAGE, "-f: "),
        (["-f", "a@x, b@x", "a@x"], b"", os.EX_USAGE, "it takes one address"),
        (["-qS", "x"], b"", os.EX_USAGE, "-qS is not to be had"),
        (["-t", "-bv", "a"], b"", os.EX_USAGE, "do not go together"),
    ],
)
def test_what_cannot_be_sent_is_told_and_goes_nowhere(
    sendmail, server, pickup, arguments, message, status, because
):
    done = sendmail(*arguments, stdin=message)

    assert done.returncode == status
    assert because in done.stderr.decode()
    assert (server.mails, left(pickup)) == ([], [])


def test_nothing_comes_into_the_envelope_by_way_of_a_name(sendmail, server):
    sendmail("-F", "x\r\nBcc: b@x\r\n\r\n.\r\nMAIL FROM:<c@x>", "--", "-a@x")

    assert server.mails[0].recipients == ["-a@x"]
    assert b'\r\nFrom: "x  Bcc: b@x    .  MAIL FROM:<c@x>" <' in server.mails[0].content


def test_a_nul_or_a_bare_cr_ends_nothing(sendmail, server):
    sendmail("-t", stdin=b"To: a@x\rCc: b@x\nSubject: x\0\n\n\0.\0\n\r.\r\rRCPT TO:<c@x>\r")

    assert server.mails == []  # for there is no address "a@x Cc: b@x"


@pytest.mark.parametrize(
    ("redirection", "status", "because"),
    [
        ("<&-", os.EX_NOINPUT, b"standard input is closed"),
        ("0>/dev/null", os.EX_IOERR, b"Bad file descriptor"),
    ],
)
def test_a_message_that_cannot_be_read_is_told(sendmail, server, redirection, status, because):
    done = sendmail("a@x", shell=f'exec "$@" {redirection}')

    assert done.returncode == status
    assert because in done.stderr
    assert server.mails == []


# Verifying, aliases, help.


def test_whom_the_server_would_take_is_said_and_nothing_is_sent(sendmail, place):
    with SmtpServer({"RCPT b@x": "550 5.1.1 no such user"}, path=place) as server:
        done = sendmail("-bv", "a@x", "b@x")

    assert done.returncode == os.EX_NOUSER
    assert done.stdout.decode() == "a@x: 250 2.1.5 ok\nb@x: 550 5.1.1 no such user\n"
    assert server.mails == []


def test_without_a_server_nobody_can_say(sendmail, pickup):
    assert sendmail("-bv", "a@x").returncode == os.EX_TEMPFAIL


def test_aliases_are_somewhere_else(sendmail):
    done = sendmail("-bi")

    assert done.returncode == 0
    assert b"aliases are read from the configuration" in done.stdout


def test_it_explains_itself(sendmail):
    assert sendmail("--help").stdout.startswith(b"usage: mailsponge-sendmail ")


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(place, monkeypatch):
    monkeypatch.setattr(wire, "ANSWERED_WITHIN", 0.05)
    with (
        SmtpServer({"greeting": says_nothing}, path=place),
        pytest.raises(wire.NoAnswer, match="does not answer"),
    ):
        wire.Wire(str(place), "box")


def test_nor_heard_for_ever(place):
    with (
        SmtpServer({"greeting": "2" * 70_000}, path=place),
        pytest.raises(wire.NoAnswer, match="talks without end"),
    ):
        wire.Wire(str(place), "box")
