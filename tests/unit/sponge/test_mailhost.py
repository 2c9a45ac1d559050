"""Which server takes the mail: every shape that a user may write, and no password where it could be read."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from mailsponge import postbox
from mailsponge.errors import UsageError
from mailsponge.sponge.mailhost import Credentials, MailHost, credentials, parse

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("mail.example.org", MailHost("smtp", "mail.example.org", 25)),
        ("mail.example.org:587", MailHost("smtp", "mail.example.org", 587)),
        (("mail.example.org", 587), MailHost("smtp", "mail.example.org", 587)),
        (["mail.example.org", "587"], MailHost("smtp", "mail.example.org", 587)),
        ("192.0.2.1:2525", MailHost("smtp", "192.0.2.1", 2525)),
        ("::1", MailHost("smtp", "::1", 25)),
        ("[::1]", MailHost("smtp", "::1", 25)),
        ("[::1]:2525", MailHost("smtp", "::1", 2525)),
        (("::1", 2525), MailHost("smtp", "::1", 2525)),
        ("smtp://mail.example.org", MailHost("smtp", "mail.example.org", 25)),
        ("smtp://mail.example.org/", MailHost("smtp", "mail.example.org", 25)),
        ("SMTP://mail.example.org:2525", MailHost("smtp", "mail.example.org", 2525)),
        ("smtp://[::1]:2525", MailHost("smtp", "::1", 2525)),
        ("smtps://mail.example.org", MailHost("smtps", "mail.example.org", 465)),
        ("smtps://me@mail.example.org:4465", MailHost("smtps", "mail.example.org", 4465, "me")),
        (
            "smtp://user@mail.example.org:587?starttls=require",
            MailHost("smtp", "mail.example.org", 587, "user", "require"),
        ),
        ("smtp://mail.example.org?starttls=never", MailHost("smtp", "mail.example.org", 25, "", "never")),
        (
            "smtp://me%40example.org@mail.example.org",
            MailHost("smtp", "mail.example.org", 25, "me@example.org"),
        ),
        (
            "smtp://me@example.org@mail.example.org",
            MailHost("smtp", "mail.example.org", 25, "me@example.org"),
        ),
        ("unix:/run/mailsponge/submit", MailHost("unix", "/run/mailsponge/submit")),
        ("sendmail:", MailHost("sendmail", "/usr/sbin/sendmail")),
        ("sendmail:/opt/bin/sendmail", MailHost("sendmail", "/opt/bin/sendmail")),
    ],
)
def test_every_shape_is_understood(given, host):
    assert parse(given) == host


@pytest.mark.parametrize(
    "given",
    [
        "two words",
        "mail.example.org:",
        "mail.example.org:smtp",
        "mail.example.org/x",
        "mail.example.org?x",
        "mail.example.org#x",
        "1:2:3",
        "mail\nexample",
        "<mail>",
        "me@mail.example.org",
        "smtp:mail.example.org",
        "ftp://mail.example.org",
        "smtp://",
        "smtp://mail.example.org:smtp",
        "smtp://mail.example.org:99999",
        "smtp://mail.example.org/path",
        "smtp://mail.example.org#part",
        "smtp://mail.example.org?starttls=maybe",
        "smtp://mail.example.org?require",
        "smtp://mail.example.org?tls=require",
        "smtp://[::1",
        ("mail.example.org",),
        ("mail.example.org", 25, 26),
        ("mail.example.org", "smtp"),
        ("", 25),
        25,
    ],
)
def test_any_other_is_refused_with_the_shapes(given):
    with pytest.raises(UsageError, match="mailhost") as refused:
        parse(given)

    assert '"smtp://user@mail.example.org:587?starttls=require"' in str(refused.value)


@pytest.mark.parametrize(
    "given", ["mail:0", "mail:65536", "smtp://mail:0", "smtps://mail:0", ("mail", 0), ("mail", -1)]
)
def test_a_port_is_a_number_from_1_to_65535(given):
    with pytest.raises(UsageError):
        parse(given)


@pytest.mark.parametrize(
    "given",
    [
        f"smtp://me:{SECRET}@mail.example.org",
        f"smtps://me:{SECRET}@mail.example.org:465",
        f"smtp://:{SECRET}@mail.example.org",
        f"smtp://me:{SECRET}/x@mail.example.org",
        f"smtp://me:1/{SECRET}@mail.example.org",
        f"smtp://me:{SECRET}#x@mail.example.org",
        f"smtp://me:{SECRET}?x@mail.example.org",
        f"smtp://me:{SECRET}@x@mail.example.org",
        f"ftp://me:{SECRET}@mail.example.org",
        f"me:{SECRET}@mail.example.org",
        f"me:{SECRET}@mail.example.org:587",
        (f"me:{SECRET}@mail.example.org", 587),
        (f"me:{SECRET}@mail.example.org", "submission"),
    ],
)
def test_a_password_is_refused_and_never_repeated(given):
    with pytest.raises(UsageError) as refused:
        parse(given)

    shown = refused.value
    while shown is not None:
        assert SECRET not in str(shown)
        assert SECRET not in repr(shown.args)
        shown = shown.__cause__


def test_a_password_in_a_url_is_refused_with_better_places_for_it():
    with pytest.raises(
        UsageError, match="MAILSPONGE_PASSWORD or MAILSPONGE_PASSWORD_FILE, or, in Python, as cred"
    ):
        parse(f"smtp://me:{SECRET}@mail.example.org")


hosts = st.builds(
    MailHost,
    scheme=st.sampled_from(["smtp", "smtps"]),
    host=st.sampled_from(
        ["localhost", "mail.example.org", "192.0.2.1", "::1", "fe80::1", "xn--bcher-kva.example"]
    ),
    port=st.integers(1, 65535),
    user=st.text(max_size=20),
    starttls=st.sampled_from(["", "require", "try", "never"]),
) | st.sampled_from(
    [MailHost("sendmail", "/usr/sbin/sendmail"), MailHost("sendmail", "/opt/my mail/sendmail")]
)


@settings(deadline=None)
@for_all(hosts)
def test_its_url_reads_back_as_the_same_host(host):
    assert parse(host.url) == host


def test_for_people_it_is_host_and_port():
    assert str(MailHost("smtp", "mail.example.org", 587, "me", "require")) == "mail.example.org:587"
    assert str(MailHost("sendmail", "/usr/sbin/sendmail")) == "/usr/sbin/sendmail"


# Credentials

OPEN = MailHost("smtp", "mail.example.org", 587)
MINE = OPEN._replace(user="me")


def test_what_was_given_comes_first():
    assert credentials(MINE, ("you", SECRET), {"MAILSPONGE_PASSWORD": "other"}) == Credentials("you", SECRET)
    assert credentials(OPEN, ["you", SECRET], {}) == Credentials("you", SECRET)


def test_the_environments_password_is_for_the_urls_user():
    environ = {"MAILSPONGE_PASSWORD": SECRET}

    assert credentials(MINE, None, environ) == Credentials("me", SECRET)
    assert credentials(OPEN, None, environ) is None


def test_a_password_may_lie_in_a_file(tmp_path):
    file = tmp_path / "password"
    file.write_bytes(f" {SECRET} ø\r\n".encode())

    assert credentials(MINE, None, {"MAILSPONGE_PASSWORD_FILE": str(file)}) == Credentials(
        "me", f" {SECRET} ø"
    )


def test_the_password_itself_comes_before_its_file():
    environ = {"MAILSPONGE_PASSWORD": SECRET, "MAILSPONGE_PASSWORD_FILE": "/nowhere"}

    assert credentials(MINE, None, environ) == Credentials("me", SECRET)


def test_a_user_without_a_password_logs_in_nowhere():
    assert credentials(MINE, None, {}) is None


def test_a_password_file_that_is_not_there_is_named():
    with pytest.raises(UsageError, match="MAILSPONGE_PASSWORD_FILE /nowhere/at/all"):
        credentials(MINE, None, {"MAILSPONGE_PASSWORD_FILE": "/nowhere/at/all"})


def test_a_password_file_that_is_no_text_is_refused(tmp_path: Path):
    (tmp_path / "password").write_bytes(b"\xff\xfe")

    with pytest.raises(UsageError, match="MAILSPONGE_PASSWORD_FILE"):
        credentials(MINE, None, {"MAILSPONGE_PASSWORD_FILE": str(tmp_path / "password")})


@pytest.mark.parametrize("given", ["me", f"me:{SECRET}", ("me",), ("me", SECRET, "x")])
def test_credentials_are_a_pair(given):
    with pytest.raises(UsageError, match=r"give \(user, password\)") as refused:
        credentials(MINE, given, {})

    assert SECRET not in str(refused.value)


def test_credentials_never_show_the_password():
    login = Credentials("me", SECRET)

    assert SECRET not in repr(login)
    assert SECRET not in f"{login}"
    assert SECRET not in repr([login])


def test_a_pair_without_a_port_means_the_usual_one_as_in_the_standard_library():
    assert parse(("mail.example.org", None)) == MailHost("smtp", "mail.example.org", 25)


@pytest.fixture
def runtime(tmp_path, monkeypatch) -> Path:
    """A runtime directory with a post office's socket in it, on a machine that has none for everybody."""
    monkeypatch.setattr(postbox, "SOCKET", str(tmp_path / "run" / "submit"))
    (tmp_path / "mailsponge").mkdir()
    with socket.socket(socket.AF_UNIX) as office:
        office.bind(str(tmp_path / "mailsponge" / "submit"))
    return tmp_path


@pytest.mark.parametrize("given", [None, ""])
def test_without_a_word_it_is_the_post_office_of_this_machine(runtime, given):
    host = parse(given, {"XDG_RUNTIME_DIR": str(runtime)})

    assert host == MailHost("unix", f"{runtime}/mailsponge/submit")
    assert parse(host.url) == host


def test_one_for_the_whole_machine_is_found_too(runtime, monkeypatch):
    monkeypatch.setattr(postbox, "SOCKET", str(runtime / "mailsponge" / "submit"))

    assert parse(None, {}) == MailHost("unix", f"{runtime}/mailsponge/submit")


@pytest.mark.parametrize("given", [None, ""])
def test_without_a_post_office_it_is_port_25(runtime, given):
    assert parse(given, {}) == MailHost("smtp", "localhost", 25)
    assert parse(given, {"XDG_RUNTIME_DIR": "not/absolute"}) == MailHost("smtp", "localhost", 25)


def test_a_socket_of_another_user_is_not_trusted(runtime, monkeypatch):
    real = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path: _as_if_of(real(path), uid=54321))

    assert parse(None, {"XDG_RUNTIME_DIR": str(runtime)}) == MailHost("smtp", "localhost", 25)


def _as_if_of(found: os.stat_result, uid: int) -> os.stat_result:
    return os.stat_result((*found[:4], uid, *found[5:10]))


def test_a_file_in_its_place_is_no_post_office(runtime):
    (runtime / "mailsponge" / "submit").unlink()
    (runtime / "mailsponge" / "submit").write_text("")

    assert parse(None, {"XDG_RUNTIME_DIR": str(runtime)}) == MailHost("smtp", "localhost", 25)


def test_a_socket_is_named_by_its_whole_path():
    with pytest.raises(UsageError, match="by its whole path"):
        parse("unix:submit")
