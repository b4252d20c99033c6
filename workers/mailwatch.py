"""The mailbox watcher: one thread per mailbox; every new message is matched at once.

While a sign-in waits for a code here the server is asked every quarter second (IDLE alone lags, and can fall silent);
otherwise IDLE waits, and a probe every minute notices a server that is frozen.
"""

import signal
import threading
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select

from broker.adapters.imap_mailbox import ImapMailbox
from broker.base.actor import system
from broker.base.errors import BrokerError, Unavailable
from broker.base.logs import set_up_logs
from broker.base.unit import Unit
from broker.codes import service as codes
from broker.codes.models import CodeRequest
from broker.codes.reader import MailReader
from broker.directory.models import DeliveryEndpoint
from broker.ports.mailbox import Mailbox, MailboxAddress, RawMail
from broker.wiring import Portunus, build

ACTOR = system("mailwatch")
PERMISSION = "system"
QUICK_S = 0.25
CALM_S = 1.0
PROBE_S = 60.0
LONGEST_PAUSE_S = 60.0
LOOK_FOR_MAILBOXES_S = 5.0
log = structlog.get_logger("mailwatch")


class Watch(threading.Thread):
    """One mailbox, for ever: connect, catch up, wait; after any failure note it and try again, ever more slowly."""

    def __init__(self, portunus: Portunus, endpoint_id: str, stop: threading.Event) -> None:
        super().__init__(name=f"mailbox {endpoint_id}", daemon=True)
        self._portunus = portunus
        self._endpoint_id = endpoint_id
        self._stopping = stop
        self._reader = MailReader()

    def run(self) -> None:
        self._reader.warm_up()
        pause = 1.0
        while not self._stopping.is_set():
            try:
                mailbox = self._connect()
            except BrokerError as away:
                self._note_health("down", away.message)
                self._stopping.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
                continue
            pause = 1.0
            try:
                self._watch(mailbox)
            except Unavailable as away:
                self._note_health("down", away.message)
            finally:
                mailbox.close()
        self._reader.close()

    def _connect(self) -> Mailbox:
        with self._portunus.unit(ACTOR) as work:
            endpoint = work.db.get(DeliveryEndpoint, self._endpoint_id)
            if endpoint is None:
                raise Unavailable("The mailbox is no longer in the directory.")
            chosen = endpoint.settings
            password = self._portunus.vault.use(
                work, "delivery_endpoint", endpoint.id, "mailbox_password", purpose="read the mailbox"
            )
        mailbox = ImapMailbox(
            MailboxAddress(
                host=chosen["host"],
                port=int(chosen["port"]),
                tls=bool(chosen.get("tls", True)),
                username=chosen.get("username", endpoint.address),
                password=password.decode(),
                folder=chosen.get("folder", "INBOX"),
            )
        )
        self._start_from_here(mailbox)
        self._note_health("up", "Connected.")
        return mailbox

    def _start_from_here(self, mailbox: Mailbox) -> None:
        """First time, or the server renumbered: what lies there already is old mail and is not read."""
        validity, following = mailbox.baseline()
        with self._portunus.unit(ACTOR) as work:
            endpoint = self._endpoint(work)
            if endpoint.cursor.get("uidvalidity") != validity:
                endpoint.cursor = {"uidvalidity": validity, "uidnext": following}

    def _watch(self, mailbox: Mailbox) -> None:
        self._catch_up(mailbox)
        probed = self._portunus.clock.monotonic()
        while not self._stopping.is_set():
            someone_waits = self._someone_waits()
            news = mailbox.wait(QUICK_S if someone_waits else CALM_S)
            if someone_waits or self._portunus.clock.monotonic() - probed > PROBE_S:
                mailbox.probe()
                probed = self._portunus.clock.monotonic()
                news = True
            if news:
                self._catch_up(mailbox)

    def _someone_waits(self) -> bool:
        with self._portunus.reading(ACTOR) as work:
            return bool(
                work.db.scalar(
                    select(CodeRequest.id)
                    .where(
                        CodeRequest.endpoint_id == self._endpoint_id,
                        CodeRequest.state.in_(("expected", "waiting")),
                        CodeRequest.deadline > work.clock.now(),
                    )
                    .limit(1)
                )
            )

    def _catch_up(self, mailbox: Mailbox) -> None:
        with self._portunus.reading(ACTOR) as work:
            following = int(self._endpoint(work).cursor.get("uidnext", 1))
        for mail in mailbox.since(following):
            self._take(mail)

    def _take(self, mail: RawMail) -> None:
        with self._portunus.unit(ACTOR) as work:
            endpoint = self._endpoint(work)
            arrival = self._reader.arrival(
                mail.raw,
                endpoint_id=endpoint.id,
                authserv=endpoint.settings.get("trusted_authserv"),
                received_at=_within_reason(mail.received_at, work.clock.now()),
                external_id=f"uid:{endpoint.cursor.get('uidvalidity')}:{mail.uid}",
            )
            message = codes.receive(work, self._portunus.vault, endpoint, arrival)
            endpoint.cursor = {**endpoint.cursor, "uidnext": mail.uid + 1}
            log.info("message", endpoint=endpoint.id, verdict=message.verdict, size=mail.size)

    def _endpoint(self, work: Unit) -> DeliveryEndpoint:
        endpoint = work.db.get(DeliveryEndpoint, self._endpoint_id)
        if endpoint is None:
            raise Unavailable("The mailbox is no longer in the directory.")
        return endpoint

    def _note_health(self, health: str, words: str) -> None:
        with self._portunus.unit(ACTOR) as work:
            endpoint = work.db.get(DeliveryEndpoint, self._endpoint_id)
            if endpoint is not None:
                endpoint.health, endpoint.health_words, endpoint.health_at = health, words[:300], work.clock.now()
        log.info("health", endpoint=self._endpoint_id, health=health, words=words)


def _within_reason(received_at: datetime, now: datetime) -> datetime:
    """IMAP dates have whole seconds and another machine's clock: just arrived means now."""
    return now if abs(now - received_at) < timedelta(seconds=5) else received_at


def watch_all(portunus: Portunus, stop: threading.Event) -> None:
    """Watch every mailbox of the directory, also those added later, until `stop`."""
    watches: dict[str, Watch] = {}
    while not stop.is_set():
        with portunus.reading(ACTOR) as work:
            known = work.db.scalars(select(DeliveryEndpoint.id).where(DeliveryEndpoint.kind == "mailbox")).all()
        for endpoint_id in known:
            if endpoint_id not in watches or not watches[endpoint_id].is_alive():
                watches[endpoint_id] = Watch(portunus, endpoint_id, stop)
                watches[endpoint_id].start()
        (portunus.settings.run_dir / "mailwatch.ready").touch()
        stop.wait(LOOK_FOR_MAILBOXES_S)
    for watch in watches.values():
        watch.join(timeout=3)


def main() -> None:
    """Run until SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    portunus = build()
    set_up_logs(json=portunus.settings.log_json)
    watch_all(portunus, stop)


if __name__ == "__main__":
    main()
