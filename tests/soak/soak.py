"""Mixed load on a server that is killed and started again; afterwards every 250 must be where it belongs.

Good, slow, broken and hostile clients, all on plain sockets, talk to a real ``mailsponge serve``. Meanwhile it gets
SIGKILL at random moments (also while it starts), SIGTERM and SIGHUP, and is started again on the same data. At the end:

- every letter whose 250 was read lies in each of its mailboxes, byte for byte behind the two trace headers;
- nothing is there in half, nothing that was smuggled is there, nothing more often than it was sent whole;
- every letter that was to go on is at another server, which is as unreliable as real ones are, or its sender has one
  report that it could not be; how often one came there twice is counted, and why;
- good and slow clients were cut off only when the server ended, and heard no other refusal than was due;
- memory stayed within its bound, descriptors came back, the log holds no traceback, the database is sound.

    python tests/soak/soak.py [--seconds 600] [--kills 500] [--seed N] [--folder DIR] [--postgres]

With ``--postgres`` the mail is kept in a database, which is killed now and then as well.
It goes on until the time is over and the server was killed as often as that.

The seed repeats what each client does, not when. Status 1: something was lost, or odd.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import socket
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

import audit
import broken
import far
import good
import hostile
import slow
from town import DOMAIN, PEOPLE, TEAM, Kind, NotNow, Surprise, Town, Visit
from upheaval import Upheaval
from wire import Lost

from kit.mail_server import MailServer
from kit.postgres import DURABLE, Postgres, running

MEMORY = 100_000_000
"""Bytes that the server may have at most, whatever is done to it."""
HELD = 100_000_000
"""Bytes of letters that it may hold besides (``limits.memory``) while its database is away and takes none of them."""
PATIENCE = 60.0
"""Seconds after which a client that is still inside hangs."""
FILES_COME_BACK_WITHIN = 20.0
"""Seconds after the last client has gone."""
FILES_OPENED_LATER = 2
"""SQLite opens some of its own when it first reads."""

SETTINGS = f"""
[limits]
message_size = "{hostile.MESSAGE_SIZE // 1_000_000} MB"
recipients = {hostile.RECIPIENTS}
connections = 400
connections_per_address = {hostile.CONNECTIONS_PER_ADDRESS}
command_deadline = "{slow.COMMAND_DEADLINE:g} s"
message_deadline = "{slow.MESSAGE_DEADLINE:g} s"
[domains."{DOMAIN}"]
[aliases]
team = {list(TEAM)}
{far.BOX} = "{far.BOX}@{far.DOMAIN}"
{far.NEVER} = "{far.NEVER}@{far.DOMAIN}"
[queue]
first_retry = "1 s"
longest_retry = "3 s"
{"".join(f"[users.{name}]{chr(10)}" for name in PEOPLE)}
"""

QUEUE_EMPTIES_WITHIN = 120.0
"""Seconds after the last client has gone, while the other server is well."""
AT_ONCE = 20
"""Messages that may be on their way to one server at a time."""

KINDS = {
    "127.0.0.2": good.KINDS,
    "127.0.0.3": slow.KINDS,
    "127.0.0.4": broken.KINDS,
    "127.0.0.5": hostile.KINDS[:-1],
    "127.0.0.6": hostile.KINDS[-1:],
}
"""Each sort comes from an address of its own, so that the limit of one is not another's."""


class Outcome(NamedTuple):
    """All there is to tell."""

    town: Town
    upheaval: Upheaval
    account: audit.Account
    away: audit.Away
    faults: list[str]
    """Everything that is wrong but losses."""
    most_memory: int
    """Bytes that it may have had."""


async def soak(
    folder: Path, seconds: float, kills: int, seed: int, postgres: Postgres | None = None
) -> Outcome:
    """Let all of them at the server for a while, then look what became of it."""
    port = free_port(random.SystemRandom())
    town = Town(port)
    other = far.Far(town.letters, random.Random(f"{seed} far"))
    settings = f'{SETTINGS}[routes]\n"{far.DOMAIN}" = "smtp://127.0.0.1:{await other.start()}"\n'
    database = "" if postgres is None else postgres.database()
    server = MailServer(folder, settings, port, data=database)
    upheaval = Upheaval(server, town, random.Random(f"{seed} upheaval"), postgres)
    await upheaval.start()
    files = server.open_files()
    clients = [
        asyncio.create_task(_live(town, kind, source, random.Random(f"{seed} {kind.name} {number}")))
        for source, kinds in KINDS.items()
        for kind in kinds
        for number in range(kind.many)
    ]
    await upheaval.go_on(seconds, kills)
    town.over = True
    await asyncio.gather(*clients)
    other.always_well = True
    faults = await _queue_empties(server)
    faults += await _files_come_back(server, files)
    # What was kept must outlive one more kill; the start after it sweeps, so that nothing may be left in half.
    await upheaval.kill()
    await upheaval.start()
    await upheaval.stop()
    await other.stop()
    messages = list(audit.messages(server.place))
    reports = [message for message in messages if audit.is_report(message)]
    account = audit.account(town.letters, [message for message in messages if not audit.is_report(message)])
    away = audit.account_away(town.letters, reports, other, AT_ONCE * upheaval.done["kills"])
    if postgres is None:
        faults += audit.faults_of_the_file(server.data)
    else:
        faults += audit.faults_of_the_database(postgres, database)
    faults += _faults(server, upheaval) + account.faults + away.faults + town.surprises
    return Outcome(town, upheaval, account, away, faults, most_memory(server))


async def _live(town: Town, kind: Kind, source: str, rng: random.Random) -> None:
    """One client, from its first visit to its last."""
    while not town.over:
        await town.open.wait()
        visit = Visit(town, kind.name, source, rng)
        try:
            async with asyncio.timeout(PATIENCE):
                await kind.visit(visit)
        except TimeoutError:
            town.surprises.append(f"{kind.name}: hung for {PATIENCE:g} s")
        except Surprise as surprise:
            town.surprises.append(f"{kind.name}: {surprise}")
        except NotNow as not_now:
            if not visit.disturbed:
                town.surprises.append(f"{kind.name}: while all was well: {not_now}")
        except Lost as lost:
            if kind.loss_is_odd and not visit.disturbed:
                town.surprises.append(f"{kind.name}: cut off while the server ran: {lost}")
        finally:
            visit.leave()
        town.visits[kind.name] += 1
        await asyncio.sleep(rng.expovariate(1 / kind.pause))


async def _queue_empties(server: MailServer) -> list[str]:
    """Wait until all has gone on, or back."""
    deadline = time.monotonic() + QUEUE_EMPTIES_WITHIN
    while waiting := await asyncio.to_thread(audit.waiting, server.place):
        if time.monotonic() > deadline:
            return [f"{waiting} letters still wait in the queue"]
        await asyncio.sleep(0.5)
    return []


async def _files_come_back(server: MailServer, at_first: int) -> list[str]:
    """Wait until the server has let go of every connection."""
    deadline = time.monotonic() + FILES_COME_BACK_WITHIN
    while (still := server.open_files()) > at_first + FILES_OPENED_LATER:
        if time.monotonic() > deadline:
            return [f"{still} descriptors are open, {at_first} were before anybody came"]
        await asyncio.sleep(0.1)
    return []


def most_memory(server: MailServer) -> int:
    """Bytes."""
    return MEMORY if server.place.directory is not None else MEMORY + HELD


def _faults(server: MailServer, upheaval: Upheaval) -> list[str]:
    faults = []
    if upheaval.peak > most_memory(server):
        faults.append(f"{upheaval.peak:,} bytes of memory, more than {most_memory(server):,}")
    words = ["Traceback", "not reloaded"]
    if server.place.directory is not None:
        words.append("not-kept")  # a database that is away keeps nothing
    with server.log.open() as log:
        odd = [line for line in log if any(word in line for word in words)]
    return faults + [f"in the log: {line.strip()}" for line in odd]


def tell(outcome: Outcome, seconds: float, seed: int) -> bool:
    """Print how it came out; returns whether all is well."""
    town, upheaval, account, away, faults, most = outcome
    print(f"{'client':<32}{'visits':>9}{'250s read':>12}")
    for kinds in KINDS.values():
        for kind in kinds:
            taken = town.taken[kind.name]
            print(f"  {kind.name:<30}{town.visits[kind.name]:>9,}{f'{taken:,}' if taken else '':>12}")
    print(f"  {'all':<30}{town.visits.total():>9,}{town.taken.total():>12,}\n")
    done = upheaval.done
    for title, figure in (
        ("seed", f"{seed}"),
        ("seconds", f"{seconds:g}"),
        ("killed, stopped, reloaded", f"{done['kills']}, {done['stops']}, {done['reloads']}"),
        ("started again", f"{done['starts'] - 1}"),
        ("its database killed", f"{done['kills of the database']}"),
        ("letters taken and looked for", f"{account.checked:,}"),
        ("messages there", f"{account.copies:,}"),
        ("duplicates, sent again", f"{account.duplicates:,}"),
        ("letters taken that go on", f"{away.checked:,}"),
        ("came to the other server", f"{away.copies:,}"),
        ("... of which it said nothing", f"{away.unanswered:,}"),
        ("... again, for that or a kill", f"{away.again:,}"),
        ("reports to senders", f"{away.reports:,}"),
        ("lost", f"{len(account.lost) + len(away.lost):,}"),
        ("odd", f"{len(faults):,}"),
        ("memory at most", f"{upheaval.peak / 1e6:.0f} MB; the bound is {most / 1e6:.0f} MB"),
    ):
        print(f"  {title:<30}{figure}")
    lost = account.lost + away.lost
    for line in (*(f"LOST {letter}" for letter in lost), *(f"ODD {fault}" for fault in faults)):
        print(f"  {line}")
    return not lost and not faults


def free_port(rng: random.Random) -> int:
    """A port below those that the system gives to clients.

    One of those might be given to a client that tries to connect while the server is down, and it would reach itself.
    """
    while True:
        port = rng.randrange(15_000, 30_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seconds", type=float, default=600.0)
    options.add_argument("--kills", type=int, default=500)
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    options.add_argument(
        "--postgres", action="store_true", help="keep the mail in a private PostgreSQL, and kill that, too"
    )
    options.add_argument("--folder", type=Path, help="keep the data and the log here")
    chosen = options.parse_args()
    folder = chosen.folder or Path(tempfile.mkdtemp(prefix="mailsponge-soak-"))
    print(f"soak: {chosen.seconds:g} seconds, seed {chosen.seed}, in {folder}", flush=True)
    with ExitStack() as at_end:
        postgres = at_end.enter_context(running(DURABLE)) if chosen.postgres else None
        outcome = asyncio.run(soak(folder, chosen.seconds, chosen.kills, chosen.seed, postgres))
    if not tell(outcome, chosen.seconds, chosen.seed):
        print(f"  The mailboxes and the log are left in {folder}")
        return 1
    if chosen.folder is None:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
