"""Rules of sharing: whoever hangs holds up nobody, and whoever waits has a turn."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailsponge.queue.lane import Lane
from mailsponge.queue.pace import LIMITS, fresh
from mailsponge.queue.share import Share, Taken, has_place


def lane(name: str, *, live: bool = False) -> Lane:
    made = Lane(name, fresh(LIMITS))
    made.live = live
    return made


def filled(share: Share, one: Lane, number: int) -> Lane:
    """So many places are its."""
    for _ in range(number):
        share.take(one)
    return one


def doubtful_ones(share: Share, number: int) -> list[int]:
    """So many come, and would like five places each; how many they get."""
    lanes = [lane(f"dead{number}.example") for number in range(number)]
    for one in lanes:
        while one.running < 5 and share.has_place(one):
            share.take(one)
    return [one.running for one in lanes]


def test_doubtful_hops_have_one_place_each_and_share_a_quarter_for_more():
    assert doubtful_ones(Share(200), 100) == [5] * 10 + [1] * 90


def test_somebody_new_is_not_kept_out_by_a_hundred_that_hang():
    share = Share(200)
    doubtful_ones(share, 100)

    assert share.has_place(lane("new.example"))


def test_however_many_the_doubtful_are_live_hops_have_half_of_the_places():
    share, alive = Share(200), lane("alive.example", live=True)
    assert sum(doubtful_ones(share, 1000)) == 300
    while share.has_place(alive):
        share.take(alive)

    assert alive.running == 100


def test_when_many_are_new_each_is_tried_once_before_any_is_tried_twice():
    share = Share(200)
    new = [lane(f"new{number}.example") for number in range(100)]
    for one in new:
        while share.has_place(one):
            share.take(one)

    assert [one.running for one in new] == [50] + [1] * 99


def test_live_hops_may_have_all_places():
    share = Share(200)
    filled(share, lane("alive.example", live=True), 200)

    assert share.taken == 200
    assert not share.has_place(filled(Share(200), lane("busy.example", live=True), 200))


def test_when_all_is_taken_a_live_hop_that_has_nothing_may_begin_one():
    share = Share(200)
    filled(share, lane("hangs-now.example", live=True), 200)
    other = lane("alive.example", live=True)

    assert share.has_place(other)
    share.take(other)
    assert not share.has_place(other)


def test_when_all_is_taken_somebody_new_may_begin_too():
    share = Share(200)
    filled(share, lane("busy.example", live=True), 200)
    begun = 0
    for number in range(100):
        one = lane(f"new{number}.example")
        if share.has_place(one):
            share.take(one)
            begun += 1

    assert begun == 100


def test_who_turns_out_to_be_live_gives_the_doubtful_more_room():
    share = Share(20)
    first, second = lane("a.example"), lane("b.example")
    filled(share, first, 5)
    filled(share, second, 1)
    assert not share.has_place(second)

    share.judge(first, live=True)

    assert share.has_place(second)


def test_turns_go_round():
    share = Share(200)
    for name in ("a", "b", "c"):
        share.wait(lane(name, live=True))
    again = share.next()
    assert again is not None
    share.wait(again)

    assert [one.name for one in iter(share.next, None)] == ["b", "c", "a"]


def test_nobody_stands_in_line_twice():
    share = Share(200)
    one = lane("a.example", live=True)
    share.wait(one)
    share.wait(one)

    assert share.waiting == 1


def test_the_doubtful_are_served_first_up_to_a_quarter_and_then_the_live():
    share = Share(8)
    new, alive = [lane(f"new{n}") for n in range(3)], [lane(f"alive{n}", live=True) for n in range(3)]
    for one in [*alive, *new]:
        share.wait(one)
    turns = []
    while (one := share.next()) is not None:
        share.take(one)
        turns.append(one.name)

    assert turns == ["new0", "new1", "alive0", "alive1", "alive2", "new2"]


def test_a_place_is_given_up_only_if_somebody_could_have_it():
    share = Share(8)
    busy = filled(share, lane("busy", live=True), 4)
    filled(share, lane("dead"), 4)
    share.wait(filled(Share(8), lane("dead too"), 1))
    assert not share.is_pressed(busy)

    share.wait(lane("alive", live=True))
    assert share.is_pressed(busy)


def test_those_that_fail_never_keep_out_somebody_new():
    share = Share(200)
    failing = [lane(f"dead{number}.example") for number in range(1000)]
    for one in failing:
        share.judge(one, live=False)
        if share.has_place(one):
            share.take(one)
        else:
            share.wait(one)
    new = lane("new.example")
    share.wait(new)

    assert share.taken == 25
    assert share.next() is new


def test_who_fails_while_it_waits_holds_up_nobody_behind_it():
    share = Share(16)
    dead, new = [lane(f"dead{number}.example") for number in range(3)], lane("new.example")
    for one in [*dead, new]:
        share.wait(one)
    for one in dead:
        share.judge(one, live=False)
    filled(share, lane("x"), 1)
    share.take(dead[0])
    share.take(dead[1])

    assert share.next() is new


def test_who_fails_with_what_is_under_way_counts_as_failing_until_it_answers():
    share = Share(16)
    one, other = filled(share, lane("a.example"), 2), lane("b.example")
    share.judge(one, live=False)
    share.judge(other, live=False)
    assert not share.has_place(other)

    share.judge(one, live=True)
    assert share.has_place(other)
    share.give_back(one)
    share.judge(one, live=False)
    share.give_back(one)
    assert share.has_place(other)


@given(
    st.integers(4, 300),
    st.integers(0, 700),
    st.floats(0, 1),
    st.sampled_from([(True, False), (False, False), (False, True)]),
    st.booleans(),
)
def test_never_more_than_twice_the_places_and_a_live_hop_without_one_gets_one_below_that(
    most, taken, part, standing, idle
):
    live, failing = standing
    doubtful = int(taken * part)
    placed = has_place(most, Taken(taken, doubtful, 0), live=live, failing=failing, idle=idle)

    assert not placed or taken < 2 * most
    if live and idle and taken < 2 * most:
        assert placed
    if not live and not idle:
        assert not placed or doubtful < most // 4
    if live and taken < most:
        assert placed
