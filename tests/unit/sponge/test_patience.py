"""Patience: every form of the grammar, what each says of a streak, and refusals that show the grammar."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsponge.errors import UsageError
from mailsponge.sponge.patience import (
    GRAMMAR,
    LONGEST_WINDOW,
    All,
    AnyOf,
    Lasting,
    Never,
    OfRuns,
    Runs,
    Streak,
    duration,
    ended_by,
    length,
    longest_window,
    parse,
)

HOUR = 3600.0
DAY = 86400.0


def streak(runs: int = 0, window: tuple[bool, ...] = (), lasting: float = 0.0) -> Streak:
    return Streak(runs, window, lasting)


# The grammar


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("3 runs", Runs(3)),
        ("1 run", Runs(1)),
        ("999999 runs", Runs(999999)),
        ("3 of 5 runs", OfRuns(3, 5)),
        ("1 of 1 run", OfRuns(1, 1)),
        (f"1 of {LONGEST_WINDOW} runs", OfRuns(1, LONGEST_WINDOW)),
        ("30 min", Lasting(1800.0)),
        ("30 minutes", Lasting(1800.0)),
        ("1 hour", Lasting(HOUR)),
        ("2 hours", Lasting(2 * HOUR)),
        ("1.5 hours", Lasting(1.5 * HOUR)),
        ("2hours", Lasting(2 * HOUR)),
        ("1 day", Lasting(DAY)),
        ("2 weeks", Lasting(14 * DAY)),
        ("now", Runs(1)),
        ("never", Never()),
    ],
)
def test_every_form_of_a_limit_is_understood(text, limit):
    assert parse(text) == limit


@pytest.mark.parametrize("text", ["3 RUNS", "  3   runs ", "3\truns", "3\nRuns"])
def test_case_and_space_do_not_matter(text):
    assert parse(text) == Runs(3)


def test_and_asks_for_all_of_its_limits():
    assert parse("3 runs and 2 hours") == All((Runs(3), Lasting(2 * HOUR)))


def test_or_asks_for_any_of_its_terms():
    assert parse("3 runs or 2 hours or now") == AnyOf((Runs(3), Lasting(2 * HOUR), Runs(1)))


def test_and_binds_before_or():
    assert parse("5 runs or 2 runs and 1 hour") == AnyOf((Runs(5), All((Runs(2), Lasting(HOUR)))))
    assert parse("2 runs and 1 hour or 5 runs") == AnyOf((All((Runs(2), Lasting(HOUR))), Runs(5)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "soon",
        "3",
        "runs",
        "-3 runs",
        "3.5 runs",
        "three runs",
        "0 runs",
        "0 of 5 runs",
        "6 of 5 runs",
        f"3 of {LONGEST_WINDOW + 1} runs",
        "3 of runs",
        "1000000 runs",
        "3 runs or",
        "and 3 runs",
        "3 runs and and 1 hour",
        "3 runs, 1 hour",
        "3 runsor now",
        "2 months",
        "1e3 hours",
        "1 hour 30 min",
        "never again",
        "٣ runs",
    ],
)
def test_what_is_not_understood_is_refused_with_the_grammar(text):
    with pytest.raises(UsageError) as refused:
        parse(text)

    assert repr(text) in str(refused.value)
    assert GRAMMAR in str(refused.value)


@pytest.mark.parametrize("given", [3, 3.0, None, ["3 runs"], b"3 runs"])
def test_what_is_no_text_is_refused_with_the_grammar(given):
    with pytest.raises(UsageError, match="is not a text") as refused:
        parse(given)

    assert GRAMMAR in str(refused.value)


def test_a_window_looks_back_on_a_hundred_verdicts_at_most():
    assert LONGEST_WINDOW == 100


def test_a_refusal_is_a_value_error():
    with pytest.raises(ValueError, match="soon"):
        parse("soon")


def test_the_grammar_names_every_form():
    for example in ("3 runs", "3 of 5 runs", "2 hours", "now", "never"):
        assert f'"{example}"' in GRAMMAR
        parse(example)


limits = st.one_of(
    st.builds(Runs, st.integers(1, 999999)),
    st.integers(1, LONGEST_WINDOW).flatmap(lambda m: st.builds(OfRuns, st.integers(1, m), st.just(m))),
    st.builds(Lasting, st.sampled_from([60.0, 1800.0, HOUR, 2 * HOUR, DAY, 5 * DAY])),
    st.just(Never()),
)
terms = limits | st.lists(limits, min_size=2, max_size=3).map(lambda some: All(tuple(some)))
patiences = terms | st.lists(terms, min_size=2, max_size=3).map(lambda some: AnyOf(tuple(some)))


@settings(deadline=None)
@given(patiences)
def test_what_a_patience_says_of_itself_reads_back_as_the_same(limit):
    assert parse(str(limit)) == limit


# What a limit says of a streak


@pytest.mark.parametrize(("runs", "over"), [(0, False), (2, False), (3, True), (4, True)])
def test_runs_are_over_at_the_nth_failure_and_not_before(runs, over):
    assert Runs(3).over(streak(runs)) is over


@pytest.mark.parametrize(
    ("window", "over"),
    [
        ((True, False, True), False),
        ((True, False, True, True), True),
        ((True, True, True, False, False), True),
        ((True, False, False, True, False, True), False),
    ],
)
def test_n_of_m_runs_looks_at_the_last_m_verdicts_alone(window, over):
    assert OfRuns(3, 5).over(streak(1, window)) is over


def test_a_short_history_does_not_count_as_a_full_one():
    assert not OfRuns(3, 5).over(streak(2, (True, True)))


def test_n_of_m_runs_is_not_over_while_nothing_fails():
    assert not OfRuns(2, 5).over(streak(0, (True, True, False)))


@pytest.mark.parametrize(
    ("runs", "lasting", "over"),
    [(2, HOUR - 1, False), (2, HOUR, True), (3, 2 * HOUR, True), (1, 2 * HOUR, False)],
)
def test_a_duration_needs_two_failed_runs_that_far_apart(runs, lasting, over):
    assert Lasting(HOUR).over(streak(runs, lasting=lasting)) is over


def test_now_is_over_with_the_first_failure():
    assert parse("now").over(streak(1))


def test_never_is_never_over():
    assert not Never().over(streak(10**6, (True,) * 100, 10**9))


def test_all_are_over_only_together():
    both = parse("3 runs and 1 hour")

    assert not both.over(streak(3, lasting=HOUR - 1))
    assert not both.over(streak(2, lasting=HOUR))
    assert both.over(streak(3, lasting=HOUR))


def test_any_of_them_is_enough():
    either = parse("3 runs or 1 hour")

    assert either.over(streak(3))
    assert either.over(streak(2, lasting=HOUR))
    assert not either.over(streak(2, lasting=HOUR - 1))


def test_of_several_terms_the_one_that_is_over_is_named():
    assert ended_by(parse("5 runs or 1 hour"), streak(2, lasting=HOUR)) == Lasting(HOUR)
    assert ended_by(parse("5 runs or 1 hour"), streak(5, lasting=HOUR)) == Runs(5)
    assert ended_by(parse("5 runs or 1 hour"), streak(1)) is None
    assert ended_by(parse("2 runs and 1 hour"), streak(2, lasting=HOUR)) == All((Runs(2), Lasting(HOUR)))


@pytest.mark.parametrize(
    ("text", "verdicts"),
    [("3 runs", 0), ("2 of 7 runs", 7), ("2 of 7 runs or 3 of 9 runs and now", 9), ("1 hour or never", 0)],
)
def test_a_patience_knows_how_far_it_looks_back(text, verdicts):
    assert longest_window(parse(text)) == verdicts


# Durations and lengths


@pytest.mark.parametrize(
    ("text", "seconds"), [("30 min", 1800.0), ("1 Hour", HOUR), ("0.5 day", DAY / 2), ("1 week", 7 * DAY)]
)
def test_a_duration_is_read_in_seconds(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["0 hours", "0 runs", "0 of 3 runs", "2 runs and 0.0 min", "0 days or 2 runs"]
)
def test_what_would_be_over_before_anything_failed_is_refused(text):
    with pytest.raises(UsageError, match="would be over before anything failed"):
        parse(text)


@pytest.mark.parametrize("text", ["", "soon", "1", "hour", "-1 hour", "3 runs", "1 hour 5 min"])
def test_what_is_no_duration_is_refused_with_examples(text):
    with pytest.raises(UsageError, match='say "30 min"') as refused:
        duration(text)

    assert repr(text) in str(refused.value)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 seconds"),
        (0, "0 seconds"),
        (1, "1 second"),
        (40.4, "40 seconds"),
        (60, "1 minute"),
        (90, "1.5 minutes"),
        (3600, "1 hour"),
        (5400, "1.5 hours"),
        (86400, "1 day"),
        (3 * 86400, "3 days"),
    ],
)
def test_a_length_is_said_in_its_largest_fitting_unit(seconds, said):
    assert length(seconds) == said
