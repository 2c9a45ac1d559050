"""Why a session asks its engine for no event just now. Bits, for there may be several reasons at once."""

from __future__ import annotations

from typing import Final

NOT: Final = 0
COMMITTING: Final = 1
"""A message is complete, and its commit under way: the reply is owed by the store."""
STORE_BEHIND: Final = 2
"""The store has taken more of a message than it could write yet."""
PEER_DEAF: Final = 4
"""The peer does not read its replies."""
LEAVING: Final = 8
"""The last word is said, or the peer is gone."""
SHAKING_HANDS: Final = 16
"""TLS is being agreed on."""
LOGGING_IN: Final = 32
"""A password is being checked, or the client has to wait for having guessed: the reply is owed by the login."""
