"""A Postfix of one's own: unpacked from Debian into the checkout, run from a folder, gone afterwards.

It has its own configuration, queue and data directory and listens on a loopback port; the machine's own mail set-up is
never touched. It runs as Postfix ships, but for what would slow it down here: no look-ups by name, no limit on
connections from one client, delivery by virtual(8), its leanest way into a Maildir, and no chroot. What it shall do
beside that, such as send mail on, is said in lines of its main.cf.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

UNPACKER = Path(__file__).resolve().parents[1] / "tests" / "peers" / "debian.py"

DOMAIN = "bench.example"

# Two accounts every Debian has. Postfix wants an owner and a group of its own; for a minute on loopback these do.
OWNER, GROUP, UID = "mail", "news", 8

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = {root}/usr/sbin
daemon_directory = {root}/usr/lib/postfix/sbin
shlib_directory = {root}/usr/lib/postfix
meta_directory = {root}/etc/postfix
sendmail_path = {root}/usr/sbin/sendmail
mailq_path = {root}/usr/sbin/sendmail
newaliases_path = {root}/usr/sbin/sendmail
import_environment = MAIL_CONFIG MAIL_LOGTAG TZ LANG=C LD_LIBRARY_PATH={libraries}
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
mail_owner = {owner}
setgid_group = {group}
myhostname = mail.{domain}
mydestination =
alias_maps =
local_recipient_maps =
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ {mailboxes} }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
virtual_minimum_uid = 1
virtual_mailbox_limit = 0
{settings}
"""
"""Concurrency stays as shipped: 100 servers for SMTP, 20 deliveries to a destination. ``in_flow_delay`` too: without it
Postfix accepts faster and delivers more slowly."""

IPV4 = """\
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
"""

MASTER = """\
127.0.0.1:{port} inet n - n - 100 smtpd
pickup    unix  n  -  n  60     1    pickup
cleanup   unix  n  -  n  -      0    cleanup
qmgr      unix  n  -  n  300    1    qmgr
rewrite   unix  -  -  n  -      -    trivial-rewrite
bounce    unix  -  -  n  -      0    bounce
defer     unix  -  -  n  -      0    bounce
trace     unix  -  -  n  -      0    bounce
verify    unix  -  -  n  -      1    verify
flush     unix  n  -  n  1000?  0    flush
proxymap  unix  -  -  n  -      -    proxymap
error     unix  -  -  n  -      -    error
retry     unix  -  -  n  -      -    error
local     unix  -  n  n  -      -    local
virtual   unix  -  n  n  -      -    virtual
smtp      unix  -  -  n  -      -    smtp
lmtp      unix  -  -  n  -      -    lmtp
tlsmgr    unix  -  -  n  1000?  1    tlsmgr
anvil     unix  -  -  n  -      1    anvil
scache    unix  -  -  n  -      1    scache
postlog   unix-dgram n - n -    1    postlogd
"""


class Unavailable(Exception):
    """Postfix cannot be run here; the message says why."""


class PrivatePostfix:
    """``with PrivatePostfix(folder, ["a", "b"]) as postfix``: it accepts for a@ and b@, into a Maildir each.

    ``settings`` are the lines of main.cf that say which addresses it uses, and what else it shall do. What is above
    must not be said again: each of its programs would warn of that in the log, the one that writes the log too, and
    that one may then wait for itself for ever.
    """

    def __init__(self, folder: Path, mailboxes: list[str], settings: str = IPV4) -> None:
        if os.geteuid() != 0:
            raise Unavailable("Postfix's daemons have to be started by root")
        self._folder, self._mailboxes, self._settings = folder, mailboxes, settings
        self._root = _unpacked()
        self._libraries = f"{self._root}/usr/lib/postfix:" + ":".join(
            str(path) for path in self._root.glob("usr/lib/*-linux-*")
        )
        self.port = _free_port()
        self.version = self._tool("postconf", "-d", "-h", "mail_version").stdout.strip()

    def __enter__(self) -> Self:
        for part in ("config", "queue", "data", "mail"):
            (self._folder / part).mkdir(parents=True)
        for part in ("data", "mail"):
            shutil.chown(self._folder / part, OWNER)
        (self._folder / "config/main.cf").write_text(self._main())
        (self._folder / "config/master.cf").write_text(MASTER.format(port=self.port))
        started = self._postfix("start")
        if started.returncode != 0:
            raise Unavailable(f"Postfix did not start: {self.log()[-2000:]}")
        _wait_for_port(self.port, self.log)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; a second time does nothing."""
        self._postfix("stop")

    def recipient(self, mailbox: str) -> str:
        """The address that leads into a mailbox."""
        return f"{mailbox}@{DOMAIN}"

    def delivered(self, mailbox: str) -> int:
        """How many messages are in the mailbox, readable."""
        try:
            return len(os.listdir(self._folder / "mail" / mailbox / "new"))
        except FileNotFoundError:
            return 0

    def log(self) -> str:
        """What it has said."""
        log = self._folder / "log"
        return log.read_text() if log.exists() else "it wrote no log"

    def _main(self) -> str:
        maps = ", ".join(f"{{{self.recipient(name)}={name}/}}" for name in self._mailboxes)
        return MAIN.format(
            folder=self._folder, root=self._root, libraries=self._libraries, owner=OWNER, group=GROUP, uid=UID,
            domain=DOMAIN, mailboxes=maps, settings=self._settings,
        )  # fmt: skip

    def _postfix(self, command: str) -> subprocess.CompletedProcess[str]:
        return self._tool("postfix", "-c", str(self._folder / "config"), command)

    def _tool(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LD_LIBRARY_PATH": self._libraries}
        return subprocess.run(
            [self._root / "usr/sbin" / name, *arguments],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip


def _unpacked() -> Path:
    done = subprocess.run(
        [sys.executable, UNPACKER, "postfix"], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        raise Unavailable("Postfix could not be unpacked from Debian")
    return Path(done.stdout.strip())


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _wait_for_port(port: int, log: Callable[[], str]) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise Unavailable(f"Postfix does not listen: {log()[-2000:]}")
