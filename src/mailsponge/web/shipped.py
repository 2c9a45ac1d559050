"""Templates and static files as they came with the program: read once, for later the right to may be gone.

A static file's address has a hash of its content in it, so that browsers may keep it for ever and still see a new one.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, NamedTuple

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Static(NamedTuple):
    """A file for browsers."""

    content: bytes
    packed: bytes
    """The same, gzipped. There is no secret in it, so its length gives nothing away."""
    media_type: str


@cache
def templates() -> Mapping[str, str]:
    """All templates by their path below ``templates/``."""
    found = _below(files(__package__) / "templates")
    return {name: content.decode("utf-8") for name, content in found.items()}


@cache
def statics() -> Mapping[str, Static]:
    """All static files by what stands after ``/static/``: ``<hash>/app.js``."""
    found = {}
    for name, content in _below(files(__package__) / "static").items():
        media_type = _TYPES.get(name[name.rfind(".") :])
        if media_type is not None:
            packed = gzip.compress(content, 9, mtime=0)
            found[f"{_hash(content)}/{name}"] = Static(content, packed, media_type)
    return found


@cache
def addresses() -> Mapping[str, str]:
    """The path of each static file by its name: ``app.js``."""
    return {path.partition("/")[2]: f"/static/{path}" for path in statics()}


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _below(directory: Traversable, path: str = "") -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for each in directory.iterdir():
        if each.is_dir():
            found.update(_below(each, f"{path}{each.name}/"))
        else:
            found[f"{path}{each.name}"] = each.read_bytes()
    return found
