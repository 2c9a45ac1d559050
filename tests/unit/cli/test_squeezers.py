"""A command asks a mail server that is away once, not once for each job."""

from __future__ import annotations

from mailsponge.cli.squeezers import Servers
from mailsponge.clock import Deadline
from mailsponge.sponge.mailhost import Credentials, MailHost, parse
from mailsponge.sponge.model import Mail
from mailsponge.sponge.transport import Outcome

MAIL = Mail("<1@h>", 0.0, "subject", "a@h", ("b@h",), b"")
AWAY = Outcome("waiting", "h:25: no answer in time", server_is_there=False)
HERE, THERE = parse("here.example.org"), parse("there.example.org")


class Answers:
    """Gives one answer after the other, and keeps who was asked."""

    def __init__(self, *answers: Outcome) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, mail: Mail, host: MailHost, login: Credentials | None, deadline: Deadline) -> Outcome:
        self.asked.append(host.host)
        return self.answers.pop(0)


def test_one_that_was_away_is_not_asked_again_and_its_mails_wait():
    answers = Answers(AWAY)
    servers = Servers(answers)

    first, second = (servers.hand_over(MAIL, HERE, None, Deadline(30)) for _ in range(2))

    assert answers.asked == ["here.example.org"]
    assert first == AWAY
    assert second == Outcome("waiting", "h:25: no answer in time (asked a moment ago)", server_is_there=False)


def test_another_is_asked_all_the_same():
    answers = Answers(AWAY, Outcome("sent", "250 OK"))
    servers = Servers(answers)

    servers.hand_over(MAIL, HERE, None, Deadline(30))

    assert servers.hand_over(MAIL, THERE, None, Deadline(30)).status == "sent"


def test_one_that_says_later_is_asked_again():
    answers = Answers(Outcome("waiting", "451 later"), Outcome("sent", "250 OK"))
    servers = Servers(answers)

    servers.hand_over(MAIL, HERE, None, Deadline(30))

    assert servers.hand_over(MAIL, HERE, None, Deadline(30)).status == "sent"


def test_one_that_had_no_time_to_answer_is_asked_again():
    answers = Answers(AWAY, Outcome("sent", "250 OK"))
    servers = Servers(answers)

    servers.hand_over(MAIL, HERE, None, Deadline(1))

    assert servers.hand_over(MAIL, HERE, None, Deadline(30)).status == "sent"
