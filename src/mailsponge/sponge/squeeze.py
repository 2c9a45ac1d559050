"""Squeeze: fold what ended, decide, compose, and put the mail into the outbox, all in one transaction; then hand over.

    runs/…  ──fold──▶ ledger ──policy.decide──▶ flips ──digest.compose──▶ outbox ──transport──▶ a mail server

The journals are removed after the commit, and runs that were folded are remembered: whatever moment a crash picks,
nothing is folded twice and nothing is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from mailsponge import clock
from mailsponge.clock import Clock, Deadline
from mailsponge.errors import LedgerUnreadable, StateError, UsageError
from mailsponge.sponge import digest, folder, journal, outbox, transport
from mailsponge.sponge.deliberation import Deliberation
from mailsponge.sponge.fold import Fold
from mailsponge.sponge.ledger import Ledger
from mailsponge.sponge.ledger.opening import open_ledger, read_ledger, set_aside
from mailsponge.sponge.lock import locked
from mailsponge.sponge.mailhost import Credentials
from mailsponge.sponge.mask import Mask
from mailsponge.sponge.model import Flip, Mail, SourceState, Squeeze, Status
from mailsponge.sponge.news import News
from mailsponge.sponge.outbox import Drained
from mailsponge.sponge.patience import duration
from mailsponge.sponge.places import JobPlace
from mailsponge.sponge.policy.deciding import flips_in_order
from mailsponge.sponge.sender import new_message_id, user_and_host
from mailsponge.sponge.settings import Settings

MOST_RECORDS = 1_000_000
"""Records kept of one job; of more, the oldest runs' go."""


class Squeezer:
    """What a squeeze needs of the world around it.

    Args:
        place: the job's directory.
        fallback: the settings of a job of which no journal and no ledger tells any.
        login: makes the credentials for a mail host; they are never stored.
        now: the clock.
        hand_over: hands one mail over to a mail host: :func:`.transport.hand_over`, or one that knows more.
        random: makes the random part of a Message-ID.
        send: hands one mail over by the settings' mail host; a test gives its own.
        any_alive: whether a run of the job is going on. Whoever squeezes a run of its own knows: it is alive itself.
    """

    def __init__(
        self,
        place: JobPlace,
        fallback: Settings,
        login: Callable[[str | None], Credentials | None] = lambda mailhost: None,
        now: Clock = clock.now,
        random: Callable[[], str] = folder.random_name,
        send: outbox.Send | None = None,
        any_alive: Callable[[JobPlace], bool] = folder.any_alive,
        hand_over: transport.HandOver = transport.hand_over,
    ) -> None:
        self._place = place
        self._settings = fallback
        self._login = login
        self._now = now
        self._random = random
        self._send = send
        self._any_alive = any_alive
        self._hand_over = hand_over
        self._said: list[str] = []

    def squeeze(self, deadline: Deadline) -> Squeeze:
        """Fold, decide, compose, hand over. Raises StateError if the state cannot be read or written."""
        try:
            folder.make_directories(self._place)
            with locked(self._place.lock, deadline.left) as mine:
                if not mine:
                    busy = "another process squeezes this job; the next run folds what this one logged"
                    return Squeeze(reason=busy)
                done = self._fold_or_begin_anew(deadline)
        except OSError as error:
            raise StateError(f"the state in {self._place.directory} cannot be used: {error}") from error
        with closing(done.ledger):
            return self._handed_over(done, deadline)

    def send(self, deadline: Deadline, message_ids: Set[str]) -> Drained:
        """Hand over these mails of the outbox and do nothing else; one that was refused is tried once more.

        Raises StateError, and OSError.
        """
        ledger = read_ledger(self._place, deadline.left)
        if ledger is None:
            return Drained()
        with closing(ledger):
            with ledger.transaction():
                kept = ledger.settings()
                self._settings = (self._readable(kept) if kept else None) or self._settings
                for mail in ledger.mails():
                    if mail.message_id in message_ids and mail.status in ("refused", "mentioned"):
                        ledger.put_mail(mail.waiting_again())
            return outbox.drain(ledger, self._sender(), deadline, self._now, message_ids)

    def _sender(self) -> outbox.Send:
        return self._send or transport.to(self._settings.mailhost, self._login, self._hand_over)

    def _open(self, deadline: Deadline) -> Ledger:
        ledger, trouble = open_ledger(self._place, deadline.left)
        if trouble:
            self._said.append(trouble)
        return ledger

    def _fold_or_begin_anew(self, deadline: Deadline) -> _Done:
        """A ledger may show only deep inside that it is damaged; then it is set aside, and folding begins again."""
        try:
            return self._fold_or_close(self._open(deadline))
        except LedgerUnreadable as error:
            aside = set_aside(self._place.ledger)
            self._said.append(f"{error}; it is kept as {aside}, and a new one is begun")
            return self._fold_or_close(self._open(deadline))

    def _fold_or_close(self, ledger: Ledger) -> _Done:
        try:
            return self._fold_all(ledger)
        except BaseException:
            ledger.close()
            raise

    def _fold_all(self, ledger: Ledger) -> _Done:
        now, fallback = self._now(), self._settings
        with ledger.transaction():
            kept = ledger.settings()
            self._settings = (self._readable(kept) if kept else None) or fallback
            deliberation = Deliberation(ledger)
            folders, flips, notes = self._fold_each(ledger, deliberation, now)
            host = user_and_host()[1] if ledger.shared else ""
            any_alive = self._any_alive(self._place)
            ticked = deliberation.time_passed(self._settings.policy, now, host, any_alive)
            flips += ticked.flips
            mails = self._compose(ledger, flips, ticked.digest, now)
            if mails:
                deliberation.mailed(flips, mails[0].message_id)
            deliberation.keep()
            if self._settings is not fallback or not kept:
                # What cannot be read stays: a newer version may have written it, and knows better than a fallback.
                ledger.put_settings(self._settings.to_json())
            keep = self._settings
            ledger.prune(now - duration(keep.keep_records), now - duration(keep.keep_runs), MOST_RECORDS)
            reason = _reason(flips, ticked.digest, notes, deliberation.states(host))
        for path in folders:
            folder.remove(path)
        folder.sweep(self._place, now)
        return _Done(ledger, mails, tuple(flips), reason, len(folders))

    def _fold_each(
        self, ledger: Ledger, deliberation: Deliberation, now: float
    ) -> tuple[list[Path], list[Flip], list[str]]:
        folders: list[Path] = []
        flips: list[Flip] = []
        notes: list[str] = []
        for ended in folder.ended(self._place):
            path = folder.close_door(ended)
            folder.set_strays_apart(self._place, path)
            found, note = self._fold(ledger, deliberation, path, now)
            folders.append(path)
            flips += found
            notes += [note] if note else []
        return folders, flips, notes

    def _fold(
        self, ledger: Ledger, deliberation: Deliberation, path: Path, now: float
    ) -> tuple[list[Flip], str]:
        """Put one run into the ledger, and let the policy decide on it."""
        host = user_and_host()[1] if ledger.shared else ""
        fold = Fold(folder.journals(path), folder.number(path), self._mask(folder.journals(path)[0]), host)
        if ledger.has_run(fold.run_id):
            return [], ""
        ledger.add_records(fold.run_id, fold.records())
        run = fold.run()
        is_newest = run.number >= ledger.newest_number(run.host if ledger.shared else "")
        if fold.settings is not None and is_newest:
            self._settings = self._readable(fold.settings) or self._settings
        return deliberation.run_folded(self._settings.policy, run, fold.attempts, now)

    def _mask(self, owner: Path) -> Mask:
        """What is secret in a run: what its own settings say, if its journal's beginning can be read."""
        fields = journal.first_line(owner).get("settings")
        own = self._readable(fields) if isinstance(fields, dict) else None
        return Mask((own or self._settings).mask)

    def _readable(self, fields: dict[str, object]) -> Settings | None:
        try:
            return Settings.from_json(fields)
        except UsageError as error:
            self._said.append(f"{error}; the settings of before are used")
            return None

    def _compose(
        self, ledger: Ledger, flips: Sequence[Flip], is_digest_due: bool, now: float
    ) -> tuple[Mail, ...]:
        """The mail of this squeeze, in the outbox; none if there is nothing to tell. It also tells of refused ones."""
        if not flips and not is_digest_due:
            return ()
        me = user_and_host()
        message_id = new_message_id(self._settings.fromaddr, me[1], self._random)
        news = News(ledger, self._settings.policy, flips_in_order(flips), is_digest_due, now)
        mail = digest.compose(self._settings, news, now, message_id, me)
        ledger.add_mail(mail)
        for refused in news.refused:
            ledger.put_mail(refused.mentioned())
        if is_digest_due:
            ledger.all_gathered()
        return (mail,)

    def _handed_over(self, done: _Done, deadline: Deadline) -> Squeeze:
        drained, trouble = self._drained(done.ledger, deadline)
        reason = "; ".join(part for part in (done.reason, trouble or str(drained)) if part)
        warnings = [*self._said, trouble] if trouble else self._said
        became = {mail.message_id: mail for mail in drained.tried}
        mails = tuple(became.get(mail.message_id, mail) for mail in done.mails)
        return Squeeze(
            mails,
            done.flips,
            True,
            reason,
            tuple(warnings),
            done.reason,
            done.folded,
            len(drained.sent),
            drained.waiting,
            len(drained.refused),
        )

    def _drained(self, ledger: Ledger, deadline: Deadline) -> tuple[Drained, str]:
        """What became of the outbox, and what somebody should look at. The runs are safe, whatever it is."""
        try:
            drained = outbox.drain(ledger, self._sender(), deadline, self._now)
        except LedgerUnreadable as error:
            # The runs are folded, but nothing could ever be handed over out of this ledger.
            aside = set_aside(self._place.ledger)
            said = f"{error}; it is kept as {aside} with the mails that wait in it, and the next run begins a new one"
            return Drained(), said
        except (OSError, StateError) as error:
            return Drained(), f"mails wait, as the outbox cannot be used: {error}"
        return drained, str(drained) if drained.waiting or drained.refused else ""


class _Done(NamedTuple):
    ledger: Ledger
    mails: tuple[Mail, ...]
    flips: tuple[Flip, ...]
    reason: str
    folded: int


def _reason(
    flips: Sequence[Flip], is_digest_due: bool, notes: Sequence[str], states: dict[str, SourceState]
) -> str:
    """Why there is a mail or none, in words."""
    if is_digest_due:
        told = _reason(flips, False, notes, states) if flips else ""
        return "; ".join(filter(None, (told, "the digest of everything gathered is due")))
    if flips:
        return ", ".join(f"{digest.name(flip.source)} {flip.said}" for flip in flips[:3]) + (
            f" and {len(flips) - 3} more" if len(flips) > 3 else ""
        )
    if notes:
        return notes[-1]
    failing = {name: state for name, state in states.items() if state.status is not Status.OK}
    if not failing:
        return "nothing to tell: all is well"
    name, state = next(iter(failing.items()))
    others = f" (and {len(failing) - 1} more failing)" if len(failing) > 1 else ""
    return f"nothing new to tell: {digest.name(name)}: {state.reason}{others}"
