"""Counting commits: each in the bucket whose bound it does not exceed."""

from __future__ import annotations

import pytest

from mailsponge.store.commits import BOUNDS, Commits


@pytest.mark.parametrize(
    ("seconds", "bucket"), [(0.0, 0), (BOUNDS[0], 0), (BOUNDS[0] * 1.01, 1), (BOUNDS[-1], -2), (60.0, -1)]
)
def test_a_commit_is_counted_in_its_bucket(seconds, bucket):
    commits = Commits()
    commits.note(seconds, 5)

    assert commits.buckets[bucket] == 1
    assert sum(commits.buckets) == commits.number == 1
    assert (commits.seconds, commits.messages) == (seconds, 5)
