"""Fuzzing the protocol: ``make fuzz``.

    python tests/fuzz/fuzz_run.py [--inputs 1000000] [--seed N] [--processes 2]
    python tests/fuzz/fuzz_run.py tests/fuzz/corpus/server-….bin      plays these alone

An input that breaks something is written to the corpus, where every later run begins with it.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from typing import NamedTuple
from zlib import crc32

from client_target import check as check_client
from fuzz_mutation import mutated
from fuzz_server import check as check_server

CORPUS = Path(__file__).resolve().parent / "corpus"
BATCH = 5_000
SIDES: dict[str, Callable[[bytes], object]] = {"server": check_server, "client": check_client}
"""Who is fuzzed, by the word that the names of its inputs begin with. Whoever adds one adds a corpus for it."""
CLIENT_SHARE = 10
"""Of so many inputs for the server's engine, which strangers talk to, there is one more for the client's."""


class Failure(NamedTuple):
    """An input that broke something."""

    side: str
    data: bytes
    told: str


def corpus(side: str) -> dict[Path, bytes]:
    """The inputs that are kept for one side."""
    return {path: path.read_bytes() for path in sorted(CORPUS.glob(f"{side}-*.bin"))}


def played(side: str, data: bytes) -> Failure | None:
    """Play one input."""
    try:
        SIDES[side](data)
    except Exception:  # noqa: BLE001 - whatever it is, it must not be, and is told
        return Failure(side, data, traceback.format_exc())
    return None


def batch(side: str, seed: int, count: int) -> list[Failure]:
    """Play so many inputs, which the seed alone decides."""
    rng = Random(seed)
    kept = list(corpus(side).values())
    found = (played(side, mutated(rng, kept)) for _ in range(count))
    return [failure for failure in found if failure is not None]


def batches(seed: int, inputs: int) -> Iterator[tuple[str, int, int]]:
    """The arguments of the calls that play so many inputs on the server's side, and some more on the client's."""
    for side, count in (("server", inputs), ("client", inputs // CLIENT_SHARE)):
        for number, begun in enumerate(range(0, count, BATCH)):
            yield side, seed * 1_000_003 + number, min(BATCH, count - begun)


def keep(failure: Failure) -> Path:
    """Write an input that broke something to the corpus, under a name that tells by what."""
    what = "".join(c if c.isalnum() else "-" for c in failure.told.strip().splitlines()[-1].lower())[:40]
    path = CORPUS / f"{failure.side}-broke-{crc32(failure.data):08x}-{what.strip('-')}.bin"
    path.write_bytes(failure.data)
    return path


def fuzz(seed: int, inputs: int, processes: int) -> int:
    """Play, print how it went; returns how many inputs broke something."""
    begun = time.perf_counter()
    done = broken = 0
    work = list(batches(seed, inputs))
    with ProcessPoolExecutor(processes) as pool:
        for (_, _, count), failures in zip(work, pool.map(batch, *zip(*work, strict=True)), strict=True):
            done += count
            for failure in failures:
                broken += 1
                print(f"\n{failure.told}\nkept as {keep(failure)}")
            rate = done / (time.perf_counter() - begun)
            print(f"\r{done:,} inputs, {rate:,.0f}/s, {broken} broken", end="", flush=True)
    print(f"\n{done:,} inputs in {time.perf_counter() - begun:.0f} s, seed {seed}: {broken} broken")
    return broken


def replay(paths: list[Path]) -> int:
    """Play these files, print what comes of each; returns how many broke something."""
    broken = 0
    for path in paths:
        failure = played(path.name.partition("-")[0], path.read_bytes())
        print(f"{path.name}: {'sound' if failure is None else failure.told}")
        broken += failure is not None
    return broken


def main() -> int:
    """Parse, fuzz or replay; 1 if anything broke."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="inputs to play, instead of new ones")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="how many (default: 1,000,000)")
    parser.add_argument(
        "--seed", type=int, default=int(time.time()), help="decides all of them (default: the time)"
    )
    parser.add_argument("--processes", type=int, default=2, help="at a time (default: 2)")
    given = parser.parse_args()
    broken = replay(given.files) if given.files else fuzz(given.seed, given.inputs, given.processes)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
