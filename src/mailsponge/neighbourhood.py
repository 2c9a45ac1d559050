"""Who counts as one when clients are counted: an address, or for IPv6 its network."""

from __future__ import annotations

import socket


def neighbourhood(peer: str) -> str | bytes:
    """What an IP address is counted under: itself, or for IPv6 its /64 network; one customer has 2**64 addresses there.

    ``peer`` as the system writes it, perhaps with its interface (``fe80::1%eth0``); ``""`` where there is none.
    """
    if ":" not in peer:
        return peer
    return socket.inet_pton(socket.AF_INET6, peer.partition("%")[0])[:8]
