"""Waiting for what another program says."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from kit.mail_server import PATIENCE

T = TypeVar("T")


def awaited(find: Callable[[str], T], text: Callable[[], str]) -> T:
    """Wait until something is found in a text that grows."""
    return until(lambda: find(text()), lambda: text()[-3000:])


def until(holds: Callable[[], T], told: Callable[[], str], patience: float = PATIENCE) -> T:
    """Wait until something holds, and return it. Raises AssertionError, with what is told then, if it does not come."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = holds()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"it has not come to it: {told()}")
