"""Disks that are full, or can only be read: mail waits, and nothing half is left. Real ones, in a mount namespace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts disks")

DELIVER = """
import os, sys
from kit.orders import HOUSE, LARGE, LETTER, deliver
from mailsponge.courier.maildir import Maildir
from mailsponge.courier.mbox import Mbox
disk = sys.argv[1]
way = Maildir(disk + "/me", HOUSE) if sys.argv[2] == "maildir" else Mbox(disk + "/me")
files = lambda: sorted((path, os.path.getsize(os.path.join(path, name)), name)
                       for path, _, names in os.walk(disk) for name in names)
print(deliver(way, LETTER, message=1).result)
before = files()
os.system(f"mount -o remount,ro {disk}" if sys.argv[3] == "read-only" else "true")
outcome = deliver(way, LARGE if sys.argv[3] == "full" else LETTER, message=2)
print(outcome.result, outcome.status, outcome.why)
print(files() == before)
os.system(f"mount -o remount,rw,size=10m {disk}")
print(deliver(way, LARGE, message=2, again=True).result, len(files()))
"""


@pytest.mark.parametrize("way", ["maildir", "mbox"])
@pytest.mark.parametrize(
    ("trouble", "status", "advice"),
    [("full", "4.3.1", "make room on that disk"), ("read-only", "4.3.0", "mount it for writing")],
)
def test_mail_waits_until_the_disk_is_well(tmp_path: Path, way: str, trouble: str, status: str, advice: str):
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=256k tmpfs "$1" && exec "$0" -c "$2" "$1" "$3" "$4"',
         sys.executable, tmp_path, DELIVER, way, trouble],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    first, second, unchanged, third = done.stdout.splitlines() or [done.stderr] * 4

    assert first == "delivered"
    assert second.startswith(f"deferred {status} {tmp_path}/me")
    assert second.endswith(advice)
    assert unchanged == "True"
    assert third == f"delivered {2 if way == 'maildir' else 1}"
