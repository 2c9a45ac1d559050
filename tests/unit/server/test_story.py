"""Rules of what is kept of a message's way in: every decision about it, with its reason, to be told later."""

from __future__ import annotations


def told(post) -> list[tuple[str, str]]:
    [mail] = post.store.mails("me")
    return [(step.what, step.why) for step in post.store.trace(mail.id)]


def test_the_story_of_a_message_has_every_decision_with_its_reason(post):
    with post.greeted() as client:
        client.say("MAIL FROM:<a@b.example>")
        client.say("RCPT TO:<team@example.org>")
        client.say("RCPT TO:<nobody@example.org>")
        client.say("RCPT TO:<a@elsewhere.example>")
        client.say("DATA")
        client.say("x\r\n.")

    [first, sender, admitted, one, other, complete, delivered, *_] = told(post)
    assert first == ("came", "from 127.0.0.1 by ESMTP, and called itself client.example")
    assert sender == ("sender", "<a@b.example>")
    assert admitted == ("admitted", "<team@example.org> alias team leads to me and you")
    assert one == ("refused", "<nobody@example.org> unknown: nobody of that name lives here")
    assert other == ("refused", "<a@elsewhere.example> relaying denied: that domain is not ours")
    assert complete == ("complete", "all of it has come")
    assert delivered[1].startswith("into the mailbox me, ")


def test_of_many_refusals_the_first_few_are_told_and_the_others_counted(post):
    with post.greeted() as client:
        client.say("MAIL FROM:<>")
        client.say("RCPT TO:<me@example.org>")
        for number in range(8):
            client.say(f"RCPT TO:<nobody{number}@example.org>")
        client.say("DATA")
        client.say("x\r\n.")

    refused = [why for what, why in told(post) if what == "refused"]
    assert len(refused) == 6
    assert refused[-1] == "3 more recipients"


def test_a_message_that_was_spoken_for_anew_begins_a_story_of_its_own(post):
    with post.greeted() as client:
        client.say("MAIL FROM:<first@b.example>")
        client.say("RCPT TO:<nobody@example.org>")
        client.say("RSET")
        client.post()

    assert ("sender", "<a@b.example>") in told(post)
    assert "refused" not in [what for what, _ in told(post)]
