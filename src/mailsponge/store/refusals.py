"""What a store cannot do with a message, in words that tell what can be done: the same, whatever keeps it."""

from __future__ import annotations

from mailsponge.errors import StoreError


def no_such(message_id: int, where: object) -> StoreError:
    """There is none with this id."""
    return StoreError(
        f"there is no message {message_id} in {where}: `mailsponge mail list` shows what there is"
    )


def removed(message_id: int) -> StoreError:
    """Its content was tidied away."""
    return StoreError(
        f"message {message_id} has gone where it should, and its content was removed: only its story is left"
    )


def only_waits(message_id: int) -> StoreError:
    """It lies in no mailbox that it could be deleted from."""
    return StoreError(
        f"message {message_id} lies in no mailbox, it waits in the queue: "
        f"`mailsponge queue delete {message_id}` takes it out"
    )


def not_in_queue(message_id: int) -> StoreError:
    """There is nothing of it that a person could change."""
    return StoreError(
        f"message {message_id} is not in the queue: `mailsponge queue` shows what is, "
        f"and `mailsponge trace {message_id}` what became of it"
    )


def closed() -> StoreError:
    """Whoever comes now comes too late."""
    return StoreError("the store is closed: the server is stopping, and takes no more mail")
