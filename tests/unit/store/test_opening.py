"""A store is opened by what its place is."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mailsponge.data_place import DataPlace
from mailsponge.errors import StoreError
from mailsponge.store import opening
from mailsponge.store.beside import SqliteBeside
from mailsponge.store.sqlite import SqliteStore


def test_a_directory_is_opened_by_its_server_and_beside_it(tmp_path: Path) -> None:
    place = DataPlace(tmp_path / "data")
    with closing(opening.open_store(place, node="here")) as store:
        assert isinstance(store, SqliteStore)
        with closing(opening.open_beside(place)) as beside:
            assert isinstance(beside, SqliteBeside)


@pytest.mark.parametrize(
    "opener",
    [
        lambda place: opening.open_store(place, node="here"),
        opening.open_beside,
        lambda place: opening.shared_secret(place, "x", b"x"),
    ],
)
def test_without_the_driver_a_database_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, opener: Any
) -> None:
    def refuse(name: str) -> Any:
        raise ImportError(f"no module named {name}")

    monkeypatch.setattr(opening, "import_module", refuse)
    with pytest.raises(StoreError, match=r"pip install 'mailsponge\[server,postgres\]'"):
        opener(DataPlace(url="postgresql://db.example.org/mail"))


def test_an_unreachable_database_is_told_without_its_password() -> None:
    pytest.importorskip("psycopg")
    for opener in (opening.open_beside, lambda place: opening.open_store(place, node="here")):
        with pytest.raises(
            StoreError, match=r"postgresql://me@127\.0\.0\.1:1/mail: it cannot be reached now"
        ):
            opener(DataPlace(url="postgresql://me:hunter2@127.0.0.1:1/mail"))
