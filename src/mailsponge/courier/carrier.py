"""From a parcel to its outcomes: a connection that waits or a new one, one host after the other, as often as it takes.

What is of a host's (it does not answer, it does not want this session, it goes away in the middle) is a reason to try
the next one. What is of a message's or a recipient's stands, for it would be the same everywhere. And once a whole
message is out, nobody else is tried before its time, for the message might be there.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from mailsponge.courier.connecting import Host, connect, is_local
from mailsponge.courier.content import Content, content_of
from mailsponge.courier.conversation import Caller, Conversation
from mailsponge.courier.exchangers import Lookup, hosts
from mailsponge.courier.fitting import fitted
from mailsponge.courier.idle import Idle, Reuse
from mailsponge.courier.telling import is_of_host, may_be_there, told
from mailsponge.courier.trouble import NOT_ANSWERED, TlsTrouble, Trouble, trouble
from mailsponge.errors import StoreError
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.routes import NextHop, Tls
from mailsponge.smtp import outcomes as engine
from mailsponge.store.protocol import Due, Parcel

log = logging.getLogger("mailsponge.courier")

_REUSE: Final = Reuse()


class Carrier:
    """Hands parcels to other servers. Several couriers may share one, and its connections with it."""

    def __init__(self, caller: Caller, lookup: Lookup, reuse: Reuse = _REUSE) -> None:
        self._caller = caller
        self._lookup = lookup
        self._idle = Idle(reuse)

    async def carry(
        self, parcel: Parcel, dues: Sequence[Due], hop: NextHop, taken: Result
    ) -> Sequence[Outcome]:
        """Try these dues of a parcel's at a next hop; returns their outcomes, in their order.

        ``hop``: a domain, a host, or with a path as its host a Unix socket. ``taken``: what it means that somebody
        there has taken it, RELAYED or DELIVERED.
        """
        if parcel.envelope.require_tls and hop.tls in (Tls.TRY, Tls.NEVER):
            hop = hop._replace(tls=Tls.REQUIRE)
        load = _Load(parcel, dues, taken)
        try:
            content = await content_of(parcel)
            waiting = self._idle.take(hop)
            if waiting is not None:
                await self._hand_over(waiting, hop, load, content)
            if load.open:
                load.forget()
                load.end(await self._to_hosts(hop, load, content))
        except StoreError as error:
            load.end(Outcome(Result.DEFERRED, "4.3.0", f"the message cannot be read just now: {error}"))
        return load.outcomes

    async def close(self) -> None:
        """Say goodbye wherever a connection waits. A second time does nothing."""
        self._idle.close()

    async def _to_hosts(self, hop: NextHop, load: _Load, content: Content) -> Outcome:
        """Try host after host, until nothing is left to be done; returns what is said of those for whom nothing is."""
        found = await hosts(hop, self._lookup)
        if isinstance(found, Outcome):
            return found
        troubles: list[Trouble] = []
        for host in found:
            try:
                conversation = await self._open(host, hop)
            except Trouble as met:
                troubles.append(met)
                continue
            await self._hand_over(conversation, hop, load, content)
            if not load.open:
                break
        return verdict(hop, troubles, tls_or_nothing=load.parcel.envelope.require_tls)

    async def _open(self, host: Host, hop: NextHop) -> Conversation:
        """A conversation that is ready for a message. Raises Trouble."""
        try:
            return await self._begin(host, hop)
        except TlsTrouble as met:
            if hop.tls is not Tls.TRY or hop.credentials is not None:
                raise
            # RFC 7435: who would have been spoken with in the clear is no worse off for having TLS that does not work.
            log.info("%s; trying again without", met)
            return await self._begin(host, hop._replace(tls=Tls.NEVER))

    async def _begin(self, host: Host, hop: NextHop) -> Conversation:
        try:
            conversation = (
                await connect(
                    host,
                    hop.port,
                    lambda address: Conversation(self._caller, host.name, hop, local=is_local(address)),
                    self._caller.timeouts.connect,
                )
            ).protocol
        except OSError as error:
            raise trouble(host.name, NOT_ANSWERED, str(error)) from error
        await conversation.open()
        return conversation

    async def _hand_over(
        self, conversation: Conversation, hop: NextHop, load: _Load, content: Content
    ) -> None:
        """One transaction, and others as long as the server has room for some recipients in each."""
        more = True
        try:
            while more:
                envelope, dues, offers = load.parcel.envelope, load.open_dues, conversation.offers
                outgoing, fitting = await fitted(envelope, dues, content, offers)
                outcomes = await conversation.deliver(outgoing, fitting)
                more = load.hear(outcomes, conversation) and not conversation.over
        except BaseException:
            conversation.abort()
            raise
        if not conversation.over:
            load.open.clear()
        self._idle.put(hop, conversation)


class _Load:
    """Some dues of a parcel's on their way, and what became of them so far."""

    __slots__ = ("_dues", "_found", "_taken", "open", "parcel")

    def __init__(self, parcel: Parcel, dues: Sequence[Due], taken: Result) -> None:
        self.parcel = parcel
        self._dues = dues
        self._taken = taken
        self._found: list[Outcome | None] = [None] * len(dues)
        self.open = list(range(len(dues)))
        """Which of them may be tried once more, in this connection or another one."""

    @property
    def open_dues(self) -> Sequence[Due]:
        """Those."""
        return self._dues if len(self.open) == len(self._dues) else [self._dues[at] for at in self.open]

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """What became of each, once all of it is known."""
        return [outcome for outcome in self._found if outcome is not None]

    def hear(self, outcomes: Sequence[engine.Outcome], conversation: Conversation) -> bool:
        """Take the outcomes of a transaction with all that were open; whether another one would bring them on."""
        host, reports, why = conversation.host, "DSN" in conversation.offers, conversation.why
        all_out, reused = conversation.all_out, conversation.carried > 1
        left: list[int] = []
        overflow = False
        for at, outcome in zip(self.open, outcomes, strict=True):
            self._found[at] = told(outcome, host, self._taken, reports=reports, why=why)
            overflow = overflow or outcome.overflow
            if outcome.overflow or (
                is_of_host(outcome) and not may_be_there(outcome, all_out=all_out, reused=reused)
            ):
                left.append(at)
        progress = len(left) < len(self.open)
        self.open = left
        return overflow and progress

    def forget(self) -> None:
        """What a connection that had waited came to says nothing of the host."""
        for at in self.open:
            self._found[at] = None

    def end(self, outcome: Outcome) -> None:
        """Those of whom nothing is known come to this."""
        self._found = [outcome if found is None else found for found in self._found]


def verdict(hop: NextHop, troubles: Sequence[Trouble], *, tls_or_nothing: bool) -> Outcome:
    """What it means that none of the hosts could be handed anything. Pure.

    It is put off, with everything else that goes there; but for two cases: the sender wants TLS or nothing (RFC 8689
    section 4.2.1); or each exchanger of a domain answers the mere session with a 5yz, and says by its enhanced code
    (5.7.z) that it is meant so. A smarthost's refusal is for its owner to put right, and mail waits for that.
    """
    if not troubles:
        return Outcome(Result.DEFERRED, "4.4.1", f"no host of {hop.name} is left to be tried", hop_down=True)
    outcome = troubles[0].outcome
    others = len(troubles) - 1
    if others:
        outcome = outcome._replace(why=f"{outcome.why} (and no better at {others} other hosts)")
    tls_alone = tls_or_nothing and all(isinstance(each, TlsTrouble) for each in troubles)
    if tls_alone or (hop.mx and all(each.is_policy for each in troubles)):
        return outcome._replace(result=Result.FAILED, status=f"5{outcome.status[1:]}", hop_down=False)
    return outcome
