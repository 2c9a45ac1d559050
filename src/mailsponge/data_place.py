"""Where the post office keeps its mail: a directory of this machine, or a database that several servers share."""

from __future__ import annotations

from pathlib import Path

from mailsponge import database_url
from mailsponge.errors import UsageError


class DataPlace:
    """One of both, and never its password in a text: ``str`` and ``repr`` are for messages and logs."""

    __slots__ = ("directory", "url")

    def __init__(self, directory: Path | None = None, url: str = "") -> None:
        self.directory = directory
        """None: it is a database."""
        self.url = url
        """The database's, as it was given, perhaps with a password; empty: it is a directory."""

    @classmethod
    def parse(cls, value: object) -> DataPlace:
        """Read ``"/var/lib/mailsponge"`` or ``"postgresql://user@db.example.org/mail"``. Raises ValueError."""
        if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
            raise UsageError("a directory or the URL of a database is written as text")
        if isinstance(value, str) and database_url.is_database(value):
            return cls(url=database_url.checked(value))
        if "://" in str(value):
            raise UsageError(f"of databases, only PostgreSQL can be used: {database_url.EXAMPLE}")
        return cls(Path(value).expanduser())

    def __str__(self) -> str:
        return database_url.shown(self.url) if self.directory is None else str(self.directory)

    def __repr__(self) -> str:
        return f"DataPlace({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataPlace) and (self.directory, self.url) == (other.directory, other.url)

    def __hash__(self) -> int:
        return hash((self.directory, self.url))
