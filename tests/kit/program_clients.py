"""Programs that submit mail, each started for one message: curl, swaks, msmtp."""

from __future__ import annotations

from kit import house
from kit.client import NAME, Client, Letter, Outcome
from kit.house import Address, Way


class Curl(Client):
    """No SCRAM: Debian builds it without."""

    needs = "curl"
    ways = (
        house.PLAIN, house.IPV6, house.STARTTLS, house.SOCKET,
        house.SUBMISSION, house.SUBMISSION_LOGIN, house.SUBMISSION_IPV6, house.SUBMISSIONS, house.SUBMISSIONS_IPV6,
    )  # fmt: skip

    def send(self, letter: Letter, way: Way) -> Outcome:
        return self.run(
            self.program, "--disable", "--noproxy", "*", "--silent", "--show-error", "--verbose",
            *self._where(self.house.address(way), way), *self._tls(way), *self._login(way),
            "--mail-from", letter.sender, "--mail-rcpt", letter.recipient,
            "--upload-file", self.file("letter", letter.content),
        )  # fmt: skip

    def _where(self, address: Address, way: Way) -> list[str]:
        if not address.port:
            return ["--unix-socket", address.host, "--url", f"smtp://localhost/{NAME}"]
        return ["--url", f"{'smtps' if way.tls_first else 'smtp'}://{address}/{NAME}"]

    def _tls(self, way: Way) -> list[str]:
        return ["--ssl-reqd", "--cacert", str(self.trusts)] if way.tls else []

    def _login(self, way: Way) -> list[str]:
        login = ["--user", f"{self.login.user}:{self.login.password}"]
        return [*login, "--login-options", f"AUTH={way.mechanism}"] if way.mechanism else []


class Swaks(Client):
    """The Swiss army knife; as Debian 12 has it, it knows no SCRAM and no SMTPUTF8."""

    needs = "swaks"
    adds = b"\r\n"
    ways = (
        house.PLAIN, house.IPV6, house.STARTTLS, house.SOCKET,
        house.SUBMISSION, house.SUBMISSION_LOGIN, house.SUBMISSION_IPV6, house.SUBMISSIONS, house.SUBMISSIONS_IPV6,
        house.LMTP, house.LMTP_STARTTLS, house.LMTP_SOCKET,
    )  # fmt: skip
    options: tuple[str, ...] = ()

    def send(self, letter: Letter, way: Way) -> Outcome:
        return self.run(
            self.program, *self._where(self.house.address(way), way), *self._tls(way), *self._login(way), *self.options,
            "--helo", NAME, "--from", letter.sender, "--to", letter.recipient,
            "--suppress-data", "--data", f"@{self.file('letter', letter.content)}",
        )  # fmt: skip

    def _where(self, address: Address, way: Way) -> list[str]:
        protocol = ["--protocol", "LMTP"] if way.entrance == "lmtp" else []
        if not address.port:
            return [*protocol, "--socket", address.host]
        family = "-6" if ":" in address.host else "-4"
        return [*protocol, family, "--server", address.host, "--port", str(address.port)]

    def _tls(self, way: Way) -> list[str]:
        verified = ["--tls-verify", "--tls-ca-path", str(self.trusts)]
        return [*verified, "--tls-on-connect" if way.tls_first else "--tls"] if way.tls else []

    def _login(self, way: Way) -> list[str]:
        login = ["--auth-user", self.login.user, "--auth-password", self.login.password]
        return ["--auth", way.mechanism, *login] if way.mechanism else []


class PipeliningSwaks(Swaks):
    """swaks that waits for no reply where it need not."""

    options = ("--pipeline",)


class Msmtp(Client):
    """As Debian builds it, with GNU SASL: SCRAM too."""

    needs = "msmtp"
    ways = (
        house.PLAIN, house.IPV6, house.STARTTLS, house.SOCKET,
        house.SUBMISSION, house.SUBMISSION_LOGIN, house.SUBMISSION_SCRAM, house.SUBMISSION_IPV6,
        house.SUBMISSIONS, house.SUBMISSIONS_SCRAM, house.SUBMISSIONS_IPV6,
        house.LMTP, house.LMTP_STARTTLS, house.LMTP_SOCKET,
    )  # fmt: skip

    def send(self, letter: Letter, way: Way) -> Outcome:
        return self.run(
            self.program, *self._where(self.house.address(way), way), *self._tls(way), *self._login(way),
            f"--domain={NAME}", f"--from={letter.sender}", "--debug", letter.recipient, stdin=letter.content,
        )  # fmt: skip

    def _where(self, address: Address, way: Way) -> list[str]:
        protocol = ["--protocol=lmtp"] if way.entrance == "lmtp" else []
        if not address.port:  # it wants a host and a port all the same
            return [*protocol, "--host=localhost", "--port=1", f"--socket={address.host}"]
        return [*protocol, f"--host={address.host}", f"--port={address.port}"]

    def _tls(self, way: Way) -> list[str]:
        if not way.tls:
            return ["--tls=off"]
        return [
            "--tls=on",
            f"--tls-starttls={'on' if way.starttls else 'off'}",
            f"--tls-trust-file={self.trusts}",
        ]

    def _login(self, way: Way) -> list[str]:
        if not way.mechanism:
            return ["--auth=off"]
        password = self.file("password", f"{self.login.password}\n".encode())
        return [
            f"--auth={way.mechanism.lower()}", f"--user={self.login.user}", f"--passwordeval=cat {password}",
        ]  # fmt: skip
