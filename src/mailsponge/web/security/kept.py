"""Sessions in a file of the data directory, so that a restart logs nobody out. It has hashes in it, no identities."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from mailsponge import durable
from mailsponge.errors import StateError
from mailsponge.web.security.sessions import Session

NAME: Final = "web-sessions"


class InFile:
    """A file for its owner alone, written as a whole."""

    def __init__(self, data: Path) -> None:
        self._file = data / NAME

    def load(self) -> dict[str, Session]:
        """What is in it. One that cannot be understood counts as empty: people log in again. Raises StateError."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, Session])
        except FileNotFoundError:
            return {}
        except (msgspec.DecodeError, UnicodeDecodeError):
            return {}
        except OSError as error:
            raise StateError(
                f"{self._file} cannot be read: {error.strerror}; it has to belong to the user that the server runs as"
            ) from error

    def save(self, sessions: dict[str, Session]) -> None:
        """Write all of them. Raises StateError."""
        try:
            durable.write_file(self._file, msgspec.json.encode(sessions))
        except OSError as error:
            raise StateError(
                f"{self._file} cannot be written: {error.strerror}; make room, or mend its rights"
            ) from error
