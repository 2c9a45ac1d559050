"""The example's modules are scripts beside each other, not a package: make them importable, and serve its feeds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "examples" / "podcasts"))

from feedserver import FeedServer


@pytest.fixture
def feeds(monkeypatch: pytest.MonkeyPatch) -> Iterator[FeedServer]:
    """The feed server, running; no proxy of this machine stands between."""
    monkeypatch.setenv("no_proxy", "*")
    with FeedServer() as server:
        yield server
