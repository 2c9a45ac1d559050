"""A Dovecot of our own: Debian's, unpacked, in a mount namespace where it finds itself in its place, out of one folder.

It delivers over LMTP and shows by IMAP what lies in the Maildirs of its people, whoever has put it there.
"""

from __future__ import annotations

import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

UNPACKER = Path(__file__).parents[1] / "peers" / "debian.py"
PACKAGES = ("dovecot-core", "dovecot-lmtpd", "dovecot-imapd")
PATIENCE = 30.0
PASSWORD = "correct-horse"
OWNER = pwd.getpwnam("games")
"""Whose the mail is; any user will do who is not root."""

SETTINGS = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
import_environment = LD_LIBRARY_PATH={libraries}
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
first_valid_uid = 1
ssl = no
disable_plaintext_auth = no
passdb {{
  driver = passwd-file
  args = {folder}/people
}}
userdb {{
  driver = passwd-file
  args = {folder}/people
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
{settings}
"""
IN_ITS_PLACE = 'mount -t overlay overlay -o lowerdir="$0/usr:/usr" /usr && exec /usr/sbin/dovecot -F -c "$1"'


class Unavailable(Exception):
    """There can be no Dovecot here; the message says why."""


class Dovecot:
    """``with Dovecot(folder, ["me", "you"], settings) as dovecot``: their homes are ``folder/me`` and ``folder/you``.

    ``settings`` are the lines of its configuration that say what it does, and where the mail is.
    """

    def __init__(self, folder: Path, people: list[str], settings: str) -> None:
        if os.geteuid() != 0:
            raise Unavailable("Dovecot has to be started by root, who can give it a mount namespace")
        self.folder = folder
        self.socket = folder / "run" / "lmtp"
        self.lmtp_port, self.imap_port = _free_port(), _free_port()
        self._people = people
        self._settings = settings
        self._root = _unpacked()

    def __enter__(self) -> Self:
        os.chmod(self.folder, 0o755)
        libraries = ":".join(
            map(str, (self._root / "usr/lib/dovecot", *self._root.glob("usr/lib/*-linux-*")))
        )
        (self.folder / "dovecot.conf").write_text(
            SETTINGS.format(
                folder=self.folder,
                libraries=libraries,
                lmtp=self.lmtp_port,
                imap=self.imap_port,
                settings=self._settings,
            )
        )
        ids = f"{OWNER.pw_uid}:{OWNER.pw_gid}"
        people = "".join(f"{name}:{{PLAIN}}{PASSWORD}:{ids}::{self.home(name)}\n" for name in self._people)
        (self.folder / "people").write_text(people)
        for name in self._people:
            self.home(name).mkdir(mode=0o700)
            shutil.chown(self.home(name), OWNER.pw_uid, OWNER.pw_gid)
        self._process = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", IN_ITS_PLACE, self._root, self.folder / "dovecot.conf"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": libraries},
        )  # fmt: skip
        self._wait_until_it_listens()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate(timeout=PATIENCE)

    def home(self, name: str) -> Path:
        """Somebody's home directory."""
        return self.folder / name

    def letters(self, name: str, folder: str = "INBOX") -> list[bytes]:
        """Their mail, as an IMAP client gets it, in the order of its arrival."""
        with self._imap(name) as imap:
            status, _ = imap.select(folder)
            assert status == "OK"
            _, found = imap.search(None, "ALL")
            return [imap.fetch(number, "(BODY.PEEK[])")[1][0][1] for number in found[0].decode().split()]

    def make_folder(self, name: str, folder: str) -> None:
        """As an IMAP client does."""
        with self._imap(name) as imap:
            assert imap.create(folder)[0] == "OK"

    def empty(self, name: str) -> None:
        """Remove all of somebody's mail."""
        shutil.rmtree(self.home(name) / "Maildir", ignore_errors=True)

    def log(self) -> str:
        """What it has said."""
        log = self.folder / "log"
        return log.read_text() if log.exists() else "it wrote no log"

    def _imap(self, name: str) -> imaplib.IMAP4:
        imap = imaplib.IMAP4("127.0.0.1", self.imap_port, timeout=PATIENCE)
        imap.login(name, PASSWORD)
        return imap

    def _wait_until_it_listens(self) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.imap_port), timeout=5).close()
            except ConnectionRefusedError:
                time.sleep(0.05)
            else:
                return
        self._process.kill()
        said = self._process.communicate()[1]
        raise Unavailable(f"Dovecot did not start: {said.decode()[-500:]} {self.log()[-1500:]}")


def _unpacked() -> Path:
    done = subprocess.run(
        [sys.executable, UNPACKER, *PACKAGES], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        raise Unavailable("Dovecot could not be unpacked from Debian")
    return Path(done.stdout.strip()).resolve()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
