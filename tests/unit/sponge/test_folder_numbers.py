"""The numbers of runs: drawn by many at once, and never twice."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mailsponge.sponge import folder
from mailsponge.sponge.places import JobPlace


def numbers(place: JobPlace, count: int) -> list[int]:
    return [folder.draw_number(place) for _ in range(count)]


def _draw(directory: str, results: multiprocessing.SimpleQueue[list[int]]) -> None:
    results.put(numbers(JobPlace(Path(directory)), 150))


def test_processes_that_draw_at_once_get_different_numbers(tmp_path):
    place = JobPlace(tmp_path)
    place.numbers.mkdir()
    spawning = multiprocessing.get_context("fork")
    results = spawning.SimpleQueue()
    processes = [spawning.Process(target=_draw, args=(str(tmp_path), results)) for _ in range(6)]
    for process in processes:
        process.start()
    drawn = [results.get() for _ in processes]
    for process in processes:
        process.join()

    assert len({number for one in drawn for number in one}) == 6 * 150
    assert all(one == sorted(one) for one in drawn)


def test_threads_that_draw_at_once_get_different_numbers(tmp_path):
    place = JobPlace(tmp_path)
    place.numbers.mkdir()
    with ThreadPoolExecutor(4) as threads:
        drawn = list(threads.map(lambda _: numbers(place, 50), range(4)))

    assert len({number for one in drawn for number in one}) == 200


def test_the_directory_does_not_grow(tmp_path):
    place = JobPlace(tmp_path)
    place.numbers.mkdir()

    numbers(place, 100)

    assert [path.name for path in place.numbers.iterdir()] == ["00000100"]


def test_what_a_death_left_there_does_not_matter(tmp_path):
    place = JobPlace(tmp_path)
    place.numbers.mkdir()
    for name in ("00000003", "00000007", "notes.txt"):
        (place.numbers / name).write_bytes(b"")

    assert folder.draw_number(place) == 8
