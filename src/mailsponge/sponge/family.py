"""How children find the run that they belong to: its folder is in their environment, however they are started."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from mailsponge.sponge import folder
from mailsponge.sponge.places import JobPlace

ENVIRONMENT: Final = "MAILSPONGE_RUN"
"""The folders of this process's runs, one a job, parted by os.pathsep."""


def announce(run: Path, place: JobPlace) -> None:
    """Tell children, however started, that a run of this job is going on here."""
    os.environ[ENVIRONMENT] = os.pathsep.join([str(run), *_folders_of_others(place)])


def withdraw(place: JobPlace) -> None:
    """The run of this job is over: children started from now on do not belong to it."""
    others = _folders_of_others(place)
    if others:
        os.environ[ENVIRONMENT] = os.pathsep.join(others)
    else:
        os.environ.pop(ENVIRONMENT, None)


def inherited(place: JobPlace) -> Path | None:
    """The folder of the parent's run of this job, if it is still going on."""
    try:
        return next(
            (path for path in _folders() if path.parent == place.runs and folder.is_going_on(path)), None
        )
    except OSError:
        # It is another user's: what this process logs belongs to a run of its own.
        return None


def _folders_of_others(place: JobPlace) -> list[str]:
    return [str(path) for path in _folders() if path.parent != place.runs]


def _folders() -> list[Path]:
    return [Path(text) for text in os.environ.get(ENVIRONMENT, "").split(os.pathsep) if text]
