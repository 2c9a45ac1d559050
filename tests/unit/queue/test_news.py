"""Rules of what is news to a sender."""

from __future__ import annotations

from mailsponge.mail.address import parse
from mailsponge.mail.notify import Action
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.queue.news import News
from mailsponge.queue.verdict import Verdict
from mailsponge.store.protocol import Due, Settlement


def verdict(delivery: int, recipient: int) -> Verdict:
    due = Due(delivery, recipient, parse("you@example.net"), "", "example.net", 0, False)
    return Verdict(
        due, Settlement(delivery, Outcome(Result.FAILED, "5.1.1", "gone"), 0.0, None), Action.FAILED
    )


def test_what_comes_at_once_is_all_news():
    both = [verdict(1, 0), verdict(2, 0)]

    assert News().among(17, Action.FAILED, both) == both


def test_the_same_of_the_same_recipient_is_none():
    news = News()
    news.among(17, Action.FAILED, [verdict(1, 0)])

    assert news.among(17, Action.FAILED, [verdict(2, 0), verdict(3, 1)]) == [verdict(3, 1)]


def test_of_another_kind_or_another_message_it_is():
    news = News()
    news.among(17, Action.DELAYED, [verdict(1, 0)])

    assert news.among(17, Action.FAILED, [verdict(1, 0)])
    assert news.among(18, Action.DELAYED, [verdict(1, 0)])


def test_what_was_told_first_is_forgotten_first():
    news = News(most=2)
    for recipient in range(3):
        news.among(17, Action.FAILED, [verdict(recipient, recipient)])

    assert news.among(17, Action.FAILED, [verdict(1, 1), verdict(2, 2)]) == []
    assert news.among(17, Action.FAILED, [verdict(0, 0)])
