"""``mailsponge password``: what a password is known by, for the configuration. The password itself is shown nowhere."""

from __future__ import annotations

import secrets
import sys
from getpass import getpass
from typing import Final

import click

from mailsponge.auth import hashing
from mailsponge.auth.credentials import PASSWORD_LIMIT
from mailsponge.cli import output
from mailsponge.errors import UsageError

SHORT: Final = 8
"""Characters. NIST SP 800-63B asks for at least as many."""


@click.command()
def password() -> None:
    """Hash a password, for a user in the configuration of the post office.

    It asks for the password twice and does not show it. Where standard input is no terminal, its first line is the
    password. It is never an argument: everybody on the machine can see those.

    \b
    Examples:
      mailsponge password                              asks for it
      pass show mail/me | mailsponge password          takes it from another program
      openssl rand -base64 18 | tee /dev/tty | mailsponge password     a new one, by chance

    \b
    Put the line that it prints below the user, and send the server SIGHUP:
      [users.me]
      password = ["$argon2id$…", "SCRAM-SHA-256$…"]

    There are two hashes of the one password: for programs that send it, through TLS, and for programs that only prove
    that they know it (SCRAM). One is enough; SCRAM is offered when all users with a password have the second one.
    """
    chosen = _asked_for() if sys.stdin.isatty() else _first_line()
    hashes = [
        str(make(chosen, secrets.token_bytes(hashing.SALT_LENGTH)))
        for make in (hashing.argon2id, hashing.scram)
    ]
    if len(chosen) < SHORT:
        output.note(f"that password has fewer than {SHORT} characters: whoever guesses finds it soon")
    listed = ", ".join(f'"{each}"' for each in hashes)
    click.echo(f"password = [{listed}]")


def _asked_for() -> str:
    chosen = getpass("Password: ")
    if getpass("Once more: ") != chosen:
        raise UsageError("those were two different ones; nothing is hashed, so try again")
    return chosen


def _first_line() -> str:
    """The first line of standard input, and not much more than can be a password."""
    line = sys.stdin.buffer.readline(PASSWORD_LIMIT + 3)
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise UsageError("standard input is not UTF-8; send the password as UTF-8") from None
