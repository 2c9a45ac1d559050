"""The post office as a program: the only place that wires its rooms together.

configuration ──> accounts ──> rules ──┐
                  data directory ──> store ──> listener ──> ready ··· SIGTERM ──> listener stops ──> store closes
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import resource
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TextIO

import msgspec

from mailsponge import config as configuration
from mailsponge.accounts import Accounts
from mailsponge.config import Config, Endpoint, Loaded, Machine, Smtp
from mailsponge.errors import ConfigError
from mailsponge.server.listener import Listener
from mailsponge.server.logsink import LogSink, logging_to
from mailsponge.server.loop import new_loop
from mailsponge.server.rules import Rules
from mailsponge.server.scrape import Scrapes
from mailsponge.store.protocol import Store
from mailsponge.store.sqlite import SqliteStore

log = logging.getLogger("mailsponge.daemon")


class Wish(NamedTuple):
    """What was asked for on the command line; it counts for more than the file."""

    config: Path | None = None
    data: Path | None = None
    smtp: Sequence[Endpoint] = ()


def read(wish: Wish, machine: Machine) -> Loaded:
    """The configuration in force. Raises ConfigError."""
    loaded = configuration.load(wish.config, machine)
    config = loaded.config
    return loaded._replace(
        config=msgspec.structs.replace(
            config,
            data=wish.data or config.data,
            smtp=Smtp(listen=tuple(wish.smtp)) if wish.smtp else config.smtp,
        )
    )


def rules_of(loaded: Loaded) -> Rules:
    """What the listener goes by. Raises ConfigError for what only shows when names are put together."""
    config, source = loaded
    catch_all = {
        name: domain.catch_all for name, domain in config.domains.items() if domain.catch_all is not None
    }
    accounts = Accounts(config.domains, tuple(config.users), config.aliases, catch_all, where=source.at)
    return Rules.of(config, accounts)


def serve(wish: Wish) -> None:
    """Run until SIGTERM or SIGINT. Raises MailspongeError when it cannot start; the message says what to do."""
    sink = LogSink(sys.stderr, stamped=not _goes_to_the_journal(sys.stderr))
    with logging_to(sink):
        machine = Machine.here()
        loaded = read(wish, machine)
        _allow_open_files(loaded.config.limits.connections + 100)
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(_PostOffice(wish, machine, loaded).run(sink))


class _PostOffice:
    """The rooms, wired together."""

    def __init__(self, wish: Wish, machine: Machine, loaded: Loaded) -> None:
        self._wish = wish
        self._machine = machine
        self._config = loaded.config
        self._rules = rules_of(loaded)
        self._listener: Listener | None = None

    async def run(self, sink: LogSink) -> None:
        """Open, work until a signal says to stop, close."""
        loop = asyncio.get_running_loop()
        told_to_stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told_to_stop.set)
        # Also from the first moment: left to itself, this signal ends a process.
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        sink.gather(loop)
        try:
            store = SqliteStore(self._config.data, call=loop.call_soon_threadsafe)
            try:
                await self._work(store, told_to_stop)
            finally:
                await asyncio.to_thread(store.close)  # so that what it still tells finds the loop running
        finally:
            sink.gather(None)

    async def _work(self, store: Store, told_to_stop: asyncio.Event) -> None:
        swept = await asyncio.to_thread(store.sweep)
        if swept:
            log.info("swept away what was left of %d messages that never were complete", swept)
        free = partial(_free, self._config.data)
        listener = self._listener = Listener(self._rules, store, free=free)
        where = await listener.start(self._config.smtp.listen)
        async with _metrics(self._config.metrics.listen, listener, store, free) as told_at:
            self._ready(where, told_at)
            await told_to_stop.wait()
            log.info("stopping")
            notify("STOPPING=1")
            await listener.stop()

    def _ready(self, where: Sequence[Endpoint], metrics: Sequence[Endpoint]) -> None:
        """Every socket listens: say so, to people and to systemd."""
        # What is there now stays: the garbage collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        addresses = ", ".join(map(str, where))
        if metrics:
            addresses += f" · metrics {', '.join(map(str, metrics))}"
        sys.stderr.write(
            f"mailsponge: ready: smtp {addresses} · mail for {_whom(self._config)} · data {self._config.data}\n"
        )
        sys.stderr.flush()
        notify(f"READY=1\nSTATUS=smtp {addresses}")

    def _reload(self) -> None:
        """Read the configuration again; one that cannot be changes nothing."""
        try:
            loaded = read(self._wish, self._machine)
            self._rules = rules_of(loaded)
        except ConfigError as error:
            log.error("not reloaded, all stays as it was: %s", error)
            return
        if self._listener is not None:
            self._listener.rules = self._rules
        old, new = self._config, loaded.config
        if (old.data, old.smtp, old.metrics) != (new.data, new.smtp, new.metrics):
            log.warning(
                "reloaded; metrics.listen, data and smtp.listen change when the server is started anew"
            )
        else:
            log.info("reloaded")


@contextlib.asynccontextmanager
async def _metrics(
    listen: Sequence[Endpoint], listener: Listener, store: Store, free: Callable[[], int]
) -> AsyncIterator[Sequence[Endpoint]]:
    """Figures for Prometheus, if somebody wants them; then the addresses where they are. Raises UsageError."""
    if not listen:
        yield ()
        return
    from mailsponge.server.metrics import CONTENT_TYPE, Metrics  # what it needs is loaded for nobody else

    scrapes = Scrapes(Metrics(listener, store, free).page, CONTENT_TYPE)
    where = await scrapes.start(listen)
    try:
        yield where
    finally:
        scrapes.stop()


def _free(data: Path) -> int:
    """Bytes that the disk under a directory has left for this user."""
    try:
        return shutil.disk_usage(data).free
    except OSError:
        return (
            sys.maxsize
        )  # a disk that cannot be asked: what is wrong with it shows when a message is to be kept


def _whom(config: Config) -> str:
    """``me@localhost``, or how many people at which domains."""
    domain = "localhost" if "localhost" in config.domains else next(iter(config.domains))
    users = list(config.users)
    more = f" and {len(users) - 1} more" if len(users) > 1 else ""
    return f"{users[0]}@{domain}{more}"


def _goes_to_the_journal(stream: TextIO) -> bool:
    """Whether a stream leads to systemd's journal, which stamps each line itself (systemd.exec(5), JOURNAL_STREAM)."""
    try:
        file = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{file.st_dev}:{file.st_ino}"


def _allow_open_files(wanted: int) -> None:
    """Raise this process's own limit to what its connections need, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        possible = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))


def notify(state: str) -> None:
    """Tell systemd, if it started this (sd_notify(3)); silence from it is no error."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        address = "\0" + address[1:] if address.startswith("@") else address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.sendto(state.encode(), address)
