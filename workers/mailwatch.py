"""The mailbox watcher: one thread per mailbox, and one that tells them where a sign-in waits for a code."""

import contextlib
import json
import resource
import signal
import threading
from dataclasses import dataclass

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from broker.base.beats import beat
from broker.base.logs import set_up_logs
from broker.base.ready import say_ready
from broker.base.unit import Unit
from broker.codes.models import CodeRequest
from broker.codes.reader import MailReader
from broker.directory.models import DeliveryEndpoint
from broker.vault.models import Secret
from broker.wiring import Portunus, build
from workers.mailbox import ACTOR, Dials, Watch

PERMISSION = "system"
LOOK_S = 0.2
LOOK_FOR_MAILBOXES_S = 2.0
BEAT_S = 10.0
READERS = 2
DIALS = 12
"""Mailboxes that connect to one server at the same time: after an outage it must not see all of them in one instant."""
log = structlog.get_logger("mailwatch")


@dataclass
class _Watched:
    watch: Watch
    marks: str
    """Settings and password version it was started with."""


class Coordinator:
    """Starts a watch for every mailbox of the directory, ends those of removed ones, rings where a code is awaited."""

    def __init__(self, portunus: Portunus, stop: threading.Event) -> None:
        self._portunus = portunus
        self._stop = stop
        self._reader = MailReader(READERS)
        self._dials = Dials(DIALS)
        self._watched: dict[str, _Watched] = {}

    def run(self) -> None:
        """Until stopped. A database that is away is waited for."""
        self._reader.warm_up()
        looked, beaten = -LOOK_FOR_MAILBOXES_S, -BEAT_S
        while not self._stop.is_set():
            try:
                if self._portunus.clock.monotonic() - beaten >= BEAT_S:
                    with self._portunus.unit(ACTOR) as work:
                        beat(work, "mailwatch")
                    beaten = self._portunus.clock.monotonic()
                if self._portunus.clock.monotonic() - looked >= LOOK_FOR_MAILBOXES_S:
                    self._follow_directory()
                    looked = self._portunus.clock.monotonic()
                    say_ready(self._portunus.settings, "mailwatch")
                self._ring_where_awaited()
            except DBAPIError as away:
                log.warning("the database is away", error=type(away).__name__)
                self._stop.wait(1)
            self._stop.wait(LOOK_S)
        for one in self._watched.values():
            one.watch.hang_up()
        for one in self._watched.values():
            one.watch.join(timeout=3)
        self._reader.close()

    def _follow_directory(self) -> None:
        with self._portunus.reading(ACTOR) as work:
            known = _mailboxes(work)
        for endpoint_id, marks in known.items():
            held = self._watched.get(endpoint_id)
            if held is None or not held.watch.is_alive():
                watch = Watch(self._portunus, endpoint_id, self._reader, self._stop, self._dials)
                self._watched[endpoint_id] = _Watched(watch, marks)
                watch.start()
            elif held.marks != marks:
                held.marks = marks
                held.watch.ring(wanted=False, changed=True)
        for endpoint_id in set(self._watched) - set(known):
            self._watched.pop(endpoint_id).watch.hang_up()

    def _ring_where_awaited(self) -> None:
        with self._portunus.reading(ACTOR) as work:
            awaited = set(
                work.db.scalars(
                    select(CodeRequest.endpoint_id)
                    .where(
                        CodeRequest.channel == "email",
                        CodeRequest.state.in_(("expected", "waiting", "matched")),
                        CodeRequest.deadline > work.clock.now(),
                    )
                    .distinct()
                )
            )
        for endpoint_id, held in self._watched.items():
            held.watch.ring(wanted=endpoint_id in awaited)


def _mailboxes(work: Unit) -> dict[str, str]:
    """Every mailbox with what it is reached by: when that changes, its watch connects anew."""
    versions: dict[str, int] = {}
    secrets = select(Secret.owner_id, Secret.version).where(
        Secret.owner_kind == "delivery_endpoint", Secret.set_by != ACTOR.id, Secret.field != "consent_asked"
    )
    for owner, version in work.db.execute(secrets):  # all fields together: whichever is replaced, the sum grows
        versions[owner] = version + versions.get(owner, 0)
    rows = work.db.execute(
        select(DeliveryEndpoint.id, DeliveryEndpoint.settings).where(DeliveryEndpoint.kind == "mailbox")
    )
    return {row.id: json.dumps([row.settings, versions.get(row.id)], sort_keys=True) for row in rows}


def watch_all(portunus: Portunus, stop: threading.Event) -> None:
    """Watch every mailbox of the directory, also those added later, until `stop`."""
    Coordinator(portunus, stop).run()


def _allow_files(wanted: int) -> None:
    """Raise the soft limit of open files as far as the hard one allows: each mailbox holds a socket and a pipe."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


def main() -> None:
    """Run until SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    _allow_files(8192)
    portunus = build()
    set_up_logs(json=portunus.settings.log_json)
    watch_all(portunus, stop)


if __name__ == "__main__":
    main()
