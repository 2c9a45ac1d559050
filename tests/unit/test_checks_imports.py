"""What ``import mailsponge`` costs the program that does it: the standard library, and none of the server."""

from __future__ import annotations

import subprocess
import sys

SHOW = """\
import sys
before = set(sys.modules)
import mailsponge
print(*sorted(set(sys.modules) - before), sep="\\n")
"""

POST_OFFICE = {
    "accounts",
    "admission",
    "cli",
    "config",
    "courier",
    "daemon",
    "mail",
    "queue",
    "server",
    "smtp",
    "store",
}


def loaded() -> list[str]:
    """The modules that a fresh interpreter loads for it."""
    done = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_importing_it_loads_the_standard_library_alone():
    foreign = {name.partition(".")[0] for name in loaded()} - set(sys.stdlib_module_names) - {"mailsponge"}

    assert foreign == set()


def test_importing_it_loads_none_of_the_post_office():
    rooms = {name.split(".")[1] for name in loaded() if name.startswith("mailsponge.")}

    assert rooms & POST_OFFICE == set()


def test_importing_it_does_not_load_asyncio():
    assert "asyncio" not in loaded()
