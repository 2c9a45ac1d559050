"""Rules of forwarding: the same message to another address, with a line by which it is known if it comes back."""

from __future__ import annotations

import asyncio

from kit.parcels import CONTENT, RELAYED, Taker, due, parcel
from mailsponge.courier.forward import Forward
from mailsponge.mail.address import Address

TARGET = Address("me", "example.com")


def test_it_goes_to_the_other_address_with_a_line_more():
    relay = Taker()
    [outcome] = asyncio.run(Forward(relay, TARGET).deliver(parcel()))

    [(address, content)] = relay.taken
    assert outcome == RELAYED._replace(why="forwarded to me@example.com: taken by mx.example.com")
    assert address == "me@example.com"
    return_path, rest = CONTENT.split(b"\r\n", 1)
    assert content == return_path + b"\r\nDelivered-To: me@example.org\r\n" + rest
    assert relay.sizes == [len(content)]


def test_each_recipient_has_a_line_of_their_own():
    relay = Taker()
    outcomes = asyncio.run(Forward(relay, TARGET).deliver(parcel(due(), due("me+x@example.org"))))

    assert len(outcomes) == 2
    assert [b"Delivered-To: me+x@" in content for _, content in relay.taken] == [False, True]
