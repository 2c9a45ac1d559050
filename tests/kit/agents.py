"""Letters that agents deliver, as what root's process has them do: each becomes the recipient, ``games``."""

from __future__ import annotations

import os
import pwd
import socket

import msgspec

from kit.orders import HOUSE, LETTER, ORDER
from mailsponge.accounts import Accounts, Deliver
from mailsponge.courier.letter import laid_out
from mailsponge.courier.ways import Ways
from mailsponge.mail.outcome import Outcome
from mailsponge.server.agents import DELIVER, Agents

GAMES = pwd.getpwnam("games")
"""Somebody whom every Debian has."""


def agents(deliver: str, user: str = "games", **more: object) -> Agents:
    """What the parent has, if the configuration says this for one user."""
    ways = {user: Deliver.parse(deliver)}
    accounts = Accounts(["example.org"], [user], deliver=ways)
    return Agents(Ways(accounts, HOUSE, {"users.games.deliver": ways[user]}), **more)


class Waiting:
    """The server's side of one letter."""

    def __init__(self, working: Agents, **order: object) -> None:
        self._agents = working
        self.request = DELIVER + msgspec.json.encode(ORDER._replace(user="games")._replace(**order))
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def start(self, letter: bytes = LETTER) -> None:
        with laid_out([letter], len(letter)) as whole, self.theirs:
            self._agents.start(self.request, [os.dup(whole), os.dup(self.theirs.fileno())])

    def outcome(self) -> Outcome:
        """What it comes to; the agent is seen to its end."""
        self.all_end()
        with self.ours:
            return msgspec.json.decode(self.ours.recv(20_000), type=Outcome)

    def all_end(self) -> None:
        while self._agents.patience is not None:
            self._agents.look_after()


def delivered(working: Agents, letter: bytes = LETTER, **order: object) -> Outcome:
    waiting = Waiting(working, **order)
    waiting.start(letter)
    return waiting.outcome()
