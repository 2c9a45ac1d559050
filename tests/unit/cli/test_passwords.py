"""Rules of ``mailsponge password``: where a password comes from, what is printed, and where it never shows."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tomllib

import pytest
from click.testing import CliRunner, Result

from mailsponge.auth import hashing
from mailsponge.auth.verifiers import Verifiers
from mailsponge.cli import main
from mailsponge.config import Machine, parse
from mailsponge.config.lines import Source
from mailsponge.data_place import DataPlace


def given(line: bytes) -> Result:
    """What comes of a password on standard input."""
    return CliRunner().invoke(main, ["password"], input=line)


def verifiers(printed: str) -> Verifiers:
    return Verifiers.parse(tomllib.loads(printed)["password"])


def knows(found: Verifiers, password: str) -> bool:
    assert found.argon2id is not None
    assert found.scram is not None
    return hashing.matches(found.argon2id, password) and hashing.matches(found.scram, password)


@pytest.mark.parametrize(
    "line", [b"correct horse\n", b"correct horse\r\n", b"correct horse", b"correct horse\nmore\n"]
)
def test_the_first_line_of_standard_input_is_the_password(line):
    done = given(line)

    assert done.exit_code == 0
    assert done.stderr == ""
    assert knows(verifiers(done.stdout), "correct horse")


def test_spaces_around_it_belong_to_it():
    assert knows(verifiers(given(b" correct horse \n").stdout), " correct horse ")


def test_what_is_printed_can_be_put_below_a_user(tmp_path):
    printed = given(b"correct horse\n").stdout
    text = f"[users.me]\n{printed}"

    found = (
        parse(Source("post.toml", text), Machine("box.example", "ann", DataPlace(tmp_path)))
        .config.users["me"]
        .password
    )
    assert found is not None
    assert knows(found, "correct horse")


def test_the_same_password_has_another_hash_each_time():
    assert given(b"correct horse\n").stdout != given(b"correct horse\n").stdout


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"", "an empty password"),
        (b"\n", "an empty password"),
        (b"secret\xff\n", "not UTF-8"),
        (b"secret\0\n", "a control character"),
        (b"secret" * 200, "more than 1024 octets"),
        ("secret\U0001f600\n".encode(), "Unicode 3.2"),
    ],
)
def test_one_that_cannot_be_is_told_and_not_shown(line, told):
    done = given(line)

    assert done.exit_code == 1
    assert told in done.stderr
    assert done.stdout == ""
    assert "secret" not in done.stderr


def test_a_short_one_is_hashed_and_warned_of():
    done = given(b"1234567\n")

    assert knows(verifiers(done.stdout), "1234567")
    assert "fewer than 8 characters" in done.stderr


def test_it_is_no_argument():
    done = CliRunner().invoke(main, ["password", "my secret"])

    assert done.exit_code == 2
    assert done.stdout == ""


def test_help_teaches_with_examples():
    said = CliRunner().invoke(main, ["password", "--help"]).output

    assert "pass show mail/me | mailsponge password" in said
    assert "[users.me]" in said


class Terminal:
    """Somebody at a terminal, who types each line when it is asked for."""

    def __init__(self, *lines: str) -> None:
        mine, its = pty.openpty()
        with subprocess.Popen(
            [sys.executable, "-m", "mailsponge", "password"],
            stdin=its,
            stdout=subprocess.PIPE,
            stderr=its,
            start_new_session=True,
        ) as program:
            os.close(its)
            self.shown = self._typed(mine, lines)
            self.printed = program.communicate(timeout=60)[0].decode()
        os.close(mine)
        self.status = program.returncode

    @staticmethod
    def _typed(mine: int, lines: tuple[str, ...]) -> str:
        """Type, and read all that shows until the program is gone."""
        shown, waiting = "", [("Password: ", lines[0]), ("Once more: ", lines[1])]
        while True:
            try:
                shown += os.read(mine, 1000).decode()
            except OSError:  # how Linux says that nobody holds the other side any more
                return shown
            if waiting and shown.endswith(waiting[0][0]):
                os.write(mine, f"{waiting.pop(0)[1]}\n".encode())


def test_at_a_terminal_it_is_asked_for_twice_and_not_shown():
    terminal = Terminal("correct horse", "correct horse")

    assert terminal.status == 0
    assert terminal.shown.split() == ["Password:", "Once", "more:"]
    assert knows(verifiers(terminal.printed), "correct horse")


def test_two_different_ones_are_hashed_neither():
    terminal = Terminal("correct horse", "correct house")

    assert terminal.status == 1
    assert "two different ones" in terminal.shown
    assert "house" not in terminal.shown
    assert terminal.printed == ""
