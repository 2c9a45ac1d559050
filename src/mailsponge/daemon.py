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
import pwd
import resource
import shutil
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

import msgspec

from mailsponge import config as configuration
from mailsponge.accounts import Accounts, Deliver
from mailsponge.auth import secret
from mailsponge.auth.directory import Directory
from mailsponge.checking_duty import checking
from mailsponge.config import Config, Endpoint, Loaded, Machine
from mailsponge.config.machine import DEFAULT_WEB, system_users
from mailsponge.config.relay_password import relay_password
from mailsponge.config.routing import routes_of
from mailsponge.courier.agent import Agent
from mailsponge.courier.maildir import House
from mailsponge.courier.ways import Ways
from mailsponge.data_place import DataPlace
from mailsponge.errors import ConfigError, StateError, UsageError
from mailsponge.sending import Sending
from mailsponge.server import entrance, pickup_directory, role
from mailsponge.server.certificate import Certificate, TlsFiles, opened
from mailsponge.server.entrance import Entrance, Place
from mailsponge.server.listener import Listener
from mailsponge.server.logsink import LogSink, logging_to
from mailsponge.server.loop import new_loop
from mailsponge.server.parent import Parent, separate
from mailsponge.server.pickup import Pickup
from mailsponge.server.pickup_directory import PickupDirectory
from mailsponge.server.privileges import Account, runs_as
from mailsponge.server.role import Role
from mailsponge.server.rules import Rules
from mailsponge.server.scrape import Scrapes
from mailsponge.store.database import make_directory, migrations
from mailsponge.store.opening import load_postgres, open_store, shared_secret
from mailsponge.store.protocol import Store

if TYPE_CHECKING:
    from mailsponge.browsing import Browsing

log = logging.getLogger("mailsponge.daemon")


GARBAGE = 10_000
"""Objects that are made and kept before the garbage collector looks at them: a session has some hundred, and most die
young by themselves. By default it looks after 700, which is several times a session on a busy server.
"""


class Wish(NamedTuple):
    """What was asked for on the command line; it counts for more than the file."""

    config: Path | None = None
    data: DataPlace | None = None
    smtp: Sequence[Endpoint] = ()
    submission: Sequence[Endpoint] = ()
    lmtp: Sequence[configuration.Place] = ()
    web: Sequence[Endpoint] = ()


def read(wish: Wish, machine: Machine) -> Loaded:
    """The configuration in force. Raises ConfigError."""
    loaded = configuration.load(wish.config, machine)
    config = loaded.config
    replaced = msgspec.structs.replace
    config = replaced(
        config,
        data=wish.data or config.data,
        smtp=replaced(config.smtp, listen=tuple(wish.smtp) or config.smtp.listen),
        submission=replaced(config.submission, listen=tuple(wish.submission) or config.submission.listen),
        lmtp=replaced(config.lmtp, listen=tuple(wish.lmtp) or config.lmtp.listen),
        web=replaced(config.web, listen=tuple(wish.web) or config.web.listen),
    )
    configuration.check(config, loaded.source.at)
    return loaded._replace(config=config)


def rules_of(loaded: Loaded, decoys: Callable[[], bytes] = bytes) -> Rules:
    """What the listener goes by. ``decoys``: the secret that they are made of, asked for if somebody can log in.

    Raises ConfigError for what only shows when names are put together.
    """
    config, source = loaded
    accounts = accounts_of(loaded)
    trusted = [_uid(name, source.at("local", "trusted")) for name in config.local.trusted]
    passwords = {name: user.password for name, user in config.users.items() if user.password is not None}
    directory = Directory(accounts, passwords, decoys() if passwords else b"", where=source.at)
    routes = routes_of(config, relay_password(config, os.environ, source.at), source.at)
    hostnames = (socket.gethostname().lower(),)
    return Rules.of(config, accounts, directory, trusted, hostnames=hostnames, routes=routes)


def accounts_of(loaded: Loaded) -> Accounts:
    """Who lives here. Raises ConfigError for names that cannot be."""
    config, source = loaded
    domains = config.domains.items()
    return Accounts(
        config.domains,
        tuple(config.users),
        config.aliases,
        {name: domain.catch_all for name, domain in domains if domain.catch_all is not None},
        deliver={name: user.deliver for name, user in config.users.items()},
        system={name: domain.deliver for name, domain in domains if domain.system_users},
        is_system_user=system_users().knows,
        hostname=config.hostname,
        where=source.at,
    )


def ways_of(loaded: Loaded, accounts: Accounts) -> Ways:
    """How mail is delivered on this machine. Raises ConfigError for a command that cannot be."""
    config, source = loaded
    settings = {source.at(*key): deliver for key, deliver in deliveries_of(config).items()}
    return Ways(accounts, House.of(socket.gethostname(), str(config.data)), settings)


def deliveries_of(config: Config) -> dict[tuple[str, ...], Deliver]:
    """The settings that say how mail is delivered to those who live here, by their keys."""
    deliveries: dict[tuple[str, ...], Deliver] = {}
    for name, user in config.users.items():
        deliveries["users", name, "deliver"] = user.deliver
    for name, domain in config.domains.items():
        if domain.system_users:
            deliveries["domains", name, "deliver"] = domain.deliver
    return deliveries


def places_of(config: Config) -> list[tuple[Role, Place]]:
    """Where the server listens, and what for."""
    places: list[tuple[Role, Place]] = []
    places += [(role.SMTP, endpoint) for endpoint in config.smtp.listen]
    places += [(role.SUBMISSION, endpoint) for endpoint in config.submission.listen]
    places += [(role.SUBMISSIONS, endpoint) for endpoint in config.submission.listen_tls]
    places += [(role.LMTP, place.at) for place in config.lmtp.listen]
    places += [(role.WEB, endpoint) for endpoint in config.web.listen]
    if config.local.socket is not None:
        places.append((role.LOCAL, config.local.socket))
    return places


def tls_files_of(config: Config) -> TlsFiles | None:
    """Where the certificate and its key are, if there is one."""
    certificate = config.tls.certificate
    return TlsFiles(certificate, config.tls.key or certificate) if certificate is not None else None


def pickup_of(config: Config) -> tuple[Path, int] | None:
    """Where programs leave mail while the server is down, and the mode of such a directory; None where mail is in a
    database and no directory is named.
    """
    if config.local.pickup is not None:
        return config.local.pickup, pickup_directory.MODE
    if config.data.directory is not None:
        return config.data.directory / "pickup", pickup_directory.OWN_MODE
    return None


def account_of(config: Config) -> Account | None:
    """Whom the server runs as; None: whoever starts it. Raises ConfigError."""
    exposed = any(
        isinstance(place, Endpoint) and (not place.is_loopback or 0 < place.port < 1024)
        for _, place in places_of(config)
    )
    return runs_as(config.user, exposed=exposed, uid=os.geteuid())


def serve(wish: Wish) -> None:
    """Run until SIGTERM or SIGINT. Raises MailspongeError when it cannot start; the message says what to do."""
    sink = LogSink(sys.stderr, stamped=not _goes_to_the_journal(sys.stderr))
    with logging_to(sink):
        machine = Machine.here()
        loaded = read(wish, machine)
        _allow_open_files(loaded.config.limits.connections + 2 * loaded.config.queue.at_once + 400)
        rules = rules_of(loaded)  # what cannot be is told before anything is opened
        ways = ways_of(loaded, rules.accounts)
        account = account_of(loaded.config)
        entrances, no_web = _opened(loaded.config)
        try:
            parent = _with_a_parent(account, loaded.config, entrances, ways)
            with asyncio.Runner(loop_factory=new_loop) as runner:
                runner.run(_PostOffice(wish, machine, loaded, entrances, parent, no_web).run(sink))
        finally:
            for entered in entrances:
                entered.close()


def _opened(config: Config) -> tuple[tuple[Entrance, ...], str]:
    """Every address that is listened on, and why there are no web pages, if nobody has said that there should not be
    any. Raises UsageError.
    """
    places = places_of(config)
    if config.web.listen is not DEFAULT_WEB:
        return entrance.opened(places), ""
    # Nobody has asked for the pages: that their port is taken must not keep the mail from flowing.
    entrances = entrance.opened(place for place in places if place[0] is not role.WEB)
    try:
        return entrances + entrance.opened((role.WEB, endpoint) for endpoint in DEFAULT_WEB), ""
    except UsageError as error:
        return entrances, f"there are no web pages: {error}, or --web 127.0.0.1:0"


def _with_a_parent(
    account: Account | None, config: Config, entrances: tuple[Entrance, ...], ways: Ways
) -> Parent | None:
    """Leave a parent behind that keeps root's rights, where it is of use. Raises UsageError where the data are not the
    user's.
    """
    if account is not None:
        return _without_root(account, config, entrances, ways)
    if os.geteuid() == 0 and ways.are_local:
        return separate(None, tls_files_of(config), entrances, notify, ways)
    return None


def _without_root(account: Account, config: Config, entrances: tuple[Entrance, ...], ways: Ways) -> Parent:
    """Go on as the user."""
    directory = config.data.directory
    if directory is None:
        load_postgres()
    else:
        _hand_over(directory, account)
    if config.local.pickup is not None:
        pickup_directory.prepare(config.local.pickup, account.uid, account.gid)
    _load_what_comes_later()
    if config.metrics.listen:
        import_module("mailsponge.server.metrics")
    if any(entered.role is role.WEB for entered in entrances):
        import_module("mailsponge.browsing").load()
    parent = separate(account, tls_files_of(config), entrances, notify, ways)
    os.environ["HOME"] = pwd.getpwuid(
        account.uid
    ).pw_dir  # whose jobs are looked after; root's are not to be seen
    if directory is not None and not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        raise UsageError(
            f"the user {account.name} cannot get at {directory}: "
            'name a directory that is theirs, such as data = "/var/lib/mailsponge"'
        )
    log.info(
        "running as %s; process %d keeps root's rights, for keys and deliveries", account.name, os.getppid()
    )
    return parent


def _load_what_comes_later() -> None:
    """Load what is else loaded when it is first needed: the user may not be able to read where it lies."""
    for name in (
        "uvloop", "concurrent.futures.thread", "encodings.idna", "encodings.punycode", "encodings.unicode_escape",
        "sniffio", "dns._asyncio_backend", "dns.rdtypes.ANY.CNAME", "dns.rdtypes.IN.A", "dns.rdtypes.IN.AAAA",
    ):  # fmt: skip
        with contextlib.suppress(ModuleNotFoundError):
            import_module(name)
    migrations()


def _hand_over(data: Path, account: Account) -> None:
    """See to it that the data directory is the user's: made for them, or theirs already. Raises UsageError."""
    if not data.exists():
        make_directory(data)
        os.chown(data, account.uid, account.gid)
    elif data.stat().st_uid != account.uid:
        raise UsageError(
            f"{data} is not {account.name}'s, who runs the server: "
            f"`chown -R {account.name} {data}`, or name another directory as data"
        )


class _PostOffice:
    """The rooms, wired together."""

    def __init__(
        self,
        wish: Wish,
        machine: Machine,
        loaded: Loaded,
        entrances: Sequence[Entrance],
        parent: Parent | None,
        no_web: str,
    ) -> None:
        """``no_web``: why there are no web pages, for somebody who may miss them."""
        self._wish = wish
        self._no_web = no_web
        self._machine = machine
        self._loaded = loaded
        self._parent = parent
        self._certificate = self._certificate_of(loaded.config)
        self._entrances = entrances
        self._listener: Listener | None = None
        self._sending: Sending | None = None
        self._browsing: Browsing | None = None

    async def run(self, sink: LogSink) -> None:
        """Open, work until a signal says to stop, close."""
        loop = asyncio.get_running_loop()
        told_to_stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told_to_stop.set)
        # Also from the first moment: left to itself, this signal ends a process.
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        if self._parent is not None:
            self._parent.when_gone(loop, told_to_stop.set)
        sink.gather(loop)
        try:
            place = self._loaded.config.data
            store = open_store(place, node=os.uname().nodename, call=loop.call_soon_threadsafe)
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
        rules, config = rules_of(self._loaded, self._secret), self._loaded.config
        free = None if config.data.directory is None else partial(_free, config.data.directory)
        listener = self._listener = Listener(rules, store, certificate=self._certificate, free=free)
        agent = Agent(
            ways_of(self._loaded, rules.accounts), None if self._parent is None else self._parent.deliver
        )
        ports = {entered.place.port for entered in self._entrances if isinstance(entered.place, Endpoint)}
        sending = self._sending = Sending(config, rules, store, agent, ports)
        await listener.start(entered for entered in self._entrances if entered.role is not role.WEB)
        async with (
            sending.working(),
            _metrics(config.metrics.listen, Metering(listener, store, free, sending)) as told_at,
            _pickup(pickup_of(config), listener),
            checking(),
        ):
            browsing = self._browsing = await self._browsing_from(listener)
            self._ready(told_at)
            if browsing is not None:
                browsing.offer_a_link()
            elif self._no_web:
                log.warning("%s", self._no_web)
            await told_to_stop.wait()
            log.info("stopping")
            self._notify("STOPPING=1")
            if browsing is not None:
                await browsing.stop()
            await listener.stop()

    async def _browsing_from(self, listener: Listener) -> Browsing | None:
        """The web pages, if there is an address for them. What they need is loaded for nobody else."""
        entrances = [entered for entered in self._entrances if entered.role is role.WEB]
        if not entrances:
            return None
        from mailsponge.browsing import Browsing, Doors

        doors = Doors(listener.logins.checks, listener.logins.guesses)
        browsing = Browsing(self._loaded.config, listener.rules, listener.store, doors, self._tls_context)
        await browsing.start(entrances)
        return browsing

    def _tls_context(self) -> ssl.SSLContext:
        """What the certificate in force makes; only asked for where there is one."""
        assert self._certificate is not None
        return self._certificate.current()

    def _ready(self, metrics: Sequence[Endpoint]) -> None:
        """Every socket listens: say so, to people and to systemd."""
        # What is there now stays: the garbage collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE, 20, 50)
        config = self._loaded.config
        addresses = _told(entered for entered in self._entrances if entered.role is not role.WEB)
        if metrics:
            addresses += f" · metrics {', '.join(map(str, metrics))}"
        urls = [entered.url(config.hostname) for entered in self._entrances if entered.role is role.WEB]
        web = f" · web {', '.join(urls)}" if urls else ""
        sys.stderr.write(
            f"mailsponge: ready: {addresses} · mail for {_whom(config)} · data {config.data}{web}\n"
        )
        sys.stderr.flush()
        self._notify(f"READY=1\nSTATUS={addresses}{web}")

    def _secret(self) -> bytes:
        place = self._loaded.config.data
        if place.directory is not None:
            return secret.kept_in(place.directory)
        return shared_secret(place, secret.NAME, secret.new())

    def _notify(self, state: str) -> None:
        (notify if self._parent is None else self._parent.notify)(state)

    def _certificate_of(self, config: Config) -> Certificate | None:
        """The certificate that the server shows, if it has one. Raises ConfigError."""
        files = tls_files_of(config)
        if files is None:
            return None
        return Certificate(files, opened if self._parent is None else self._parent.open)

    def _reload(self) -> None:
        """Read the configuration and the certificate again; what cannot be changes nothing."""
        try:
            loaded = read(self._wish, self._machine)
            rules, certificate = rules_of(loaded, self._secret), self._certificate_of(loaded.config)
            ways = ways_of(loaded, rules.accounts)
        except (ConfigError, StateError) as error:
            log.error("not reloaded, all stays as it was: %s", error)
            return
        self._certificate = certificate
        if self._listener is not None:
            self._listener.rules, self._listener.certificate = rules, certificate
        if self._sending is not None:
            self._sending.follow(rules, ways)
        if self._browsing is not None:
            self._browsing.follow(loaded.config, rules)
        if self._parent is not None and deliveries_of(self._loaded.config) != deliveries_of(loaded.config):
            log.warning("mail that is delivered in another way now may wait until the server is started anew")
        if _only_a_start_changes(self._loaded.config) != _only_a_start_changes(loaded.config):
            log.warning(
                "reloaded; hostname, user, other addresses, metrics, data, local.pickup, smtp.listen, queue and "
                "relay.resolver change when the server is started anew"
            )
        else:
            log.info("reloaded")


class Metering(NamedTuple):
    """What figures are taken of."""

    listener: Listener
    store: Store
    free: Callable[[], int] | None
    sending: Sending


@contextlib.asynccontextmanager
async def _metrics(listen: Sequence[Endpoint], of: Metering) -> AsyncIterator[Sequence[Endpoint]]:
    """Figures for Prometheus, if somebody wants them; then the addresses where they are. Raises UsageError."""
    if not listen:
        yield ()
        return
    from mailsponge.server.metrics import CONTENT_TYPE, Metrics  # what it needs is loaded for nobody else

    metrics = Metrics(of.listener, of.store, of.free, lambda: of.sending.counts)
    scrapes = Scrapes(metrics.page, CONTENT_TYPE)
    where = await scrapes.start(listen)
    try:
        yield where
    finally:
        scrapes.stop()


@contextlib.asynccontextmanager
async def _pickup(place: tuple[Path, int] | None, listener: Listener) -> AsyncIterator[None]:
    """Collect what programs leave while the server is down, and whatever they leave later. Raises UsageError."""
    if place is None:
        yield
        return
    path, mode = place
    pickup_directory.prepare(path, os.geteuid(), os.getegid(), mode)
    directory = PickupDirectory(path)
    pickup = Pickup(directory, listener)
    collecting = asyncio.create_task(pickup.run())
    collecting.add_done_callback(_tell_of_a_defect)
    try:
        yield
    finally:
        pickup.stop()
        await asyncio.wait([collecting])
        directory.close()


def _tell_of_a_defect(task: asyncio.Task[None]) -> None:
    """What nobody has thought of is told at once, and not at the end."""
    if not task.cancelled() and task.exception() is not None:
        log.error("mail is not collected from the pickup directory any more", exc_info=task.exception())


def _free(data: Path) -> int:
    """Bytes that the disk under a directory has left for this user."""
    try:
        return shutil.disk_usage(data).free
    except OSError:
        return (
            sys.maxsize
        )  # a disk that cannot be asked: what is wrong with it shows when a message is to be kept


def _only_a_start_changes(config: Config) -> tuple[object, ...]:
    places = config.data, config.local.pickup, places_of(config), config.relay.resolver
    return config.hostname, config.user, config.metrics, config.queue, *places


def _told(entrances: Iterable[Entrance]) -> str:
    """``smtp 127.0.0.1:25, [::1]:25 · local /run/mailsponge/submit``."""
    told: dict[str, list[str]] = {}
    for entered in entrances:
        told.setdefault(entered.role.name, []).append(str(entered.place))
    return " · ".join(f"{name} {', '.join(places)}" for name, places in told.items())


def _uid(name: str, place: str) -> int:
    """Raises ConfigError."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise ConfigError(f"{place} names {name}, who is no user of this machine: correct the name") from None


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
