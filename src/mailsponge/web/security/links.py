"""One-time links: who can read the server's terminal, or its data, gets in once without a password.

A link is good for ten minutes, once, and for the first user. Opening it shows a page with a button, and only the button
uses it up: browsers and chat programs open links by themselves to show what is behind them.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from typing import Final

from mailsponge.clock import Clock
from mailsponge.web.security import cookies
from mailsponge.web.security.sessions import hashed

GOOD_FOR: Final = 600.0
"""Seconds."""
PATH: Final = "/enter/"


class Links:
    """The link that is good at present; a new one takes the place of the one before. Any thread may use it."""

    def __init__(self, now: Clock, token: Callable[[], str] = cookies.new) -> None:
        self._now = now
        self._new = token
        self._turn = threading.Lock()
        self._hash = ""
        self._until = 0.0

    def issue(self) -> str:
        """Make a link; returns its path. Its token is nowhere here, only a hash of it."""
        token = self._new()
        with self._turn:
            self._hash, self._until = hashed(token), self._now() + GOOD_FOR
        return f"{PATH}{token}"

    def is_good(self, token: str) -> bool:
        """Whether it would let somebody in now."""
        with self._turn:
            return self._is_good(token)

    def use(self, token: str) -> bool:
        """Use it up, if it is good."""
        with self._turn:
            good = self._is_good(token)
            if good:
                self._hash = ""
            return good

    def _is_good(self, token: str) -> bool:
        return self._now() < self._until and hmac.compare_digest(self._hash, hashed(token))
