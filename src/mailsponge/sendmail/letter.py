"""What goes to the server: an envelope and a message, and the commands that say both (RFC 5321).

The same bytes do for a connection and for a file in the pickup directory, which is a transaction written down
(RFC 2442 calls that Batch SMTP).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence


class Letter:
    """A message that is ready, and its envelope."""

    eight_bit = False
    smtputf8 = False
    notify = ""
    ret = ""
    envid = ""

    def __init__(self, sender: str, recipients: Sequence[str], content: bytes) -> None:
        """``sender``: the reverse-path; empty: nobody shall hear of failures. ``content``: lines that end in CRLF."""
        self.sender = sender
        self.recipients = recipients
        self.content = content

    def parts(self, most: int) -> Iterator[Letter]:
        """The same letter to some of its recipients at a time."""
        for at in range(0, len(self.recipients), most):
            yield self.to(self.recipients[at : at + most])

    def to(self, recipients: Sequence[str]) -> Letter:
        """The same letter to others."""
        letter = Letter(self.sender, recipients, self.content)
        letter.eight_bit, letter.smtputf8 = self.eight_bit, self.smtputf8
        letter.notify, letter.ret, letter.envid = self.notify, self.ret, self.envid
        return letter

    def mail(self, extensions: frozenset[str]) -> bytes:
        """The command MAIL, with those parameters that the server knows; ``extensions`` are in upper case."""
        parameters = []
        if "SIZE" in extensions:
            parameters.append(f"SIZE={len(self.content)}")
        if self.eight_bit and "8BITMIME" in extensions:
            parameters.append("BODY=8BITMIME")
        if self.smtputf8 and "SMTPUTF8" in extensions:
            parameters.append("SMTPUTF8")
        if "DSN" in extensions:
            parameters += [f"RET={self.ret}"] if self.ret else []
            parameters += [f"ENVID={_xtext(self.envid)}"] if self.envid else []
        return _command(" ".join([f"MAIL FROM:<{self.sender}>", *parameters]))

    def rcpt(self, recipient: str, extensions: frozenset[str]) -> bytes:
        """The command RCPT for one of the recipients."""
        wishes = f" NOTIFY={self.notify}" if self.notify and "DSN" in extensions else ""
        return _command(f"RCPT TO:<{recipient}>{wishes}")

    def data(self) -> bytes:
        """The message as it goes over the wire after DATA: lines that begin with a dot with another, and the end."""
        content = self.content.replace(b"\r\n.", b"\r\n..")
        return (b"." if content.startswith(b".") else b"") + content + b".\r\n"

    def batch(self, extensions: frozenset[str]) -> bytes:
        """The whole transaction."""
        recipients = [self.rcpt(recipient, extensions) for recipient in self.recipients]
        return b"".join([self.mail(extensions), *recipients, b"DATA\r\n", self.data()])


def _command(line: str) -> bytes:
    if not line.isprintable():  # a line break would make another command of what follows
        raise ValueError(f"{line!a} cannot be said to a server")
    return line.encode() + b"\r\n"


def _xtext(text: str) -> str:
    """As RFC 3461 section 4 writes a text within a parameter."""
    return "".join(c if "!" <= c <= "~" and c not in "+=" else f"+{ord(c):02X}" for c in text)
