"""Deliveries killed with SIGKILL, before each step in turn: a letter is there whole or not at all, and then once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.orders import HOUSE, LARGE, ORDER, deliver
from mailsponge.courier.maildir import Maildir
from mailsponge.courier.mbox import Mbox, entry
from mailsponge.mail.outcome import Result

HERE = Path(__file__).resolve().parent
BEFORE = b"From x Tue\nSubject: before\n\nHello.\n\n"


def killed(way: str, folder: Path, earlier: bytes = b"") -> Iterator[Path]:
    """A place for each step before which the delivery was killed; afterwards one where it was not."""
    for step in range(1, 200):
        place = folder / str(step)
        place.mkdir()
        if earlier:
            (place / "mbox").write_bytes(earlier)
        done = subprocess.run(
            [sys.executable, HERE / "courier_victim.py", f"{way}:{place}/{way[:4]}", str(step)], check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        assert done.returncode in (0, -9)
        yield place
        if done.returncode == 0:
            return
    raise AssertionError("it never came to its end")


def test_in_a_maildir_nothing_is_half_there_and_a_second_attempt_doubles_nothing(tmp_path: Path) -> None:
    found = []
    for place in killed("maildir", tmp_path):
        new = place / "mail" / "new"
        there = list(new.iterdir()) if new.is_dir() else []
        found.append(len(there))
        assert [file.read_bytes() for file in there] in ([], [LARGE])
        assert deliver(Maildir(f"{place}/mail", HOUSE), LARGE, again=True).result is Result.DELIVERED
        assert [file.read_bytes() for file in new.iterdir()] == [LARGE]
    assert found[0] == 0
    assert found[-2:] == [1, 1]
    assert len(found) > 15


@pytest.mark.parametrize("earlier", [b"", BEFORE])
def test_an_mbox_is_never_torn_and_a_second_attempt_doubles_nothing(tmp_path: Path, earlier: bytes) -> None:
    whole = earlier + b"".join(entry(ORDER, [LARGE]))
    found = []
    for place in killed("mbox", tmp_path, earlier):
        mbox = place / "mbox"
        there = mbox.read_bytes() if mbox.exists() else b""
        found.append(len(there))
        assert there in (earlier, whole)
        if (place / "mbox.lock").exists():
            os.utime(place / "mbox.lock", (0, 0))  # five minutes later, and more
        assert deliver(Mbox(str(mbox)), LARGE, again=True).result is Result.DELIVERED
        assert mbox.read_bytes() == whole
    assert found[0] == len(earlier)
    assert found[-2:] == [len(whole)] * 2
    assert len(found) > 15
