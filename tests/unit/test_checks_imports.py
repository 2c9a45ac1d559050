"""What the names that programs import cost them: the standard library, and none of the server."""

from __future__ import annotations

import subprocess
import sys

SHOW = """\
import sys
before = set(sys.modules)
from mailsponge import *
print(*sorted(set(sys.modules) - before), sep="\\n")
"""

POST_OFFICE = {
    "accounts",
    "admission",
    "auth",
    "cli",
    "config",
    "courier",
    "daemon",
    "mail",
    "queue",
    "sendmail",
    "server",
    "smtp",
    "store",
}


def loaded(show: str = SHOW) -> list[str]:
    """The modules that a fresh interpreter loads for it."""
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_importing_it_loads_the_standard_library_alone():
    foreign = {name.partition(".")[0] for name in loaded()} - set(sys.stdlib_module_names) - {"mailsponge"}

    assert foreign == set()


def test_importing_it_loads_none_of_the_post_office():
    rooms = {name.split(".")[1] for name in loaded() if name.startswith("mailsponge.")}

    assert rooms & POST_OFFICE == set()


def test_the_package_alone_loads_none_of_its_rooms():
    show = SHOW.replace("from mailsponge import *", "import mailsponge")

    assert [name for name in loaded(show) if name.startswith("mailsponge.")] == []


def test_importing_it_does_not_load_asyncio():
    assert "asyncio" not in loaded()


WITH_A_DIRECTORY = """\
import sys
from mailsponge import SpongeHandler
handler = SpongeHandler("job", "me@example.org", state=sys.argv[1], mailhost="sendmail:/bin/true")
handler.squeeze()
print(*sys.modules, sep="\\n")
"""


def test_the_driver_of_a_database_is_loaded_only_when_a_database_is_asked_for(tmp_path):
    command = [sys.executable, "-c", WITH_A_DIRECTORY, tmp_path / "state"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    names = {name.partition(".")[0] for name in done.stdout.split()}

    assert "psycopg" not in names
    assert "asyncio" not in names
    assert "mailsponge.sponge.ledger.sqlite" in done.stdout.split()
