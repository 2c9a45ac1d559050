"""Rules of the certificate: a renewed one comes into force by itself, a wrong one never, and a mistake has a name."""

from __future__ import annotations

import datetime
import logging
import os
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mailsponge.errors import ConfigError
from mailsponge.server.certificate import LOOK_EVERY, Certificate, TlsFiles, opened
from mailsponge.server.role import Role

TLS_FIRST = Role("smtps", tls_first=True)

PEM = serialization.Encoding.PEM


def made(serial: int, passphrase: bytes | None = None) -> tuple[bytes, bytes]:
    """A certificate with that serial number, for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example.org")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC))
        .sign(key, hashes.SHA256())
    )
    sealed = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    pem = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, sealed)
    return certificate.public_bytes(PEM), pem


class Clock:
    """A clock that stands still until it is turned."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def files(tmp_path) -> TlsFiles:
    files = TlsFiles(tmp_path / "fullchain.pem", tmp_path / "privkey.pem")
    renew(files, serial=1)
    return files


def renew(files: TlsFiles, serial: int) -> None:
    """As certbot does: new files take the place of the old ones."""
    for path, content in zip(files, made(serial), strict=True):
        new = path.with_suffix(".new")
        new.write_bytes(content)
        new.rename(path)


def shown(post) -> int:
    """The serial number of the certificate that a server shows."""
    pem = ssl.get_server_certificate((post.host, post.port))
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


def test_a_renewed_certificate_is_shown_within_a_minute_without_a_word(open_post, files):
    clock = Clock()
    with open_post(role=TLS_FIRST, certificate=Certificate(files, time=clock)) as post:
        assert shown(post) == 1
        renew(files, serial=2)
        clock.now = LOOK_EVERY - 1
        assert shown(post) == 1
        clock.now = LOOK_EVERY
        assert shown(post) == 2


def test_a_session_goes_on_while_the_certificate_is_renewed(open_post, certificate, files):
    with open_post(role=TLS_FIRST, certificate=certificate) as post, post.greeted() as client:
        post.listener.certificate = Certificate(files)
        assert shown(post) == 1
        assert client.post().startswith("250")


def test_files_are_looked_at_once_a_minute_however_many_connect(files):
    clock, looks = Clock(), []
    certificate = Certificate(
        files, opener=lambda files: looks.append(clock.now) or opened(files), time=clock
    )
    for now in (0, 1, 59, 60, 61, 119, 121):
        clock.now = float(now)
        certificate.current()

    assert looks == [0.0, 60.0, 121.0]


def test_what_has_not_changed_is_not_loaded_again(files):
    clock = Clock()
    certificate = Certificate(files, time=clock)
    before = certificate.current()
    os.utime(files.key)
    clock.now = LOOK_EVERY

    assert certificate.current() is before


def test_a_renewal_that_is_half_done_leaves_the_old_one_in_force_and_is_told_once(files, caplog):
    clock = Clock()
    certificate = Certificate(files, time=clock)
    before = certificate.current()
    files.certificate.write_bytes(made(2)[0])
    with caplog.at_level(logging.INFO, "mailsponge.server"):
        for now in (60, 120):
            clock.now = float(now)
            assert certificate.current() is before
        renew(files, serial=3)
        clock.now = 180.0
        assert certificate.current() is not before

    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "this key does not belong to the certificate" in told[0]
    assert told[1] == f"a new certificate is in force: {files.certificate}"


def test_files_that_are_gone_leave_the_old_one_in_force(files):
    clock = Clock()
    certificate = Certificate(files, time=clock)
    before = certificate.current()
    files.key.unlink()
    clock.now = LOOK_EVERY

    assert certificate.current() is before


def test_both_may_be_in_one_file(tmp_path):
    file = tmp_path / "both.pem"
    file.write_bytes(b"".join(made(1)))

    assert Certificate(TlsFiles(file, file)).current()


def refusal(files: TlsFiles) -> str:
    with pytest.raises(ConfigError) as caught:
        Certificate(files)
    return str(caught.value)


def test_a_file_that_is_not_there_is_named(files):
    files.key.unlink()

    assert refusal(files).startswith(
        f"{files.key}: the key cannot be read: No such file or directory; correct"
    )


def test_a_key_of_another_certificate_is_told(files):
    files.key.write_bytes(made(2)[1])

    assert refusal(files).startswith(
        f"{files.key}: this key does not belong to the certificate {files.certificate}"
    )


def test_the_two_exchanged_are_told(files):
    assert refusal(TlsFiles(files.key, files.certificate)).startswith(
        f"{files.key}: there is no certificate in PEM form"
    )


def test_a_key_that_is_missing_from_the_one_file_is_told(files):
    assert "set tls.key" in refusal(TlsFiles(files.certificate, files.certificate))


def test_a_key_with_a_passphrase_is_told(files):
    for path, content in zip(files, made(1, passphrase=b"secret"), strict=True):
        path.write_bytes(content)

    assert "has a passphrase" in refusal(files)


def test_a_certificate_that_is_cut_off_is_told(files):
    files.certificate.write_bytes(files.certificate.read_bytes()[:200])

    assert refusal(files).startswith(f"{files.certificate} and {files.key} cannot be used")


@pytest.mark.parametrize(
    "make", [lambda path: path.mkdir(), lambda path: os.mkfifo(path)], ids=["directory", "pipe"]
)
def test_what_is_no_file_is_told_and_never_waited_for(files, make):
    files.key.unlink()
    make(files.key)

    assert "no ordinary file" in refusal(files)


def test_what_is_too_large_is_not_read(files):
    with open(files.certificate, "wb") as file:
        file.truncate(10**12)

    assert "too large" in refusal(files)


def test_the_key_is_never_shown(files):
    from mailsponge.server.certificate import read

    assert "PRIVATE" not in repr(read(files))
