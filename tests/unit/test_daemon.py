"""Rules of the program: it says when it is ready, ends cleanly, and explains why it cannot begin."""

from __future__ import annotations

import pwd
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from email.utils import parseaddr
from pathlib import Path

import pytest

from kit.programs import wait_until
from kit.serve import FREE, PATIENCE, Serve, send
from kit.smtp_server import CERTIFICATE as SELF_SIGNED
from kit.smtp_server import SmtpServer
from mailsponge.accounts import Absent, Found
from mailsponge.config import Endpoint, Machine
from mailsponge.daemon import Wish, notify, read, rules_of
from mailsponge.data_place import DataPlace
from mailsponge.errors import ConfigError
from mailsponge.mail.address import parse as address
from mailsponge.routes import Credentials
from mailsponge.store.mailboxes import SqliteMailboxes


@pytest.fixture
def serve(tmp_path) -> Iterator[type]:
    """Starts servers, and ends those that still run."""
    started: list[Serve] = []

    def start(*arguments: str, data: Path = tmp_path / "data", environ=None) -> Serve:
        started.append(Serve(data, *arguments, environ=environ))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
            server.ended()


def test_prometheus_is_told_where_the_settings_say(serve, tmp_path):
    file = tmp_path / "post.toml"
    file.write_text('metrics.listen = ["127.0.0.1:0"]')
    server = serve(*FREE, "--config", str(file))
    ready = server.wait_for(r"ready: smtp 127.0.0.1:(\d+) · metrics 127.0.0.1:(\d+) · mail for ")
    send(int(ready[1]), "postmaster@localhost")
    with urllib.request.urlopen(f"http://127.0.0.1:{ready[2]}/metrics", timeout=PATIENCE) as answer:
        page = answer.read().decode()

    assert 'mailsponge_messages_taken_total{role="smtp"} 1.0' in page
    assert server.end()[0] == 0


def test_who_answers_a_report_is_heard_whatever_the_host_is_called(serve, tmp_path):
    with SmtpServer({"RCPT": "550 5.1.1 no such user"}) as elsewhere:
        file = tmp_path / "post.toml"
        file.write_text(
            'hostname = "mail.example.org"\n[domains."example.org"]\n[users.me]\n[aliases]\nlist = "you@lan.example"\n'
            f'[routes]\n"lan.example" = "{elsewhere.url}"\n'
        )
        server = serve(*FREE, "--config", str(file))
        with smtplib.SMTP("127.0.0.1", server.port(), timeout=PATIENCE) as smtp:
            smtp.sendmail("me@example.org", ["list@example.org"], "Subject: hello\n\nworld\n")
            kept = SqliteMailboxes(server.data)
            wait_until(lambda: list(kept.mails()))
            [mail] = kept.mails()
            kept.close()

            _, answered = parseaddr(mail.sender)
            smtp.mail("stranger@example.net")
            assert smtp.rcpt(answered)[0] == 250


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_is_ready_takes_mail_and_ends_cleanly(serve, number):
    server = serve(*FREE)
    send(server.port(), "postmaster@localhost")
    status, said = server.end(number)

    assert status == 0
    assert "taken id=1" in said
    assert "Traceback" not in said
    mailboxes = SqliteMailboxes(server.data)
    assert [mail.subject for mail in mailboxes.mails()] == ["hello"]
    mailboxes.close()


def test_it_ends_cleanly_while_a_client_is_connected(serve):
    server = serve(*FREE)
    with socket.create_connection(("127.0.0.1", server.port()), PATIENCE) as client:
        client.recv(1000)
        server.process.terminate()
        assert client.recv(1000).startswith(b"421 4.3.2")

    assert server.ended()[0] == 0


def test_data_are_the_owners_alone(serve):
    server = serve(*FREE)
    server.port()

    assert server.data.stat().st_mode & 0o777 == 0o700
    assert not [file.name for file in server.data.iterdir() if file.stat().st_mode & 0o077]


def test_a_port_that_is_taken_is_told_with_status_1(serve):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = serve("--smtp", f"127.0.0.1:{port}").ended()

    assert status == 1
    assert said.startswith(
        f"mailsponge: cannot listen on 127.0.0.1:{port}: port {port} is taken by another program"
    )
    assert "choose another port" in said
    assert "Traceback" not in said


def test_a_data_directory_that_cannot_be_made_is_told_with_status_1(serve, tmp_path):
    (tmp_path / "file").write_text("in the way")
    status, said = serve(*FREE, data=tmp_path / "file" / "data").ended()

    assert status == 1
    assert str(tmp_path / "file") in said
    assert "Traceback" not in said


def test_two_servers_do_not_share_a_data_directory(serve):
    first = serve(*FREE)
    first.port()
    status, said = serve(*FREE).ended()

    assert status == 1
    assert "another server" in said
    assert first.end()[0] == 0


def test_a_configuration_that_cannot_be_stops_the_start_with_its_line(serve, tmp_path):
    config = tmp_path / "post.toml"
    config.write_text("[aliases]\n\nteam = 'nobody'\n")
    status, said = serve("--config", str(config)).ended()

    assert status == 1
    assert said.startswith(f"mailsponge: {config}:3: aliases.team leads to nobody, who does not live here")


def test_after_sighup_the_new_users_are_there(serve, tmp_path):
    config = tmp_path / "post.toml"
    config.write_text("[users.me]\n[domains.localhost]\n")
    server = serve("--config", str(config), *FREE)
    port = server.port()
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(port, "you@localhost")

    config.write_text("[users.me]\n[users.you]\n[domains.localhost]\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for("reloaded")

    send(port, "you@localhost")
    assert server.end()[0] == 0


def test_after_sighup_a_configuration_that_cannot_be_changes_nothing(serve, tmp_path):
    config = tmp_path / "post.toml"
    config.write_text("[users.me]\n[domains.localhost]\n")
    server = serve("--config", str(config), *FREE)
    port = server.port()

    config.write_text("[users.me]\nshoe_size = 42\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for(
        r"not reloaded, all stays as it was: .*post\.toml:2: users\.me\.shoe_size is not a setting"
    )

    send(port, "me@localhost")
    assert server.end()[0] == 0


@pytest.mark.parametrize(
    "changed",
    [
        "[smtp]\nlisten = ['127.0.0.1:2', '127.0.0.1:3']\n",
        "hostname = 'another.example'\n[smtp]\nlisten = ['127.0.0.1:0']\n",
        "[smtp]\nlisten = ['127.0.0.1:0']\n[queue]\nlifetime = '2 days'\n",
        "[smtp]\nlisten = ['127.0.0.1:0']\n[relay]\nresolver = ['127.0.0.1']\n",
    ],
)
def test_what_only_a_new_start_can_change_is_told(serve, tmp_path, changed):
    config = tmp_path / "post.toml"
    config.write_text("[smtp]\nlisten = ['127.0.0.1:0']\n")
    server = serve("--config", str(config))
    server.port()

    config.write_text(changed)
    server.process.send_signal(signal.SIGHUP)

    server.wait_for("change when the server is started anew")


def test_systemd_is_told_that_it_is_ready_and_that_it_stops(serve, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(PATIENCE)
        server = serve(*FREE, environ={"NOTIFY_SOCKET": str(tmp_path / "notify")})

        assert systemd.recv(1000).startswith(b"READY=1\n")
        server.end()
        assert systemd.recv(1000) == b"STOPPING=1"


def test_nobody_is_told_where_there_is_no_systemd(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")


CERTIFICATE = f"[tls]\ncertificate = '{SELF_SIGNED}'\n"


def test_it_is_ready_with_all_its_addresses(serve, tmp_path):
    config = tmp_path / "post.toml"
    config.write_text(
        f"{CERTIFICATE}[submission]\nlisten = ['127.0.0.1:0']\nlisten_tls = ['127.0.0.1:0']\n"
        f"[local]\nsocket = '{tmp_path}/run/submit'\n"
    )
    server = serve("--config", str(config), *FREE, "--smtp", "[::1]:0")

    server.wait_for(
        r"ready: smtp 127\.0\.0\.1:\d+, \[::1\]:\d+ · submission 127\.0\.0\.1:\d+ · submissions 127\.0\.0\.1:\d+ "
        rf"· local {tmp_path}/run/submit · mail for"
    )
    assert server.end()[0] == 0
    assert not (tmp_path / "run/submit").exists()


def test_where_people_log_in_nothing_is_taken_before_they_have(serve, tmp_path):
    config = tmp_path / "post.toml"
    config.write_text(f"{CERTIFICATE}[submission]\nlisten_tls = ['127.0.0.1:0']\n")
    server = serve("--config", str(config), *FREE)
    port = int(server.wait_for(r"submissions 127\.0\.0\.1:(\d+)")[1])
    context = ssl.create_default_context(cafile=SELF_SIGNED)
    with smtplib.SMTP_SSL("127.0.0.1", port, timeout=PATIENCE, context=context) as smtp:
        smtp.ehlo()
        assert smtp.mail("root@localhost")[0] == 530


def test_a_user_logs_in_with_the_password_that_was_hashed_and_sends(serve, tmp_path):
    hashed = subprocess.run(
        [sys.executable, "-m", "mailsponge", "password"], input="correct horse\n", capture_output=True, text=True,
        check=True,
    ).stdout  # fmt: skip
    config = tmp_path / "post.toml"
    config.write_text(
        f"{CERTIFICATE}[submission]\nlisten_tls = ['127.0.0.1:0']\n[domains.'example.org']\n[users.me]\n{hashed}"
    )
    server = serve("--config", str(config), *FREE)
    port = int(server.wait_for(r"submissions 127\.0\.0\.1:(\d+)")[1])
    trusting = ssl.create_default_context(cafile=SELF_SIGNED)
    with smtplib.SMTP_SSL("127.0.0.1", port, "c.example", context=trusting, timeout=PATIENCE) as smtp:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login("me", "wrong horse")
        smtp.login("me@example.org", "correct horse")
        smtp.sendmail("me@example.org", ["me@example.org"], "Subject: hello\n\nworld\n")
    status, said = server.end()

    assert status == 0
    assert "logged-in peer=127.0.0.1 helo=c.example login=me" in said
    assert (server.data / "login-secret").stat().st_mode & 0o777 == 0o600


def test_a_certificate_that_cannot_be_used_stops_the_start(serve, tmp_path):
    config = tmp_path / "post.toml"
    config.write_text(f"[tls]\ncertificate = '{tmp_path}/none.pem'\n")
    status, said = serve("--config", str(config), *FREE).ended()

    assert status == 1
    assert said.startswith(f"mailsponge: {tmp_path}/none.pem: the certificate cannot be read: No such file")


def test_after_sighup_a_certificate_that_cannot_be_used_changes_nothing(serve, tmp_path):
    config = tmp_path / "post.toml"
    config.write_text(CERTIFICATE)
    server = serve("--config", str(config), *FREE)
    port = server.port()

    config.write_text(f"[tls]\ncertificate = '{tmp_path}/none.pem'\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for(r"not reloaded, all stays as it was: .*none\.pem: the certificate cannot be read")

    send(port, "root@localhost")
    assert server.end()[0] == 0


def test_a_trusted_user_who_does_not_exist_stops_the_start(tmp_path):
    config = tmp_path / "post.toml"
    config.write_text("[local]\ntrusted = ['nobody', 'no-such-user']\n")

    with pytest.raises(ConfigError, match=r"post\.toml:2: local\.trusted names no-such-user, who is no user"):
        rules_of(read(Wish(config), MACHINE))


MACHINE = Machine("box.example", "ann", DataPlace(Path("/home/ann/mail")))


def test_the_command_line_counts_for_more_than_the_file(tmp_path):
    config = tmp_path / "post.toml"
    config.write_text('data = "/var/lib/x"\n[smtp]\nlisten = ["127.0.0.1:25"]\n')
    wish = Wish(config, DataPlace(tmp_path / "mine"), (Endpoint("127.0.0.1", 1),))

    found = read(wish, MACHINE).config
    assert (found.data, found.smtp.listen) == (DataPlace(tmp_path / "mine"), (Endpoint("127.0.0.1", 1),))
    assert read(Wish(config), MACHINE).config.data == DataPlace(Path("/var/lib/x"))


def test_limits_of_the_file_are_the_listeners(tmp_path):
    config = tmp_path / "post.toml"
    config.write_text(
        '[limits]\nmessage_size = "1 MB"\nrecipients = 100\ncommand_deadline = "1 min"\nerrors = 3\n'
    )

    rules = rules_of(read(Wish(config), MACHINE))
    assert (rules.limits.message_size, rules.limits.recipients, rules.limits.errors) == (1_000_000, 100, 3)
    assert rules.command_deadline == 60.0


def test_what_a_domain_catches_comes_to_its_catch_all(tmp_path):
    config = tmp_path / "post.toml"
    config.write_text("[domains.'example.org']\ncatch_all = 'you'\n[users.me]\n[users.you]\n")

    accounts = rules_of(read(Wish(config), MACHINE)).accounts
    assert accounts.find(address("nobody@example.org"))[:2] == (
        ("you",),
        "catch-all of example.org leads to you",
    )


def test_mail_for_elsewhere_goes_the_way_that_the_settings_say(tmp_path, monkeypatch):
    config = tmp_path / "post.toml"
    config.write_text(
        "[domains.'example.org']\n[users.me]\ndeliver = 'maildir:~/Maildir'\n[aliases]\nout = 'they@example.net'\n"
        "[relay]\nsmarthost = 'smtps://me@smtp.example.net'\n[routes]\n'lan.example' = 'smtp://10.0.0.2'\n"
    )
    with pytest.raises(
        ConfigError, match=r"post\.toml:7: relay\.smarthost logs in as me, and there is no password"
    ):
        rules_of(read(Wish(config), MACHINE))

    monkeypatch.setenv("MAILSPONGE_RELAY_PASSWORD", "secret")
    rules = rules_of(read(Wish(config), MACHINE))
    assert rules.routes.next_hop("lan.example").name == "10.0.0.2:25"
    smarthost = rules.routes.next_hop("example.net")
    assert (smarthost.name, smarthost.credentials) == ("smtp.example.net:465", Credentials("me", "secret"))
    assert "secret" not in repr(rules)
    assert str(rules.accounts.deliver("me", "example.org")) == "maildir:~/Maildir"


def test_a_user_of_this_machine_is_a_recipient_where_a_domain_says_so(tmp_path):
    config = tmp_path / "post.toml"
    config.write_text("[domains.'example.org']\nsystem_users = true\n[users.somebody]\n")
    people = [
        each for each in pwd.getpwall() if 1000 <= each.pw_uid <= 60000 and each.pw_shell == "/bin/bash"
    ]

    accounts = rules_of(read(Wish(config), MACHINE)).accounts
    assert accounts.find(address("daemon@example.org")) is Absent.NO_SUCH_USER
    for person in people:
        found = accounts.find(address(f"{person.pw_name}@example.org"))
        assert isinstance(found, Found)
        assert [onward.user for onward in found.onward] == [person.pw_name]


def test_a_catch_all_that_cannot_be_is_told_with_its_line(tmp_path):
    config = tmp_path / "post.toml"
    config.write_text("[domains.'example.org']\ncatch_all = 'nobody'\n[users.me]\n")

    with pytest.raises(
        ConfigError, match=r"post\.toml:2: domains\.\"example\.org\"\.catch_all leads to 'nobody'"
    ):
        rules_of(read(Wish(config), MACHINE))


def test_names_that_do_not_fit_together_are_told(tmp_path):
    config = tmp_path / "post.toml"
    config.write_text("[users.me]\n[aliases]\nMe = 'me'\n")

    with pytest.raises(ConfigError, match=r"post\.toml:3: aliases\.Me is a user too"):
        rules_of(read(Wish(config), MACHINE))
