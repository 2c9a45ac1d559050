"""Domains beyond ASCII as DNS has them: U-labels become A-labels (RFC 5890, RFC 5891)."""

from __future__ import annotations

from mailsponge.mail.address import LABEL_LIMIT, Address


def a_labels(domain: str) -> str | None:
    """The domain in ASCII: ``bücher.example`` is ``xn--bcher-kva.example``. None if a label gets too long for DNS.

    ``domain`` is as a parsed address has it: in lower case, and NFC. No letter is replaced by another one, as IDNA 2003
    did to ``ß``: that would be another domain, and somebody else's.
    """
    if domain.isascii():
        return domain
    labels = [label if label.isascii() else f"xn--{_punycode(label)}" for label in domain.split(".")]
    return None if any(len(label) > LABEL_LIMIT for label in labels) else ".".join(labels)


def in_ascii(address: Address) -> Address | None:
    """The same address without a letter beyond ASCII; None if it cannot be written so."""
    if not address.local.isascii():
        return None
    domain = a_labels(address.domain)
    return None if domain is None else Address(address.local, domain)


def _punycode(label: str) -> str:
    return label.encode("punycode").decode("ascii")
