"""What waits, in words: why, and until when."""

from __future__ import annotations

from collections.abc import Mapping

from mailsponge.store.protocol import HopDown, Waiting


def until(each: Waiting, down: Mapping[str, HopDown]) -> float | None:
    """When it is tried again, in seconds since the epoch; None: not before somebody releases it."""
    if each.held:
        return None
    hop = down.get(each.next_hop)
    return max(each.next_attempt_at, hop.until if hop is not None else 0.0)


def why(each: Waiting, down: Mapping[str, HopDown]) -> str:
    """What its last attempt came to; or why its next hop gets no mail at all. Strangers' words are in it."""
    hop = down.get(each.next_hop)
    if hop is None or each.last_reply == hop.why:
        return each.last_reply
    return f"nothing gets through to {each.next_hop}: {hop.why}"
