"""The certificate in force: one TLS context, replaced as a whole when its files change.

Whoever renews a certificate need not tell the server: the files are looked at when a client wants TLS, at most once a
minute. What is read is compared with what was read before, so it does not matter how the files were replaced.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import ssl
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from mailsponge import clock
from mailsponge.errors import ConfigError

log = logging.getLogger("mailsponge.server")

LOOK_EVERY: Final = 60.0
"""Seconds between two looks at the files."""
FILE_LIMIT: Final = 1_000_000
"""Bytes of a certificate's or a key's file; more is neither."""


class TlsFiles(NamedTuple):
    """Where the certificate and its key are; both may be in the same file."""

    certificate: Path
    key: Path


class Pair(NamedTuple):
    """What was in the files."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Pair(…)"


Opener = Callable[[TlsFiles], tuple[int, int]]
"""Opens both files for reading: descriptors for the caller to close. Raises ConfigError that names the file."""


def opened(files: TlsFiles) -> tuple[int, int]:
    """Open both files with this process's own rights. Raises ConfigError."""
    certificate = _opened(files.certificate, "certificate")
    try:
        return certificate, _opened(files.key, "key")
    except ConfigError:
        os.close(certificate)
        raise


class Certificate:
    """Keeps a TLS context that goes by the newest certificate which can be used."""

    def __init__(self, files: TlsFiles, opener: Opener = opened, time: clock.Clock = clock.monotonic) -> None:
        """Read the files. Raises ConfigError that says which file is wrong, and what to do."""
        self._files = files
        self._opener = opener
        self._time = time
        pair = read(files, opener)
        self._context = context(files, pair)
        self._seen = _mark(pair)
        self._mistake = ""
        self._look_at = time() + LOOK_EVERY

    def current(self) -> ssl.SSLContext:
        """The context for a session that begins TLS now. Never raises: a mistake is logged, and the old one stays."""
        if self._time() >= self._look_at:
            self._look_at = self._time() + LOOK_EVERY
            self._look()
        return self._context

    def _look(self) -> None:
        """Take over what is new. A mistake is told once, until it is another one."""
        try:
            pair = read(self._files, self._opener)
            if _mark(pair) == self._seen:
                return
            made = context(self._files, pair)
        except ConfigError as error:
            if str(error) != self._mistake:
                log.error("the certificate that was in force stays: %s", error)
            self._mistake = str(error)
        else:
            self._context, self._seen, self._mistake = made, _mark(pair), ""
            log.info("a new certificate is in force: %s", self._files.certificate)


def read(files: TlsFiles, opener: Opener = opened) -> Pair:
    """What is in the files. Raises ConfigError."""
    descriptors = opener(files)
    try:
        certificate, key = (
            _content(descriptor, path) for descriptor, path in zip(descriptors, files, strict=True)
        )
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    return Pair(certificate, key)


def context(files: TlsFiles, pair: Pair) -> ssl.SSLContext:
    """A server's TLS context. Raises ConfigError that says which file is wrong."""
    _check_content(files, pair)
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996; also where the system would allow less
    made.options |= ssl.OP_NO_RENEGOTIATION
    try:
        with _as_file(pair.certificate) as certificate, _as_file(pair.key) as key:
            made.load_cert_chain(certificate, key, password=_no_passphrase)
    except _PassphraseAsked:
        raise ConfigError(
            f"{files.key}: the key has a passphrase, and nobody is there to type it: "
            "store it without (`openssl pkey -in OLD -out NEW`), for its owner alone"
        ) from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(
                f"{files.key}: this key does not belong to the certificate {files.certificate}: "
                "name the two that were made together"
            ) from None
        raise ConfigError(
            f"{files.certificate} and {files.key} cannot be used: {error.reason or error}: "
            "make them anew, or name others"
        ) from None
    return made


class _PassphraseAsked(Exception):
    pass


def _no_passphrase() -> str:
    raise _PassphraseAsked


def _mark(pair: Pair) -> str:
    """Tells one pair from another, without keeping the key."""
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in pair)).hexdigest()


def _check_content(files: TlsFiles, pair: Pair) -> None:
    if b"-----BEGIN CERTIFICATE-----" not in pair.certificate:
        raise ConfigError(
            f"{files.certificate}: there is no certificate in PEM form: name fullchain.pem or the like"
        )
    if b"PRIVATE KEY-----" not in pair.key:
        raise ConfigError(f"{files.key}: there is no private key in PEM form: set tls.key to the key's file")


def _opened(path: Path, what: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise ConfigError(
            f"{path}: the {what} cannot be read: {error.strerror}; "
            "correct the path, or let the server's user read it, or start as root"
        ) from error


def _content(descriptor: int, path: Path) -> bytes:
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ConfigError(f"{path} cannot be read: it is no ordinary file; name one in PEM form")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(FILE_LIMIT + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; try another disk") from error
    if len(content) > FILE_LIMIT:
        raise ConfigError(f"{path} is too large for a certificate or a key; name one in PEM form")
    return content


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """A path that OpenSSL can read the content at, in memory where that can be: it takes a key from files alone."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("pem")
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{descriptor}"
    else:
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield file.name
