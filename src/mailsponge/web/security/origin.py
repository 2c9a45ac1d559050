"""Is it our own page that asks? A browser says where a form comes from, and no page can make it say otherwise."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_ours(host: str, origin: str | None, fetch_site: str | None) -> bool:
    """Whether a request that changes something may be ours, by its Host, Origin (RFC 6454) and Sec-Fetch-Site.

    A browser sends at least one of the latter with every form; a program that sends neither still has to know the
    token of the session.
    """
    if fetch_site is not None and fetch_site != "same-origin":
        return False
    return origin is None or (bool(host) and _authority(origin) == host.lower())


def _authority(origin: str) -> str:
    """``127.0.0.1:8025`` of ``http://127.0.0.1:8025``; empty for one that no page of ours has, such as ``null``."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return ""
    return parts.netloc.lower() if parts.scheme in ("http", "https") else ""
