"""The lines that are sent, and what can never get into one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.errors import UsageError
from mailsponge.mail.address import Address, parse
from mailsponge.smtp import client_commands as commands
from mailsponge.smtp.offers import NOTHING, Offers
from mailsponge.smtp.outgoing import ForwardPath, Notify, Outgoing, Return

A = parse("a@example.org")
ALL = Offers(dict.fromkeys(("SIZE", "8BITMIME", "SMTPUTF8", "DSN"), ""))
BREAKS = ["a\r\nRSET", "a\nRSET", "a\rRSET", "a\0", "a\u2028b", "a\x85b", "\ud800"]


def mail(offers: Offers = ALL, reverse_path: Address | None = A, **rest: object) -> bytes:
    return commands.mail(Outgoing(reverse_path, (ForwardPath(A),), **rest), offers)  # type: ignore[arg-type]


def rcpt(address: Address = A, offers: Offers = ALL, **rest: object) -> bytes:
    return commands.rcpt(ForwardPath(address, **rest), offers)  # type: ignore[arg-type]


def test_mail_says_what_it_has_to_and_no_more() -> None:
    assert mail() == b"MAIL FROM:<a@example.org>\r\n"
    assert mail(reverse_path=None) == b"MAIL FROM:<>\r\n"
    assert rcpt() == b"RCPT TO:<a@example.org>\r\n"
    assert rcpt(Address("postmaster", "")) == b"RCPT TO:<postmaster>\r\n"
    assert rcpt(parse('"a b"@example.org')) == b'RCPT TO:<"a b"@example.org>\r\n'
    assert commands.hello("EHLO", "[192.0.2.1]") == b"EHLO [192.0.2.1]\r\n"


def test_every_parameter_is_said_if_it_is_offered() -> None:
    everything = {"size": 5, "eight_bit": True, "smtputf8": True, "ret": Return.HEADERS, "envid": "a+b =c"}
    assert mail(**everything) == (
        b"MAIL FROM:<a@example.org> SIZE=5 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb+20+3Dc\r\n"
    )
    assert mail(NOTHING, size=5, ret=Return.FULL, envid="x") == b"MAIL FROM:<a@example.org>\r\n"
    dsn = {"notify": frozenset((Notify.DELAY, Notify.SUCCESS)), "original": "rfc822;b+c=d@example.net"}
    assert (
        rcpt(**dsn) == b"RCPT TO:<a@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bc+3Dd@example.net\r\n"
    )
    assert rcpt(offers=NOTHING, **dsn) == b"RCPT TO:<a@example.org>\r\n"


def test_letters_beyond_ascii_ask_for_smtputf8() -> None:
    assert mail(reverse_path=parse("sø@example.org", smtputf8=True)) == (
        "MAIL FROM:<sø@example.org> SMTPUTF8\r\n".encode()
    )


def test_an_original_recipient_in_utf8_is_said_in_ascii() -> None:
    assert rcpt(original="utf-8;sø+\\=@example.org").endswith(
        b" ORCPT=utf-8;s\\x{F8}\\x{2B}\\x{5C}\\x{3D}@example.org\r\n"
    )


@pytest.mark.parametrize("text", BREAKS)
def test_nothing_can_end_a_line(text: str) -> None:
    for attempt in (
        lambda: commands.hello("EHLO", text),
        lambda: rcpt(Address(text, "example.org")),
        lambda: rcpt(Address("a", text)),
        lambda: mail(reverse_path=Address(text, "example.org")),
        lambda: mail(envid=text),
        lambda: rcpt(original=f"rfc822;{text}"),
        lambda: rcpt(original=f"utf-8;{text}"),
        lambda: rcpt(original=f"{text};a@example.org"),
    ):
        with pytest.raises(ValueError, match=r"[a-z]") as caught:
            attempt()
        assert isinstance(caught.value, UsageError)
        assert "\r" not in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [Address("a", "b> SIZE=1"), Address("a", "b>"), Address("", "b"), Address("a", " "), Address("x", "")],
)
def test_an_address_that_is_none_is_not_said(address: Address) -> None:
    with pytest.raises(UsageError):
        rcpt(address)


def test_brackets_in_a_local_part_stay_inside_its_quotes() -> None:
    assert rcpt(Address("a> SIZE=1", "b.example")) == b'RCPT TO:<"a> SIZE=1"@b.example>\r\n'


@pytest.mark.parametrize("name", ["", "a b", "ø", "x" * 256])
def test_a_client_is_called_by_one_word(name: str) -> None:
    with pytest.raises(UsageError):
        commands.hello("EHLO", name)


def test_what_a_parameter_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="alone"):
        rcpt(notify=frozenset((Notify.NEVER, Notify.DELAY)))
    with pytest.raises(UsageError, match="octets"):
        mail(size=-1)
    with pytest.raises(UsageError, match="ENVID"):
        mail(envid="x" * 101)
    with pytest.raises(UsageError, match="ENVID"):
        mail(envid="ø")
    for original in (
        "a@example.org",
        ";a@example.org",
        "rfc822;",
        "rfc822;ø@example.org",
        "rfc822;" + "x" * 500,
    ):
        with pytest.raises(UsageError, match="ORCPT"):
            rcpt(original=original)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_xtext_is_one_word_that_says_the_same(text: str) -> None:
    encoded = commands.xtext(text)
    assert all("!" <= letter <= "~" and letter != "=" for letter in encoded)
    parts = encoded.split("+")
    assert parts[0] + "".join(chr(int(part[:2], 16)) + part[2:] for part in parts[1:]) == text


@given(st.text(max_size=20), st.text(max_size=20))
def test_whatever_an_address_holds_there_is_one_line_or_none(local: str, domain: str) -> None:
    try:
        line = rcpt(Address(local, domain))
    except UsageError:
        return
    assert line.endswith(b">\r\n")
    assert not any(octet < 32 or octet == 127 for octet in line[:-2])
