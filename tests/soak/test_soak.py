"""Half a minute of the soak, with 30 kills; ``make soak`` runs ten minutes at least, with 500."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SOAK = Path(__file__).with_name("soak.py")


def test_every_250_is_where_it_belongs_whatever_happens_to_the_server() -> None:
    done = subprocess.run(
        [sys.executable, SOAK, "--seconds", "30", "--kills", "30"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    print(done.stdout)  # pytest shows it if this fails, with the seed and where all of it is left
    assert done.returncode == 0
