"""The smarthost's password, from where it stands: never in the configuration, which people show around."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mailsponge.config.settings import Config
from mailsponge.errors import ConfigError

VARIABLE: Final = "MAILSPONGE_RELAY_PASSWORD"
LONGEST: Final = 4096
"""Bytes of a file that are read: who names another file by mistake hears of it."""


def relay_password(config: Config, environ: Mapping[str, str], at: Callable[..., str]) -> str | None:
    """The first line of the file that ``relay.password_file`` names, else what the environment says; None: neither.

    ``at(*path)`` says where a setting stands. Raises ConfigError, which never shows what was read.
    """
    file = config.relay.password_file
    if file is None:
        return environ.get(VARIABLE) or None
    place = at("relay", "password_file")
    try:
        with file.open("rb") as opened:
            text = opened.read(LONGEST + 1).decode().rstrip("\r\n")
    except OSError as error:
        raise ConfigError(
            f"{place}: {file} cannot be read: {error.strerror}; the user that the server runs as has to be able to"
        ) from error
    except UnicodeDecodeError:
        raise ConfigError(f"{place}: {file} is not UTF-8: save it as UTF-8") from None
    if not text or len(text) > LONGEST or not text.isprintable():
        raise ConfigError(f"{place}: {file} is not a password: it has one line, and nothing invisible in it")
    return text
