"""What a folder may be called, and which ones a person sees: the same for every store."""

from __future__ import annotations

from collections.abc import Mapping

from mailsponge import clean
from mailsponge.errors import StoreError
from mailsponge.store.reading import LONGEST_FOLDER, STANDING, Folder


def require_name(name: str) -> None:
    """Raise StoreError for what is none."""
    if not name or name != name.strip() or len(name) > LONGEST_FOLDER or not name.isprintable():
        raise StoreError(
            f"a folder cannot be called {clean.line(name[:LONGEST_FOLDER])!r}: name it with 1 to {LONGEST_FOLDER} "
            "letters, digits, signs or spaces, but no space at either end"
        )


def all_of_them(found: Mapping[str, tuple[int, int]]) -> list[Folder]:
    """Those that everybody has, and others that something lies in; ``found`` has how much, and how much is unseen."""
    others = sorted(name for name, (count, _) in found.items() if count and name not in STANDING)
    return [Folder(name, *found.get(name, (0, 0))) for name in (*STANDING, *others)]
