"""Rules of the Unix socket: everybody may come, nobody can claim to be another, and nothing of others is removed."""

from __future__ import annotations

import contextlib
import os
import pwd
import smtplib
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailsponge.errors import UsageError
from mailsponge.server import unix
from mailsponge.server.entrance import Entrance, opened
from mailsponge.server.role import LOCAL

NOBODY = pwd.getpwnam("nobody")

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else for a moment")


@pytest.fixture
def place() -> Iterator[Path]:
    """Where every user of this machine gets."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        yield Path(directory, "submit")


@pytest.fixture
def local(open_post, rules, place):
    """A post office that lets root alone choose the sender."""
    mine = rules._replace(trusted=frozenset({0}), hostnames=("box.example",))
    with open_post(mine, role=LOCAL, place=place) as running:
        yield running


@contextlib.contextmanager
def somebody_else(uid: int) -> Iterator[None]:
    """Be another user while connecting, which is when the kernel notes who it is."""
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


def as_nobody(post):
    """Connect as the user nobody, and be past EHLO."""
    with somebody_else(NOBODY.pw_uid):
        return post.greeted()


def opens(place: Path) -> Entrance:
    [entrance] = opened([(LOCAL, place)])
    return entrance


@as_root
def test_whose_program_it_is_stands_in_the_trace_and_is_kept(local):
    with as_nobody(local) as client:
        client.envelope(sender="nobody@example.org")
        assert client.say("x\r\n.").startswith("250")

    who = f"local uid {NOBODY.pw_uid} (nobody)"
    assert f"Received: from client.example ({who})\r\n".encode() in local.content()
    assert local.store.message(1).peer == who


@as_root
@pytest.mark.parametrize(
    "sender",
    ["nobody@example.org", "Nobody@localhost", "nobody+cron@example.org", "nobody@box.example", ""],
)
def test_a_local_user_sends_as_themselves_or_as_a_report(local, sender):
    with as_nobody(local) as client:
        assert client.say(f"MAIL FROM:<{sender}>").startswith("250")


@as_root
@pytest.mark.parametrize(
    "sender",
    ["root@example.org", "me@example.org", "nobody@elsewhere.example", "nobodyx@example.org", "+@localhost"],
)
def test_a_local_user_cannot_send_as_another(local, sender):
    with as_nobody(local) as client:
        assert client.say(f"MAIL FROM:<{sender}>") == (
            f"550 5.7.1 <{sender}>: that is not your address, for you are nobody here; "
            "send as nobody@mail.example.org, or have local.trusted name you\r\n"
        )
        assert client.say("MAIL FROM:<nobody@example.org>").startswith("250")


@as_root
def test_root_chooses_the_sender(local):
    with local.greeted() as client:
        assert client.say("MAIL FROM:<boss@elsewhere.example>").startswith("250")


@as_root
def test_a_user_who_is_trusted_chooses_the_sender(local):
    local.listener.rules = local.listener.rules._replace(trusted=frozenset({0, NOBODY.pw_uid}))
    with as_nobody(local) as client:
        assert client.say("MAIL FROM:<boss@elsewhere.example>").startswith("250")


@as_root
def test_a_user_without_a_name_is_known_by_number(local):
    with somebody_else(54321):
        client = local.greeted()
    with client:
        assert client.say("MAIL FROM:<root@example.org>").startswith("550 5.7.1")
        assert client.say("MAIL FROM:<uid54321@example.org>").startswith("250")


def test_a_name_of_this_machine_is_one_of_home(local):
    with local.greeted() as client:
        client.envelope(sender="me@box.example", recipient="you@mail.example.org")
        assert client.say("x\r\n.").startswith("250")

    message = local.store.message(1)
    assert str(message.envelope.reverse_path) == "me@example.org"
    assert [str(recipient) for recipient in message.envelope.recipients] == ["you@example.org"]
    assert message.mailboxes == ("you",)


def test_who_is_known_may_name_many_who_are_not_there(local):
    with local.greeted() as client:
        client.say("MAIL FROM:<>")
        for number in range(50):
            assert client.say(f"RCPT TO:<who{number}@example.org>").startswith("550 5.1.1")
        assert client.say("RCPT TO:<me@example.org>").startswith("250")


@as_root
def test_connections_are_limited_for_each_user(open_post, rules, place):
    one_each = rules._replace(connections_per_address=1)
    with (
        open_post(one_each, role=LOCAL, place=place) as post,
        as_nobody(post),
        post.client() as second_user,
    ):
        assert second_user.reply().startswith("220")
        with somebody_else(NOBODY.pw_uid):
            again = post.client()
        with again:
            assert again.reply().startswith("421 4.7.0")


@as_root
def test_everybody_may_write_to_somebody_elsewhere_as_who_they_are(local):
    with as_nobody(local) as client:
        assert client.say("MAIL FROM:<boss@example.org>").startswith("550 5.7.1")
        client.say("MAIL FROM:<nobody@example.org>")
        assert client.say("RCPT TO:<x@elsewhere.example>").startswith("250 ")
        assert client.say("RCPT TO:<x%elsewhere.example@example.org>").startswith("550 5.1.1")


def test_smtplib_gets_through(local):
    class OverUnix(smtplib.SMTP):
        def _get_socket(self, host, port, timeout):
            return local.connect()

    with OverUnix("unix") as smtp:
        assert smtp.noop()[0] == 250


def test_everybody_may_connect(place):
    entrance = opens(place)
    assert stat.S_IMODE(place.lstat().st_mode) == 0o666
    entrance.close()


def test_its_directory_is_made_for_everybody_to_get_through(place):
    before = os.umask(0o077)
    try:
        entrance = opens(place.with_name("run") / "mailsponge" / "submit")
    finally:
        os.umask(before)
    assert stat.S_IMODE(entrance.place.parent.stat().st_mode) == 0o755
    entrance.close()


def test_it_is_removed_at_the_end(place):
    opens(place).close()

    assert not place.exists()


def test_what_a_dead_server_left_is_taken_over(place):
    opens(place).socket.close()
    assert place.exists()

    entrance = opens(place)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(place))
    entrance.close()


def test_a_socket_that_somebody_listens_on_is_left_alone(place):
    first = opens(place)
    with pytest.raises(UsageError, match="another program does"):
        opens(place)

    assert place.exists()
    first.close()


def test_a_busy_server_counts_as_listening(place):
    with socket.socket(socket.AF_UNIX) as busy, contextlib.ExitStack() as waiting:
        busy.bind(str(place))
        busy.listen(0)
        for _ in range(3):
            client = waiting.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect(str(place))
        with pytest.raises(UsageError, match="another program does"):
            opens(place)


def test_what_is_no_socket_is_never_removed(place):
    place.write_text("precious")
    with pytest.raises(UsageError, match="that is no socket; move it away"):
        opens(place)

    assert place.read_text() == "precious"


def test_a_link_to_a_socket_is_no_socket(place):
    real = opens(place.with_name("real"))
    place.symlink_to(real.place)
    with pytest.raises(UsageError, match="that is no socket"):
        opens(place)
    real.close()


def test_a_later_servers_socket_in_its_place_stays(place):
    old = opens(place)
    place.unlink()
    new = opens(place)
    old.close()

    assert place.exists()
    new.close()
    assert not place.exists()


def test_a_path_that_is_too_long_is_told(place):
    with pytest.raises(UsageError, match="choose another path"):
        opens(place.with_name("x" * 200))


def test_who_is_at_the_other_end_is_the_kernels_word():
    here, there = socket.socketpair(socket.AF_UNIX)
    with here, there:
        assert unix.peer(here) == (os.getuid(), pwd.getpwuid(os.getuid()).pw_name)
