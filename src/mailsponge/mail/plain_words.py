"""Enhanced status codes (RFC 3463 and its register) in plain words: what is the matter, and what a sender can do."""

from __future__ import annotations

from typing import Final, NamedTuple


class Plain(NamedTuple):
    """Two sentences, or more."""

    matter: str
    advice: str


_CHECK_NAME: Final = "Check the address, above all the part before the @, and send the message again."
_CHECK_DOMAIN: Final = "Check the address, above all the part after the @, and send the message again."
CORRECTIONS: Final = frozenset((_CHECK_NAME, _CHECK_DOMAIN))
"""Advice that is of use to whoever wrote the address, and to nobody else."""
_ASK: Final = "Ask the recipient in some other way, or write to the postmaster there."
_SMALLER: Final = "Send it without large attachments, or put these where the recipient can fetch them."
_LATER: Final = "Send the message again in a day or two, or ask the recipient in some other way."
_OURS: Final = "Tell the postmaster of the server that wrote this report."

_BY_DETAIL: Final = {
    "1.0": Plain("Something is wrong with the address.", _CHECK_NAME),
    "1.1": Plain("Nobody of that name has a mailbox there.", _CHECK_NAME),
    "1.2": Plain("There is no such domain, or it takes no mail.", _CHECK_DOMAIN),
    "1.3": Plain("The address is not written as an address must be.", _CHECK_NAME),
    "1.4": Plain(
        "The address fits more than one mailbox there.", "Ask the recipient for their full address."
    ),
    "1.6": Plain(
        "The mailbox has moved, and nobody said where to.", "Ask the recipient for their new address."
    ),
    "1.7": Plain(
        "Your own address is not written as an address must be.", "Put it right in your mail program."
    ),
    "1.8": Plain(
        "The domain of your own address does not exist, or cannot be written to.",
        "Check the sender's address in your mail program.",
    ),
    "1.10": Plain("The domain says that it takes no mail at all.", _CHECK_DOMAIN),
    "2.0": Plain("Something is wrong with the mailbox.", _ASK),
    "2.1": Plain("The mailbox is not in use.", "Ask the recipient in some other way for an address that is."),
    "2.2": Plain(
        "The mailbox is full.", "Tell the recipient in some other way, and send the message again later."
    ),
    "2.3": Plain("The message is larger than that mailbox takes.", _SMALLER),
    "2.4": Plain("The mailbox is a list, and the list could not be worked out.", _ASK),
    "3.0": Plain("The server there could not take it.", _LATER),
    "3.1": Plain("The server there has no room left.", _LATER),
    "3.2": Plain("The server there takes no mail just now.", _LATER),
    "3.3": Plain(
        "The server there does not know how to take such a message.",
        "Send it as plain text, with plain letters in its addresses.",
    ),
    "3.4": Plain("The message is larger than the server there takes.", _SMALLER),
    "3.5": Plain("The server there, or this one, is not set up right.", _OURS),
    "4.0": Plain("The network had trouble.", _LATER),
    "4.1": Plain("The server there does not answer.", _LATER),
    "4.2": Plain("The connection to the server there broke off.", _LATER),
    "4.3": Plain("A service that tells where mail goes to does not answer.", _LATER),
    "4.4": Plain("No way to that domain could be found.", _CHECK_DOMAIN),
    "4.5": Plain("The server there has too much to do.", _LATER),
    "4.6": Plain(
        "The message goes in circles: servers send it on to each other without end.",
        "Tell the postmaster there; one of its addresses is forwarded to where it came from.",
    ),
    "4.7": Plain("It was tried for as long as this server tries, and never got through.", _LATER),
    "5.0": Plain("The two servers did not understand each other.", _OURS),
    "5.2": Plain("The server there did not understand a command.", _OURS),
    "5.3": Plain("The message has too many recipients.", "Send it to some of them at a time."),
    "6.0": Plain("Something in the message could not be taken.", "Send it as plain text."),
    "6.1": Plain("The server there does not take this kind of content.", "Send it in another format."),
    "6.3": Plain("The message would have to be converted, and cannot be.", "Send it as plain text."),
    "6.7": Plain(
        "An address has letters that the server there does not know.",
        "Ask the recipient for an address in plain letters.",
    ),
    "7.0": Plain("The server there does not want it.", _ASK),
    "7.1": Plain(
        "The server there does not take this message from you.",
        "If it is no mistake in the address, ask the recipient in some other way.",
    ),
    "7.2": Plain("You may not write to that list.", "Ask the recipients to let you."),
    "7.3": Plain("The message would have to be converted, and cannot be, safely.", "Send it as plain text."),
    "7.8": Plain("This server could not log in where it hands mail on.", _OURS),
    "7.10": Plain("The message was wished to go by encrypted ways alone, and one is not.", _ASK),
    "7.26": Plain("Your mail could not be proved to be yours.", "Tell the postmaster of your own domain."),
    "7.30": Plain(
        "The message was to go by encrypted ways alone, and the server there has none.",
        "If it may be sent in the clear, send it again without that wish.",
    ),
}

_NOT_YET: Final = Plain(
    "The server there does not take this message yet; many let a server that they do not know come again first.",
    _LATER,
)
_FOR_NOW: Final = {
    "1.1": Plain("The server there cannot say just now whether it has a mailbox of that name.", _CHECK_NAME),
    "2.1": Plain("The mailbox takes no mail just now.", _LATER),
    "7.0": _NOT_YET,
    "7.1": _NOT_YET,
}
"""What means something else while it may still go by: the first number is 4."""

_BY_SUBJECT: Final = {
    "1": Plain("Something is wrong with the address.", _CHECK_NAME),
    "2": Plain("Something is wrong with the mailbox.", _ASK),
    "3": Plain("The server there could not take it.", _LATER),
    "4": Plain("The way there had trouble.", _LATER),
    "5": Plain("The two servers did not understand each other.", _OURS),
    "6": Plain("Something in the message could not be taken.", "Send it as plain text."),
    "7": Plain("The server there does not want it.", _ASK),
}

_ANYTHING: Final = Plain("It could not be delivered.", _ASK)


def plain_words(status: str) -> Plain:
    """What an enhanced status code such as ``5.1.1`` says."""
    kind, _, detail = status.partition(".")
    if kind == "4" and detail in _FOR_NOW:
        return _FOR_NOW[detail]
    return _BY_DETAIL.get(detail) or _BY_SUBJECT.get(detail.partition(".")[0]) or _ANYTHING
