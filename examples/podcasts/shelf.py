"""What we have: an index of shows and episodes, and the episodes themselves, one folder a show.

The index remembers every episode ever downloaded, so that one that was heard and deleted does not come back. An
episode is written under a temporary name and renamed when it is whole: what carries its name can be played.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit

from feed import Episode
from fetch import Validators

INDEX = "podcasts.json"
PARTIAL = ".part"
LONGEST_NAME = 120
"""Bytes of UTF-8: a file name may have 255, and a number and a suffix are still to come."""
A_DAY = 86_400


class ShelfError(Exception):
    """The index is there and cannot be used."""


@dataclass
class Show:
    """One subscription and what we know of it."""

    url: str
    title: str = ""
    validators: Validators = field(default_factory=Validators)
    wanted: int = 0
    """How many of the latest episodes we have since then: whoever wants more must see the feed again."""
    episodes: dict[str, str] = field(default_factory=dict)
    """From guid to file, relative to the shelf."""

    @property
    def name(self) -> str:
        """What a person calls it: the title it had when it last could be read, else its address."""
        return self.title or self.url


class Shelf:
    """A folder of shows. Raises ShelfError if its index is damaged, OSError if the folder cannot be written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._shows = _read(folder / INDEX)
        self._sweep()

    def show(self, url: str) -> Show:
        """The show of this address; one never heard of yet is empty."""
        return self._shows.get(url) or Show(url)

    def remember(self, show: Show) -> None:
        """Keep what is known of this show, for good."""
        self._shows[show.url] = show
        document = {url: asdict(known) for url, known in self._shows.items()}
        with _whole(self.folder / INDEX) as file:
            file.write(json.dumps(document, ensure_ascii=False, indent=1).encode())

    def put(self, show: Show, episode: Episode, fill: Callable[[IO[bytes]], None]) -> Path:
        """Shelve an episode, which ``fill`` writes into a file, and remember that we have it."""
        folder = self.folder / _file_name(show.name)
        folder.mkdir(exist_ok=True)
        path = _unused(folder, _episode_name(episode))
        with _whole(path) as file:
            fill(file)
        show.episodes[episode.guid] = path.relative_to(self.folder).as_posix()
        self.remember(show)
        return path

    def _sweep(self) -> None:
        """Remove what downloads of a day ago left behind when they were killed; younger ones may still be running."""
        for path in self.folder.rglob(f".*{PARTIAL}"):
            if time.time() - path.stat().st_mtime > A_DAY:
                path.unlink(missing_ok=True)


def _read(index: Path) -> dict[str, Show]:
    try:
        document = json.loads(index.read_bytes())
        return {url: _show(**known) for url, known in document.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as error:
        raise ShelfError(f"{index} is damaged ({error}): mend it, or move it away to begin anew") from error


def _show(validators: list[str | None], **known: Any) -> Show:
    return Show(validators=Validators(*validators), **known)


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name when everything is in it and on the disk; after any error there is none."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=PARTIAL, delete=False) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            Path(file.name).unlink()
            raise


def _episode_name(episode: Episode) -> str:
    suffix = PurePosixPath(urlsplit(episode.enclosure).path).suffix
    stem = _file_name(f"{_day(episode.published)}{episode.title or PurePosixPath(episode.enclosure).stem}")
    return stem + (suffix if suffix[1:].isalnum() and suffix.isascii() and len(suffix) < 8 else "")


def _day(published: datetime | None) -> str:
    return f"{published:%Y-%m-%d} " if published else ""


def _file_name(title: str) -> str:
    """A title as a name that any disk takes: no slashes, no leading dot, not too long."""
    spoken = "".join(" " if c in '/\\:*?"<>|\0' else c for c in title)
    clipped = " ".join(spoken.split()).encode()[:LONGEST_NAME].decode(errors="ignore")
    return clipped.strip(". ") or "untitled"


def _unused(folder: Path, name: str) -> Path:
    path, number = folder / name, 1
    while path.exists():
        number += 1
        path = folder / f"{Path(name).stem} ({number}){Path(name).suffix}"
    return path
