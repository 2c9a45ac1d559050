"""Rules of the command line as a whole: it loads little, and says what is missing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from mailsponge.cli import COMMANDS, main


def python(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )


def without(*modules: str) -> str:
    """The beginning of a program in which these modules are not installed."""
    return f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {modules!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name.partition(".")[0])
sys.meta_path.insert(0, Missing())
from mailsponge.__main__ import main
"""


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_the_cli_extra_it_says_what_to_install(missing):
    done = python(without(missing) + "sys.argv = ['mailsponge', 'mail', 'list']; main()")

    assert done.returncode == 1
    assert done.stderr.endswith(" needs its extra: pip install 'mailsponge[cli]'\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("missing", "command"),
    [
        *((missing, command) for missing in ("apsw", "msgspec") for command in ("serve", "mail")),
        ("argon2", "password"),
    ],
)
def test_without_the_server_extra_the_post_office_says_what_to_install(missing, command):
    done = python(without(missing) + f"sys.argv = ['mailsponge', '{command}', '--help']; main()")

    assert done.returncode == 1
    assert done.stderr == f"mailsponge: `{command}` needs its extra: pip install 'mailsponge[server]'\n"


@pytest.mark.parametrize("arguments", [["--help"], ["status", "--help"], ["--version"]])
def test_the_sponge_needs_no_post_office(arguments):
    done = python(without("apsw", "msgspec") + f"sys.argv = ['mailsponge', *{arguments!r}]; main()")

    assert done.returncode == 0, done.stderr


def test_help_loads_no_command():
    done = python(
        "import sys\nfrom mailsponge.cli import main\nmain(['--help'], standalone_mode=False)\n"
        "heavy = ('mailsponge.cli.', 'mailsponge.server', 'mailsponge.store', 'asyncio', 'apsw', 'rich')\n"
        "print([name for name in sys.modules if name.startswith(heavy)], file=sys.stderr)"
    )

    assert done.stderr.strip() == "[]"


def test_help_names_every_command():
    said = CliRunner().invoke(main, ["--help"]).output

    assert all(f"  {name} " in said for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_what_the_table_says(name):
    assert main.commands[name].name == name


def test_a_command_there_is_not_is_an_error():
    done = CliRunner().invoke(main, ["serv"])

    assert done.exit_code == 2
    assert "serv" in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a device that is always full")
def test_output_that_cannot_be_written_is_an_error_without_a_traceback(tmp_path):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mailsponge", "status", "--json", "--state", str(tmp_path)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr == "mailsponge: [Errno 28] No space left on device\n"
