"""Into the post office's own mailbox.

Most mail is there by having been accepted. This is for what had to wait: the sender wishes to hear that it was
delivered, or its recipient's mail went another way when it came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from mailsponge.courier.faults import deferred, delivered
from mailsponge.errors import StoreError
from mailsponge.mail.outcome import Outcome
from mailsponge.store.protocol import Due, Parcel, Store


class MailboxCourier:
    """See `protocol.Courier`. The store's `call` carries to the event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def deliver(self, parcel: Parcel) -> Sequence[Outcome]:
        """All of them in the store's next commit."""
        return await asyncio.gather(*(self._put(parcel, due) for due in parcel.dues))

    async def close(self) -> None:
        """Nothing is kept."""

    async def _put(self, parcel: Parcel, due: Due) -> Outcome:
        told: asyncio.Future[StoreError | None] = asyncio.get_running_loop().create_future()

        def done(fault: StoreError | None) -> None:
            if not told.done():
                told.set_result(fault)

        self._store.put_into(parcel.message, due.user, done)
        fault = await told
        return delivered(f"into the mailbox {due.user}") if fault is None else deferred(str(fault))
