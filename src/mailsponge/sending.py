"""Mail that goes on, wired together: the runner, the couriers that it hands mail to, and what is tidied up behind them.

store ──▶ runner ──▶ relay ──▶ carrier ──▶ other servers
                ├──▶ lmtp, forward ──┘
                ├──▶ local ──▶ agent ──▶ Maildir, mbox, pipe (as the recipient, by way of the parent)
                └──▶ mailbox ──▶ store
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from mailsponge import clock
from mailsponge.admission import Admitted, way_back
from mailsponge.config import Config
from mailsponge.courier.agent import Agent
from mailsponge.courier.carrier import Carrier
from mailsponge.courier.choosing import Couriers, Hands
from mailsponge.courier.connecting import listens_here
from mailsponge.courier.conversation import Caller
from mailsponge.courier.exchangers import Lookup
from mailsponge.courier.local import LocalCourier
from mailsponge.courier.mailbox import MailboxCourier
from mailsponge.courier.protocol import Courier
from mailsponge.courier.relay import RelayCourier
from mailsponge.courier.resolving import Dns
from mailsponge.courier.timeouts import Timeouts
from mailsponge.courier.trust import trust
from mailsponge.courier.ways import Ways
from mailsponge.errors import StoreError
from mailsponge.mail.address import Address
from mailsponge.queue.counts import Counts
from mailsponge.queue.pace import LIMITS, Limits
from mailsponge.queue.reporter import DsnReporter
from mailsponge.queue.runner import Runner
from mailsponge.queue.schedule import Schedule
from mailsponge.server.rules import Rules
from mailsponge.store.protocol import Due, Store

log = logging.getLogger("mailsponge.daemon")

TIDY_EVERY: Final = 30.0
"""Seconds between two looks at what has gone and need not be kept."""
READ_AT_ONCE: Final = 256 * 1024

Each = TypeVar("Each")


def schedule_of(config: Config) -> Schedule:
    """When what waits is tried again."""
    queue = config.queue
    return Schedule(
        first=float(queue.first_retry),
        longest=float(queue.longest_retry),
        lifetime=float(queue.lifetime),
        warn_after=float(queue.warn_after),
    )


def limits_of(config: Config) -> Limits:
    """How much goes one way at once."""
    queue = config.queue
    return LIMITS._replace(
        first=min(LIMITS.first, queue.per_hop),
        most=queue.per_hop,
        # What is down is not left alone for longer than a message of its own would be.
        down_first=min(LIMITS.down_first, float(queue.first_retry)),
        down_longest=min(LIMITS.down_longest, float(queue.longest_retry)),
    )


class Sending:
    """Everything that happens to mail after it was accepted. To be made within a running event loop."""

    def __init__(
        self, config: Config, rules: Rules, store: Store, agent: Agent, ports: Collection[int]
    ) -> None:
        """``agent`` delivers on this machine; ``ports`` are those where this server takes mail from others."""
        self._store = store
        self._agent = agent
        self._keep_traces = float(config.queue.keep_traces)
        lookup = Lookup(
            Dns([(server.host, server.port) for server in config.relay.resolver]),
            frozenset({config.hostname, *rules.hostnames}),
            listens_here(ports),
            _shuffled,
        )
        caller = Caller(config.hostname, trust(), Timeouts(), _nonce, memoryview(bytearray(READ_AT_ONCE)))
        carrier = Carrier(caller, lookup)
        self._hands = Hands(
            relay=RelayCourier(carrier, lambda: self._rules.routes),
            mailbox=MailboxCourier(store),
            local=LocalCourier(agent),
            carrier=carrier,
        )
        self._follow(rules)
        schedule = schedule_of(config)
        self._runner = Runner(
            store,
            self._courier_for,
            DsnReporter(config.hostname, self._way_back, schedule, _unique),
            schedule,
            limits_of(config),
            config.queue.at_once,
        )

    @property
    def counts(self) -> Counts:
        """Of the queue."""
        return self._runner.counts

    def follow(self, rules: Rules, ways: Ways) -> None:
        """Go by these rules from now on, and by these ways on this machine."""
        self._follow(rules)
        self._agent.ways = ways

    def _follow(self, rules: Rules) -> None:
        self._rules = rules
        self._couriers = Couriers(rules.accounts, self._hands)

    def _courier_for(self, due: Due) -> Courier:
        return self._couriers.courier_for(due)

    def _way_back(self, address: Address) -> Admitted | None:
        return way_back(self._rules.accounts, self._rules.routes, address)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """It works until this is left; what is under way then gets a few seconds to end."""
        await self._runner.start()
        tidying = asyncio.create_task(self._tidy())
        try:
            yield
        finally:
            tidying.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await tidying
            await self._runner.stop()
            for courier in (self._hands.relay, self._hands.mailbox, self._hands.local):
                await courier.close()

    async def _tidy(self) -> None:
        """Now and then, remove what has gone where it should."""
        changed = 0
        while True:
            await asyncio.sleep(0 if changed else TIDY_EVERY)
            try:
                changed = await asyncio.to_thread(self._store.tidy, clock.now() - self._keep_traces)
            except StoreError as error:
                changed = 0
                log.warning("what has gone could not be tidied away: %s", error)


def _shuffled(several: Sequence[Each]) -> Sequence[Each]:
    return random.sample(several, len(several))


def _nonce() -> str:
    return secrets.token_urlsafe(24)


def _unique() -> str:
    return secrets.token_hex(10)
