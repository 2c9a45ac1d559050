"""A delivery that is made to be killed.

    python courier_victim.py WAY STEP          the way as the configuration has it: maildir:/tmp/x, mbox:/tmp/x

It kills itself right before the STEP-th call of the system that opens, makes, writes, syncs, names, locks or closes
something. Ends with 0 if there were fewer.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import signal
import sys
from types import ModuleType

from kit.orders import HOUSE, LARGE, deliver
from mailsponge.courier.maildir import Maildir
from mailsponge.courier.mbox import Mbox
from mailsponge.mail.outcome import Result

CALLS = (
    "open",
    "mkdir",
    "write",
    "writev",
    "fsync",
    "link",
    "unlink",
    "ftruncate",
    "fchmod",
    "close",
    "lseek",
    "dup",
)


def deadly(module: ModuleType, names: tuple[str, ...], step: int, steps: itertools.count[int]) -> None:
    """Let each of these calls be the last one before the STEP-th."""
    for name in names:
        call = getattr(module, name)

        def counted(*arguments: object, call: object = call, **more: object) -> object:
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **more)  # type: ignore[operator]

        setattr(module, name, counted)


def main() -> int:
    kind, _, path = sys.argv[1].partition(":")
    way = Maildir(path, HOUSE) if kind == "maildir" else Mbox(path)
    steps = itertools.count(1)
    deadly(os, CALLS, int(sys.argv[2]), steps)
    deadly(fcntl, ("fcntl",), int(sys.argv[2]), steps)
    return 0 if deliver(way, LARGE).result is Result.DELIVERED else 1


if __name__ == "__main__":
    sys.exit(main())
