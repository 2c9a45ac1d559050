"""Rules of ``mailsponge config``: what can be is said to be good, and every setting says why it is what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import pytest
from click.testing import CliRunner, Result
from msgspec import Struct

from mailsponge.cli import main
from mailsponge.config import Loaded, Machine, load, parse
from mailsponge.config.inforce import Origin, in_force
from mailsponge.config.lines import Source
from mailsponge.config.settings import About
from mailsponge.data_place import DataPlace

TEXT = """\
hostname = "mail.example.org"
smtp.listen = ["127.0.0.1:2526"]

[limits]
message_size = "20 MB"
command_deadline = "90 s"

[domains."süß.example"]
system_users = true
[users.me]
deliver = "pipe:/bin/file-it 'two words'"
[aliases]
"the team" = ["me"]
[relay]
smarthost = "smtp://127.0.0.1:587?starttls=require"
resolver = ["127.0.0.1", "[::1]:5353"]
[routes]
"süßer.example" = "lmtp:unix:/run/lmtp"
[queue]
lifetime = "2 days"
"""


@pytest.fixture
def file(tmp_path) -> Path:
    path: Path = tmp_path / "post.toml"
    path.write_text(TEXT.replace('"the team"', "team"), "utf-8")
    return path


def config(*arguments: object, **environ: str) -> Result:
    return CliRunner().invoke(main, ["config", *map(str, arguments)], env=environ)


def shown(*arguments: object, **environ: str) -> dict[str, dict[str, object]]:
    """What ``config show --json`` says, by key."""
    return {one["key"]: one for one in json.loads(config("show", "--json", *arguments, **environ).stdout)}


def test_a_configuration_that_can_be_is_called_good(file):
    done = config("check", file)

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{file} is good: mail for 1 user at 1 domain, kept in ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[limits]\nmesage_size = 1", ":2: limits.mesage_size is not a setting. Did you mean message_size?"),
        ("[users.me]\n[aliases]\na = 'b'\nb = 'a'", ":3: aliases.a goes in a circle"),
        ("hostname = ", "not TOML"),
        (
            '[users.me]\ndeliver = "pipe:/bin/cat -r{recipient}"\n',
            "users.me.deliver: the command's word '-r{recipient}' cannot be",
        ),
    ],
)
def test_one_that_cannot_be_is_told_with_its_place(tmp_path, text, said):
    file = tmp_path / "post.toml"
    file.write_text(text)
    done = config("check", file)

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"mailsponge: {file}")
    assert said in done.stderr


def test_a_file_that_is_not_there_is_told(tmp_path):
    done = config("check", tmp_path / "none.toml")

    assert done.exit_code == 1
    assert "cannot be read: No such file" in done.stderr


def test_a_setting_of_the_file_is_shown_with_its_line(file):
    assert shown(file)["limits.message_size"]["value"] == 20_000_000
    assert shown(file)["limits.message_size"]["place"] == f"{file}:5"
    assert shown(file)["smtp.listen"]["place"] == f"{file}:2"


def test_a_setting_that_was_left_out_is_a_default_with_its_reason(file):
    recipients = shown(file)["limits.recipients"]

    assert (recipients["value"], recipients["from"], recipients["place"]) == (1000, "default", None)
    assert "RFC 5321" in str(recipients["why"])
    assert recipients["left_out"] == "1000 recipients are taken in one transaction"


@pytest.mark.parametrize(
    ("arguments", "environ", "origin"),
    [
        (["--data", "/there"], {}, "command line"),
        ([], {"MAILSPONGE_DATA": "/there"}, "environment"),
        ([], {"MAILSPONGE_DATA": "", "XDG_DATA_HOME": ""}, "machine"),
    ],
)
def test_where_mail_is_kept_can_be_said_in_many_places(arguments, environ, origin):
    assert shown(*arguments, **environ)["data"]["from"] == origin


def test_every_setting_is_shown(file):
    keys = set(shown(file))

    assert {"hostname", "data", "smtp.listen", "users.me.deliver", "aliases.team"} <= keys
    assert {f"limits.{name}" for name in load(None, Machine.here()).config.limits.__struct_fields__} <= keys


def test_what_is_printed_is_a_configuration_that_says_the_same(tmp_path):
    machine = Machine("box.example", "ann", DataPlace(Path("/home/ann/mail")))
    text = TEXT.replace('"the team"', "team")
    file = tmp_path / "post.toml"
    file.write_text(text, "utf-8")

    printed = config("show", file, "--data", "/home/ann/mail").stdout

    assert parse(Source("", printed), machine).config == parse(Source("", text), machine).config


def test_lines_are_told_in_a_terminal_and_in_a_pipe_alike(file):
    lines = config("show", file).stdout.splitlines()

    assert 'message_size = "20 MB"  # file, ' + f"{file}:5" in lines
    assert max(len(line) for line in lines if line.startswith("# ")) <= 100


class _Door(Struct):
    """A table with a secret in it."""

    key: Annotated[str | None, About("", "", "", secret=True)] = None


def test_a_secret_is_masked():
    machine = Machine("box.example", "ann", DataPlace(Path("/mail")))
    [found] = in_force(Loaded(_Door("1234"), Source("door.toml", "key = '1234'")), machine)

    assert (found.value, found.origin, found.place) == ("***", Origin.FILE, "door.toml:1")


def test_a_secret_that_is_not_set_is_said_to_be_so():
    machine = Machine("box.example", "ann", DataPlace(Path("/mail")))
    [found] = in_force(Loaded(_Door(), Source("door.toml")), machine)

    assert (found.value, found.origin) == (None, Origin.DEFAULT)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_no_password_hash_is_ever_shown(tmp_path, options):
    made = CliRunner().invoke(main, ["password"], input="open sesame\n").stdout
    file = tmp_path / "post.toml"
    file.write_text(f"[users.me]\n{made}")
    done = config("show", file, *options)

    assert done.exit_code == 0
    assert "***" in done.stdout
    assert "$argon2id$v=" in made
    assert "$argon2id$v=" not in done.stdout
    assert "SCRAM-SHA-256$6" not in done.stdout


def test_what_could_drive_a_terminal_is_shown_as_an_escape(tmp_path):
    file = tmp_path / "post.toml"
    file.write_text('data = "/\\u001b[31m\\u202e"')

    printed = config("show", file).stdout
    assert "\x1b" not in printed
    assert "\u202e" not in printed
