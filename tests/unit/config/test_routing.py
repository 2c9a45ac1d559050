"""Rules of the routes that a configuration asks for, and of the password that it does not hold."""

from __future__ import annotations

import pytest

from mailsponge.config import Config, Machine, parse
from mailsponge.config.lines import Source
from mailsponge.config.relay_password import relay_password
from mailsponge.config.routing import routes_of
from mailsponge.errors import ConfigError
from mailsponge.routes import Credentials, NextHop, Routes, Tls

SMARTHOST = '[relay]\nsmarthost = "smtp://me@smtp.example.net:587"\n'
LAN = '[routes]\n"lan.example" = "smtp://10.0.0.2"\n'


def routes(text: str, password: str | None = None) -> Routes:
    config, source = read(text)
    return routes_of(config, password, source.at)


def read(text: str) -> tuple[Config, Source]:
    return parse(Source("post.toml", '[domains."example.org"]\n' + text), Machine("box", "me", None))


def refusal(text: str, password: str | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        routes(text, password)
    return str(caught.value)


def test_left_out_mail_goes_to_the_mail_exchangers_of_its_domain():
    assert routes("").next_hop("example.net") == NextHop("example.net", "example.net")


def test_a_smarthost_takes_all():
    assert routes(SMARTHOST, "secret").next_hop("example.net") == NextHop(
        "smtp.example.net:587",
        "smtp.example.net",
        587,
        mx=False,
        tls=Tls.REQUIRE,
        credentials=Credentials("me", "secret"),
    )


def test_a_domain_with_a_route_goes_its_own_way():
    found = routes(SMARTHOST + LAN, "secret")

    assert found.next_hop("lan.example") == NextHop("10.0.0.2:25", "10.0.0.2", 25, mx=False)
    assert found.next_hop("example.net").name == "smtp.example.net:587"


def test_a_route_holds_for_both_spellings_of_its_domain():
    found = routes('[routes]\n"bücher.example" = "lmtp://127.0.0.1"')

    assert found.next_hop("xn--bcher-kva.example") == found.next_hop("bücher.example")
    assert found.next_hop("bücher.example").lmtp


def test_no_domain_of_a_route_is_another_by_its_case():
    assert routes('[routes]\n"LAN.Example" = "smtp://10.0.0.2"').next_hop("lan.example").host == "10.0.0.2"


@pytest.mark.parametrize(
    ("text", "password", "told"),
    [
        (
            SMARTHOST,
            None,
            "post.toml:3: relay.smarthost logs in as me, and there is no password: write it into a file",
        ),
        (
            '[relay]\nsmarthost = "smtp://me@smtp.example.net?starttls=never"',
            "secret",
            "post.toml:3: relay.smarthost would send the password in the clear",
        ),
        (
            '[relay]\npassword_file = "/etc/password"',
            None,
            "post.toml:3: relay.password_file is set and relay.smart",
        ),
        ('[routes]\n"a.example" = "smtp://me@10.0.0.2"', None, 'routes."a.example" has a user'),
        (
            '[routes]\n"Example.org" = "smtp://10.0.0.2"',
            None,
            'routes."Example.org" is a domain whose mail stays here',
        ),
        ('[routes]\n"a b" = "smtp://10.0.0.2"', None, 'routes."a b" is no domain'),
        (
            SMARTHOST + '[routes]\n"a.example" = "smtp://smtp.example.net:587"',
            "secret",
            'routes."a.example" leads to the smarthost, where mail goes anyway',
        ),
        (
            LAN + '"a.example" = "smtp://10.0.0.2?starttls=never"',
            None,
            'routes."a.example" has 10.0.0.2:25 with other settings than above',
        ),
    ],
)
def test_what_cannot_be_together_is_told(text, password, told):
    assert told in refusal(text, password)


def test_this_machine_may_hear_a_password_in_the_clear():
    found = routes('[relay]\nsmarthost = "smtp://me@127.0.0.1:2525?starttls=never"', "secret")

    assert found.next_hop("example.net").credentials == Credentials("me", "secret")


def password(text: str, environ: dict[str, str]) -> str | None:
    config, source = read(text)
    return relay_password(config, environ, source.at)


def test_the_password_is_in_a_file_or_in_the_environment(tmp_path):
    file = tmp_path / "password"
    file.write_bytes("hunter2 ü\r\n".encode())
    named = f'[relay]\nsmarthost = "smtps://me@h"\npassword_file = "{file}"'

    assert password(named, {}) == "hunter2 ü"
    assert password(named, {"MAILSPONGE_RELAY_PASSWORD": "other"}) == "hunter2 ü"
    assert password("", {"MAILSPONGE_RELAY_PASSWORD": "other"}) == "other"
    assert password("", {"MAILSPONGE_RELAY_PASSWORD": ""}) is None
    assert password("", {}) is None


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"hunter2\nhunter3\n", b"hunter2\0", b"hunter2\xff", b"hunter2" * 1000]
)
def test_a_file_that_holds_no_password_is_told_and_not_shown(tmp_path, content):
    file = tmp_path / "password"
    file.write_bytes(content)

    with pytest.raises(ConfigError, match=r"^post\.toml:3: relay\.password_file") as caught:
        password(f'[relay]\npassword_file = "{file}"', {})
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigError, match="No such file or directory; the user that the server runs as"):
        password(f'[relay]\npassword_file = "{tmp_path}/none"', {})
