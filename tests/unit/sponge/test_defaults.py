"""What holds for every job of a user: the file, and the environment over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailsponge.errors import UsageError
from mailsponge.sponge.defaults import Defaults, defaults


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def write(home: dict[str, str], text: str) -> Path:
    path = Path(home["XDG_CONFIG_HOME"]) / "mailsponge" / "sponge.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_there_is_the_environment_alone(home):
    assert defaults(home) == Defaults()
    assert defaults({**home, "MAILSPONGE_TO": "me@example.org"}).to == "me@example.org"


def test_the_file_says_what_holds_for_every_job(home):
    write(
        home,
        'to = ["me@example.org", "you@example.org"]\nmailhost = "mail.example.org"\nstate = "/srv/state"\n'
        'mask = ["badge=(.*)"]\nkeep_records = "7 days"\nkeep_runs = "1 week"\n',
    )

    assert defaults(home) == Defaults(
        ("me@example.org", "you@example.org"),
        "mail.example.org",
        "/srv/state",
        ("badge=(.*)",),
        "7 days",
        "1 week",
    )


def test_the_environment_goes_before_the_file(home):
    write(home, 'to = "me@example.org"\nmailhost = "one"\nstate = "/one"')
    environ = {"MAILSPONGE_TO": "you@example.org", "MAILSPONGE_MAILHOST": "two", "MAILSPONGE_STATE": "/two"}

    found = defaults({**home, **environ})

    assert (found.to, found.mailhost, found.state) == ("you@example.org", "two", "/two")


def test_an_empty_variable_is_none(home):
    write(home, 'to = "me@example.org"')

    assert defaults({**home, "MAILSPONGE_TO": ""}).to == "me@example.org"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mailhots = 'x'", "mailhots is no setting; did you mean mailhost?"),
        ("xyzzy = 'x'", "xyzzy is no setting; there are to, mailhost"),
        ("to = 3", "to = 3 cannot be; it is a text"),
        ("mask = 'x'", "mask = 'x' cannot be; it is a list of texts"),
        ("mask = [1]", "cannot be; it is a list of texts"),
        ("state = ['a']", "cannot be; it is a text"),
        ("to = me@example.org", "is not TOML: "),
    ],
)
def test_what_cannot_be_is_refused_with_the_files_name(home, text, said):
    path = write(home, text)

    with pytest.raises(UsageError) as refused:
        defaults(home)

    assert str(refused.value).startswith(str(path))
    assert said in str(refused.value)


def test_a_file_that_is_no_text_is_refused(home):
    write(home, "").write_bytes(b"\xff\xfe")

    with pytest.raises(UsageError, match="cannot be read"):
        defaults(home)


def test_a_relative_directory_is_passed_over(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))

    assert defaults({"XDG_CONFIG_HOME": "here"}) == Defaults()
