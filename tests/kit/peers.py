"""Where the real programs are that the tests talk to, as tests/peers/unpack.py has found them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NoReturn

import pytest

FOUND = Path(__file__).resolve().parents[2] / ".cache" / "peers" / "found.json"


def program(name: str) -> str:
    """A peer's program; the test is skipped, or fails, where it is missing."""
    found = json.loads(FOUND.read_text()) if FOUND.exists() else {}
    path = found.get(name, {}).get("program")
    if not path or not Path(path).exists():
        because = found.get(name, {}).get("origin", "tests/peers/unpack.py has not run yet")
        missing(f"{name} is missing: {because}")
    return str(path)


def missing(reason: str) -> NoReturn:
    """Skip the test; where CI=true, no peer may be missing, and it fails."""
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(reason)
    pytest.skip(reason)
