"""Rules of the configuration: what it takes, what it says of mistakes, what is there when nobody said anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailsponge.accounts import Deliver
from mailsponge.config import Config, Endpoint, Machine, Place, check, load, parse
from mailsponge.config.hops import Hop
from mailsponge.config.lines import Source
from mailsponge.config.machine import is_hostname
from mailsponge.config.units import Duration, Size
from mailsponge.data_place import DataPlace
from mailsponge.errors import ConfigError
from mailsponge.routes import Tls

MACHINE = Machine(hostname="box.example", user="ann", data=DataPlace(Path("/home/ann/mail")))

WHOLE = """\
hostname = "mail.example.org"
data = "/var/lib/mailsponge"
user = "mailsponge"

[smtp]
listen = ["0.0.0.0:25", "[::]:25"]

[submission]
listen = ["0.0.0.0:587"]
listen_tls = ["0.0.0.0:465", "[::]:465"]

[local]
socket = "/run/mailsponge/submit"
trusted = ["www-data"]

[lmtp]
listen = ["127.0.0.1:2424", "unix:/run/mailsponge/lmtp"]

[tls]
certificate = "/etc/fullchain.pem"
key = "/etc/privkey.pem"

[limits]
message_size = "10 MB"
recipients = 200
header_size = "50 kB"
command_deadline = "1 min"
command_deadline_under_load = "20 s"
message_deadline = 600
least_data_rate = "2 kB"
memory = "20 MB"
least_free = "1 GB"
connections = 10
connections_per_address = 2
errors = 3
command_line = 1024
login_failures = 5

[domains."example.org"]
catch_all = "me"
[domains."example.net"]
system_users = true
deliver = "maildir:/home/{user}/Maildir"

[users.me]
[users.you]
deliver = "maildir:~/Maildir"
password = ["$argon2id$v=19$m=19456,t=2,p=1$c2FsdCBvZiBhcmdvbjI$cHJvYmFibHkgbm90aGluZywganVzdCAzMiBieXRlcyE"]

[aliases]
root = "me"
team = ["me", "you"]

[relay]
smarthost = "smtp://user@smtp.example.net:587?starttls=require"
password_file = "/etc/smarthost-password"
resolver = ["127.0.0.1", "[::1]:5353"]

[routes]
"lan.example" = "smtp://10.0.0.2:25"

[queue]
first_retry = "1 min"
longest_retry = "1 hour"
lifetime = "2 days"
warn_after = "1 day"
per_hop = 5
at_once = 50
keep_traces = "7 days"
"""


def read(text: str) -> Config:
    return parse(Source("post.toml", text), MACHINE).config


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return str(caught.value)


def test_every_setting_is_read():
    config = read(WHOLE)

    assert config.hostname == "mail.example.org"
    assert config.data == DataPlace(Path("/var/lib/mailsponge"))
    assert config.smtp.listen == (Endpoint("0.0.0.0", 25), Endpoint("::", 25))
    assert config.user == "mailsponge"
    assert config.submission.listen == (Endpoint("0.0.0.0", 587),)
    assert config.submission.listen_tls == (Endpoint("0.0.0.0", 465), Endpoint("::", 465))
    assert (config.local.socket, config.local.trusted) == (Path("/run/mailsponge/submit"), ("www-data",))
    assert config.lmtp.listen == (
        Place(Endpoint("127.0.0.1", 2424)),
        Place(Path("/run/mailsponge/lmtp")),
    )
    assert (config.tls.certificate, config.tls.key) == (Path("/etc/fullchain.pem"), Path("/etc/privkey.pem"))
    limits = config.limits
    assert (limits.message_size, limits.recipients, limits.command_line, limits.errors) == (
        10_000_000,
        200,
        1024,
        3,
    )
    assert (limits.command_deadline, limits.message_deadline) == (60.0, 600.0)
    assert limits.header_size == 50_000
    assert (limits.command_deadline_under_load, limits.least_data_rate) == (20.0, 2000)
    assert (limits.memory, limits.least_free) == (20_000_000, 1_000_000_000)
    assert (limits.connections, limits.connections_per_address) == (10, 2)
    assert limits.login_failures == 5
    assert {name: domain.catch_all for name, domain in config.domains.items()} == {
        "example.org": "me",
        "example.net": None,
    }
    assert list(config.users) == ["me", "you"]
    assert config.users["me"].password is None
    assert (
        repr(config.users["you"].password) == "Verifiers(Argon2id(memory=19456, passes=2, lanes=1, …), None)"
    )
    assert config.aliases == {"root": ("me",), "team": ("me", "you")}


def test_every_setting_of_mail_that_goes_on_is_read():
    config = read(WHOLE)

    assert config.users["me"].deliver == Deliver.parse("mailbox")
    assert config.users["you"].deliver == Deliver.parse("maildir:~/Maildir")
    domains = config.domains
    assert (domains["example.org"].system_users, domains["example.net"].system_users) == (False, True)
    assert str(domains["example.org"].deliver) == "mbox:/var/mail/{user}"
    assert str(domains["example.net"].deliver) == "maildir:/home/{user}/Maildir"
    relay, queue = config.relay, config.queue
    assert relay.smarthost == Hop("smtp", "smtp.example.net", 587, "user", Tls.REQUIRE)
    assert relay.password_file == Path("/etc/smarthost-password")
    assert list(map(str, relay.resolver)) == ["127.0.0.1:53", "[::1]:5353"]
    assert config.routes == {"lan.example": Hop("smtp", "10.0.0.2", 25)}
    assert (queue.first_retry, queue.longest_retry, queue.lifetime) == (60, 3600, 2 * 86400)
    assert (queue.warn_after, queue.keep_traces) == (86400, 7 * 86400)
    assert (queue.per_hop, queue.at_once) == (5, 50)


def test_without_a_file_the_machine_and_its_user_have_a_post_office():
    config = load(None, MACHINE).config

    assert config.smtp.listen == (Endpoint("127.0.0.1", 2525),)
    assert (config.submission.listen, config.submission.listen_tls) == ((), ())
    assert (config.local.socket, config.tls.certificate) == (None, None)
    assert config.data == MACHINE.data
    assert list(config.users) == ["ann"]
    assert list(config.domains) == ["box.example", "localhost", "[127.0.0.1]", "[IPv6:::1]"]


def test_an_empty_file_is_the_same_as_none():
    assert read("") == load(None, MACHINE).config


def test_left_out_domains_follow_the_hostname_that_was_set():
    assert "mail.example.org" in read('hostname = "mail.example.org"').domains


def test_an_unknown_key_is_told_with_file_line_and_suggestion():
    assert refusal("[limits]\n\nmesage_size = 1") == (
        "post.toml:3: limits.mesage_size is not a setting. Did you mean message_size?"
    )


def test_a_key_like_no_other_is_told_with_what_there_is():
    assert refusal("[smtp]\nxyzzy = 1").endswith("What can be set here: listen")


def test_an_unknown_table_is_told():
    assert refusal("[rely]\nsmarthost = 'x'") == "post.toml:1: rely is not a setting. Did you mean relay?"


@pytest.mark.parametrize(
    ("text", "place", "possible"),
    [
        ("[limits]\nmessage_size = '50 MX'", "post.toml:2: limits.message_size", "kB, MB, GB"),
        ("[limits]\nmessage_size = 0", "post.toml:2: limits.message_size", "more than 0"),
        ("[limits]\nrecipients = 5", "post.toml:2: limits.recipients", "100 or more"),
        ("[limits]\nrecipients = true", "post.toml:2: limits.recipients", "a whole number"),
        ("[limits]\ncommand_deadline = '-1 s'", "post.toml:2: limits.command_deadline", "more than 0"),
        (
            "[limits]\ncommand_deadline = 'soon'",
            "post.toml:2: limits.command_deadline",
            "does not begin with a number",
        ),
        ("[smtp]\nlisten = []", "post.toml:2: smtp.listen", "127.0.0.1:2525"),
        ("[smtp]\nlisten = ['localhost:25']", "post.toml:2: smtp.listen", "needs an IP address"),
        ("[smtp]\nlisten = ['::1:25']", "post.toml:2: smtp.listen", "in brackets"),
        ("[smtp]\nlisten = ['127.0.0.1:70000']", "post.toml:2: smtp.listen", "0 to 65535"),
        ("smtp.listen = 25", "post.toml:1: smtp.listen", "127.0.0.1:2525"),
        ("[users.me]\ndeliver = 'mailbx'", "post.toml:2: users.me.deliver", '"mailbox"'),
        (
            "[users.me]\ndeliver = '~/Maildir'",
            "post.toml:2: users.me.deliver",
            "did you mean maildir:~/Maildir?",
        ),
        (
            "[domains.'a.example']\nsystem_users = 'yes'",
            'post.toml:2: domains."a.example".system_users',
            "true or",
        ),
        ("[relay]\nsmarthost = 'smtp.example.net'", "post.toml:2: relay.smarthost", "it is a URL"),
        ("[relay]\nresolver = ['dns.example']", "post.toml:2: relay.resolver", "IP address"),
        ("[routes]\n'a.example' = '10.0.0.2'", 'post.toml:2: routes."a.example"', "smtp://10.0.0.2:25"),
        ("[queue]\nlifetime = 'long'", "post.toml:2: queue.lifetime", "5 days"),
        ("[queue]\nper_hop = 0", "post.toml:2: queue.per_hop", "1 or more"),
        ("[local]\nsocket = 25", "post.toml:2: local.socket", "/run/mailsponge/submit"),
        ("[local]\ntrusted = 'www-data'", "post.toml:2: local.trusted", "a list of users"),
        ("[lmtp]\nlisten = ['unix:lmtp']", "post.toml:2: lmtp.listen", "whole path"),
        ("[lmtp]\nlisten = ['/run/lmtp']", "post.toml:2: lmtp.listen", "unix:/run/mailsponge/lmtp"),
        ("[tls]\ncertificate = ''", "post.toml:2: tls.certificate", "a PEM file"),
        ("data = 'mysql://db'", "post.toml:1: data", "only PostgreSQL can be used"),
        (
            "data = 'postgresql://me:p@ss@db/mail'",
            "post.toml:1: data",
            "not shown, as there may be a password",
        ),
        ("hostname = 'two words'", "post.toml:1: hostname", "mail.example.org"),
        ("hostname = 1979-05-27", "post.toml:1: hostname", "a host name"),
        (
            "[domains.'a.example']\ncatch_all = 1",
            'post.toml:2: domains."a.example".catch_all',
            "the name of a user",
        ),
        ("[aliases]\nroot = 1", "post.toml:2: aliases.root", "a name or a list"),
        ("users = 1", "post.toml:1: users", "[users]"),
        ("[users]\nme = 1", "post.toml:2: users.me", "[users.me]"),
        ("limits = 1", "post.toml:1: limits", "[limits]"),
    ],
)
def test_a_value_that_cannot_be_is_told_with_its_place_and_what_can(text, place, possible):
    told = refusal(text)

    assert told.startswith(place)
    assert possible in told


ARGON2 = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdCBvZiBhcmdvbjI$cHJvYmFibHkgbm90aGluZywganVzdCAzMiBieXRlcyE"


@pytest.mark.parametrize("written", [f"'{ARGON2}'", f"['{ARGON2}']"])
def test_a_password_may_be_one_hash_or_a_list(written):
    found = read(f"[users.me]\npassword = {written}").users["me"].password

    assert found is not None
    assert str(found.argon2id) == ARGON2


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("'hunter2'", "never stands here"),
        ("['hunter2']", "never stands here"),
        (f"'{ARGON2[:-9]}'", "copied"),
        (f"['{ARGON2}', '{ARGON2}']", "two of the same kind"),
        ("[]", "it is empty"),
        ("['']", "never stands here"),
        ("1234567890", "`mailsponge password` prints"),
        ("[1234567890]", "`mailsponge password` prints"),
        ("{ hash = 'hunter2' }", "`mailsponge password` prints"),
    ],
)
def test_a_password_that_cannot_be_is_told_with_its_place_and_not_shown(written, told):
    said = refusal(f"[users.me]\n\npassword = {written}")

    assert said.startswith("post.toml:3: users.me.password cannot be that: it takes what")
    assert told in said
    assert not any(secret in said for secret in ("hunter2", "1234567890", ARGON2[-30:-20]))


def test_printing_a_configuration_shows_no_hash():
    shown = repr(read(f"[users.me]\npassword = '{ARGON2}'"))

    assert "Argon2id" in shown
    assert ARGON2[-30:-20] not in shown


@pytest.mark.parametrize(
    "text",
    [
        "[relay]\nsmarthost = 'smtp://me:hunter2@smtp.example.net'",
        "[relay]\nsmarthost = 'smtp://me:hunter2@x@smtp.example.net:587'",
        "[relay]\nsmarthost = ['smtp://me:hunter2@smtp.example.net']",
        "[routes]\n'a.example' = 'smtp://me:hunter2@smtp.example.net'",
    ],
)
def test_a_password_in_a_url_is_not_shown(text):
    told = refusal(text)

    assert "hunter2" not in told
    assert "smtp.example.net" in told


def test_what_is_no_toml_is_told_with_its_line():
    assert "line 2" in refusal("hostname = 'a'\n= 2")


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "none.toml", MACHINE)


def test_a_file_that_is_not_utf8_is_told(tmp_path):
    file = tmp_path / "latin.toml"
    file.write_bytes(b"hostname = '\xe9'")

    with pytest.raises(ConfigError, match="not UTF-8"):
        load(file, MACHINE)


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("50 MB", 50_000_000), ("50MiB", 52_428_800), ("1.5 kB", 1500), ("7 B", 7), ("2 gb", 2_000_000_000)],
)
def test_sizes_are_read(text, bytes_):
    assert Size.parse(text) == bytes_


@pytest.mark.parametrize(
    ("text", "seconds"), [("5 min", 300), ("0.2 s", 0.2), ("2 hours", 7200), ("1 day", 86400)]
)
def test_times_are_read(text, seconds):
    assert Duration.parse(text) == seconds


@pytest.mark.parametrize("text", ["50 MB", "1 GB", "1500 B", "12 kB"])
def test_a_size_is_written_as_it_is_read(text):
    assert str(Size.parse(text)) == text


@pytest.mark.parametrize("text", ["5 min", "90 s", "1 hour", "5 hours", "1 day", "30 days", "0.2 s"])
def test_a_time_is_written_as_it_is_read(text):
    assert str(Duration.parse(text)) == text


@pytest.mark.parametrize("text", ["127.0.0.1:2525", "[::1]:0", "0.0.0.0:25"])
def test_an_endpoint_is_written_as_it_is_read(text):
    assert str(Endpoint.parse(text)) == text


def test_the_line_of_a_key_is_found_in_every_way_of_writing_it():
    source = Source("f", 'a.b = 1\n[c."d.e"]\nf = 2 # g = 3\n[[h]]\n')

    assert source.at("a", "b") == "f:1: a.b"
    assert source.at("c", "d.e", "f") == 'f:3: c."d.e".f'
    assert source.at("h") == "f:4: h"


def test_a_key_that_is_not_there_is_placed_at_its_table_or_nowhere():
    source = Source("f", "[users]\n")

    assert source.at("users", "me") == "f:1: users.me"
    assert source.at("domains") == "f: domains"


def test_data_goes_where_the_variable_says():
    assert Machine.here({"MAILSPONGE_DATA": "/srv/mail"}).data == DataPlace(Path("/srv/mail"))


def test_data_may_be_a_database_whose_password_is_never_shown():
    config = parse(Source("post.toml", "data = 'postgresql://me:secret@db.example/mail'"), MACHINE).config

    assert config.data.url == "postgresql://me:secret@db.example/mail"
    assert str(config.data) == "postgresql://me@db.example/mail"
    assert "secret" not in repr(config)


def test_a_url_with_a_mistake_is_not_shown():
    with pytest.raises(ConfigError) as refused:
        parse(Source("post.toml", "data = 'postgresql://me:p@ss@db/mail'"), MACHINE)

    assert "ss@db" not in str(refused.value)


def test_data_goes_into_the_xdg_directory():
    assert Machine.here({"XDG_DATA_HOME": "/xdg"}).data == DataPlace(Path("/xdg/mailsponge"))


@pytest.mark.parametrize("environ", [{}, {"XDG_DATA_HOME": "relative"}])
def test_data_goes_into_the_home_directory_when_nothing_is_said(environ):
    assert Machine.here(environ).data == DataPlace(Path.home() / ".local/share/mailsponge")


@pytest.mark.parametrize("name", ["a", "mail.example.org", "box_1.lan"])
def test_these_are_host_names(name):
    assert is_hostname(name)


@pytest.mark.parametrize("name", ["", ".", "a..b", "-a", "a b", "é", "a" * 64, "a\r\nb"])
def test_these_are_no_host_names(name):
    assert not is_hostname(name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[submission]\nlisten = ['127.0.0.1:587', '192.0.2.1:587']",
            "post.toml:2: submission.listen has 192.0.2.1:587, where passwords would cross the network in the clear",
        ),
        (
            "[submission]\nlisten_tls = ['127.0.0.1:465']",
            "post.toml:2: submission.listen_tls needs a certificate",
        ),
        ("[tls]\nkey = '/etc/key.pem'", "post.toml:2: tls.key is set and tls.certificate is not"),
        ("[queue]\nfirst_retry = '5 hours'", "post.toml:2: queue.first_retry is 5 hours, longer than"),
    ],
)
def test_what_cannot_be_together_is_refused(text, said):
    config, source = parse(Source("post.toml", text), MACHINE)
    with pytest.raises(ConfigError) as caught:
        check(config, source.at)

    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    "text",
    [
        "[submission]\nlisten = ['127.0.0.1:587', '[::1]:587']",
        "[submission]\nlisten = ['0.0.0.0:587']\nlisten_tls = ['0.0.0.0:465']\n[tls]\ncertificate = '/c'",
    ],
)
def test_submission_on_this_machine_or_with_tls_is_fine(text):
    config, source = parse(Source("post.toml", text), MACHINE)
    check(config, source.at)
