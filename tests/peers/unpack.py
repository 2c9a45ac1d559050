"""Find the real programs the tests talk to, and unpack from Debian those the machine does not have.

The rule: a program on PATH that answers is taken; any other is unpacked into ``.cache/peers`` of the checkout
(:mod:`debian`). What was taken is printed, one line each, and written to ``.cache/peers/found.json``, which the
fixtures read. A missing one never stops this script: its tests skip by its name, or fail where ``CI=true``.

    python3 tests/peers/unpack.py
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import debian

BIN = debian.CACHE / "bin"
"""Small wrappers around the unpacked programs."""
FOUND = debian.CACHE / "found.json"
POSTFIX = debian.CACHE / "postfix"
"""A configuration for Postfix's tools, some of which do not start without one."""
POSTFIX_SETTINGS = "compatibility_level = 3.6\nmail_owner = mail\nsetgid_group = news\n"
"""As shipped, but for an owner and a group: two that every Debian has."""


class Peer(NamedTuple):
    """A program from outside, and how to tell that it works."""

    name: str
    package: str
    program: str
    """Where Debian's package puts it, from the root; a star stands for the version."""
    probe: tuple[str, ...]
    """Arguments that make it say something harmless."""
    says: str
    """A word it then says, in lower case, if it is what we want."""
    also: tuple[str, ...] = ()
    """Packages it can do without, and the tests cannot."""


_SWAKS_MODULES = ("libnet-ssleay-perl", "libio-socket-inet6-perl")

PEERS = (
    Peer("curl", "curl", "usr/bin/curl", ("--version",), " smtp "),
    Peer("swaks", "swaks", "usr/bin/swaks", ("--support",), "=== tls supported", _SWAKS_MODULES),
    Peer("msmtp", "msmtp", "usr/bin/msmtp", ("--version",), "msmtp version"),
    Peer("s-nail", "s-nail", "usr/bin/s-nail", ("--version",), "s-nail v14"),
    # Named with a mail server that is there in any case: apt would choose another one for it, over the files of this.
    Peer("bsd-mailx", "bsd-mailx", "usr/bin/bsd-mailx", ("-?",), "usage: ", ("postfix",)),
    Peer("mutt", "mutt", "usr/bin/mutt", ("-v",), "mutt 2"),
    Peer(
        "git-send-email",
        "git-email",
        "usr/lib/git-core/git-send-email",
        ("-h",),
        "git send-email ",
        ("libmailtools-perl",),
    ),
    Peer("openssl", "openssl", "usr/bin/openssl", ("version",), "openssl 3"),
    Peer("smtp-source", "postfix", "usr/sbin/smtp-source", (), "usage:"),
    Peer("smtp-sink", "postfix", "usr/sbin/smtp-sink", (), "usage:"),
    Peer("posttls-finger", "postfix", "usr/sbin/posttls-finger", (), "usage:"),
    Peer("neomutt", "neomutt", "usr/bin/neomutt", ("-v",), "neomutt "),
    Peer("mbsync", "isync", "usr/bin/mbsync", ("--version",), "isync "),
    Peer(
        "chromium",
        "chromium",
        "usr/lib/chromium/chromium",
        ("--version",),
        "chromium ",
        ("fonts-dejavu-core",),
    ),
    Peer("dotlockfile", "liblockfile-bin", "usr/bin/dotlockfile", (), "dotlockfile -l "),
    Peer("lockfile", "procmail", "usr/bin/lockfile", ("-v",), "lockfile v"),
    Peer("procmail", "procmail", "usr/bin/procmail", ("-v",), "procmail v"),
    Peer(
        "postgres", "postgresql", "usr/lib/postgresql/*/bin/postgres", ("--version",), "postgres (postgresql)"
    ),
    Peer("initdb", "postgresql", "usr/lib/postgresql/*/bin/initdb", ("--version",), "initdb (postgresql)"),
)


class Found(NamedTuple):
    """Where a peer is, or why it is not."""

    program: str | None
    origin: str


def find(peer: Peer, path: str) -> Found | None:
    """Look on the machine first, then among what was unpacked."""
    installed = shutil.which(peer.name, path=path)
    if installed and answers(peer, installed):
        return Found(installed, "on this machine")
    if answers(peer, str(BIN / peer.name)):
        return Found(
            str(BIN / peer.name), f"Debian's {peer.package} {debian.version(peer.package)}, unpacked"
        )
    return None


def answers(peer: Peer, program: str) -> bool:
    """Say whether the program starts and is the one we mean."""
    try:
        said = subprocess.run(
            [program, *peer.probe], stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return peer.says.encode() in (said.stdout + said.stderr).lower().replace(b"\n", b" ")


def unpack(missing: list[Peer]) -> str:
    """Unpack what is missing and wrap it; returns why that was not possible, or nothing."""
    try:
        debian.unpack(sorted({package for peer in missing for package in (peer.package, *peer.also)}))
    except debian.Unavailable as reason:
        return str(reason)
    for peer in missing:
        wrap(peer)
    return ""


def wrap(peer: Peer) -> None:
    """Write a script that starts the unpacked program with the libraries that came with it."""
    BIN.mkdir(parents=True, exist_ok=True)
    POSTFIX.mkdir(exist_ok=True)
    (POSTFIX / "main.cf").write_text(POSTFIX_SETTINGS)
    script = BIN / peer.name
    script.write_text(wrapper(peer, debian.ROOT))
    script.chmod(script.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def wrapper(peer: Peer, root: Path) -> str:
    """Return the script's text."""
    return "\n".join(
        [
            "#!/bin/sh",
            f"LD_LIBRARY_PATH='{_joined(debian.libraries())}'",
            f"PERL5LIB='{_joined(perl_modules(root))}'",
            f'MAIL_CONFIG="${{MAIL_CONFIG:-{POSTFIX}}}"',
            "export LD_LIBRARY_PATH PERL5LIB MAIL_CONFIG",
            f"exec '{max(root.glob(peer.program), default=root / peer.program)}' \"$@\"",
            "",
        ]
    )


def perl_modules(root: Path) -> list[Path]:
    """The directories below root that hold Perl's modules, for a machine that has only perl-base."""
    patterns = ("usr/share/perl5", "usr/share/perl/5.*", "usr/lib/*/perl5/5.*", "usr/lib/*/perl/5.*")
    return [folder for pattern in patterns for folder in sorted(root.glob(pattern))]


def _joined(folders: list[Path]) -> str:
    return ":".join(str(folder) for folder in folders)


def search(path: str) -> dict[str, Found]:
    """Find every peer, unpacking what is missing; returns them by name."""
    with ThreadPoolExecutor() as pool:  # Postfix's programs wait a second before they end with their usage
        found = dict(zip(PEERS, pool.map(lambda peer: find(peer, path), PEERS), strict=True))
        missing = [peer for peer, where in found.items() if where is None]
        reason = unpack(missing) if missing else ""
        found |= zip(missing, pool.map(lambda peer: find(peer, path), missing), strict=True)
    lost = Found(None, reason or "it was unpacked and does not start")
    return {peer.name: where or lost for peer, where in found.items()}


def main() -> int:
    # Programs such as smtp-source are administrators' tools: not on everybody's PATH, yet everybody may run them.
    # Debian keeps PostgreSQL's off it, too.
    postgres = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    path = os.pathsep.join(
        [os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin", *postgres]
    )
    found = search(path)
    debian.CACHE.mkdir(parents=True, exist_ok=True)
    FOUND.write_text(json.dumps({name: each._asdict() for name, each in found.items()}, indent=1) + "\n")
    for name, each in found.items():
        print(f"peers: {name:<15}{each.program or 'MISSING'}  ({each.origin})", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
