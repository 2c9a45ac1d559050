"""Rules of the secret that decoys are made from."""

from __future__ import annotations

import pytest

from mailsponge.auth.secret import LENGTH, NAME, kept_in
from mailsponge.errors import StateError


def test_it_is_made_once_for_its_owner_alone(tmp_path):
    made = kept_in(tmp_path)

    assert len(made) == LENGTH
    assert kept_in(tmp_path) == made
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_two_houses_have_two(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    assert kept_in(tmp_path / "a") != kept_in(tmp_path / "b")


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_one_that_is_damaged_is_made_anew(tmp_path, content):
    (tmp_path / NAME).write_bytes(content)

    assert kept_in(tmp_path, lambda length: b"n" * length) == b"n" * LENGTH
    assert (tmp_path / NAME).read_bytes() == b"n" * LENGTH


def test_where_it_cannot_be_kept_is_told_with_what_to_do(tmp_path):
    with pytest.raises(StateError, match="cannot be read or written: No such file or directory; it has to"):
        kept_in(tmp_path / "nowhere")


def test_one_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / NAME).mkdir()

    with pytest.raises(StateError, match="Is a directory"):
        kept_in(tmp_path)
