"""Rules of a server that root starts: it serves without root's rights, and a small parent opens what it may not."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import smtplib
import socket
import ssl
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from kit.dns_server import DnsServer
from kit.serve import FREE, PATIENCE, Serve, send
from kit.smtp_server import CERTIFICATE as SELF_SIGNED
from kit.smtp_server import SmtpServer

NOBODY = pwd.getpwnam("nobody")


pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root has rights to leave")


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory that every user gets at."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)


@pytest.fixture
def key(home) -> Path:
    """A certificate and its key, in a directory that is root's alone."""
    (home / "secret").mkdir(mode=0o700)
    shutil.copy(SELF_SIGNED, home / "secret" / "both.pem")
    return home / "secret" / "both.pem"


@pytest.fixture
def serve(home) -> Iterator:
    """Starts a server as root, to run as nobody."""
    started: list[Serve] = []

    def start(
        settings: str = "", *arguments: str, data: Path = home / "data", environ=None, within=()
    ) -> Serve:
        config = home / "post.toml"
        config.write_text(f'user = "nobody"\n{settings}')
        started.append(
            Serve(data, "--config", str(config), *FREE, *arguments, environ=environ, within=within)
        )
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.process.terminate()
            server.ended()


def _child(server: Serve) -> int:
    """The process that serves."""
    server.port()
    pid = server.process.pid
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())


def test_who_serves_is_nobody_and_the_parent_listens_nowhere(serve):
    server = serve()
    child = _child(server)
    status = Path(f"/proc/{child}/status").read_text()

    uid, gid = NOBODY.pw_uid, NOBODY.pw_gid
    assert re.search(rf"^Uid:\t{uid}\t{uid}\t{uid}\t{uid}$", status, re.MULTILINE)
    assert re.search(rf"^Gid:\t{gid}\t{gid}\t{gid}\t{gid}$", status, re.MULTILINE)
    assert re.search(r"^Cap(Prm|Eff):\t0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
    assert server.data.stat().st_uid == uid


def test_it_takes_mail_and_ends_cleanly(serve):
    server = serve()
    port = server.port()
    send(port, "postmaster@localhost")
    status, said = server.end()

    assert status == 0
    assert "taken id=1" in said
    assert "running as nobody" in said
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


OUTSIDE = """\
[domains."localhost"]
[users.me]
[aliases]
away = ["you@far.example", "you@bücher.example", "you@near.example"]
[relay]
resolver = ["{dns.host}:{dns.port}"]
[routes]
"near.example" = "{near.url}"
"""


def test_nothing_is_loaded_any_more_that_the_user_may_not_be_able_to_read(serve):
    refuses = {"RCPT": lambda talk: talk.say_bytes(b"550 5.1.1 \x1b[31m gone\r\n")}
    answers = {
        "far.example MX": ["10 mx.far.example."],
        "mx.far.example A": ["CNAME a.far.example.", "127.0.0.9"],
    }
    with SmtpServer(refuses) as near, DnsServer(answers) as dns:
        server = serve(OUTSIDE.format(near=near, dns=dns), environ={"PYTHONPROFILEIMPORTTIME": "1"})
        send(server.port(), "away@localhost")
        for domain in ("far", "near", "b"):
            server.wait_for(rf"(deferred|failed) .*<you@{domain}")
        said = server.end()[1]

    loaded = re.findall(r"import time: .*\| +(\S+)", said.partition("mailsponge: ready")[2])
    assert [name for name in loaded if find_spec(name)] == []  # what is not there is looked for again


# Mail that is delivered as its recipient

GAMES = pwd.getpwnam("games")
GAMES_MAIL = """\
[domains."localhost"]
[users.games]
deliver = "{deliver}"
"""


@pytest.fixture
def theirs(home) -> Path:
    """A directory of somebody's who is neither root nor the server's user."""
    made = home / "games"
    made.mkdir(mode=0o700)
    os.chown(made, GAMES.pw_uid, GAMES.pw_gid)
    return made


def test_mail_is_delivered_as_the_user_whose_it_is(serve, theirs):
    server = serve(GAMES_MAIL.format(deliver=f"maildir:{theirs}/Maildir"))
    send(server.port(), "games@localhost")
    server.wait_for(r"delivered .*into ")

    [file] = (theirs / "Maildir" / "new").iterdir()
    assert (file.stat().st_uid, file.stat().st_mode & 0o777) == (GAMES.pw_uid, 0o600)
    assert file.read_text().startswith(
        "Return-Path: <a@b.example>\nDelivered-To: games@localhost\nReceived: from "
    )


def test_a_program_runs_as_the_user_whose_mail_it_gets(serve, theirs):
    program = theirs / "program"
    program.write_text(f"#!/bin/sh\nid -un > {theirs}/who\necho thanks\n")
    program.chmod(0o755)
    server = serve(GAMES_MAIL.format(deliver=f"pipe:{program}"))
    send(server.port(), "games@localhost")
    server.wait_for(r"delivered .*thanks")

    assert (theirs / "who").read_text() == "games\n"


def test_a_way_that_was_changed_waits_for_another_start(serve, home, theirs):
    server = serve(GAMES_MAIL.format(deliver="mailbox"))
    port = server.port()
    (home / "post.toml").write_text(
        'user = "nobody"\n' + GAMES_MAIL.format(deliver=f"maildir:{theirs}/Maildir")
    )
    server.process.send_signal(signal.SIGHUP)
    server.wait_for("mail that is delivered in another way now may wait until the server is started anew")
    send(port, "games@localhost")
    server.wait_for("deferred .*start it anew")

    assert os.listdir(theirs) == []


def test_ports_below_1024_are_opened(serve):
    low = next(port for port in range(1023, 600, -1) if _is_free(port))
    server = serve("", "--smtp", f"127.0.0.1:{low}")
    server.wait_for(rf"ready: smtp .*127\.0\.0\.1:{low}")
    send(low, "postmaster@localhost")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def test_a_key_that_only_root_reads_is_shown_and_reread(serve, key):
    tls = f"[submission]\nlisten_tls = ['127.0.0.1:0']\n[tls]\ncertificate = '{key}'\n"
    server = serve(tls)
    port = int(server.wait_for(r"submissions 127\.0\.0\.1:(\d+)")[1])
    context = ssl.create_default_context(cafile=SELF_SIGNED)
    with smtplib.SMTP_SSL("127.0.0.1", port, timeout=PATIENCE, context=context) as smtp:
        assert smtp.noop()[0] == 250

    server.process.send_signal(signal.SIGHUP)
    server.wait_for("reloaded")
    with smtplib.SMTP_SSL("127.0.0.1", port, timeout=PATIENCE, context=context) as smtp:
        assert smtp.noop()[0] == 250


def test_a_key_that_is_gone_at_a_reload_leaves_all_as_it_was(serve, key):
    server = serve(f"[submission]\nlisten_tls = ['127.0.0.1:0']\n[tls]\ncertificate = '{key}'\n")
    server.wait_for("ready")
    key.unlink()
    server.process.send_signal(signal.SIGHUP)

    server.wait_for(
        rf"not reloaded, all stays as it was: {key}: the certificate cannot be read: No such file"
    )


def test_the_parent_opens_no_file_that_was_not_named_at_the_start(serve, home, key):
    server = serve(f"[tls]\ncertificate = '{key}'\n")
    server.port()
    (home / "post.toml").write_text("user = 'nobody'\n[tls]\ncertificate = '/etc/shadow'\n")
    server.process.send_signal(signal.SIGHUP)

    server.wait_for("not reloaded, all stays as it was: tls.certificate and tls.key name other files now")


def test_the_unix_socket_is_roots_and_removed_at_the_end(serve, home):
    server = serve(f"[local]\nsocket = '{home}/run/submit'\n")
    server.wait_for(r"ready: .* local ")
    made = (home / "run/submit").lstat()
    assert (made.st_uid, made.st_mode & 0o777) == (0, 0o666)

    assert server.end()[0] == 0
    assert not (home / "run/submit").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_passed_on_and_the_status_is_the_childs(serve, number):
    server = serve()
    server.port()

    assert server.end(number)[0] == 0


def test_a_child_that_is_killed_is_told_by_the_status(serve):
    server = serve()
    os.kill(_child(server), signal.SIGKILL)

    assert server.ended()[0] == 128 + signal.SIGKILL


def test_a_server_whose_parent_is_killed_ends_too(serve):
    server = serve()
    server.port()
    server.process.kill()
    _, said = server.ended()  # waits until nobody holds its standard error any more

    assert "stopping" in said


def test_data_that_are_somebody_elses_are_refused_with_what_to_do(serve, home):
    (home / "data").mkdir()
    status, said = serve().ended()

    assert status == 1
    assert f"`chown -R nobody {home}/data`" in said
    assert "Traceback" not in said


def test_data_where_the_user_cannot_get_are_refused_with_what_to_do(serve, home):
    (home / "closed").mkdir(mode=0o700)
    status, said = serve(data=home / "closed" / "data").ended()

    assert status == 1
    assert "the user nobody cannot get at" in said
    assert "Traceback" not in said


# What the unit of the documentation leaves root is enough

UNIT = Path(__file__).resolve().parents[2] / "docs/how-to/systemd-server.md"


@pytest.fixture
def bounded() -> list[str]:
    """A command that starts another with no more of root's rights than the unit leaves."""
    kept = re.search(r"^CapabilityBoundingSet=(.*)$", UNIT.read_text(), re.MULTILINE)[1]
    rights = ",".join(f"+{name.removeprefix('CAP_').lower()}" for name in kept.split())
    return ["setpriv", "--no-new-privs", f"--bounding-set=-all,{rights}"]


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv (util-linux)")
def test_with_the_rights_that_the_unit_leaves_it_starts_and_delivers_and_starts_again(
    serve, home, theirs, bounded
):
    pickup = home / "spool/pickup"
    settings = f"[local]\nsocket = '{home}/run/submit'\npickup = '{pickup}'\n"
    settings += GAMES_MAIL.format(deliver=f"maildir:{theirs}/Maildir")
    server = serve(settings, within=bounded)
    send(int(server.wait_for(r"ready: smtp \S+:(\d+) · local")[1]), "games@localhost")
    server.wait_for(r"delivered .*into ")
    assert server.end()[0] == 0

    assert (pickup.stat().st_uid, pickup.stat().st_mode & 0o7777) == (NOBODY.pw_uid, 0o1733)
    serve(settings, within=bounded).wait_for("ready: ")


def test_systemd_is_told_by_the_process_that_it_started(serve, home):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(home / "notify"))
        systemd.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        systemd.settimeout(PATIENCE)
        server = serve(environ={"NOTIFY_SOCKET": str(home / "notify")})

        said, about, _, _ = systemd.recvmsg(1000, 1000)
        pid = int.from_bytes(about[0][2][:4], sys.byteorder)
        assert said.startswith(b"READY=1\nSTATUS=smtp 127.0.0.1:")
        assert pid == server.process.pid
        server.end()
        assert systemd.recv(1000) == b"STOPPING=1"
