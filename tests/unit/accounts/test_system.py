"""Rules of the users of this machine as recipients."""

from __future__ import annotations

import pytest

from mailsponge.accounts.system import ANSWERS, REMEMBERED, UIDS, Entry, SystemUsers, uids

PASSWD = {
    "root": Entry(0, "/bin/bash"),
    "daemon": Entry(1, "/usr/sbin/nologin"),
    "ann": Entry(1000, "/bin/bash"),
    "ann.lee": Entry(1001, "/bin/zsh"),
    "bob": Entry(60000, ""),
    "backup": Entry(1002, "/usr/sbin/nologin"),
    "ftp": Entry(1003, "/bin/false"),
    "nobody": Entry(65534, "/bin/sh"),
    "service": Entry(999, "/bin/sh"),
}


class System:
    """A machine that notes what it is asked, and a clock that can be turned."""

    def __init__(self, passwd: dict[str, Entry] | None = None) -> None:
        self.passwd = dict(PASSWD if passwd is None else passwd)
        self.asked: list[str] = []
        self.time = 0.0
        self.users = SystemUsers(self._find, lambda: self.time)

    def _find(self, name: str) -> Entry | None:
        self.asked.append(name)
        return self.passwd.get(name)


@pytest.mark.parametrize("name", ["ann", "ann.lee", "bob"])
def test_who_could_log_in_gets_mail(name):
    assert System().users.knows(name)


@pytest.mark.parametrize("name", ["root", "daemon", "backup", "ftp", "nobody", "service", "carl"])
def test_services_and_strangers_do_not(name):
    assert not System().users.knows(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../ann",
        "ann/..",
        "ann\0",
        "-ann",
        "an n",
        "ann:x",
        "ANN",
        "ann+x",
        ".ann",
        "ann.",
        "a..b",
        "é",
        "a" * 33,
    ],
)
def test_the_system_is_not_asked_for_what_cannot_be_a_name(name):
    system = System({name: Entry(1000, "/bin/sh")})

    assert not system.users.knows(name)
    assert system.asked == []


def test_an_answer_is_good_for_a_minute_and_no_longer():
    system = System()
    assert system.users.knows("ann")
    assert not system.users.knows("carl")
    system.passwd = {"carl": Entry(1000, "/bin/sh")}

    system.time = REMEMBERED - 1
    assert system.users.knows("ann")
    assert not system.users.knows("carl")
    assert system.asked == ["ann", "carl"]
    system.time = REMEMBERED
    assert not system.users.knows("ann")
    assert system.users.knows("carl")


def test_who_guesses_names_does_not_fill_the_memory():
    system = System({})
    for number in range(3 * ANSWERS):
        system.users.knows(f"a{number}")

    assert len(system.users._known) <= ANSWERS


@pytest.mark.parametrize(
    ("login_defs", "first_and_last"),
    [
        ("", UIDS),
        ("UID_MIN\t\t\t 500\nUID_MAX 20000\n", (500, 20000)),
        ("#UID_MIN 500\n", UIDS),
        ("SYS_UID_MIN 100\n  UID_MIN 2000  \n", (2000, UIDS[1])),
        ("UID_MIN many\n", UIDS),
    ],
)
def test_which_uids_are_peoples_is_read(login_defs, first_and_last):
    assert uids(login_defs) == first_and_last
