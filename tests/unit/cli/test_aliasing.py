"""Rules of ``mailsponge aliases import``."""

from __future__ import annotations

import tomllib

from click.testing import CliRunner

from mailsponge.cli import main

FILE = """\
postmaster: root
root: me, you@example.net
"two words": me
"""


def run(*arguments: str, stdin: str | bytes = ""):
    return CliRunner().invoke(main, ["aliases", "import", *arguments], input=stdin)


def test_what_is_printed_is_the_table_of_a_configuration(tmp_path):
    file = tmp_path / "aliases"
    file.write_text(FILE)
    result = run(str(file))

    assert result.exit_code == 0
    assert tomllib.loads(result.stdout) == {
        "aliases": {"postmaster": "root", "root": ["me", "you@example.net"], '"two words"': "me"}
    }


def test_a_configuration_with_it_can_be(tmp_path):
    config = tmp_path / "post.toml"
    config.write_text(
        "[users.me]\n[users.archive]\ndeliver = 'mbox:/var/mail/archive'\n" + run("-", stdin=FILE).stdout
    )
    checked = CliRunner().invoke(main, ["config", "check", str(config)])

    assert checked.exit_code == 0, checked.output


def test_what_cannot_be_taken_stands_in_comments_and_the_status_tells():
    result = run("-", stdin="root: me\narchive: /var/mail/archive\nx: :include:/etc/\x1b[31mred\n")

    assert result.exit_code == 1
    assert tomllib.loads(result.stdout) == {"aliases": {"root": "me"}}
    assert '\n# [users.archive]\n# deliver = "mbox:/var/mail/archive"\n' in result.stdout
    assert "# line 3: :include:/etc/\\x1b[31mred: files are not read along" in result.stdout
    assert result.stderr == "mailsponge: 2 things could not be taken; comments say why\n"


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path):
    assert "No such file" in run(str(tmp_path / "none")).stderr
    result = run("-", stdin=b"a: \xff")
    assert (result.exit_code, result.stderr) == (
        1,
        "mailsponge: the file is not UTF-8 (byte 3): save it as UTF-8\n",
    )
