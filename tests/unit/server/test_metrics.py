"""Rules of the metrics: each is described, named as Prometheus wants it, and counts what happened."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mailsponge.mail.reply import Reply
from mailsponge.queue.counts import Counts as QueueCounts
from mailsponge.server.counts import why
from mailsponge.server.metrics import ALL, Kind, Metrics
from mailsponge.store.memory import MemoryStore

PAGE = Path(__file__).resolve().parents[3] / "docs/reference/metrics.md"


class Told:
    """What a post office tells, by the names and labels of its samples."""

    def __init__(self, post) -> None:
        self._post = post

    def families(self) -> dict[str, str]:
        """Names without their endings, and kinds."""
        return {family.name: family.type for family in self._parsed()}

    def __call__(self, name: str, **labels: str) -> float:
        """One sample."""
        [value] = [
            sample.value
            for family in self._parsed()
            for sample in family.samples
            if sample.name == name and sample.labels.items() >= labels.items()
        ]
        return float(value)

    def _parsed(self):
        metrics = Metrics(self._post.listener, self._post.store, lambda: 12345)
        return list(text_string_to_metric_families(self._post.do(metrics.page()).decode()))


@pytest.fixture
def told(post):
    return Told(post)


def test_every_metric_is_told_and_no_other(told):
    described = {one.name.removesuffix("_total"): str(one.kind) for one in ALL}
    own = {name: kind for name, kind in told.families().items() if not name.startswith("process_")}

    assert own == described


def test_what_is_known_of_the_process_is_told(told):
    assert told("process_open_fds") > 0


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_names_are_as_prometheus_wants_them(metric):
    assert re.fullmatch(r"mailsponge(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") is (metric.kind is Kind.COUNTER)
    assert metric.about.endswith(".")


def test_the_rules_in_the_documentation_ask_for_what_there_is():
    asked = set(re.findall(r"mailsponge_[a-z_]+", PAGE.read_text("utf-8")))
    endings = ("", "_bucket", "_count", "_sum")

    assert asked <= {f"{metric.name}{ending}" for metric in ALL for ending in endings}


def test_messages_are_counted(post, told):
    with post.greeted() as client:
        client.post("Subject: x\r\n")
        client.post("Subject: y\r\n")

    assert told("mailsponge_messages_taken_total", role="smtp") == 2
    assert told("mailsponge_messages_taken_bytes_total", role="smtp") == 24
    assert told("mailsponge_store_mails") == 2
    assert told("mailsponge_store_committed_messages_total") == 2
    assert told("mailsponge_sessions_total", role="smtp") == 1
    assert told("mailsponge_store_free_bytes") == 12345
    assert told("mailsponge_received_bytes_total", role="smtp") > 24


def test_open_sessions_are_told(post, told):
    with post.greeted(), post.greeted():
        assert told("mailsponge_sessions_open") == 2


def test_refused_recipients_are_counted_by_reason(post, told):
    with post.greeted() as client:
        client.say("MAIL FROM:<>")
        client.say("RCPT TO:<nobody@example.org>")
        client.say("RCPT TO:<a@b.example>")
        client.say("RCPT TO:<c@b.example>")
        client.say("RSET")

        assert told("mailsponge_recipients_refused_total", why="unknown") == 1
        assert told("mailsponge_recipients_refused_total", why="relaying") == 2
        assert told("mailsponge_transactions_abandoned_total", because="reset") == 1


def test_refused_messages_are_counted_by_reason(post, told):
    with post.greeted() as client:
        client.post("one\ntwo\r\n")
        client.say("MAIL FROM:<> SIZE=999999999")

        assert told("mailsponge_messages_refused_total", why="unsound") == 1
        assert told("mailsponge_messages_refused_total", why="size") == 1


def test_messages_that_could_not_be_kept_are_counted(open_post):
    with open_post(make_store=lambda call: MemoryStore(call=call, room=0)) as post, post.greeted() as client:
        client.post()

        assert Told(post)("mailsponge_messages_refused_total", why="load") == 1
        assert Told(post)("mailsponge_store_commits_failed_total") == 1


def test_who_is_turned_away_is_counted(open_post, rules):
    crowded = rules._replace(connections=1)
    with open_post(crowded) as post, post.greeted(), post.client() as second:
        second.reply()

        assert Told(post)("mailsponge_connections_turned_away_total", why="connections") == 1
        assert Told(post)("mailsponge_busy") == 1


def test_missed_deadlines_are_counted(open_post, rules):
    with open_post(rules._replace(command_deadline=0.1)) as post, post.client() as client:
        client.reply()
        client.reply()

        assert Told(post)("mailsponge_sessions_dismissed_total", because="too-slow") == 1


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(550, "5.1.1", "no"), "unknown"),
        (Reply(452, "4.3.1", "full"), "load"),
        (Reply(550, "5.7.26", "no"), "policy"),
        (Reply(500, None, "no"), "policy"),
    ],
)
def test_a_refusal_belongs_to_a_class_by_its_enhanced_code(reply, reason):
    assert why(reply) == reason


def test_what_the_queue_does_is_told(post):
    counts = QueueCounts()
    counts.outcomes["relayed"] += 3
    counts.reports["delayed"] += 2
    counts.hops_down = 1
    metrics = Metrics(post.listener, post.store, lambda: 12345, lambda: counts)
    page = post.do(metrics.page()).decode()

    assert 'mailsponge_deliveries_total{result="relayed"} 3.0' in page
    assert 'mailsponge_deliveries_total{result="failed"} 0.0' in page
    assert 'mailsponge_reports_total{action="delayed"} 2.0' in page
    assert "mailsponge_queue_hops_down 1.0" in page
