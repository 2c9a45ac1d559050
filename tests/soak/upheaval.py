"""What happens to the server meanwhile: it is killed, stopped, started again, reloaded; its database is killed."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter

from town import Town

from kit.mail_server import MailServer
from kit.postgres import Postgres

DECK = ("kill", "kill", "kill and kill again", "stop", "reload")
"""Dealt in another order each time, so that each happens within a short soak, too."""
ITS_DATABASE = ("database",)
CALM, STORM = (0.5, 5.0), (0.05, 0.8)
"""Seconds from one to the next, at least and at most: in calm weather even slow clients come to an end."""
OFTEN = 0.7
"""How often it storms."""
AWAY = (0.0, 1.5)
"""Seconds for which a database is away."""
LOOK_EVERY = 0.1
"""Seconds between two looks at its memory."""
STOPS_WITHIN = 10.0
"""Seconds that a stop may take: those who are inside get five to end."""


class Upheaval:
    """Does it to one server, and remembers how often, and how much memory each life had at most."""

    def __init__(
        self, server: MailServer, town: Town, rng: random.Random, database: Postgres | None = None
    ) -> None:
        self._server = server
        self._database = database
        self._deck = DECK + (ITS_DATABASE if database is not None else ())
        self._town = town
        self._rng = rng
        self.done: Counter[str] = Counter()
        self.peak = 0
        """Bytes of memory."""

    async def go_on(self, seconds: float, kills: int) -> None:
        """One after the other until time is up and it was killed so often; then the server listens."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end or self.done["kills"] < kills:
            for name in self._rng.sample(self._deck, len(self._deck)):
                weather = STORM if self._rng.random() < OFTEN else CALM
                await self._wait(self._rng.uniform(*weather))
                await self._do(name)

    async def _do(self, name: str) -> None:
        match name:
            case "kill":
                await self.kill()
                await self.start()
            case "kill and kill again":
                await self.kill()
                await self._kill_while_it_starts()
                await self.start()
            case "stop":
                await self.stop()
                await self.start()
            case "database":
                await self.kill_the_database()
            case _:
                self._server.send_signal(signal.SIGHUP)
                self.done["reloads"] += 1

    async def start(self) -> None:
        await asyncio.to_thread(self._server.start)
        self.done["starts"] += 1
        self._town.open.set()

    async def kill(self) -> None:
        self._ends()
        self.done["kills"] += 1
        await asyncio.to_thread(self._server.kill)

    async def _kill_while_it_starts(self) -> None:
        self._server.launch()
        self.done["starts"] += 1
        await asyncio.sleep(self._rng.uniform(0.0, 0.6))
        await self.kill()

    async def kill_the_database(self) -> None:
        """And start it again, while the server goes on."""
        assert self._database is not None
        self._town.database_is_away = True
        await asyncio.to_thread(self._database.end, signal.SIGKILL)
        self.done["kills of the database"] += 1
        await self._wait(self._rng.uniform(*AWAY))
        await asyncio.to_thread(self._database.start)
        self._town.life += 1
        self._town.database_is_away = False

    async def stop(self) -> None:
        self._ends()
        self.done["stops"] += 1
        begin = asyncio.get_running_loop().time()
        status = await asyncio.to_thread(self._server.stop)
        took = asyncio.get_running_loop().time() - begin
        if status != 0 or took > STOPS_WITHIN:
            self._town.surprises.append(f"stopped with status {status} after {took:.1f} s")

    def _ends(self) -> None:
        """Say that it ends before it does: whoever is cut off now may know why."""
        self._town.open.clear()
        self._town.life += 1
        self.look()

    async def _wait(self, seconds: float) -> None:
        """Let time pass, with an eye on the server's memory."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            self.look()
            await asyncio.sleep(LOOK_EVERY)

    def look(self) -> None:
        """Keep the most memory that this life has had so far."""
        self.peak = max(self.peak, self._server.peak_memory())
