"""``mailsponge serve``: the post office."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from mailsponge import daemon
from mailsponge.cli.options import where_mail_is
from mailsponge.config import Endpoint, Place
from mailsponge.data_place import DataPlace

Read = TypeVar("Read")


def _each(parse: Callable[[str], Read]) -> Callable[..., tuple[Read, ...]]:
    """Reads each value of an option."""

    def read(context: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> tuple[Read, ...]:
        try:
            return tuple(map(parse, texts))
        except ValueError as error:
            raise click.BadParameter(str(error), context, option) from error

    return read


@click.command()
@where_mail_is
@click.option(
    "--smtp",
    callback=_each(Endpoint.parse),
    multiple=True,
    metavar="ADDR:PORT",
    help="Take mail here; may be given several times. Port 0: any free one. [default: 127.0.0.1:2525]",
)
@click.option(
    "--submission",
    callback=_each(Endpoint.parse),
    multiple=True,
    metavar="ADDR:PORT",
    help="Take mail here from people and programs that log in. [default: none]",
)
@click.option(
    "--lmtp",
    callback=_each(Place.parse),
    multiple=True,
    metavar="ADDR:PORT|unix:PATH",
    help="Take mail here from another mail server that speaks LMTP. [default: none]",
)
@click.option(
    "--web",
    callback=_each(Endpoint.parse),
    multiple=True,
    metavar="ADDR:PORT",
    help="Show mail, jobs and the queue to browsers here. [default: 127.0.0.1:8025]",
)
def serve(
    data: DataPlace | None,
    config: Path | None,
    smtp: tuple[Endpoint, ...],
    submission: tuple[Endpoint, ...],
    lmtp: tuple[Place, ...],
    web: tuple[Endpoint, ...],
) -> None:
    """Run the post office: take mail over SMTP, keep it or send it on.

    Without any option it listens on 127.0.0.1, port 2525, for programs on this machine, and has one mailbox: yours.
    Mail for postmaster, root and abuse comes to you too. It needs no root, and runs until you stop it with Ctrl-C.

    \b
    Examples:
      mailsponge serve
      mailsponge serve --smtp 127.0.0.1:2526 --data /tmp/post-office
      mailsponge serve --smtp '[::1]:2525' --smtp 127.0.0.1:2525
      mailsponge serve --config /etc/mailsponge.toml

    \b
    Then send something, and read it:
      curl smtp://127.0.0.1:2525 --mail-from me@localhost --mail-rcpt root@localhost --crlf -T letter.txt
      mailsponge mail list

    A line with `ready` and the addresses is printed once every one of them is listened on; then comes one line a
    message. SIGTERM and SIGINT end it cleanly, SIGHUP makes it read its configuration again.
    """
    daemon.serve(daemon.Wish(config, data, smtp, submission, lmtp, web))
