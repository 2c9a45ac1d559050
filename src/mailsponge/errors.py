"""Everything mailsponge raises on purpose.

    MailspongeError
    ├── UsageError            what was asked for cannot be: a setting, an address, a grammar (also a ValueError)
    │   ├── ConfigError       a configuration file says something that cannot be
    │   ├── AddressError      a text that should be a mail address is none
    │   └── ContentError      a message holds what may not be sent: a bare CR, a bare LF, a NUL
    ├── StateError            what is kept on disk cannot be read or written now
    │   ├── LedgerUnreadable  the sponge's ledger is damaged; it was set aside under another name
    │   └── StoreError        the post office's store cannot take or give a message now
    │       ├── StoreFull     the disk under the store has no room
    │       └── StoreReadOnly the disk under the store, or the store, can only be read
    ├── HandoverError         a mail could not be handed to a mail server now
    └── ProtocolError         the program used the SMTP engine in a way the protocol forbids

The message of each says what is wrong, where, and what to do about it.
"""

from __future__ import annotations


class MailspongeError(Exception):
    """The root of the tree: catch it to catch them all."""


class UsageError(MailspongeError, ValueError):
    """What was asked for cannot be; the message shows what could."""


class ConfigError(UsageError):
    """A configuration file has an unknown key or an impossible value."""


class AddressError(UsageError):
    """A text that should be a mail address is none."""


class ContentError(UsageError):
    """A message holds what may not be sent over SMTP: a bare CR, a bare LF or a NUL."""


class StateError(MailspongeError):
    """What is kept on disk cannot be read or written now."""


class LedgerUnreadable(StateError):
    """The ledger is damaged. It has been set aside, and a new one begun."""


class StoreError(StateError):
    """The store cannot take or give a message now."""


class StoreFull(StoreError):
    """The disk under the store has no room left."""


class StoreReadOnly(StoreError):
    """The disk under the store, or the store itself, can only be read."""


class HandoverError(MailspongeError):
    """A mail could not be handed to a mail server now."""


class ProtocolError(MailspongeError):
    """The SMTP engine was driven in a way the protocol forbids: a defect of the program that drives it."""
