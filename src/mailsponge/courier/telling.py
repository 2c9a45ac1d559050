"""What an engine's outcome means to the queue: relayed or delivered, deferred, failed; and whose fault it is. Pure."""

from __future__ import annotations

from mailsponge import clean
from mailsponge.courier.trouble import LOST, REPLY_LIMIT, shown_reply
from mailsponge.mail import outcome as queue
from mailsponge.smtp import outcomes as engine
from mailsponge.smtp.client_states import Said

_FIRST = (Said.RSET, Said.MAIL)


def told(
    outcome: engine.Outcome, host: str, taken: queue.Result, *, reports: bool, why: str = ""
) -> queue.Outcome:
    """``taken``: what it means that the host has taken it. ``reports``: the host knows DSN. ``why``: what ended the
    session, if that was found out here.
    """
    reply = "" if outcome.reply is None else shown_reply(outcome.reply)
    if outcome.result is engine.Result.ACCEPTED:
        return queue.Outcome(taken, outcome.status, f"{host} has it: {reply}", reply, host, reports=reports)
    sentence = _sentence(outcome, host, reply, why)
    if outcome.result is engine.Result.PERMANENT:
        return queue.Outcome(queue.Result.FAILED, outcome.status, sentence, reply, host)
    return queue.Outcome(
        queue.Result.DEFERRED, outcome.status, sentence, reply, host, hop_down=is_of_host(outcome)
    )


def is_of_host(outcome: engine.Outcome) -> bool:
    """Whether it is the host that has trouble, and not with this recipient or message: it ended the session, or what it
    said made no sense.
    """
    if outcome.result is not engine.Result.TEMPORARY or outcome.overflow:
        return False
    return outcome.reply is None or outcome.reply.code == 421


def may_be_there(outcome: engine.Outcome, *, all_out: bool, reused: bool) -> bool:
    """Whether the host may have the message all the same: it was all out, and no answer came. Tried at another host at
    once, it might well come twice.

    Over a connection that is reused, and where nothing at all was answered, it is the connection that was dead.
    """
    return all_out and outcome.reply is None and not (reused and outcome.at in _FIRST)


def _sentence(outcome: engine.Outcome, host: str, reply: str, why: str) -> str:
    if reply:
        return f"{host} answered {outcome.at} with: {reply}"
    if why and outcome.status == LOST:
        return f"{host} {why}"
    return clean.shortened(f"{host}: {outcome.why}", REPLY_LIMIT)
