"""What every test may use: the kit beside this file, and a job with a state directory of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from kit.programs import Job, pythons


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for ``python`` runs with each Python of this machine that the sponge is made for."""
    if "python" in metafunc.fixturenames:
        metafunc.parametrize("python", pythons().values(), ids=pythons().keys())


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job nobody has run yet."""
    return Job(tmp_path)
