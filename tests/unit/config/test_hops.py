"""Rules of how a host that mail is handed to is written, and a name server."""

from __future__ import annotations

import pytest

from mailsponge.config.hops import Hop, Resolver
from mailsponge.routes import Tls


@pytest.mark.parametrize(
    ("text", "host", "port", "user", "tls"),
    [
        ("smtp://10.0.0.2", "10.0.0.2", 25, "", Tls.TRY),
        ("smtp://10.0.0.2:2525", "10.0.0.2", 2525, "", Tls.TRY),
        ("smtp://MAIL.example.org/", "mail.example.org", 25, "", Tls.TRY),
        ("smtp://me@mail.example.org:587", "mail.example.org", 587, "me", Tls.REQUIRE),
        ("smtp://me@mail.example.org?starttls=try", "mail.example.org", 25, "me", Tls.TRY),
        ("smtp://mail.example.org?starttls=require", "mail.example.org", 25, "", Tls.REQUIRE),
        ("smtp://mail.example.org?starttls=never", "mail.example.org", 25, "", Tls.NEVER),
        ("smtp://me%40example.org@mail.example.org", "mail.example.org", 25, "me@example.org", Tls.REQUIRE),
        ("smtps://me@mail.example.org", "mail.example.org", 465, "me", Tls.FIRST),
        ("lmtp://[::1]", "::1", 24, "", Tls.TRY),
        ("lmtp:unix:/run/dovecot/lmtp", "/run/dovecot/lmtp", 0, "", Tls.NEVER),
    ],
)
def test_a_url_says_which_host_and_how(text, host, port, user, tls):
    hop = Hop.parse(text)

    assert (hop.host, hop.port, hop.user, hop.tls) == (host, port, user, tls)
    assert Hop.parse(str(hop)) == hop


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("smtp://me@mail.example.org?starttls=require", "smtp://me@mail.example.org:25"),
        ("smtp://[0::1]:25?starttls=never", "smtp://[::1]:25?starttls=never"),
        ("smtps://me%40a@mail.example.org", "smtps://me%40a@mail.example.org:465"),
    ],
)
def test_it_is_written_in_one_way(text, written):
    assert str(Hop.parse(text)) == written


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("mail.example.org", "it is a URL"),
        ("http://mail.example.org", "it is a URL"),
        ("smtp://", "it needs a host"),
        ("smtp://a b", "it needs a host"),
        ("smtp://mail.example.org:0", "1 to 65535"),
        ("smtp://mail.example.org:70000", "it is a URL"),
        ("smtp://mail.example.org/path", "it is a URL"),
        ("smtp://mail.example.org#x", "it is a URL"),
        ("smtp://[::1", "it is a URL"),
        ("smtp://mail.example.org?starttls=maybe", "starttls=require, starttls=try or starttls=never"),
        ("smtp://mail.example.org?tls=require", "starttls=require"),
        ("smtps://mail.example.org?starttls=never", "TLS from the first byte"),
        ("smtp://a%0d%0ab@mail.example.org", "invisible"),
        ("lmtp:unix:run/lmtp", "whole path"),
        ("lmtp:unix:/run/lmtp\0", "whole path"),
        ("smtp:unix:/run/submit", "it is a URL"),
        (25, "it is written as text"),
    ],
)
def test_what_cannot_be_is_told(value, told):
    with pytest.raises(ValueError, match=r".") as caught:
        Hop.parse(value)

    assert told in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["smtp://me:hunter2@mail.example.org", "smtp://me:hunter2/x@mail.example.org:70000", "smtp://:hunter2@h"],
)
def test_a_password_in_a_url_is_refused_and_not_shown(text):
    with pytest.raises(ValueError, match=r"relay\.password_file|it is a URL") as caught:
        Hop.parse(text)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.2", False),
        ("localhost.example", False),
    ],
)
def test_this_machine_is_known(host, loopback):
    assert Hop("smtp", host, 25).is_loopback is loopback


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("127.0.0.1", "127.0.0.1:53"),
        ("127.0.0.1:5353", "127.0.0.1:5353"),
        ("::1", "[::1]:53"),
        ("[::1]:5353", "[::1]:5353"),
    ],
)
def test_a_name_server_is_an_address_with_a_port_or_without(text, written):
    assert str(Resolver.parse(text)) == written


@pytest.mark.parametrize("value", ["dns.example.org", "127.0.0.1:x", "::1:53:", "", 53, None])
def test_a_name_server_that_cannot_be_is_told(value):
    with pytest.raises(ValueError, match=r"address|port"):
        Resolver.parse(value)
