"""What the tests of logging in share: two users, and the server's side of a talk."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# What several files share stands beside them.
sys.path.insert(0, str(Path(__file__).parent))

from auth_house import directory

from mailsponge.auth.directory import Directory


@pytest.fixture
def everybody() -> Directory:
    """Two users, me and You, with both verifiers; somebody lives here, too, and has no password."""
    return directory()
