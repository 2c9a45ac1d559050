"""Rules of who may come in."""

from __future__ import annotations

from mailsponge.server.doors import TOO_MANY, TOO_MANY_OF_YOURS, Doors


def test_each_address_has_its_share(rules):
    doors = Doors()
    rules = rules._replace(connections_per_address=2)
    doors.enter("192.0.2.1", rules)
    doors.enter("192.0.2.1", rules)

    assert doors.enter("192.0.2.1", rules) is TOO_MANY_OF_YOURS
    assert doors.enter("192.0.2.2", rules) is None


def test_all_together_have_theirs(rules):
    doors = Doors()
    rules = rules._replace(connections=2)
    doors.enter("192.0.2.1", rules)
    doors.enter("192.0.2.2", rules)

    assert doors.enter("192.0.2.3", rules) is TOO_MANY


def test_who_leaves_makes_room(rules):
    doors = Doors()
    rules = rules._replace(connections=1)
    doors.enter("192.0.2.1", rules)
    doors.leave("192.0.2.1")

    assert doors.enter("192.0.2.1", rules) is None


def test_a_whole_ipv6_network_is_one_address(rules):
    doors = Doors()
    rules = rules._replace(connections_per_address=1)
    doors.enter("2001:db8::1", rules)

    assert doors.enter("2001:db8::ffff:2", rules) is TOO_MANY_OF_YOURS
    assert doors.enter("2001:db8:0:1::1", rules) is None


def test_a_link_local_address_may_name_its_interface(rules):
    doors = Doors()

    assert doors.enter("fe80::1%eth0", rules) is None
    doors.leave("fe80::1%eth0")


def test_a_limit_that_was_lowered_counts_for_the_next(rules):
    doors = Doors()
    for _ in range(5):
        doors.enter("192.0.2.1", rules)

    assert doors.enter("192.0.2.1", rules._replace(connections=5)) is TOO_MANY
