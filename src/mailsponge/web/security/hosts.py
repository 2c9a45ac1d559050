"""Is it us that is asked? Against DNS rebinding: a stranger's page may lead its own name to this address, and then a
browser takes our pages for its. It still sends that name as Host.
"""

from __future__ import annotations

from mailsponge.config import Config

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def allowed(config: Config) -> frozenset[str]:
    """What this server is called."""
    listening = (f"[{at.host}]" if ":" in at.host else at.host for at in config.web.listen)
    named = (*LOOPBACK, config.hostname, *config.web.hosts, *listening)
    return frozenset(_plain(name) for name in named)


def name_of(host: str) -> str:
    """A Host header (RFC 9110 section 7.2) without its port; empty if it is none."""
    name, _, port = host.rpartition(":")
    if not name or host.endswith("]"):
        return _plain(host)
    return _plain(name) if port.isascii() and port.isdigit() else ""


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")
