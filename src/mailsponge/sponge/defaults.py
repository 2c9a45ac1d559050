r"""What holds for every job of a user, unless a program or the environment says otherwise: ``sponge.toml``.

``$XDG_CONFIG_HOME/mailsponge/sponge.toml``, else ``~/.config/mailsponge/sponge.toml``:

    to = ["me@example.org"]                     # else MAILSPONGE_TO
    mailhost = "smtp://me@smtp.example.org:587" # else MAILSPONGE_MAILHOST; never with a password
    state = "/var/lib/mailsponge"               # else MAILSPONGE_STATE
    mask = ["(?i)badge=(\\d+)"]                 # more that is secret, as regular expressions
    keep_records = "30 days"
    keep_runs = "400 days"
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from mailsponge.errors import UsageError


@dataclass(frozen=True)
class Defaults:
    """What the file says, and the environment over it."""

    to: str | tuple[str, ...] = ()
    mailhost: str | None = None
    state: str | None = None
    mask: tuple[str, ...] = ()
    keep_records: str = "30 days"
    keep_runs: str = "400 days"


def defaults(environ: Mapping[str, str] = os.environ) -> Defaults:
    """The defaults of this user. Raises UsageError that names the file and what is wrong in it."""
    given = _read(_path(environ))
    for field, variable in (
        ("to", "MAILSPONGE_TO"),
        ("mailhost", "MAILSPONGE_MAILHOST"),
        ("state", "MAILSPONGE_STATE"),
    ):
        if environ.get(variable):
            given[field] = environ[variable]
    return Defaults(**given)


def _path(environ: Mapping[str, str]) -> Path:
    # A relative one is to be passed over, as the XDG specification says.
    if os.path.isabs(environ.get("XDG_CONFIG_HOME", "")):
        return Path(environ["XDG_CONFIG_HOME"]) / "mailsponge" / "sponge.toml"
    return Path(os.path.expanduser("~")) / ".config" / "mailsponge" / "sponge.toml"


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    import tomllib  # few have the file, and everybody imports this

    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    return {name: _checked(path, name, value) for name, value in given.items()}


def _checked(path: Path, name: str, value: object) -> object:
    known = [field.name for field in fields(Defaults)]
    if name not in known:
        import difflib  # only for whoever has mistyped

        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        raise UsageError(f"{path}: {name} is no setting; {hint}")
    several = isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    if name in ("to", "mask") and several:
        assert isinstance(value, list)
        return tuple(value)
    if not isinstance(value, str) or name == "mask":
        kind = "a list of texts" if name == "mask" else "a text"
        raise UsageError(f"{path}: {name} = {value!r} cannot be; it is {kind}")
    return value
