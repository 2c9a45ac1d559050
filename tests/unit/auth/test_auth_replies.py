"""Rules of what a client is told of its login."""

from __future__ import annotations

import pytest

from mailsponge.auth.replies import DENIED, GRANTED, LATER, too_many


def test_the_codes_are_those_of_rfc_4954():
    # Section 6.
    assert [(reply.code, reply.enhanced) for reply in (GRANTED, DENIED, LATER, too_many(1))] == [
        (235, "2.7.0"),
        (535, "5.7.8"),
        (454, "4.7.0"),
        (454, "4.7.0"),
    ]


@pytest.mark.parametrize(("seconds", "told"), [(0.5, "1 minute"), (60, "1 minute"), (61, "2 minutes")])
def test_how_long_to_wait_is_told_in_minutes(seconds, told):
    assert too_many(seconds).lines[0].endswith(f"in {told}")
