"""What is an address, what is none, and that an address survives the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.errors import AddressError
from mailsponge.mail.address import Address, parse

ATEXT = "abcXYZ019!#$%&'*+-/=?^_`{|}~"
PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
DOMAINS = st.one_of(
    st.lists(LABELS, min_size=1, max_size=4).map(".".join),
    st.ip_addresses(v=4).map(lambda ip: f"[{ip}]"),
    st.ip_addresses(v=6).map(lambda ip: f"[ipv6:{ip}]"),
)
ADDRESSES = st.builds(Address, st.text(PRINTABLE, min_size=1, max_size=70), DOMAINS)


@pytest.mark.parametrize(
    ("text", "local", "domain"),
    [
        ("me@example.org", "me", "example.org"),
        ("me@localhost", "me", "localhost"),
        ("First.Last@example.org", "First.Last", "example.org"),
        ("a+tag@sub.example.org", "a+tag", "sub.example.org"),
        ("o'neil&sons=x@xn--bcher-kva.example", "o'neil&sons=x", "xn--bcher-kva.example"),
        ("me@192-0-2-1.example", "me", "192-0-2-1.example"),
        ("me@[192.0.2.1]", "me", "[192.0.2.1]"),
        ("me@[IPv6:2001:DB8::1]", "me", "[ipv6:2001:db8::1]"),
        ('"two words"@example.org', "two words", "example.org"),
        ('"a@b"@example.org', "a@b", "example.org"),
        ('"a>b"@example.org', "a>b", "example.org"),
        (r'"a\"b\\c"@example.org', r'a"b\c', "example.org"),
    ],
)
def test_an_address_is_taken_apart(text: str, local: str, domain: str) -> None:
    assert parse(text) == Address(local, domain)


def test_the_domain_is_lowered_and_the_local_part_keeps_its_case() -> None:
    assert parse("Me@EXAMPLE.Org") == Address("Me", "example.org")


def test_quotes_that_need_not_be_make_no_other_address() -> None:
    assert parse('"me"@example.org') == parse("me@example.org")
    assert str(parse('"me"@example.org')) == "me@example.org"


def test_spellings_of_one_ip_address_are_one_address() -> None:
    assert parse("me@[IPv6:2001:db8:0:0:0:0:0:1]") == parse("me@[ipv6:2001:DB8::1]")


def test_percent_and_bang_are_letters_like_any_other() -> None:
    assert parse("to%elsewhere@example.org") == Address("to%elsewhere", "example.org")
    assert parse("elsewhere!to@example.org") == Address("elsewhere!to", "example.org")


@pytest.mark.parametrize("text", ["postmaster", "Postmaster", "POSTMASTER"])
def test_the_bare_postmaster_needs_no_domain(text: str) -> None:
    assert parse(text) == Address("postmaster", "")
    assert str(parse(text)) == "postmaster"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no @"),
        ("me", "name@domain"),
        ("postmaster2", "no @"),
        ("@example.org", "source route"),
        ("@a.example:me@b.example", "source route"),
        ("@a,@b:me@c", "source route"),
        ("me@", "needs a domain"),
        ("me@example.org.", "needs a domain"),
        ("me@.example.org", "needs a domain"),
        ("me@example..org", "needs a domain"),
        ("me@-example.org", "needs a domain"),
        ("me@example-.org", "needs a domain"),
        ("me@exam_ple.org", "needs a domain"),
        ("me@exam ple.org", "needs a domain"),
        ("me@here@there", "needs a domain"),
        ("me@[192.0.2.1]@there", "literal"),
        ('"me"@here@there', "needs a domain"),
        (".me@example.org", "in quotes"),
        ("me.@example.org", "in quotes"),
        ("m..e@example.org", "in quotes"),
        ("m e@example.org", "in quotes"),
        ("<me@example.org", "in quotes"),
        ("me\t@example.org", "in quotes"),
        ('m"e"@example.org', "in quotes"),
        ('"me"', "quoted part"),
        ('"me@example.org', "quoted part"),
        ('"me"x@example.org', "quoted part"),
        ('"m"e"@example.org', "quoted part"),
        ('"me\\"@example.org', "quoted part"),
        ('"me\n"@example.org', "quoted part"),
        ('"me\0"@example.org', "quoted part"),
        ('""@example.org', "nothing before"),
        ("me@[192.0.2]", "literal"),
        ("me@[192.0.2.256]", "literal"),
        ("me@[192.0.02.1]", "literal"),
        ("me@[192.0.2.1", "literal"),
        ("me@[2001:db8::1]", "literal"),
        ("me@[IPv6:fe80::1%eth0]", "literal"),
        ("me@[IPv6:192.0.2.1]", "literal"),
        ("me@[example.org]", "literal"),
        ("me@[]", "literal"),
        ("x" * 256 + "@example.org", "255 octets before"),
        ("me@" + "x" * 64 + ".org", "needs a domain"),
        ("me@" + "x.mail." * 40 + "org", "255 octets"),
        ("mé@example.org", "SMTPUTF8"),
        ("me@exämple.org", "SMTPUTF8"),
    ],
)
def test_what_is_no_address_is_refused_with_a_reason(text: str, says: str) -> None:
    with pytest.raises(AddressError, match=says):
        parse(text)


def test_a_long_local_part_is_taken_for_lists_send_such() -> None:
    local = "bounces+" + "x" * 200
    assert parse(f"{local}@lists.example.org").local == local


def test_letters_of_any_script_with_smtputf8() -> None:
    assert parse("søren@BLÅBÆR.example", smtputf8=True) == Address("søren", "blåbær.example")
    assert parse('"λ λ"@παράδειγμα.example', smtputf8=True) == Address("λ λ", "παράδειγμα.example")


@pytest.mark.parametrize("text", ["m\u0085e@x.org", "m\u2028e@x.org", "m\u202ee@x.org", '"\u202e"@x.org'])
def test_characters_nobody_sees_are_refused_even_with_smtputf8(text: str) -> None:
    with pytest.raises(AddressError, match="invisible"):
        parse(text, smtputf8=True)


@pytest.mark.parametrize(
    "domain", ["x\u3002org", "x\u00a0.org", "\u0301x.org", "x\u2024org", "☃.org", "\ud800.org"]
)
def test_a_domain_holds_letters_and_digits_alone_even_with_smtputf8(domain: str) -> None:
    with pytest.raises(AddressError):
        parse(f"me@{domain}", smtputf8=True)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "a." * 500_000 + "@",
        "a@" + "a-" * 500_000,
        "a@" + "a." * 500_000,
        '"' + "\\a" * 500_000,
        '"' + '"' * 1_000_000,
        "@" * 1_000_000,
        "a@[" + "1." * 500_000,
    ],
)
def test_a_megabyte_of_nonsense_is_refused_without_stepping_back(text: str) -> None:
    with pytest.raises(AddressError) as refused:
        parse(text, smtputf8=True)
    assert len(str(refused.value)) < 200  # short enough for one line of a reply


@given(ADDRESSES)
def test_an_address_comes_back_from_the_wire_as_it_went(address: Address) -> None:
    assert parse(str(address)) == address


@given(st.one_of(st.text(max_size=40), st.text(ATEXT + '.@"\\ []:', max_size=40)))
def test_any_text_is_an_address_that_comes_back_or_an_address_error(text: str) -> None:
    try:
        address = parse(text, smtputf8=True)
    except AddressError:
        return
    assert parse(str(address), smtputf8=True) == address


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_address_carries_a_control_character(local: str, domain: str) -> None:
    try:
        address = parse(f'"{local}"@{domain}', smtputf8=True)
    except AddressError:
        return
    assert not any(ord(letter) < 32 or ord(letter) == 127 for letter in str(address))


@given(st.text(ATEXT, min_size=1, max_size=20), st.lists(LABELS, min_size=1, max_size=3).map(".".join))
def test_the_quick_way_and_the_thorough_way_agree(local: str, domain: str) -> None:
    assert parse(f"{local}@{domain}") == parse(f'"{local}"@{domain}')
