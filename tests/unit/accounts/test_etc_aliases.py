"""Rules of what the aliases of other mail servers become."""

from __future__ import annotations

import pytest

from mailsponge.accounts.etc_aliases import Untaken, read


def aliases(text: str) -> dict[str, list[str]]:
    found = read(text)
    assert found.untaken == []
    return found.aliases


def untaken(text: str) -> Untaken:
    [told] = read(text).untaken
    return told


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("# only a comment\n\n   # and another\n", {}),
        ("root: me", {"root": ["me"]}),
        ("root:me,you@example.net\n", {"root": ["me", "you@example.net"]}),
        ("  root : me , you ,,\n", {"root": ["me", "you"]}),
        (
            "team: me,\n  you,\n\t# not this\n\n\tthey\nroot: me",
            {"team": ["me", "you", "they"], "root": ["me"]},
        ),
        ("root: me\r\nabuse: me\r\n", {"root": ["me"], "abuse": ["me"]}),
        ('"root": "me"', {"root": ["me"]}),
        ('"two words": me', {'"two words"': ["me"]}),
        (
            'team: You <you@example.net>, "A, B" <they@example.net>',
            {"team": ["you@example.net", "they@example.net"]},
        ),
        ("me: \\me, me@example.net", {"me": ["me", "me@example.net"]}),
        ("team: me, you, me", {"team": ["me", "you"]}),
        ("owner-team: søren@bücher.example", {"owner-team": ["søren@bücher.example"]}),
    ],
)
def test_what_can_be_an_alias_becomes_one(text, found):
    assert aliases(text) == found


@pytest.mark.parametrize(
    ("target", "deliver"),
    [
        ("|/bin/cat", "pipe:/bin/cat"),
        ('"|/usr/bin/vacation me"', "pipe:/usr/bin/vacation me"),
        ('|"/usr/bin/vacation me, you"', "pipe:/usr/bin/vacation me, you"),
        ('"|/bin/file \\"two words\\""', 'pipe:/bin/file "two words"'),
        ("/var/mail/archive", "mbox:/var/mail/archive"),
        ("/srv/archive/", "maildir:/srv/archive"),
        ("/dev/null", "pipe:/bin/true"),
    ],
)
def test_what_a_user_does_here_is_told_with_the_user_to_make(target, deliver):
    told = untaken(f"root: me\narchive: {target}")

    assert (told.line, told.what, told.user, told.deliver) == (2, target, "archive", deliver)


def test_beside_other_targets_the_user_has_a_name_of_their_own():
    found = read('support: me, "|/usr/bin/ticket -q support"')

    assert found.aliases == {"support": ["me"]}
    assert [(told.user, told.deliver) for told in found.untaken] == [
        ("support-pipe", "pipe:/usr/bin/ticket -q support")
    ]


@pytest.mark.parametrize(
    ("text", "what", "why"),
    [
        (
            "a: :include:/etc/lists/all",
            ":include:/etc/lists/all",
            "write the addresses in /etc/lists/all into the list",
        ),
        ("a: :fail: gone", ":fail: gone", "leave it out"),
        ('a: "|exec procmail || exit 75"', '"|exec procmail || exit 75"', "there is no shell"),
        ("a: |'unended", "|'unended", "without its partner"),
        ("a: b c", "b c", "it is no address"),
        ("a: b@c@d", "b@c@d", "it is no address"),
        ("a:", "a", "it leads to nobody"),
        ("a: A", "a", "it leads to itself alone"),
        ("a b: me", "a b", "cannot be the name"),
        ("a@b: me", "a@b", "cannot be the name"),
        ("nobody", "nobody", "write name: address"),
        (": me", ": me", "write name: address"),
        ("+", "+", "write name: address"),
        ('"a: me', '"a: me', "write name: address"),
    ],
)
def test_what_cannot_be_taken_is_told_with_what_to_do(text, what, why):
    told = untaken(text)

    assert told.what == what
    assert why in told.why
    assert (told.user, told.deliver) == ("", "")


def test_of_two_entries_the_first_counts():
    found = read("a: b\nA: c")

    assert found.aliases == {"a": ["b"]}
    assert [(told.line, told.what) for told in found.untaken] == [(2, "A")]


def test_the_line_is_that_where_the_entry_begins():
    assert untaken("\n# x\na: b,\n   /dev/null").line == 3


@pytest.mark.parametrize(
    "text", ["a: " + '"' * 100_001, "a: " + "\\" * 100_000, "a" * 100_000, "a:" * 50_000, "," * 100_000]
)
def test_nothing_is_too_odd_to_be_read(text):
    read(text)
