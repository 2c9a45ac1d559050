"""What the tests of the commands share."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

# What several files share stands beside them.
sys.path.insert(0, str(Path(__file__).parent))

from sponge_jobs import RememberedJob


@pytest.fixture
def remembered(tmp_path: Path) -> RememberedJob:
    """A job nobody has run yet."""
    return RememberedJob(tmp_path / "state")


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local times are those of UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
