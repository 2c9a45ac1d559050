"""Rules of the runner: what is due is tried, what it comes to is kept, and nothing else waits for it."""

from __future__ import annotations

import logging

import pytest

from kit.queue_house import (
    BEGINNING,
    DEFERRED,
    DOWN,
    FAILED,
    RELAYED,
    Hangs,
    House,
    Raises,
    Says,
    played,
)
from mailsponge.mail.notify import Action
from mailsponge.mail.outcome import Result
from mailsponge.queue.schedule import DAY, HOUR, MINUTE, SCHEDULE
from mailsponge.store.protocol import HopDown


def results(house: House) -> list[str]:
    return [str(settlement.outcome.result) for settlement in house.store.settled]


def test_a_message_that_comes_is_tried_at_once_and_what_it_came_to_is_kept():
    async def story(house):
        house.store.put("you@example.net")
        await house.quiet()

        assert house.courier.tried == [["you@example.net"]]
        [settlement] = house.store.settled
        assert settlement.outcome == RELAYED
        assert settlement.next_attempt_at is None
        assert house.store.waiting == []

    played(story)


def test_what_waited_before_the_start_is_tried_too():
    async def run(house):
        house.store.put("you@example.net", quietly=True)
        await house.pass_(MINUTE)

        assert results(house) == ["relayed"]

    played(run)


def test_recipients_of_a_message_go_together_and_each_has_its_outcome():
    async def story(house):
        house.courier = Says(RELAYED, b=DEFERRED, c=FAILED)
        house.store.put("a@example.net", "b@example.net", "c@example.net")
        await house.quiet()

        assert house.courier.tried == [["a@example.net", "b@example.net", "c@example.net"]]
        assert sorted(results(house)) == ["deferred", "failed", "relayed"]

    played(story)


def test_what_is_deferred_is_tried_again_when_the_schedule_says_so():
    async def story(house):
        house.courier = Says(DEFERRED)
        house.store.put("you@example.net")
        await house.pass_(35 * MINUTE)

        assert [settlement.at - BEGINNING for settlement in house.store.settled] == [
            0,
            5 * MINUTE,
            15 * MINUTE,
            35 * MINUTE,
        ]

    played(story)


def test_it_is_tried_again_in_time_however_short_that_is():
    async def story(house):
        house.courier = Says(DEFERRED)
        house.store.put("a@example.net")
        await house.pass_(3)
        house.store.put("b@example.net")
        await house.pass_(10)

        assert [settlement.at - BEGINNING for settlement in house.store.settled] == [0, 3, 7, 10]

    played(story, schedule=SCHEDULE._replace(first=7.0, longest=70.0))


def test_who_cannot_be_reached_for_five_days_is_given_up_and_the_sender_heard_of_it_twice():
    async def story(house):
        house.courier = Says(DEFERRED)
        number = house.store.put("you@example.net")
        await house.pass_(5 * DAY)

        last = house.store.settled[-1]
        assert last.outcome.result is Result.FAILED
        assert last.outcome.status == "5.4.7"
        assert last.outcome.why == "could not be delivered for 5 days; last: busy"
        assert last.outcome.reply == DEFERRED.reply
        assert last.at == BEGINNING + 5 * DAY
        assert house.notes.told == [
            (number, Action.DELAYED, ["you@example.net"]),
            (number, Action.FAILED, ["you@example.net"]),
        ]
        assert house.store.waiting == []

    played(story)


def test_of_one_end_of_several_recipients_one_report_tells():
    async def story(house):
        house.courier = Says(FAILED, b=RELAYED)
        number = house.store.put("a@example.net", "b@example.net", "c@example.net")
        await house.quiet()

        assert house.notes.told == [(number, Action.FAILED, ["a@example.net", "c@example.net"])]
        assert len(house.store.reports) == 1
        assert house.store.batches == [3]

    played(story)


def test_of_an_alias_that_leads_to_many_the_sender_hears_once():
    async def story(house):
        house.courier = Says(FAILED)
        number = house.store.put("all@example.org", leads_to=[f"you@{at}.example" for at in range(50)])
        await house.quiet()

        [(message, action, _)] = house.notes.told
        assert (message, action, len(house.store.reports)) == (number, Action.FAILED, 1)
        assert {settlement.outcome.why for settlement in house.store.settled} == {
            "unknown",
            "unknown; its sender was told of this recipient before",
        }
        assert not house.store.waiting

    played(story)


def test_a_report_itself_is_never_reported():
    async def story(house):
        house.courier = Says(FAILED)
        house.store.put("you@example.net", sender=None)
        await house.quiet()

        assert house.notes.told == []
        assert house.store.settled[0].outcome.why == "unknown; nobody hears of it, for it is a report itself"

    played(story)


@pytest.mark.parametrize(
    ("wish", "outcome", "told"),
    [
        ("NEVER", FAILED, []),
        ("SUCCESS", FAILED, []),
        ("FAILURE", FAILED, [Action.FAILED]),
        ("SUCCESS", RELAYED, [Action.RELAYED]),
        ("SUCCESS", RELAYED._replace(result=Result.DELIVERED), [Action.DELIVERED]),
        ("SUCCESS", RELAYED._replace(reports=True), []),
        ("FAILURE", RELAYED, []),
    ],
)
def test_the_sender_hears_what_they_wished_to_hear(wish, outcome, told):
    async def story(house):
        house.courier = Says(outcome)
        house.store.put("you@example.net", notify=frozenset((wish,)))
        await house.quiet()

        assert [action for _, action, _ in house.notes.told] == told

    played(story)


def test_a_report_that_can_go_nowhere_is_dropped_and_the_trace_says_so(caplog):
    async def story(house):
        house.courier = Says(FAILED)
        house.notes.refuses = "nobody lives there"
        house.store.put("you@example.net")
        await house.quiet()

        [settlement] = house.store.settled
        assert settlement.outcome.why == "unknown; its sender could not be told: nobody lives there"
        assert house.store.reports == []
        assert house.runner.counts.reports_dropped == 1

    played(story)
    assert 'action=failed why="nobody lives there"' in caplog.text


def test_a_courier_with_a_mistake_costs_one_attempt_and_its_traceback_is_in_the_log(caplog):
    async def story(house):
        house.courier = Raises(RuntimeError("no\n2026-01-31T07:30:00Z taken id=17"))
        house.store.put("you@example.net")
        await house.quiet()

        [settlement] = house.store.settled
        assert settlement.outcome.result is Result.DEFERRED
        assert settlement.outcome.status == "4.3.0"
        assert settlement.next_attempt_at == BEGINNING + 5 * MINUTE
        assert house.runner.counts.mistakes == 1

    played(story)
    assert "RuntimeError" in caplog.text
    assert "\n2026" not in caplog.text


def test_a_courier_that_forgets_a_recipient_has_a_mistake():
    class Forgets(Says):
        async def deliver(self, parcel):
            return (await super().deliver(parcel))[1:]

    async def story(house):
        house.courier = Forgets()
        house.store.put("a@example.net", "b@example.net")
        await house.quiet()

        assert results(house) == ["deferred", "deferred"]

    played(story)


def test_nobody_to_deliver_it_is_a_mistake_too():
    async def story(house):
        house.couriers = None
        house.store.put("a@example.net", "b@example.net")
        await house.quiet()

        assert results(house) == ["deferred", "deferred"]

    played(story)


def test_a_message_that_cannot_be_read_waits():
    class Reads(Says):
        async def work(self, parcel):
            list(parcel.content())

    async def story(house):
        house.courier = Reads()
        house.store.fails.add("content")
        house.store.put("you@example.net")
        await house.quiet()

        [settlement] = house.store.settled
        assert settlement.outcome.why == "the message could not be read: the disk is gone"
        assert house.runner.counts.mistakes == 0

    played(story)


def test_mail_that_goes_in_circles_fails_untried():
    async def story(house):
        house.store.put("you@example.net", content=b"Received: x\r\n" * 51 + b"\r\n")
        await house.quiet()

        assert house.courier.tried == []
        [settlement] = house.store.settled
        assert settlement.outcome.status == "5.4.6"

    played(story)


def test_who_was_delivered_to_before_is_not_again_but_the_others_are():
    async def story(house):
        content = b"Delivered-To: a@example.org\r\n\r\n"
        house.store.put("a@example.org", "b@example.org", user="me", hop="maildir me", content=content)
        await house.quiet()

        assert house.courier.tried == [["b@example.org"]]
        assert sorted(results(house)) == ["failed", "relayed"]

    played(story)


def test_recipients_whose_couriers_differ_go_apart():
    async def story(house):
        house.couriers = {"a.example": Says(), "b.example": Says(FAILED)}
        house.store.put("x@a.example", "y@b.example", "z@a.example", hop="smtp.example.net:587")
        await house.quiet()

        assert house.couriers["a.example"].tried == [["x@a.example", "z@a.example"]]
        assert house.couriers["b.example"].tried == [["y@b.example"]]

    played(story)


# Pace and fairness.


def test_five_at_once_go_to_a_next_hop_that_nothing_is_known_of():
    async def story(house):
        house.courier = Hangs()
        for _ in range(50):
            house.store.put("you@example.net", quietly=True)
        house.store.wake("example.net")
        await house.quiet()

        assert house.courier.at_once == 5
        assert len(house.store.claimed) == 5
        house.courier.go_on.set()
        await house.quiet()
        assert len(house.store.settled) == 50

    played(story)


def test_twenty_at_once_go_to_one_that_has_answered_well():
    async def story(house):
        for _ in range(600):
            house.store.put("you@example.net", quietly=True)
        house.store.wake("example.net")
        await house.quiet()

        assert len(house.store.settled) == 600
        assert 15 <= house.courier.most_at_once <= 20
        assert house.store.claimed == set()

    played(story)


def test_what_comes_while_something_hangs_is_tried_beside_it():
    async def story(house):
        house.courier = Hangs()
        house.store.put("slow@example.net")
        await house.quiet()
        house.courier = Says()
        house.store.put("quick@example.net")
        await house.quiet()

        assert house.courier.tried == [["quick@example.net"]]

    played(story)


def test_a_hundred_hops_that_hang_do_not_hold_up_one_that_answers():
    async def story(house):
        house.couriers["alive.example"] = Says()
        house.store.put("you@alive.example")
        await house.quiet()
        house.courier = Hangs()
        for number in range(100):
            for _ in range(10):
                house.store.put(f"you@dead{number}.example")
        await house.quiet()

        assert house.courier.at_once == 100
        for _ in range(500):
            house.store.put("you@alive.example")
        await house.quiet()
        assert len(house.couriers["alive.example"].tried) == 501

    played(story)


def test_nor_one_that_nothing_is_known_of():
    async def story(house):
        house.couriers["new.example"] = Says()
        house.courier = Hangs()
        for number in range(100):
            for _ in range(10):
                house.store.put(f"you@dead{number}.example")
        await house.quiet()
        house.store.put("you@new.example")
        await house.quiet()

        assert len(house.couriers["new.example"].tried) == 1

    played(story)


def test_with_all_places_hanging_one_that_answered_before_goes_on_one_by_one():
    async def story(house):
        house.couriers["alive.example"] = Says()
        house.store.put("you@alive.example")
        await house.quiet()
        hops = [f"hangs{number}.example" for number in range(4)]
        for hop in hops:
            house.store.put(f"you@{hop}")
        await house.quiet()
        house.courier = Hangs()
        for hop in hops:
            for _ in range(10):
                house.store.put(f"you@{hop}")
        await house.quiet()
        assert house.runner.counts.running == 20

        for _ in range(50):
            house.store.put("you@alive.example")
        await house.quiet()
        assert len(house.couriers["alive.example"].tried) == 51
        assert house.couriers["alive.example"].most_at_once == 1

    played(story, places=20)


def test_more_hops_than_places_all_have_their_turn():
    async def story(house):
        for number in range(500):
            house.store.put(f"you@h{number}.example", quietly=True)
        await house.pass_(2 * MINUTE)

        assert len(house.store.settled) == 500

    played(story, places=8)


# Next hops that are down.


def test_a_next_hop_in_trouble_is_left_alone_and_so_is_what_waits_for_it():
    async def story(house):
        house.courier = Says(DOWN)
        for _ in range(100):
            house.store.put("you@example.net", quietly=True)
        house.store.wake("example.net")
        await house.quiet()

        assert len(house.store.settled) == len(house.courier.tried) <= 5
        assert house.store.claimed == set()
        assert house.store.down == {"example.net": HopDown(BEGINNING + 60, 1, "connection refused")}
        assert house.runner.counts.hops_down == 1

    played(story)


def test_one_attempt_a_time_finds_out_whether_it_is_well_again():
    async def story(house):
        house.courier = Says(DOWN)
        for _ in range(100):
            house.store.put("you@example.net", quietly=True)
        house.store.wake("example.net")
        await house.quiet()
        before = len(house.courier.tried)
        await house.pass_(59.9)
        assert len(house.courier.tried) == before

        await house.pass_(0.2)
        assert len(house.courier.tried) == before + 1
        await house.pass_(119)
        assert len(house.courier.tried) == before + 1
        await house.pass_(2)
        assert len(house.courier.tried) == before + 2
        assert house.store.down["example.net"].failures == 3

    played(story)


def test_once_it_answers_all_that_waited_goes():
    async def story(house):
        house.courier = Says(DOWN)
        for _ in range(100):
            house.store.put("you@example.net", quietly=True)
        house.store.wake("example.net")
        await house.quiet()
        tried = len(house.courier.tried)
        house.courier = Says()
        await house.pass_(61)

        assert len(house.courier.tried) == 100 - tried
        assert house.store.down == {}
        assert house.runner.counts.hops_down == 0
        await house.pass_(5 * MINUTE)
        assert len(house.store.waiting) == 0

    played(story)


def test_what_comes_meanwhile_waits_too():
    async def story(house):
        house.courier = Says(DOWN)
        house.store.put("you@example.net")
        await house.quiet()
        house.store.put("you@example.net")
        await house.pass_(10)

        assert len(house.courier.tried) == 1

    played(story)


def test_a_person_who_wants_it_tried_at_once_has_it_tried():
    async def story(house):
        house.courier = Says(DOWN)
        house.store.put("you@example.net")
        await house.pass_(30)
        house.courier = Says()
        house.store.retry(1)
        await house.pass_(2)

        assert house.courier.tried == [["you@example.net"]]

    played(story)


def test_a_next_hop_that_was_down_is_so_after_a_new_start():
    async def story(house):
        again = House()
        again.store.down["example.net"] = HopDown(BEGINNING + 600, 4, "connection refused")
        again.store.put("you@example.net", quietly=True)
        await again.open()
        await again.pass_(599)
        assert again.courier.tried == []
        assert again.runner.counts.hops_down == 1

        await again.pass_(2)
        assert again.courier.tried == [["you@example.net"]]
        assert again.store.down == {}

    played(story)


def test_one_that_nothing_waits_for_any_more_is_forgotten():
    async def story(house):
        house.courier = Says(DOWN)
        house.store.put("you@example.net")
        await house.quiet()
        house.store.withdraw(1)
        await house.pass_(10 * MINUTE)

        assert house.store.down == {}
        assert house.runner.counts.hops_down == 0

    played(story)


def test_senders_hear_of_delays_and_ends_of_mail_that_was_never_tried():
    async def story(house):
        house.courier = Says(DOWN)
        for _ in range(120):
            house.store.put("you@example.net", quietly=True)
        house.store.wake("example.net")
        await house.pass_(5 * HOUR)

        delayed = [number for number, action, _ in house.notes.told if action is Action.DELAYED]
        assert len(delayed) == len(set(delayed)) == 120
        written = len(house.store.settled)
        assert written < 120 + 40  # each once, and the attempts

        await house.pass_(5 * DAY)
        failed = [number for number, action, _ in house.notes.told if action is Action.FAILED]
        assert len(failed) == len(set(failed)) == 120
        assert house.store.waiting == []

    played(story)


# A store that fails.


def test_while_outcomes_cannot_be_kept_nothing_new_is_tried():
    async def story(house):
        house.store.fails.add("settle")
        house.store.put("one@example.net")
        await house.quiet()
        house.store.put("two@example.net")
        await house.pass_(10)

        assert house.courier.tried == [["one@example.net"]]
        house.store.fails.clear()
        await house.pass_(MINUTE)
        assert house.courier.tried == [["one@example.net"], ["two@example.net"]]
        assert results(house) == ["relayed", "relayed"]

    played(story)


def test_it_is_asked_ever_less_often(caplog):
    async def story(house):
        house.store.fails.add("settle")
        house.store.put("one@example.net")
        await house.pass_(HOUR)

    played(story)
    assert 55 < sum("not-settled" in line for line in caplog.messages) < 70


@pytest.mark.parametrize("what", ["claim", "next_hops", "hops_down", "keep_claims"])
def test_a_store_that_could_not_answer_is_asked_again(what):
    async def story(house):
        again = House()
        again.store.fails.add(what)
        await again.open()
        again.store.put("you@example.net")
        await again.pass_(2 * MINUTE)
        again.store.fails.clear()
        await again.pass_(2 * MINUTE)

        assert again.courier.tried == [["you@example.net"]]

    played(story)


def test_what_ends_together_is_kept_together():
    async def story(house):
        house.courier = Hangs()
        for _ in range(5):
            house.store.put("you@example.net")
        await house.quiet()
        house.courier.go_on.set()
        await house.quiet()

        assert house.store.batches == [5]

    played(story)


def test_claims_are_kept_alive():
    async def story(house):
        house.courier = Hangs()
        house.store.put("you@example.net")
        await house.pass_(5 * MINUTE)

        assert house.store.asked.count("keep_claims") == 5

    played(story)


# Stopping.


def test_stopping_waits_for_what_is_under_way_and_begins_nothing():
    async def story(house):
        house.courier = Hangs()
        for _ in range(50):
            house.store.put("you@example.net", quietly=True)
        house.store.wake("example.net")
        await house.quiet()
        house.courier.go_on.set()
        await house.runner.stop()

        assert len(house.store.settled) == 5
        assert house.store.claimed == set()
        assert len(house.store.waiting) == 45

    played(story)


def test_what_does_not_end_in_time_is_cut_off_and_let_go():
    async def story(house):
        house.courier = Hangs()
        house.store.put("you@example.net")
        await house.quiet()
        await house.runner.stop(grace=0.0)

        assert house.store.settled == []
        assert house.store.claimed == set()
        assert len(house.store.waiting) == 1

    played(story)


def test_what_comes_after_that_is_left_for_the_next_start():
    async def story(house):
        await house.runner.stop()
        house.store.put("you@example.net")
        await house.pass_(HOUR)

        assert house.courier.tried == []

    played(story)


def test_stopping_with_a_store_that_fails_ends_all_the_same():
    async def story(house):
        house.store.fails.add("settle")
        house.store.put("you@example.net")
        await house.quiet()
        await house.runner.stop()

    played(story)


# What is told.


def test_each_attempt_is_a_line_of_the_log(caplog):
    async def story(house):
        house.courier = Says(RELAYED, b=DEFERRED)
        house.store.put("a@example.net", "b@example.net")
        await house.quiet()

    with caplog.at_level(logging.INFO, "mailsponge.queue"):
        played(story)
    assert caplog.messages == [
        "relayed id=1 hop=example.net to=<a@example.net> status=2.0.0 delay=0.0 "
        'by=mx.example.net reply="250 2.0.0 Ok"',
        "deferred id=1 hop=example.net to=<b@example.net> status=4.2.1 delay=0.0 "
        'next=2026-01-01T00:05:00Z by=mx.example.net reply="450 4.2.1 Busy"',
    ]


def test_what_happens_is_counted():
    async def story(house):
        house.courier = Says(RELAYED, b=DEFERRED, c=FAILED)
        house.store.put("a@example.net", "b@example.net", "c@example.net")
        await house.quiet()

        counts = house.runner.counts
        assert counts.outcomes == {"relayed": 1, "deferred": 1, "failed": 1, "delivered": 0}
        assert counts.reports["failed"] == 1
        assert (counts.running, counts.settling) == (0, 0)

    played(story)
