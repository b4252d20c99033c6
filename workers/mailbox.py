"""One mailbox, watched for ever: connect, catch up, wait; every new message is matched at once.

IDLE waits, and a probe every half minute notices a server that is frozen. While a sign-in waits for a code here the server is
asked every quarter second as well: IDLE alone lags at some servers, and can fall silent.
"""

import hashlib
import os
import random
import select
import threading
import time
import traceback
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from broker.adapters.imap_mailbox import ImapMailbox
from broker.adapters.oauth_tokens import OAuthTokens
from broker.base.actor import system
from broker.base.errors import BrokerError, Refused, Unavailable
from broker.base.unit import Unit
from broker.codes import service as codes
from broker.codes import timing
from broker.codes.matching import Arrival
from broker.codes.reader import MailReader
from broker.directory.models import DeliveryEndpoint
from broker.ports.mailbox import Mailbox, RawMail
from broker.wiring import Portunus
from workers.mailbox_address import Access

ACTOR = system("mailwatch")
QUICK_S = 0.25
CALM_S = 35.0
"""With the twenty seconds that a server has for its answer: one that is frozen is noticed within a minute."""
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
EAGER_PAUSE_S = 2.0
REFUSED_PAUSE_S = 15 * 60.0
"""A server that said no is not asked again and again: it would lock the mailbox. A new consent or setting wakes the watch."""
REFUSED = {"mailbox-consent": "unlinked", "mailbox-login": "down", "mailbox-token": "down", "mailbox-client": "down"}
"""What only a person can put right, and the mailbox's health until then."""
LOGINS_S = 60.0
"""How long the senders of an endpoint's logins are remembered."""
AGAIN_S = 0.5
"""A backlog is read no longer than this before one looks whether the awaited mail has come meanwhile."""
TRIES = 2
"""A message that fails so often is put aside, and the next one is taken."""
log = structlog.get_logger("mailwatch")


class Gone(Exception):
    """The mailbox is no longer in the directory."""


class Dials:
    """How many mailboxes connect at the same time, to each server by itself: one that does not answer holds up its own only."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._hosts: dict[str, threading.Semaphore] = {}
        self._changing = threading.Lock()

    def at(self, host: str) -> threading.Semaphore:
        """To be held while connecting there."""
        with self._changing:
            return self._hosts.setdefault(host.lower(), threading.Semaphore(self._most))


class Watch(threading.Thread):
    """One mailbox; after any failure it notes it and tries again, ever more slowly and never in step with the others."""

    def __init__(
        self, portunus: Portunus, endpoint_id: str, reader: MailReader, stop: threading.Event, dials: Dials
    ) -> None:
        super().__init__(name=f"mailbox {endpoint_id}", daemon=True)
        self._portunus = portunus
        self._endpoint_id = endpoint_id
        self._reader = reader
        self._stopping = stop
        self._dials = dials
        self._ear, self._bell = os.pipe()
        os.set_blocking(self._ear, False)
        self._wanted = False
        self._changed = False
        self._was_up = False
        self._looked: datetime | None = None
        self._following: int | None = None
        """The first number that has not been read; None when only the database knows."""
        self._failures: dict[int, int] = {}
        self._ahead: set[int] = set()
        """Numbers that were read before older ones."""
        self._logins: tuple[float, frozenset[str]] = (-LOGINS_S, frozenset())
        """From whom mails of any login come here, and since when that is known."""
        self._ended = threading.Event()
        self._access = Access(portunus, ACTOR, OAuthTokens())

    # --- told by the coordinator

    def ring(self, *, wanted: bool, changed: bool = False) -> None:
        """A sign-in waits here (or no longer does); the settings were changed."""
        news = changed or (wanted and not self._wanted)
        self._wanted, self._changed = wanted, self._changed or changed
        if news or self._stopping.is_set():
            os.write(self._bell, b".")

    def hang_up(self) -> None:
        """End this watch alone: its mailbox was taken out of the directory."""
        self._ended.set()
        os.write(self._bell, b".")

    # --- the thread

    def run(self) -> None:
        pause = FIRST_PAUSE_S
        while not self._over:
            try:
                self._one_connection()
                pause = FIRST_PAUSE_S
                continue
            except Gone:
                return
            except DBAPIError:
                self._note_health("down", "The database is away.")
            except Refused as refused:
                self._note_health(REFUSED.get(refused.code, "down"), refused.message)
                if refused.code in REFUSED:
                    self._rest(REFUSED_PAUSE_S)
                    continue
            except BrokerError as away:
                self._note_health("down", away.message)
            except Exception as failed:  # noqa: BLE001 - the outermost loop of a mailbox must not end by an error
                log.error("mailbox watch failed", endpoint=self._endpoint_id, error=_where(failed))  # noqa: TRY400 - an error's own words may hold what was read
                self._note_health("down", "Reading the mailbox failed; it is tried again. See the log.")
            if self._was_up:
                pause, self._was_up = FIRST_PAUSE_S, False
            self._pause(pause * random.uniform(0.5, 1.5))
            pause = min(pause * 2, LONGEST_PAUSE_S)

    @property
    def _over(self) -> bool:
        return self._stopping.is_set() or self._ended.is_set()

    def _one_connection(self) -> None:
        """Until settings change or the watch is over. Raises `BrokerError` when there is none, or no longer."""
        with self._portunus.reading(ACTOR) as work:
            host = str(self._endpoint(work).settings.get("host", ""))
        with self._dials.at(host):  # after an outage not all mailboxes at once
            if self._over:
                return
            mailbox = self._connect()
        try:
            self._watch(mailbox)
        finally:
            mailbox.close()

    def _pause(self, seconds: float) -> None:
        """A sign-in that begins to wait ends it, and one that waits keeps it short."""
        self._listen(min(seconds, EAGER_PAUSE_S) if self._wanted else seconds)

    def _rest(self, seconds: float) -> None:
        """Only new settings end it."""
        end = time.monotonic() + seconds
        while not self._over and not self._changed and time.monotonic() < end:
            self._listen(end - time.monotonic())

    def _listen(self, seconds: float) -> None:
        """Until the coordinator rings."""
        poll = select.poll()
        poll.register(self._ear, select.POLLIN)
        poll.poll(max(seconds, 0) * 1000)
        self._hush()

    def _connect(self) -> Mailbox:
        if self._changed:
            self._access.forget()
        self._changed = False
        mailbox = self._dialled()
        self._looked = self._following = None
        self._ahead.clear()
        validity, following = mailbox.baseline()
        with self._portunus.unit(ACTOR) as work:
            endpoint = self._endpoint(work)
            if endpoint.cursor.get("uidvalidity") != validity:
                # first time, or the server renumbered: what lies there already is old mail, unless a sign-in waits
                first = following if not self._wanted else max(following - timing.KEPT, 1)
                endpoint.cursor = {**endpoint.cursor, "uidvalidity": validity, "uidnext": first}
        return mailbox

    def _dialled(self) -> Mailbox:
        """A connection; a token that the server forgot before its time is renewed once."""
        with self._portunus.reading(ACTOR) as work:
            endpoint = self._endpoint(work)
        try:
            return ImapMailbox(self._access.address(endpoint))
        except Refused as refused:
            self._access.forget()
            if refused.code != "mailbox-token" or not self._access.remembered:
                raise
        return ImapMailbox(self._access.address(endpoint))

    def _watch(self, mailbox: Mailbox) -> None:
        self._read_all(mailbox)
        self._was_up = True
        self._note_health("up", "Connected.")  # a mailbox that lets us in and cannot be read brings no codes
        while not self._over and not self._changed:
            if not mailbox.wait(QUICK_S if self._wanted else CALM_S, self._ear) and self._wanted:
                mailbox.probe()  # some servers tell of new mail only then; otherwise the look itself is the probe
            self._hush()
            self._read_all(mailbox)

    def _read_all(self, mailbox: Mailbox) -> None:
        """Until a look finds nothing new: of what came while we read, IDLE says nothing any more (RFC 3501, 5.2)."""
        while self._catch_up(mailbox) and not self._over:
            continue

    def _hush(self) -> None:
        try:
            while os.read(self._ear, 64):
                pass
        except BlockingIOError:
            return

    def _catch_up(self, mailbox: Mailbox) -> bool:
        """Take what is new; whether there was any. While a sign-in waits the newest first, and not long before looking anew."""
        before, looks = self._looked, self._portunus.clock.now()
        if self._following is None:
            with self._portunus.reading(ACTOR) as work:
                self._following = int(self._endpoint(work).cursor.get("uidnext", 1))
        found, newest_first, end = False, self._wanted, time.monotonic() + AGAIN_S
        for mail in mailbox.since(self._following, newest_first=newest_first, known=tuple(self._ahead)):
            self._following = None  # to be read again, whatever becomes of the mail
            if newest_first:
                self._ahead.add(mail.uid)
            try:
                self._take_or_put_aside(mail, before)
            except Exception:
                self._ahead.discard(mail.uid)
                raise
            found = True
            if self._wanted and (not newest_first or time.monotonic() >= end):
                self._looked = looks
                return True  # what came meanwhile is newer; the older ones are still to be read
        self._catch_up_with_newest()
        self._looked = looks
        return found

    def _catch_up_with_newest(self) -> None:
        """All older ones are read as well by now: the next look begins behind the newest."""
        if not self._ahead:
            return
        with self._portunus.unit(ACTOR) as work:
            endpoint = self._endpoint(work)
            first = max(int(endpoint.cursor.get("uidnext", 1)), max(self._ahead) + 1)
            endpoint.cursor = {**endpoint.cursor, "uidnext": first}
        self._ahead.clear()

    def _behind(self, cursor: dict[str, Any], uid: int) -> int:
        """Where the next look begins once this one is taken; one that was read ahead leaves older ones to be read."""
        return int(cursor.get("uidnext", 1)) if uid in self._ahead else uid + 1

    def _take_or_put_aside(self, mail: RawMail, looked_before: datetime | None) -> None:
        """A message that cannot be processed is kept as unreadable and never stands in the way of the next one."""
        try:
            self._take(mail, looked_before)
        except (OperationalError, InterfaceError, Unavailable):
            raise  # database or vault are away: that is not the message's fault
        except (DBAPIError, BrokerError, ValueError, TypeError, LookupError, RuntimeError, AssertionError) as failed:
            if self._tried(mail.uid) < TRIES:
                raise
            log.error("message put aside", endpoint=self._endpoint_id, uid=mail.uid, error=_where(failed))  # noqa: TRY400 - as above
            self._put_aside(mail)

    def _tried(self, uid: int) -> int:
        self._failures = {uid: self._failures.get(uid, 0) + 1}
        return self._failures[uid]

    def _take(self, mail: RawMail, looked_before: datetime | None) -> None:
        """Read first, then write: anybody may send a mail that takes its time, and nobody else waits for it."""
        with self._portunus.reading(ACTOR) as work:
            endpoint, now = self._endpoint(work), work.clock.now()
            cursor, authserv = dict(endpoint.cursor), endpoint.settings.get("trusted_authserv")
            senders = codes.awaited_senders(work, self._endpoint_id)
            if senders is not None:
                senders |= self._login_senders(work)
        lags = timing.remembered(cursor.get("lags", []), timing.lag_s(mail.received_at, looked_before, now))
        arrival = self._reader.arrival(
            mail.raw,
            endpoint_id=self._endpoint_id,
            authserv=authserv,
            received_at=timing.received_at(mail.received_at, now, timing.clock_error(lags)),
            external_id=f"uid:{cursor.get('uidvalidity')}:{mail.uid}",
            senders=senders,
        )
        if mail.size and not mail.raw:
            arrival = _too_large(arrival, mail.size)
        with self._portunus.unit(ACTOR) as work:
            endpoint = self._endpoint(work)
            if not _is_next(mail, endpoint.cursor, cursor):
                return
            message = codes.receive(work, self._portunus.vault, endpoint, arrival)
            following = self._behind(endpoint.cursor, mail.uid)
            endpoint.cursor = {**endpoint.cursor, "uidnext": following, "lags": lags}
            log.info("message", endpoint=endpoint.id, verdict=message.verdict, size=mail.size)

    def _login_senders(self, work: Unit) -> frozenset[str]:
        """Kept for a while: each login costs the database a question, and a mail waits."""
        at, senders = self._logins
        if time.monotonic() - at > LOGINS_S:
            senders = codes.login_senders(work, self._endpoint_id)
            self._logins = time.monotonic(), senders
        return senders

    def _put_aside(self, mail: RawMail) -> None:
        with self._portunus.unit(ACTOR) as work:
            endpoint = self._endpoint(work)
            cursor = endpoint.cursor
            arrival = Arrival(
                endpoint_id=endpoint.id,
                channel="email",
                external_id=f"uid:{cursor.get('uidvalidity')}:{mail.uid}",
                sender="",
                trusted=False,
                recipients=frozenset(),
                subject="",
                text="",
                received_at=work.clock.now(),
                raw_digest=hashlib.sha256(mail.raw).hexdigest(),
            )
            codes.quarantine(work, endpoint, arrival, "It could not be processed: read it in the mailbox itself.")
            endpoint.cursor = {**cursor, "uidnext": self._behind(cursor, mail.uid)}

    def _endpoint(self, work: Unit) -> DeliveryEndpoint:
        endpoint = work.db.get(DeliveryEndpoint, self._endpoint_id)
        if endpoint is None:
            raise Gone
        return endpoint

    def _note_health(self, health: str, words: str) -> None:
        """Health is for people to see: that it cannot be written down must not end the watch."""
        try:
            with self._portunus.unit(ACTOR) as work:
                endpoint = work.db.get(DeliveryEndpoint, self._endpoint_id)
                if endpoint is not None:
                    if endpoint.health != health or endpoint.health_at is None:
                        endpoint.health_at = work.clock.now()
                    endpoint.health, endpoint.health_words = health, words[:300]
        except (DBAPIError, BrokerError):
            log.warning("health not noted", endpoint=self._endpoint_id)
        log.info("health", endpoint=self._endpoint_id, health=health, words=words)


def _is_next(mail: RawMail, cursor: dict[str, Any], before: dict[str, Any]) -> bool:
    """Whether nobody has read on, or found the mailbox numbered anew, while the mail was looked at."""
    same = cursor.get("uidvalidity") == before.get("uidvalidity")
    return same and int(cursor.get("uidnext", 1)) <= mail.uid


def _where(failed: BaseException) -> str:
    """What failed and where, without the error's own words."""
    frames = traceback.extract_tb(failed.__traceback__)
    return f"{type(failed).__name__} at {frames[-1].name}:{frames[-1].lineno}" if frames else type(failed).__name__


def _too_large(arrival: Arrival, size: int) -> Arrival:
    """A mail too large to fetch is told apart from another one by its place and size."""
    told = hashlib.sha256(f"{arrival.external_id}:{size}".encode()).hexdigest()
    words = "The message is larger than any code message."
    return Arrival(**{**vars(arrival), "raw_digest": told, "unreadable": words})
