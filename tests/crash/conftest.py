"""What the tests of the whole server share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.busy_office import open_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that the server's user owns."""
    with open_folder() as made:
        yield made
