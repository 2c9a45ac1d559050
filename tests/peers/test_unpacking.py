"""How the peers are found: what apt plans is read right, and a machine without apt is told which peers are missing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

SIMULATION = """\
NOTE: This is only a simulation!
Inst libgsasl18 (2.2.0-1+deb12u2 Debian-Security:12/oldstable-security [amd64])
Inst curl [7.88.1-10+deb12u14] (7.88.1-10+deb12u15 Debian:12.15/oldstable [amd64]) []
Inst adduser (3.134 Debian:12.15/oldstable [all])
Conf adduser (3.134 Debian:12.15/oldstable [all])
"""


@pytest.fixture
def debian(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    import debian

    return debian


@pytest.fixture
def checkout(tmp_path):
    """A checkout elsewhere, with nothing unpacked in it."""
    peers = tmp_path / "tests" / "peers"
    peers.mkdir(parents=True)
    for script in ("debian.py", "unpack.py"):
        shutil.copy(HERE / script, peers)
    return tmp_path


def test_the_plan_names_what_is_new_and_what_is_upgraded(debian):
    assert debian.planned(SIMULATION) == [
        ("libgsasl18", "2.2.0-1+deb12u2"),
        ("curl", "7.88.1-10+deb12u15"),
        ("adduser", "3.134"),
    ]


def test_without_apt_each_missing_peer_is_named_and_nothing_fails(checkout, tmp_path):
    done = subprocess.run(
        [sys.executable, checkout / "tests/peers/unpack.py"],
        env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0
    assert "swaks          MISSING  (apt-get is not on this machine" in done.stdout
    found = json.loads((checkout / ".cache/peers/found.json").read_text())
    assert found["msmtp"]["program"] is None
