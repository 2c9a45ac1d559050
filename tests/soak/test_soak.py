"""Half a minute of the soak, with 30 kills, and less of it on a database; ``make soak`` goes on for ten minutes,
with 500 kills.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kit import postgres

SOAK = Path(__file__).with_name("soak.py")


def soaked(*options: object) -> None:
    done = subprocess.run(
        [sys.executable, SOAK, *map(str, options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    print(done.stdout)  # pytest shows it if this fails, with the seed and where all of it is left
    assert done.returncode == 0


def test_every_250_is_where_it_belongs_whatever_happens_to_the_server() -> None:
    soaked("--seconds", 30, "--kills", 30)


def test_and_whatever_happens_to_its_database() -> None:
    try:
        postgres.program("postgres")
    except postgres.NotHere as reason:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))
    soaked("--seconds", 20, "--kills", 10, "--postgres")
