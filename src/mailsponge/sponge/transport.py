"""How a mail leaves: by SMTP, over the network or a Unix socket, or through a sendmail program. One deadline holds.

``smtplib`` speaks the protocol, over the sockets of :mod:`.sockets`.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Callable
from typing import IO, Final

from mailsponge import clean
from mailsponge.clock import Deadline
from mailsponge.errors import UsageError
from mailsponge.sponge.mailhost import Credentials, MailHost, parse
from mailsponge.sponge.model import Mail, Outcome
from mailsponge.sponge.sockets import connect, connect_to_path, over_tls, time_left

_NEVER: Final = {64, 65, 67, 68}
"""Exit statuses of sendmail(1) after which the same mail will not do better: usage, data, user, host (sysexits.h)."""

_LOWEST_CODE: Final = 200
_HIGHEST_CODE: Final = 599
"""What is no number between these answers no command (RFC 5321 section 4.2)."""

_ANY_PORT: Final = 25
"""For a path, which has none: of a host without a port, smtplib makes two at its last colon."""

_MOST_SHOWN: Final = 400
"""Characters of an answer that are kept: enough to see what was the matter."""


def hand_over(mail: Mail, host: MailHost, credentials: Credentials | None, deadline: Deadline) -> Outcome:
    """Hand one mail over. Every trouble of the network comes back as an outcome, not as an exception."""
    if host.scheme == "sendmail":
        return _by_sendmail(mail, host, deadline)
    return _by_smtp(mail, host, credentials, deadline)


HandOver = Callable[[Mail, MailHost, Credentials | None, Deadline], Outcome]
"""Hands one mail over to a mail host: :func:`hand_over`, or one that knows more."""


def to(
    mailhost: str | None,
    login: Callable[[str | None], Credentials | None],
    by: HandOver = hand_over,
) -> Callable[[Mail, Deadline], Outcome]:
    """Hands mails over by a mail host, with the login that there is for it by then."""

    def send(mail: Mail, deadline: Deadline) -> Outcome:
        try:
            return by(mail, parse(mailhost), login(mailhost), deadline)
        except UsageError as error:
            return Outcome("waiting", str(error), server_is_there=False)

    return send


def _by_smtp(mail: Mail, host: MailHost, credentials: Credentials | None, deadline: Deadline) -> Outcome:
    try:
        with _Client(host, deadline) as client:
            client.secure()
            if credentials and host.scheme != "unix":
                client.login(*credentials)
            refused = client.sendmail(mail.fromaddr, mail.toaddrs, mail.content, client.options_for(mail))
    except smtplib.SMTPRecipientsRefused as error:
        return _refused_by_all(error.recipients)
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        return _by_code(error.smtp_code, _text(error.smtp_code, error.smtp_error))
    except smtplib.SMTPResponseException as error:
        reply = f"{host}: {_text(error.smtp_code, error.smtp_error)}"
        return Outcome("waiting", reply, server_is_there=False)
    except (OSError, smtplib.SMTPException, UnicodeError, ValueError) as error:
        return Outcome(
            "waiting", f"{host}: {_shown(str(error) or type(error).__name__)}", server_is_there=False
        )
    return _taken(f"handed to {host}", refused)


def _taken(by: str, refused: Refused) -> Outcome:
    """It was taken for some at least. Whom the server only put off must not be forgotten over the others."""
    reply = by + "".join(f"; not for {to}: {_text(*answer)}" for to, answer in refused.items())
    left = tuple(to for to, (code, _) in refused.items() if code < 500)
    return Outcome("waiting" if left else "sent", reply, left=left)


Refused = dict[str, tuple[int, bytes]]
"""What the server answered for each recipient that it did not take, as smtplib has it."""


def _refused_by_all(recipients: Refused) -> Outcome:
    replies = "; ".join(f"{to}: {_text(*reply)}" for to, reply in recipients.items())
    for_good = all(code >= 500 for code, _ in recipients.values())
    return Outcome("refused" if for_good else "waiting", replies)


def _by_code(code: int, reply: str) -> Outcome:
    return Outcome("refused" if code >= 500 else "waiting", reply)


def _text(code: int, reply: bytes | str) -> str:
    return f"{code} {_shown(reply)}"


class _Heard:
    """What a server says, line by line; of what is no reply, smtplib does not tell the beginning."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.last = b""

    def readline(self, most: int) -> bytes:
        """The next line, or as much of it as may be. Raises OSError."""
        self.last = self._file.readline(most)
        return self.last

    def close(self) -> None:
        """Hear no more."""
        self._file.close()


class _Client(smtplib.SMTP):
    """A session with one server, every wait in it bounded by one deadline."""

    def __init__(self, mail_host: MailHost, deadline: Deadline) -> None:
        self._mail_host = mail_host
        self._deadline = deadline
        # smtplib asks the DNS for this machine's full name if it is given none, without any deadline.
        name = socket.gethostname() or "localhost"
        super().__init__(local_hostname=name if "." in name else f"{name}.localdomain")
        try:
            code, reply = self.connect(mail_host.host, mail_host.port or _ANY_PORT)
            if code != 220:
                raise smtplib.SMTPConnectError(code, reply)
        except BaseException:
            self.close()
            raise

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        if self._mail_host.scheme == "unix":
            return connect_to_path(host, self._deadline)
        plain = connect(host, port, self._deadline)
        return self._over_tls(plain, _verifying()) if self._mail_host.scheme == "smtps" else plain

    def _over_tls(self, plain: socket.socket, context: ssl.SSLContext) -> socket.socket:
        return over_tls(plain, context, self._mail_host.host, self._deadline)

    def getreply(self) -> tuple[int, bytes]:
        """Hear a reply. Raises OSError that says so if it does not come in time, or is none of SMTP's."""
        if self.file is None and self.sock is not None:
            self.file = _Heard(self.sock.makefile("rb"))
        heard = self.file
        try:
            code, reply = super().getreply()
        except smtplib.SMTPServerDisconnected as error:
            if isinstance(error.__context__, TimeoutError):
                raise TimeoutError("no answer in time") from error
            raise
        if not _LOWEST_CODE <= code <= _HIGHEST_CODE:
            said = heard.last if isinstance(heard, _Heard) else reply
            raise OSError(f"no mail server, or a confused one: it says {_shown(said.strip())!r}")
        return code, reply

    def secure(self) -> None:
        """Go over to TLS as the mail host's URL says; without a word of it: required with a user, else if offered."""
        wish = self._mail_host.starttls or ("require" if self._mail_host.user else "try")
        self.ehlo_or_helo_if_needed()
        if wish == "never" or self._mail_host.scheme in ("smtps", "unix"):  # a path crosses no network
            return
        if self.has_extn("starttls"):
            self._start_tls(_verifying() if wish == "require" else _trusting())
        elif wish == "require":
            raise smtplib.SMTPNotSupportedError(
                "the server offers no STARTTLS, and nothing goes out in the clear"
            )

    def _start_tls(self, context: ssl.SSLContext) -> None:
        code, reply = self.docmd("STARTTLS")
        if code != 220:
            raise smtplib.SMTPResponseException(code, reply)
        assert self.sock is not None
        self.sock = self._over_tls(self.sock, context)
        # What the server said before TLS counts for nothing (RFC 3207 section 4.2).
        self.file, self.helo_resp, self.ehlo_resp, self.esmtp_features = None, None, None, {}
        self.does_esmtp = False
        self.ehlo()

    def options_for(self, mail: Mail) -> list[str]:
        """What MAIL FROM must say besides the address."""
        addresses = (mail.fromaddr, *mail.toaddrs)
        return [] if all(address.isascii() for address in addresses) else ["SMTPUTF8"]

    def __exit__(self, *args: object) -> None:
        # The server has answered for the mail; a QUIT that fails changes nothing about that.
        try:
            if args[0] is None:
                self.docmd("QUIT")
        except (OSError, smtplib.SMTPException):
            self.close()
        finally:
            self.close()


def _verifying() -> ssl.SSLContext:
    return ssl.create_default_context()


def _trusting() -> ssl.SSLContext:
    """TLS for its own sake, when none would do too: a certificate that nobody can verify is better than no TLS."""
    context = _verifying()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _by_sendmail(mail: Mail, host: MailHost, deadline: Deadline) -> Outcome:
    command = [host.host, "-i", "-f", mail.fromaddr, "--", *mail.toaddrs]
    content = mail.content.replace(b"\r\n", b"\n")
    try:
        # Into a file: whatever the program leaves running may hold a pipe open long after the mail is in its queue.
        with tempfile.TemporaryFile() as output:
            status = subprocess.run(
                command, input=content, stdout=output, stderr=output, timeout=time_left(deadline), check=False
            ).returncode
            output.seek(0)
            said = _shown(output.read(_MOST_SHOWN).strip())
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return Outcome("waiting", f"{host}: {clean.line(str(error))}", server_is_there=False)
    if status == 0:
        return Outcome("sent", f"handed to {host}")
    return Outcome("refused" if status in _NEVER else "waiting", f"{host} ended with status {status}: {said}")


def _shown(said: bytes | str) -> str:
    text = said.decode("utf-8", "backslashreplace") if isinstance(said, bytes) else said
    return clean.shortened(clean.line(text[:_MOST_SHOWN]), _MOST_SHOWN)
