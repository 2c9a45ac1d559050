"""What a person is told of a message at each step of its way: by `mailsponge trace`, by `mailsponge queue`, and by what
comes back.
"""

from __future__ import annotations

import email
import email.policy
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from kit.awaited import until
from kit.busy_office import AWAY, ME, NEVER, SENDER, BusyOffice
from kit.far_away import BOX, DOMAIN
from kit.mail_server import PATIENCE, MailServer
from kit.posted import Line

PATIENT = 'first_retry = "1 hour"'
SOON = 'first_retry = "1 s"\nlongest_retry = "1 s"'


class Desk:
    """A post office, and the commands that a person asks it by."""

    def __init__(self, busy: BusyOffice, server: MailServer, line: Line) -> None:
        self.busy = busy
        self._server = server
        self._line = line

    def post(self, sender: str, *recipients: str, **more: str) -> int:
        """Post a letter; returns the number that its sender is told."""
        letter = self._line.post(sender, *recipients, **more)
        taken = re.fullmatch(r"250 2\.0\.0 Taken as (\d+)", str(letter.reply))
        assert taken, letter.reply
        return int(taken[1])

    def command(self, *words: object) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "mailsponge", *map(str, words), "--data", str(self._server.data)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def story(self, number: int) -> list[tuple[str, str]]:
        """What happened to a message, each with its reason."""
        return [(step["what"], step["why"]) for step in json.loads(self.command("trace", number, "--json"))]

    def wait_for(self, number: int, *what: str) -> dict[str, str]:
        """Wait until these have happened; returns the reason for each thing that has, for the last one of its kind."""
        until(lambda: set(what) <= self._heard_of(number), lambda: str(self.story(number)))
        return dict(self.story(number))

    def _heard_of(self, number: int) -> set[str]:
        with self.busy.office.opened() as store:
            return {step.what for step in store.trace(number)}

    def queue(self) -> list[Any]:
        return list(json.loads(self.command("queue", "list", "--json")))

    def reports(self, number: int = 1) -> list[EmailMessage]:
        """Wait until so many have come back to the sender."""
        found = until(
            lambda: len(there := self.busy.office.contents("sender")) >= number and there,
            lambda: self.command("queue", "list", "--json"),
        )
        assert found
        return [email.message_from_bytes(content, policy=email.policy.default) for content in found]


@contextmanager
def desk(folder: Path, queue: str) -> Iterator[Desk]:
    with BusyOffice(folder, queue=queue) as busy:
        server = busy.server()
        server.start()
        with busy.posted.line(server.port) as line:
            yield Desk(busy, server, line)
        assert server.stop() == 0
        assert "Traceback" not in server.log.read_text()


def said_in(report: EmailMessage) -> str:
    """What a report says to people, in one line."""
    said = report.get_body(("plain",))
    assert said is not None
    return " ".join(said.get_content().split())


WAY = ["came", "sender", "admitted", "admitted", "complete", "delivered", "queued", "deferred", "waiting"]
GREYLISTED = "127.0.0.1 answered RCPT with: 451 4.7.1 Greylisted, come again"
UNKNOWN = "127.0.0.1 answered RCPT with: 550 5.1.1 No such user here"


def test_from_the_queue_to_its_next_hop(folder: Path) -> None:
    with desk(folder, PATIENT) as at:
        with at.busy.far.puts_all_off():
            number = at.post(SENDER, AWAY, ME)
            at.wait_for(number, "deferred")
            whats = [what for what, _ in at.story(number)]
            told = dict(at.story(number))
            [waiting] = at.queue()
            [recipient] = waiting["recipients"]
        hop = f"127.0.0.1:{at.busy.far.port}"
        assert whats == WAY
        assert told["queued"] == f"for <{BOX}>, where <{AWAY}> leads, by {hop}"
        assert re.fullmatch(rf"<{BOX}>: {GREYLISTED}; tried again in \d\d minutes", told["deferred"])
        assert told["waiting"] == f"<{BOX}>: {GREYLISTED}; attempt 2"
        assert (waiting["id"], waiting["reverse_path"]) == (number, SENDER)
        at_next = recipient.pop("next_attempt_at")
        assert at_next > waiting["arrived_at"]
        assert recipient == {
            "address": BOX,
            "original": AWAY,
            "next_hop": hop,
            "attempts": 1,
            "last_reply": "451 4.7.1 Greylisted, come again",
            "held": False,
        }
        at.command("queue", "retry", number)
        told = at.wait_for(number, "relayed")
        assert told["retried"] == "by a person: it is tried at once"
        assert told["relayed"] == f"<{BOX}>: 127.0.0.1 has it: 250 2.0.0 taken"
        assert "waiting" not in told
        assert at.queue() == []


def test_held_and_released(folder: Path) -> None:
    with desk(folder, PATIENT) as at:
        with at.busy.far.puts_all_off():
            number = at.post(SENDER, AWAY)
            at.wait_for(number, "deferred")
            at.command("queue", "hold", number)
            at.command("queue", "retry", number)
        told = dict(at.story(number))
        assert told["held"] == "by a person: it is not tried before it is released"
        assert told["waiting"] == f"<{BOX}> is held: `mailsponge queue release {number}` lets it go on"
        assert "retried" not in told
        [waiting] = at.queue()
        assert waiting["recipients"][0]["held"] is True
        at.command("queue", "release", number)
        told = at.wait_for(number, "relayed")
        assert told["released"] == "by a person: it is tried at once"


def test_taken_out_and_put_back(folder: Path) -> None:
    with desk(folder, PATIENT) as at:
        with at.busy.far.puts_all_off():
            number = at.post(SENDER, AWAY)
            at.wait_for(number, "deferred")
            at.command("queue", "delete", number)
        assert at.queue() == []
        assert "for a week it can be released" in dict(at.story(number))["withdrawn"]
        at.command("queue", "release", number)
        at.wait_for(number, "relayed")


def test_a_message_that_is_refused_there_comes_back_to_its_sender(folder: Path) -> None:
    with desk(folder, PATIENT) as at:
        number = at.post(SENDER, NEVER, AWAY, ME)
        told = at.wait_for(number, "reported", "relayed")
        assert told["failed"] == f"<never@{DOMAIN}>: {UNKNOWN}"
        [report] = at.reports()
        report_number = int(told["reported"].removeprefix("the sender is told: message "))
        assert f"<{SENDER}>" in dict(at.story(report_number))["admitted"]
        assert report["Subject"] == f"Your message could not be delivered: {NEVER}"
        assert "550 5.1.1 No such user here" in said_in(report)
        assert "Mail to it is sent on from here to another address" in said_in(report)
        assert "Check the address" not in said_in(report)
        assert AWAY not in said_in(report)


def test_a_report_never_comes_back_itself(folder: Path) -> None:
    with desk(folder, PATIENT) as at:
        told = at.wait_for(at.post("", NEVER), "failed")
        assert told["failed"].endswith("; nobody hears of it, for it is a report itself")
        number = at.post(f"ghost@{DOMAIN}", NEVER)
        told = at.wait_for(number, "reported")
        about = at.wait_for(int(told["reported"].rpartition(" ")[2]), "failed")
        assert about["sender"] == "<>: a report, which nobody is told of"
        assert about["failed"].endswith("; nobody hears of it, for it is a report itself")
        until(lambda: not at.queue(), lambda: str(at.queue()))
        with at.busy.office.opened() as store:
            assert store.mails() == []


def test_what_is_late_is_told_and_then_given_up(folder: Path) -> None:
    with desk(folder, f'{SOON}\nwarn_after = "1 s"\nlifetime = "4 s"') as at:
        with at.busy.far.puts_all_off():
            number = at.post(SENDER, AWAY)
            at.wait_for(number, "failed")
            told = at.story(number)
        late, over = sorted(at.reports(2), key=lambda report: len(report["Subject"]), reverse=True)
        assert [what for what, _ in told].count("deferred") > 1
        assert [what for what, _ in told].count("reported") == 2
        assert dict(told)["failed"] == (f"<{BOX}>: could not be delivered for 4 seconds; last: {GREYLISTED}")
        assert at.queue() == []
        assert late["Subject"] == f"Your message has not been delivered yet: {AWAY}"
        assert "need not send it again" in said_in(late)
        assert "does not take this message yet" in said_in(late)
        assert over["Subject"] == f"Your message could not be delivered: {AWAY}"
        assert "Send the message again in a day or two" in said_in(over)
