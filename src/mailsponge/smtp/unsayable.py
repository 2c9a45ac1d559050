"""What a server need not be asked, because it does not offer what that takes: decided before a byte is sent."""

from __future__ import annotations

from collections.abc import Sequence

from mailsponge.smtp.client_commands import is_ascii, needs_smtputf8
from mailsponge.smtp.client_states import Said
from mailsponge.smtp.offers import Offers
from mailsponge.smtp.outcomes import TOO_MANY, Outcome, Result, decided_here
from mailsponge.smtp.outgoing import ForwardPath, Outgoing


def unsayable(message: Outgoing, offers: Offers, *, secure: bool) -> list[Outcome | None]:
    """For each recipient the outcome that is known already, or None; ``secure``: nobody can read along. Pure."""
    refusal = _of_message(message, offers, secure)
    if refusal is not None:
        status, why = refusal
        return [
            decided_here(recipient.address, Result.PERMANENT, status, Said.MAIL, why)
            for recipient in message.recipients
        ]
    outcomes = [_of_recipient(recipient, offers) for recipient in message.recipients]
    if offers.rcpt_max or offers.rcpt_domain_max:
        _leave_for_later(message.recipients, outcomes, offers)
    return outcomes


def _of_message(message: Outgoing, offers: Offers, secure: bool) -> tuple[str, str] | None:
    """Why nobody can get it: a status code and a sentence."""
    if message.require_tls and not (secure and "REQUIRETLS" in offers):
        return "5.7.30", (  # RFC 8689 section 4.2.1
            "the sender wants TLS all the way (REQUIRETLS), and the server does not promise that; "
            "send it without, or another way"
        )
    if offers.size is not None and message.size is not None and message.size > offers.size:
        return "5.3.4", (  # RFC 1870 section 6.1
            f"the message has {message.size} octets, and the server takes {offers.size} at most; send less"
        )
    if needs_smtputf8(message) and "SMTPUTF8" not in offers:
        return "5.6.7", (  # RFC 6531 section 3.5
            "the sender or the headers have letters beyond ASCII, and the server does not offer SMTPUTF8; "
            "use addresses of plain letters"
        )
    if message.eight_bit and "8BITMIME" not in offers:
        return "5.6.3", (  # RFC 6152 section 3
            "the message has octets beyond ASCII, and the server does not offer 8BITMIME; "
            "encode it as quoted-printable or base64"
        )
    return None


def _of_recipient(recipient: ForwardPath, offers: Offers) -> Outcome | None:
    if is_ascii(recipient.address) or "SMTPUTF8" in offers:
        return None
    return decided_here(
        recipient.address,
        Result.PERMANENT,
        "5.6.7",
        Said.RCPT,
        "the address has letters beyond ASCII, and the server does not offer SMTPUTF8; use one of plain letters",
    )


def _leave_for_later(
    recipients: Sequence[ForwardPath], outcomes: list[Outcome | None], offers: Offers
) -> None:
    """Those whom one transaction has no room for (RFC 9422): they may be sent to in the next."""
    domains: set[str] = set()
    said = 0
    for at, recipient in enumerate(recipients):
        if outcomes[at] is not None:
            continue
        domain = recipient.address.domain
        too_many_domains = offers.rcpt_domain_max and len(domains | {domain}) > offers.rcpt_domain_max
        if too_many_domains or (offers.rcpt_max and said >= offers.rcpt_max):
            outcomes[at] = decided_here(
                recipient.address,
                Result.TEMPORARY,
                TOO_MANY,
                Said.RCPT,
                "the server has no room for more recipients in one transaction; send to this one in another",
            )._replace(overflow=True)
        else:
            domains.add(domain)
            said += 1
