"""Rules of whose rights a letter is delivered with."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from kit.orders import HOUSE, LETTER, ORDER, somebody_waits
from mailsponge.accounts import Accounts, Deliver
from mailsponge.courier.agent import Agent, AsSomebodyElse
from mailsponge.courier.letter import laid_out
from mailsponge.courier.order import Order
from mailsponge.courier.ways import Ways
from mailsponge.errors import ConfigError
from mailsponge.mail.outcome import Outcome, Result

NOBODY = pwd.getpwnam("nobody")
BY_ANOTHER = Outcome(Result.DELIVERED, "2.0.0", "by another process")


def by_another(order: Order, letter: int, gone: int) -> Outcome:
    return BY_ANOTHER


def delivered(
    deliver: str, user: str = "nobody", uid: int | None = None, another: AsSomebodyElse | None = by_another
) -> Outcome:
    """What a letter to a user comes to in a process that runs as somebody."""
    ways = {user: Deliver.parse(deliver)}
    accounts = Accounts(["example.org"], [user], deliver=ways)
    agent = Agent(Ways(accounts, HOUSE, ways), another, os.geteuid() if uid is None else uid)
    with laid_out([LETTER], len(LETTER)) as letter, somebody_waits() as gone:
        return agent.deliver(ORDER._replace(user=user), letter, gone)


def test_who_runs_as_the_recipient_delivers(tmp_path: Path):
    assert delivered(f"maildir:{tmp_path}/Maildir", uid=NOBODY.pw_uid).result is Result.DELIVERED
    assert len(os.listdir(tmp_path / "Maildir" / "new")) == 1


def test_who_is_no_user_of_this_machine_has_it_in_the_servers_name(tmp_path: Path):
    outcome = delivered(f"maildir:{tmp_path}/Maildir", user="virtual", uid=NOBODY.pw_uid)

    assert outcome.result is Result.DELIVERED
    assert len(os.listdir(tmp_path / "Maildir" / "new")) == 1


def test_for_any_other_user_of_this_machine_another_process_does():
    assert delivered("maildir:~/Maildir", uid=12345) == BY_ANOTHER


def test_without_one_it_waits_for_a_server_that_has_one():
    outcome = delivered("maildir:~/Maildir", uid=12345, another=None)

    assert (outcome.result, outcome.status) == (Result.DEFERRED, "4.3.5")
    assert "only root can write as nobody: start the server as root" in outcome.why


@pytest.mark.parametrize(("user", "uid"), [("root", 12345), ("root", 0), ("virtual", 0)])
def test_nothing_is_delivered_with_roots_rights(tmp_path: Path, user: str, uid: int):
    outcome = delivered(f"maildir:{tmp_path}/Maildir", user=user, uid=uid)

    assert (outcome.result, outcome.status) == (Result.DEFERRED, "4.3.5")
    assert "let an alias lead to a user who is not root" in outcome.why
    assert os.listdir(tmp_path) == []


def test_who_is_no_user_of_this_machine_has_no_home():
    outcome = delivered("maildir:~/Maildir", user="virtual")

    assert outcome.result is Result.DEFERRED
    assert "has no home for maildir:~/Maildir: name the whole path" in outcome.why


def test_a_command_that_cannot_be_stops_the_start():
    ways = {"me": Deliver.parse("pipe:/bin/cat --to={recipient}")}
    accounts = Accounts(["example.org"], ["me"], deliver=ways)

    with pytest.raises(
        ConfigError, match=r"^users\.me\.deliver: the command's word '--to=\{recipient\}' cannot be"
    ):
        Ways(accounts, HOUSE, {"users.me.deliver": ways["me"]})


def test_a_command_for_many_may_name_each_of_them():
    deliver = Deliver.parse("pipe:/usr/bin/procmail -d {user}")
    accounts = Accounts(
        ["example.org"], ["me"], system={"example.org": deliver}, is_system_user=lambda name: True
    )

    Ways(accounts, HOUSE, {"domains.example.org.deliver": deliver})
