"""What one session may ask of the server. Each limit has its reason; all of them are arguments."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):
    """The bounds of one session. Each must be at least 1; the RFC's least values are named where it has any."""

    message_size: int = 50_000_000
    """Octets of one message, as SIZE announces it (RFC 1870; at least 64,000 by RFC 5321 section 4.5.3.1.7). Two thirds
    of it is what an attachment may weigh, for base64 adds a third."""
    recipients: int = 1000
    """Recipients of one transaction (at least 100 by RFC 5321 section 4.5.3.1.8). Each costs a look-up and a row; a
    sender with more is told 452, and sends the rest in a transaction of its own."""
    command_line: int = 2048
    """Octets of a command line with its CRLF (at least 512 by RFC 5321 section 4.5.3.1.4, and more with parameters). It
    is all that the engine keeps of a line that never ends."""
    errors: int = 20
    """Mistakes a session may make; the next one ends it. A real client makes none, so this only stops those who guess,
    and programs that talk something else than SMTP."""
    header_size: int = 100_000
    """Octets of a message's header section. The longest that honest programs write are a tenth of that; whoever reads a
    mail has to take its headers apart, and should not have to take a megabyte of them."""
    auth_line: int = 12_288
    """Octets of a line of AUTH with its CRLF, after 334 (RFC 4954 section 4 says 12,288). An initial response is part
    of a command line, whose limit it keeps."""
    auth_failures: int = 3
    """Failed AUTHs of a session; the next AUTH is answered 421. People mistype a password twice, and rarely more."""
