"""The words of AUTH: a mechanism, and base64 to and fro (RFC 4954 section 4).

What the mechanisms mean, and whose passwords are right, the driving program knows.
"""

from __future__ import annotations

import binascii

from mailsponge.mail.reply import Reply
from mailsponge.smtp import replies
from mailsponge.smtp.events import Authenticate, AuthResponse

CANCEL = b"*"
"""What a client says instead of a response to give up."""


def challenge(data: bytes) -> Reply:
    """334: what the server says inside an exchange, to be answered with one more line of base64."""
    return Reply(334, None, binascii.b2a_base64(data, newline=False).decode("ascii"))


def authenticate(argument: str, mechanisms: tuple[str, ...]) -> Authenticate | Reply:
    """``MECHANISM [initial-response]``; a lone ``=`` is a response that is there, and empty."""
    mechanism, space, response = argument.partition(" ")
    mechanism = mechanism.upper()
    if not mechanism or (space and not response):
        return replies.AUTH_SYNTAX
    if mechanism not in mechanisms:
        return replies.mechanism_unknown(mechanisms)
    if not space:
        return Authenticate(mechanism, None)
    initial = b"" if response == "=" else _decoded(response.encode())
    return replies.NOT_BASE64 if initial is None else Authenticate(mechanism, initial)


def response(line: bytes) -> AuthResponse | Reply:
    """A line after 334."""
    if line == CANCEL:
        return replies.AUTH_CANCELLED
    data = _decoded(line)
    return replies.NOT_BASE64 if data is None else AuthResponse(data)


def _decoded(text: bytes) -> bytes | None:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        return None
