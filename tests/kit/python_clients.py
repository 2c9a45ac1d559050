"""What Python programs send mail with: the standard library's smtplib, and aiosmtplib."""

from __future__ import annotations

import json
import smtplib
import ssl
import sys
from pathlib import Path
from typing import Any

from kit import house
from kit.client import NAME, Client, Letter, Outcome
from kit.house import Way

SEND_WITH_AIOSMTPLIB = Path(__file__).with_name("send_with_aiosmtplib.py")


class Smtplib(Client):
    """The standard library's. Its LMTP goes through a Unix socket, its SMTP does not."""

    ways = (
        house.PLAIN, house.IPV6, house.STARTTLS,
        house.SUBMISSION, house.SUBMISSION_LOGIN, house.SUBMISSION_IPV6, house.SUBMISSIONS,
        house.LMTP, house.LMTP_STARTTLS, house.LMTP_SOCKET,
    )  # fmt: skip

    def send(self, letter: Letter, way: Way) -> Outcome:
        try:
            with self._connected(way) as smtp:
                if way.starttls:
                    smtp.starttls(context=self._trusting())
                if way.mechanism:
                    self._log_in(smtp, way.mechanism)
                smtp.sendmail(
                    letter.sender, [letter.recipient], letter.content, mail_options=letter.parameters
                )
        except smtplib.SMTPRecipientsRefused as refused:
            [(code, text)] = refused.recipients.values()
            return Outcome(False, f"{code} {text.decode()}")
        except smtplib.SMTPResponseException as refused:
            return Outcome(False, f"{refused.smtp_code} {_text(refused.smtp_error)}")
        except ssl.SSLError as error:
            return Outcome(False, str(error))
        return Outcome(True, "")

    def _connected(self, way: Way) -> smtplib.SMTP:
        host, port = self.house.address(way)
        if way.entrance == "lmtp":
            return smtplib.LMTP(host, port, NAME)
        if way.tls_first:
            return smtplib.SMTP_SSL(host, port, NAME, context=self._trusting())
        return smtplib.SMTP(host, port, NAME)

    def _log_in(self, smtp: smtplib.SMTP, mechanism: str) -> None:
        smtp.user, smtp.password = self.login
        smtp.ehlo_or_helo_if_needed()
        smtp.auth(mechanism, {"PLAIN": smtp.auth_plain, "LOGIN": smtp.auth_login}[mechanism])

    def _trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.trusts)


class Aiosmtplib(Client):
    """asyncio's."""

    ways = (
        house.PLAIN, house.IPV6, house.STARTTLS, house.SOCKET,
        house.SUBMISSION, house.SUBMISSION_LOGIN, house.SUBMISSIONS, house.SUBMISSIONS_IPV6,
    )  # fmt: skip

    def send(self, letter: Letter, way: Way) -> Outcome:
        wish = {
            "smtp": self._smtp(way),
            "envelope": [letter.sender, [letter.recipient]],
            "parameters": letter.parameters,
            "login": [way.mechanism, *self.login] if way.mechanism else None,
        }
        return self.run(sys.executable, SEND_WITH_AIOSMTPLIB, json.dumps(wish), stdin=letter.content)

    def _smtp(self, way: Way) -> dict[str, Any]:
        host, port = self.house.address(way)
        if not port:
            return {"socket_path": host, "local_hostname": NAME, "start_tls": False}
        tls = {"use_tls": way.tls_first, "start_tls": way.starttls, "cert_bundle": str(self.trusts)}
        return {"hostname": host, "port": port, "local_hostname": NAME, **tls}


def _text(said: bytes | str) -> str:
    return said.decode() if isinstance(said, bytes) else said
