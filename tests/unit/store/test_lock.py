"""One server a data directory."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from mailsponge.errors import StoreError
from mailsponge.store.lock import ServerLock

HOLDER = """
import pathlib, sys
from mailsponge.store.lock import ServerLock
lock = ServerLock(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_another_process_is_refused_while_the_lock_is_held(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path / "lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreError, match=f"process {holder.pid}"):
            ServerLock(tmp_path / "lock")
        holder.kill()
    ServerLock(tmp_path / "lock").close()


def test_the_lock_can_be_had_again_once_it_is_let_go(tmp_path: Path) -> None:
    for _ in range(2):
        with closing(ServerLock(tmp_path / "lock")):
            pass


def test_a_symbolic_link_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(StoreError, match="cannot write"):
        ServerLock(tmp_path / "lock")
    assert (tmp_path / "victim").read_text() == "precious"
