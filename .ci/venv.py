"""Make .venv in this checkout and put what development needs into it: ``python3 .ci/venv.py``.

It works with Python alone. Where Python came without ensurepip (Debian and Ubuntu keep it in python3-venv), pip's own
wheel is unpacked from Debian into .cache; nothing is installed on the machine.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
VENV = HOME / ".venv"
OLDEST = (3, 11)


def main() -> None:
    if sys.version_info < OLDEST:
        sys.exit(
            f"mailsponge needs Python 3.11 or later, and {sys.executable} is {sys.version.split()[0]}.\n"
            "Name a later one:  make PYTHON=python3.12 …"
        )
    create()
    run(VENV / "bin/python", "-m", "pip", "install", "--quiet", "--editable", ".[dev]")
    (VENV / ".ready").touch()


def create() -> None:
    """Create the environment, with pip in it one way or the other."""
    if importlib.util.find_spec("ensurepip"):
        run(sys.executable, "-m", "venv", VENV)
        return
    run(sys.executable, "-m", "venv", "--without-pip", VENV)
    wheel = pip_wheel()
    run(VENV / "bin/python", "-m", "pip", "install", "--quiet", "pip", PYTHONPATH=str(wheel))


def pip_wheel() -> Path:
    """Return Debian's wheel of pip, a file that Python can run pip from."""
    unpacked = subprocess.run(
        [sys.executable, HOME / "tests/peers/debian.py", "python3-pip-whl"],
        stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    wheels = sorted(Path(unpacked.stdout.strip()).glob("usr/share/python-wheels/pip-*.whl"))
    if unpacked.returncode != 0 or not wheels:
        sys.exit("This Python cannot make virtual environments with pip. On Debian: apt install python3-venv")
    return wheels[-1]


def run(*command: str | Path, **environment: str) -> None:
    """Run a command, and end with its status when it fails: it has said why itself."""
    done = subprocess.run(command, cwd=HOME, env={**os.environ, **environment}, check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
