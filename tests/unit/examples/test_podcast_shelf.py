"""The shelf: what it has it keeps, what came in part it never had."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pytest
from feed import Episode
from fetch import FetchError, Validators
from shelf import Shelf, ShelfError, Show

URL = "https://podcasts.example/x.xml"


def episode(
    title: str = "One", guid: str = "1", enclosure: str = "https://podcasts.example/a.wav"
) -> Episode:
    return Episode(guid, title, datetime(2025, 6, 8, tzinfo=UTC), enclosure)


def sound(file: IO[bytes]) -> None:
    file.write(b"sound")


def breaks_off(file: IO[bytes]) -> None:
    file.write(b"so")
    raise FetchError("the connection broke off")


def test_an_episode_lies_in_the_folder_of_its_show_under_date_and_title(tmp_path: Path) -> None:
    path = Shelf(tmp_path).put(Show(URL, "Søndag på P1"), episode("Åen & øen"), sound)
    assert path == tmp_path / "Søndag på P1" / "2025-06-08 Åen & øen.wav"
    assert path.read_bytes() == b"sound"


def test_what_is_known_is_still_known_tomorrow(tmp_path: Path) -> None:
    show = Show(URL, "深夜の天気図", Validators('"tag"', "Sat, 07 Jun 2025 00:00:00 GMT"))
    Shelf(tmp_path).put(show, episode(), sound)
    assert Shelf(tmp_path).show(URL) == show


def test_a_show_never_heard_of_goes_by_its_address(tmp_path: Path) -> None:
    assert Shelf(tmp_path).show(URL).name == URL


def test_a_partial_download_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FetchError):
        Shelf(tmp_path).put(Show(URL, "Show"), episode(), breaks_off)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_partial_download_is_not_remembered(tmp_path: Path) -> None:
    show = Show(URL, "Show")
    with pytest.raises(FetchError):
        Shelf(tmp_path).put(show, episode(), breaks_off)
    assert show.episodes == {}


def test_two_episodes_of_one_title_are_two_files(tmp_path: Path) -> None:
    shelf, show = Shelf(tmp_path), Show(URL, "Show")
    names = [shelf.put(show, episode("Part. One", guid), sound).name for guid in "12"]
    assert names == ["2025-06-08 Part. One.wav", "2025-06-08 Part. One (2).wav"]


@pytest.mark.parametrize(
    "title", ["../../etc/cron.d/x", "/etc/passwd", "..", "", ".hidden", "a\0b", "ø" * 5000]
)
def test_no_title_leads_out_of_the_shelf(tmp_path: Path, title: str) -> None:
    folder = tmp_path / "shelf"
    path = Shelf(folder).put(Show(URL, title), episode(title), sound)
    assert path.resolve().parent.parent == folder
    assert not path.name.startswith(".")


@pytest.mark.parametrize(
    "address", ["https://x.example/a.m/../../p", "https://x.example/a.ø", "https://x.example/"]
)
def test_only_a_plain_suffix_is_taken_from_an_address(tmp_path: Path, address: str) -> None:
    path = Shelf(tmp_path).put(Show(URL, "Show"), episode(enclosure=address), sound)
    assert path.name == "2025-06-08 One"


@pytest.mark.parametrize("index", [b"", b"{", b"[]", b'{"x": 1}', b'{"x": {"sky": "blue"}}', b"\xff"])
def test_a_damaged_index_is_never_overwritten(tmp_path: Path, index: bytes) -> None:
    (tmp_path / "podcasts.json").write_bytes(index)
    with pytest.raises(ShelfError, match="move it away"):
        Shelf(tmp_path)
    assert (tmp_path / "podcasts.json").read_bytes() == index


def test_what_a_killed_run_left_is_swept_when_it_is_a_day_old(tmp_path: Path) -> None:
    Shelf(tmp_path)
    old, young = tmp_path / ".old.part", tmp_path / ".young.part"
    old.touch()
    young.touch()
    os.utime(old, (0, 0))
    Shelf(tmp_path)
    assert (old.exists(), young.exists()) == (False, True)
