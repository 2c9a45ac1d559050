"""The slider: what is decided on anew is bounded, and comes to the same as all of it would."""

from __future__ import annotations

import pytest
from histories import DAY, HOUR, NOW, episode, hourly, ledger_of, read
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsponge.errors import UsageError
from mailsponge.sponge.model import CRITICAL, ERROR, INFO, WARNING
from mailsponge.sponge.policy import Policy
from mailsponge.sponge.replay import replayed
from mailsponge.web.dashboard import replaying
from mailsponge.web.dashboard.replaying import (
    Kept,
    Replays,
    lightened,
    newest,
    patience_kept,
    with_patience,
)


def kinds(kept: replaying.History, patience: str) -> list[str]:
    came = replaying.under(kept, patience)
    return [f"{flip.kind} {flip.source}" for mail in came.mails for flip in mail.flips]


def test_another_patience_brings_other_mails():
    kept = read(ledger_of(*hourly("", "a", "a", "a", "")))

    assert kinds(kept, "now") == ["new a", "recovered a"]
    assert kinds(kept, "3 runs") == ["new a", "recovered a"]
    assert kinds(kept, "4 runs") == []


def test_only_the_last_90_days_count():
    old, new = episode(1, NOW - 91 * DAY, a=ERROR), episode(2, NOW - 89 * DAY, a=ERROR)

    assert [each.run.id for each in read(ledger_of(old, new)).episodes] == ["r2"]


def test_of_more_than_can_be_decided_at_once_the_newest_are_taken(monkeypatch):
    monkeypatch.setattr(replaying, "MOST_DECIDED", 7)
    kept = read(ledger_of(*hourly("abc", "abc", "abc", "abc")))

    assert [each.run.id for each in kept.episodes] == ["r3", "r4"]
    assert kept.earlier == 2


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(0, 30))
def test_the_newest_are_as_many_as_there_is_room_for(sizes, most):
    episodes = [episode(n, **dict.fromkeys(map(str, range(size)), INFO)) for n, size in enumerate(sizes)]

    taken = newest(episodes, most)

    assert list(taken) == episodes[len(episodes) - len(taken) :]
    assert sum(len(each.attempts) for each in taken) <= most
    if len(taken) < len(episodes):
        assert sum(len(each.attempts) for each in episodes[len(episodes) - len(taken) - 1 :]) > most


LEVELS = st.sampled_from([INFO, INFO, INFO, WARNING, ERROR, CRITICAL])
RUNS = st.lists(st.dictionaries(st.sampled_from("abcdefghijklmnop"), LEVELS, max_size=16), max_size=25)


@settings(max_examples=60)
@given(
    RUNS, st.sampled_from(["now", "2 runs", "3 runs", "2 of 4 runs"]), st.sampled_from([0.3, 0.56, 0.8, 1.0])
)
def test_leaving_out_who_never_fails_changes_no_mail(runs, patience, share):
    episodes = [episode(n, NOW + n * HOUR, **named) for n, named in enumerate(runs, 1)]
    policy = Policy(patience=patience, common_cause=share)

    light = lightened(episodes, policy)

    assert replayed(policy, light).mails == replayed(policy, episodes).mails


def test_who_never_fails_is_left_out():
    light = lightened(hourly("", "a", ""), Policy())

    assert [list(each.attempts) for each in light] == [["a"], ["a"], ["a"]]


def test_where_some_fail_at_once_as_many_are_kept_as_tell_whether_it_is_one_cause():
    failing, well = dict.fromkeys("abcdefgh", ERROR), {str(n): INFO for n in range(100)}

    assert len(lightened([episode(1, **failing, **well)], Policy())[0].attempts) == 8 + 3
    assert len(lightened([episode(1, **failing, one=INFO)], Policy())[0].attempts) == 8 + 1


@given(st.integers(3, 500), st.floats(0.01, 1.0))
def test_as_many_as_are_kept_rule_a_common_cause_out(fails, share):
    assert fails / (fails + replaying.enough_well(fails, share)) < share


# The patience


def test_a_patience_for_each_level_keeps_that_of_the_higher_ones():
    policy = with_patience({"patience": {"ERROR": "3 runs", "CRITICAL": "now"}}, "5 runs")

    assert {level: str(limit) for level, limit in policy.limits.items()} == {ERROR: "5 runs", CRITICAL: "now"}


def test_a_patience_for_all_levels_is_replaced():
    assert with_patience({"patience": "2 runs"}, "1 day").patience == "1 day"


@pytest.mark.parametrize(
    ("kept", "shown"),
    [(None, "3 runs"), ("6 hours", "6 hours"), ({"WARNING": "9 runs", "ERROR": "now"}, "9 runs")],
)
def test_a_job_has_its_own(kept, shown):
    assert patience_kept({"patience": kept}) == shown


@pytest.mark.parametrize("patience", ["soon", "", "0 runs", "now or " * 50 + "now"])
def test_what_is_no_patience_is_refused(patience):
    with pytest.raises(UsageError, match="patience"):
        with_patience({"patience": None}, patience)


# What is kept


def test_a_patience_is_decided_once():
    kept = Kept(read(ledger_of(*hourly("", "a"))))

    assert kept.under("now") is kept.under("now")


def test_a_history_is_read_once_a_version():
    replays = Replays()
    first = replays.of("job", 1, lambda: replaying.NOTHING)

    assert replays.of("job", 1, lambda: replaying.NOTHING) is first
    assert replays.of("job", 2, lambda: replaying.NOTHING) is not first


def test_one_of_which_nobody_knows_whether_it_has_changed_is_read_each_time():
    replays = Replays()

    assert replays.of("job", None, lambda: replaying.NOTHING) is not replays.of(
        "job", None, lambda: replaying.NOTHING
    )


def test_of_many_histories_the_last_are_kept():
    replays = Replays()
    first = replays.of(0, 1, lambda: replaying.NOTHING)
    for job in range(1, 20):
        replays.of(job, 1, lambda: replaying.NOTHING)

    assert replays.of(0, 1, lambda: replaying.NOTHING) is not first
