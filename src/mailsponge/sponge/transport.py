"""How a mail leaves: by SMTP, or through a sendmail program. One deadline holds for all of it.

``smtplib`` speaks the protocol; its sockets here ask the deadline before every read and write, because a timeout a read
would let a server that sends a byte now and then hold up the program for ever.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from mailsponge import clean
from mailsponge.clock import Deadline
from mailsponge.sponge.mailhost import Credentials, MailHost
from mailsponge.sponge.model import Mail

_NEVER: Final = {64, 65, 67, 68}
"""Exit statuses of sendmail(1) after which the same mail will not do better: usage, data, user, host (sysexits.h)."""


class Outcome(NamedTuple):
    """What became of a mail."""

    status: str
    """sent, waiting (the same may work later) or refused (the server said never)."""
    reply: str
    server_is_there: bool = True
    """Whether it makes sense to try the next mail with the same server now."""


def hand_over(mail: Mail, host: MailHost, credentials: Credentials | None, deadline: Deadline) -> Outcome:
    """Hand one mail over. Every trouble of the network comes back as an outcome, not as an exception."""
    if host.scheme == "sendmail":
        return _by_sendmail(mail, host, deadline)
    return _by_smtp(mail, host, credentials, deadline)


def _by_smtp(mail: Mail, host: MailHost, credentials: Credentials | None, deadline: Deadline) -> Outcome:
    try:
        with _Client(host, deadline) as client:
            client.secure()
            if credentials:
                client.login(*credentials)
            refused = client.sendmail(mail.fromaddr, mail.toaddrs, mail.content, client.options_for(mail))
    except smtplib.SMTPRecipientsRefused as error:
        return _refused_by_all(error.recipients)
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        return _by_code(error.smtp_code, _text(error.smtp_code, error.smtp_error))
    except smtplib.SMTPResponseException as error:
        return Outcome("waiting", _text(error.smtp_code, error.smtp_error), server_is_there=False)
    except (OSError, smtplib.SMTPException, UnicodeError, ValueError) as error:
        return Outcome(
            "waiting", f"{host}: {clean.line(str(error) or type(error).__name__)}", server_is_there=False
        )
    others = "".join(f"; not for {to}: {_text(*reply)}" for to, reply in refused.items())
    return Outcome("sent", f"handed to {host}{others}")


def _refused_by_all(recipients: dict[str, tuple[int, bytes]]) -> Outcome:
    replies = "; ".join(f"{to}: {_text(*reply)}" for to, reply in recipients.items())
    for_good = all(code >= 500 for code, _ in recipients.values())
    return Outcome("refused" if for_good else "waiting", replies)


def _by_code(code: int, reply: str) -> Outcome:
    return Outcome("refused" if code >= 500 else "waiting", reply)


def _text(code: int, reply: bytes | str) -> str:
    text = reply.decode("utf-8", "backslashreplace") if isinstance(reply, bytes) else reply
    return clean.line(f"{code} {text}")


class _TimedSocket(socket.socket):
    """A socket that asks a deadline before each wait."""

    deadline: Deadline

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_time_left(self.deadline))
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(_time_left(self.deadline))
        return super().sendall(*args, **kwargs)


class _TimedTlsSocket(ssl.SSLSocket):
    """The same over TLS."""

    deadline: Deadline

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_time_left(self.deadline))
        return super().recv_into(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_time_left(self.deadline))
        return super().send(*args, **kwargs)


def _time_left(deadline: Deadline) -> float:
    left = deadline.left()
    if left <= 0:
        raise TimeoutError("no answer in time")
    return left


class _Client(smtplib.SMTP):
    """A session with one server, every wait in it bounded by one deadline."""

    def __init__(self, mail_host: MailHost, deadline: Deadline) -> None:
        self._mail_host = mail_host
        self._deadline = deadline
        # smtplib asks the DNS for this machine's full name if it is given none, without any deadline.
        name = socket.gethostname() or "localhost"
        super().__init__(local_hostname=name if "." in name else f"{name}.localdomain")
        code, reply = self.connect(mail_host.host, mail_host.port)
        if code != 220:
            self.close()
            raise smtplib.SMTPConnectError(code, reply)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = connect(host, port, self._deadline)
        return self._wrapped(plain, _verifying()) if self._mail_host.scheme == "smtps" else plain

    def _wrapped(self, plain: socket.socket, context: ssl.SSLContext) -> socket.socket:
        plain.settimeout(_time_left(self._deadline))
        tls = context.wrap_socket(plain, server_hostname=self._mail_host.host)
        assert isinstance(tls, _TimedTlsSocket)
        tls.deadline = self._deadline
        return tls

    def secure(self) -> None:
        """Go over to TLS as the mail host's URL says; without a word of it: required with a user, else if offered."""
        wish = self._mail_host.starttls or ("require" if self._mail_host.user else "try")
        self.ehlo_or_helo_if_needed()
        if wish == "never" or self._mail_host.scheme == "smtps":
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
        self.sock = self._wrapped(self.sock, context)
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
    context = ssl.create_default_context()
    context.sslsocket_class = _TimedTlsSocket
    return context


def _trusting() -> ssl.SSLContext:
    """TLS for its own sake, when none would do too: a certificate that nobody can verify is better than no TLS."""
    context = _verifying()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def connect(host: str, port: int, deadline: Deadline) -> socket.socket:
    """Connect to the first address that answers, each tried for a fair part of what is left. Raises OSError."""
    addresses = resolve(host, port, deadline)
    trouble: OSError = OSError(f"{host} has no address")
    for tried, (family, address) in enumerate(addresses):
        plain = _TimedSocket(family, socket.SOCK_STREAM)
        plain.deadline = deadline
        try:
            plain.settimeout(_time_left(deadline) / (len(addresses) - tried))
            plain.connect(address)
        except OSError as error:
            plain.close()
            trouble = error
        else:
            return plain
    raise trouble


Address = tuple[int, tuple[Any, ...]]
"""A family and what connect() takes with it."""


def resolve(host: str, port: int, deadline: Deadline) -> list[Address]:
    """The addresses of a host. Raises OSError.

    The system's resolver knows no deadline and cannot be interrupted, and threads cannot be started when the
    interpreter ends (3.12 and later), which is when most mails leave. So it is asked in a process that can be ended.
    """
    if host == "localhost":
        return [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port, 0, 0))]
    try:
        return _addresses(
            socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        )
    except socket.gaierror:
        return _addresses_of_numbers(_ask_in_a_process(host, deadline), port)


def _addresses(found: Iterable[tuple[Any, ...]]) -> list[Address]:
    return [(row[0], row[4]) for row in found]


def _addresses_of_numbers(numbers: list[str], port: int) -> list[Address]:
    flags = socket.AI_NUMERICHOST
    return [
        a
        for n in numbers
        for a in _addresses(socket.getaddrinfo(n, port, type=socket.SOCK_STREAM, flags=flags))
    ]


_ASK: Final = (
    "import socket, sys\n"
    "try: found = socket.getaddrinfo(sys.argv[1], None, type=socket.SOCK_STREAM)\n"
    "except OSError as error: sys.exit(str(error))\n"
    "print(*dict.fromkeys(row[4][0] for row in found), sep='\\n')"
)


def _ask_in_a_process(host: str, deadline: Deadline) -> list[str]:
    if not sys.executable:
        # An embedded interpreter has no program to start; then the resolver's own timeout has to do.
        return list(dict.fromkeys(str(row[4][0]) for row in socket.getaddrinfo(host, None)))
    command = [sys.executable, "-I", "-S", "-c", _ASK, host]
    try:
        answer = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_time_left(deadline),
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"no address for {host} in time") from error
    if answer.returncode != 0:
        raise OSError(f"no address for {host}: {answer.stderr.strip()}")
    return answer.stdout.split()


def _by_sendmail(mail: Mail, host: MailHost, deadline: Deadline) -> Outcome:
    command = [host.host, "-i", "-f", mail.fromaddr, "--", *mail.toaddrs]
    content = mail.content.replace(b"\r\n", b"\n")
    try:
        done = subprocess.run(
            command, input=content, capture_output=True, timeout=_time_left(deadline), check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Outcome("waiting", f"{host}: {clean.line(str(error))}", server_is_there=False)
    if done.returncode == 0:
        return Outcome("sent", f"handed to {host}")
    said = clean.line((done.stderr or done.stdout).decode("utf-8", "backslashreplace").strip())
    status = "refused" if done.returncode in _NEVER else "waiting"
    return Outcome(status, f"{host} ended with status {done.returncode}: {said}")
