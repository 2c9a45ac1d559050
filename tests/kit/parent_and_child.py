"""A parent that keeps root's rights, and a child that asks it for things: for tests of the two as processes.

    python parent_and_child.py DELIVER COMMAND...

``DELIVER`` is how the mail of ``games`` is delivered. Commands: "deliver" a letter, "deliver-later" (without waiting
for the outcome), "certificate", "wait" (until standard input ends), "die". What they come to is printed, a line each.
"""

from __future__ import annotations

import os
import pwd
import signal
import socket
import sys
import threading
from pathlib import Path

from kit.orders import HOUSE, LETTER, ORDER
from mailsponge.accounts import Accounts, Deliver
from mailsponge.courier.letter import laid_out
from mailsponge.courier.ways import Ways
from mailsponge.errors import ConfigError
from mailsponge.server.certificate import TlsFiles
from mailsponge.server.parent import Parent, separate
from mailsponge.server.privileges import Account

KEY = Path(__file__).parent / "self_signed.pem"
FILES = TlsFiles(KEY, KEY)


def say(*words: object) -> None:
    print(*words, flush=True)


def deliver(parent: Parent) -> None:
    _, gone = ends = socket.socketpair()
    with laid_out([LETTER], len(LETTER)) as letter:
        say(*parent.deliver(ORDER._replace(user="games"), letter, gone.fileno())[:3])
    for end in ends:
        end.close()


def certificate(parent: Parent) -> None:
    try:
        for descriptor in parent.open(FILES):
            say("opened", os.read(descriptor, 10).decode())
    except ConfigError as error:
        say(error)


def main() -> None:
    ways = {"games": Deliver.parse(sys.argv[1])}
    nobody = pwd.getpwnam("nobody")
    account = Account(nobody.pw_name, nobody.pw_uid, nobody.pw_gid)
    accounts = Accounts(["example.org"], ["games"], deliver=ways)
    parent = separate(account, FILES, (), lambda state: None, Ways(accounts, HOUSE, {}))
    for command in sys.argv[2:]:
        match command:
            case "deliver":
                deliver(parent)
            case "deliver-later":
                threading.Thread(target=deliver, args=(parent,), daemon=True).start()
            case "certificate":
                certificate(parent)
            case "wait":
                sys.stdin.read()
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
