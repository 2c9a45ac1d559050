"""The event loop that the server runs on."""

from __future__ import annotations

import asyncio
from importlib import import_module


def new_loop() -> asyncio.AbstractEventLoop:
    """An event loop: uvloop's if it is installed, for speed; Python's own does all the same."""
    try:
        uvloop = import_module("uvloop")
    except ModuleNotFoundError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
