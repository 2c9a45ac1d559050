"""Rules of who counts as one."""

from __future__ import annotations

import pytest

from mailsponge.neighbourhood import neighbourhood


@pytest.mark.parametrize(
    ("one", "other"),
    [("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:DB8:0:0:ffff::2"), ("fe80::1%eth0", "fe80::2")],
)
def test_these_are_one(one, other):
    assert neighbourhood(one) == neighbourhood(other)


@pytest.mark.parametrize(
    ("one", "other"), [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8:0:1::1"), ("", "192.0.2.1")]
)
def test_these_are_two(one, other):
    assert neighbourhood(one) != neighbourhood(other)
