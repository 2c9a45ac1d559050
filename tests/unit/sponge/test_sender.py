"""Who sends a mail, without asking the network, and the Message-ID that it keeps."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from mailsponge.sponge import sender
from mailsponge.sponge.sender import new_message_id, user_and_host


def test_a_message_id_is_made_of_the_senders_domain():
    assert new_message_id("me@example.org", "laptop", lambda: "5f0c") == "<5f0c@example.org>"
    assert new_message_id(None, "laptop", lambda: "5f0c") == "<5f0c@laptop>"


@pytest.mark.parametrize("address", ["me@<>\r\n", "me@", "jörg@ö"])
def test_a_message_id_is_always_one(address):
    assert re.fullmatch(r"<5f0c@[A-Za-z0-9.-]+>", new_message_id(address, "", lambda: "5f0c"))


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that names no user."""
    for name in ("LOGNAME", "USER", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_the_user_is_whom_the_environment_names(nobody):
    nobody.setenv("USER", "second")
    assert user_and_host()[0] == "second"
    nobody.setenv("LOGNAME", "first")
    assert user_and_host()[0] == "first"


def test_a_user_whom_nobody_named_is_looked_up(nobody):
    pwd = pytest.importorskip("pwd")

    assert user_and_host()[0] == pwd.getpwuid(sender.os.getuid()).pw_name


def test_the_host_is_what_the_system_says_without_asking_the_network():
    assert user_and_host()[1] == sender.os.uname().nodename


def test_a_host_without_a_name_is_this_one(monkeypatch):
    monkeypatch.setattr(sender.os, "uname", lambda: SimpleNamespace(nodename="(none)\n"))
    assert user_and_host()[1] == "none"

    monkeypatch.setattr(sender.os, "uname", lambda: SimpleNamespace(nodename=""))
    assert user_and_host()[1] == "localhost"


def test_a_user_without_a_name_has_a_number(nobody):
    nobody.setattr(sender.os, "getuid", lambda: 4_000_000_000)

    assert user_and_host()[0] == "uid4000000000"


@pytest.mark.parametrize(
    ("named", "user"),
    [("me\r\nBcc: x", "meBccx"), ("DOMAIN\\me", "DOMAINme"), ("<>", "mailsponge"), (".me.", "me")],
)
def test_a_user_is_what_an_address_may_be_made_of(nobody, named, user):
    nobody.setenv("LOGNAME", named)

    assert user_and_host()[0] == user
