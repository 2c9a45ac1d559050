"""What the disk or the system says against a delivery, in words for people. All of it can be put right: it is tried
again.
"""

from __future__ import annotations

import errno
import os
from typing import Final, NamedTuple

from mailsponge import clean
from mailsponge.mail.outcome import Outcome, Result


class _Fault(NamedTuple):
    status: str
    why: str


_OTHER: Final = _Fault("4.3.0", "see what is wrong there")
_FAULTS: Final = {
    errno.ENOSPC: _Fault("4.3.1", "make room on that disk"),
    errno.EDQUOT: _Fault("4.2.2", "the user has to make room, or be given more"),
    errno.EFBIG: _Fault("4.2.2", "it is as large as a file may be here: take mail out of it"),
    errno.EROFS: _Fault("4.3.0", "that disk can only be read: mount it for writing"),
    errno.EACCES: _Fault("4.3.5", "let the recipient write there"),
    errno.EPERM: _Fault("4.3.5", "let the recipient write there"),
    errno.ENOENT: _Fault("4.3.5", "make it, or mount the disk that it is on"),
    errno.ENOTDIR: _Fault("4.3.5", "it has to be a directory, and no symbolic link"),
    errno.ELOOP: _Fault("4.3.5", "symbolic links are not followed there: put the real thing in its place"),
    errno.ENXIO: _Fault("4.3.5", "mail goes to ordinary files alone: remove what is in its place"),
    errno.EMFILE: _Fault("4.3.0", "too many files are open: raise the limit"),
    errno.ENFILE: _Fault("4.3.0", "too many files are open on this machine"),
}


def deferred(why: str, status: str = "4.3.0") -> Outcome:
    """An attempt that came to nothing, and that another may follow."""
    return Outcome(Result.DEFERRED, status, clean.line(why))


def failed(why: str, status: str) -> Outcome:
    """An attempt that no other shall follow."""
    return Outcome(Result.FAILED, status, clean.line(why))


def delivered(why: str) -> Outcome:
    """An attempt that succeeded."""
    return Outcome(Result.DELIVERED, "2.0.0", clean.line(why))


def outcome_of(error: OSError, place: str) -> Outcome:
    """What an error at a place, or in it, comes to."""
    fault = _FAULTS.get(error.errno or 0, _OTHER)
    where = os.path.join(place, error.filename) if isinstance(error.filename, str) else place
    return deferred(f"{where}: {error.strerror or error}: {fault.why}", fault.status)
