"""An office whose pages are asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kit.web_office import WebOffice


@pytest.fixture
def office() -> Iterator[WebOffice]:
    """With two people, ``me`` and ``you``."""
    made = WebOffice()
    yield made
    made.close()
