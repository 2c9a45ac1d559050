"""Was the form ours? Each one carries a token that only a page of ours can know.

The token is made of what the cookie says, so nothing has to be kept for it, and a new session has a new one. It does
not give the cookie away: whoever reads a page cannot become the session.
"""

from __future__ import annotations

import base64
import hmac

FIELD = "csrf"
HEADER = "x-csrf"


def token_of(identity: str) -> str:
    """The token for forms that are shown to whoever has this cookie."""
    made = hmac.digest(identity.encode("ascii"), b"mailsponge form", "sha256")
    return base64.urlsafe_b64encode(made).decode("ascii").rstrip("=")


def is_right(identity: str, token: str) -> bool:
    """Whether a form carries the right token, in a time that tells nothing."""
    return hmac.compare_digest(token_of(identity).encode(), token.encode("utf-8", "surrogatepass"))
