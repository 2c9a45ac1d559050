"""A job's settings: what is kept with the ledger, without secrets, and read back by whoever squeezes next."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from mailsponge.errors import UsageError
from mailsponge.sponge.model import CRITICAL, ERROR
from mailsponge.sponge.policy import Policy
from mailsponge.sponge.settings import Settings, addresses, check_address

FULL = Settings(
    job="podcasts \udcff",
    toaddrs=("me@example.org", "jörg@example.org"),
    fromaddr="sponge@example.org",
    mailhost="smtp://me@mail.example.org:587?starttls=require",
    subject="Søndag",
    timeout=2.5,
    patience={"ERROR": "3 of 5 runs", "CRITICAL": "now"},
    recover_after=2,
    remind="never",
    common_cause=1,
)


def fields(**changed: Any) -> dict[str, Any]:
    return FULL.to_json() | changed


@pytest.mark.parametrize("settings", [FULL, Settings("job", ("me@example.org",))])
def test_settings_read_back_as_they_were(settings):
    assert Settings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_every_setting_is_kept():
    assert set(FULL.to_json()) == set(Settings.__dataclass_fields__) - {"policy"}


def test_the_policy_follows_from_the_settings():
    assert list(FULL.policy.limits) == [ERROR, CRITICAL]
    assert FULL.policy.recover_after == 2
    assert FULL.policy.reminders == ()
    assert FULL.policy.common_cause == 1
    assert Settings("job", ("me@example.org",)).policy == Policy()


def test_what_a_newer_version_added_is_passed_over():
    assert Settings.from_json(fields(silence="1 day", policy="x")) == FULL


def test_what_an_older_version_did_not_know_has_its_default():
    assert Settings.from_json({"job": "job", "toaddrs": ["me@example.org"]}) == Settings(
        "job", ("me@example.org",)
    )


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        {"job": "job"},
        {"toaddrs": ["me@example.org"]},
        fields(toaddrs=None),
        fields(toaddrs=5),
        fields(toaddrs=[5]),
        fields(toaddrs=[]),
        fields(toaddrs=["me@example.org\r\nBcc: x"]),
        fields(patience=5),
        fields(patience="soon"),
        fields(patience={"ERROR": 5}),
        fields(remind=None),
        fields(recover_after="2"),
        fields(common_cause=None),
        fields(timeout="5"),
        5,
        None,
        "toaddrs",
        ["toaddrs"],
    ],
)
def test_settings_that_cannot_be_read_are_a_usage_error(damaged):
    with pytest.raises(UsageError):
        Settings.from_json(damaged)


def test_a_job_that_mails_to_nobody_is_refused_with_what_to_do():
    with pytest.raises(UsageError, match="job 'job': nobody to mail to: give toaddrs, or set MAILSPONGE_TO"):
        Settings("job", ())


@pytest.mark.parametrize("timeout", [0, -1, "5", None, math.nan, math.inf, 86401])
def test_a_timeout_is_a_number_of_seconds_that_ends(timeout):
    with pytest.raises(UsageError, match="timeout"):
        Settings("job", ("me@example.org",), timeout=timeout)


@pytest.mark.parametrize("timeout", [0.001, 5, 86400])
def test_a_timeout_may_be_short_or_long(timeout):
    assert Settings("job", ("me@example.org",), timeout=timeout).timeout == timeout


# Addresses


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("me@example.org", ("me@example.org",)),
        ("me@example.org, you@example.org,", ("me@example.org", "you@example.org")),
        (["me@example.org", " you@example.org "], ("me@example.org", "you@example.org")),
        (("root",), ("root",)),
        ("", ()),
        ([], ()),
        (" , ", ()),
        ("jörg@bücher.example", ("jörg@bücher.example",)),
    ],
)
def test_addresses_are_taken_as_smtp_handlers_are(given, found):
    assert addresses(given) == found


@pytest.mark.parametrize(
    "address",
    [
        "me@example.org\r\nBcc: you@example.org",
        "me@example.org\nRCPT TO:<you@example.org>",
        "me\0@example.org",
        "me@example.org\x1b[2J",
        "Me <me@example.org>",
        "me@example.org>",
        "me you@example.org",
        "me@example.org you@example.org",
        "m\udcffe@example.org",
        "m\u202ee@example.org",
        "@",
        "",
    ],
)
def test_what_would_break_out_of_a_header_or_a_command_is_no_address(address):
    with pytest.raises(UsageError, match="is no mail address: write it as me@") as refused:
        check_address(address)

    assert repr(address) in str(refused.value)


def test_one_bad_address_among_several_is_refused():
    with pytest.raises(UsageError, match="Me <me@"):
        addresses(["you@example.org", "Me <me@example.org>"])
