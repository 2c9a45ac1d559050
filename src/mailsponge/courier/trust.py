"""What is asked of the certificates of others: TLS contexts for who connects (RFC 7435, RFC 8314)."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import NamedTuple


class Trust(NamedTuple):
    """Two TLS contexts: one for each thing that a next hop may be asked for."""

    proven: ssl.SSLContext
    """The certificate must be valid and prove the name."""
    anyone: ssl.SSLContext
    """Whoever it is: against those who only read along. Better than nothing, which would be the alternative."""


def trust(authorities: Path | None = None) -> Trust:
    """Both contexts. ``authorities``: whom to believe, a file in PEM form; None: whom this system believes.

    Raises OSError and ssl.SSLError for a file that cannot be used.
    """
    proven = ssl.create_default_context(cafile=authorities)
    anyone = ssl.create_default_context(cafile=authorities)
    anyone.check_hostname = False
    anyone.verify_mode = ssl.CERT_NONE
    for context in (proven, anyone):
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996; also where the system would allow less
    return Trust(proven, anyone)
