"""The demo's mailbox at a real Dovecot for a while: the lab's mails lie in its files, and the demo's own watcher reads them there."""

import imaplib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import httpx2
from sqlalchemy import select

import broker.recordings.models
import broker.tabs.models  # noqa: F401 - the tables
from broker.base.actor import system
from broker.base.errors import Unavailable
from broker.base.settings import Settings
from broker.directory.models import DeliveryEndpoint
from broker.wiring import Portunus, build
from workers.bench.demo import Demo
from workers.bench.dovecot import PASSWORD, Dovecot, present, running_dovecot

ACTOR = system("bench")
BOX = "codes"
UP_S = 30


@contextmanager
def by_dovecot(demo: Demo) -> Iterator[str]:
    """Which server serves the mailbox: Dovecot, or the lab's own where this machine has none."""
    if not present():
        yield "the lab's own server"
        return
    portunus = build(Settings(data_dir=demo.data_dir))
    try:
        with running_dovecot() as server:
            _made(server)
            _lab_puts_mails_into(demo, str(server.folder / "mail" / BOX))
            before = _read_from(
                portunus, {"host": "127.0.0.1", "port": server.port, "tls": False, "username": BOX}, PASSWORD
            )
            try:
                yield "Dovecot"
            finally:
                _lab_puts_mails_into(demo, None)
                _read_from(portunus, before, demo.lab["mailbox"]["password"])
    finally:
        portunus.engine.dispose()


def _made(server: Dovecot) -> None:
    """A mailbox's folders are made when it is opened first."""
    with imaplib.IMAP4("127.0.0.1", server.port, timeout=10) as client:
        client.login(BOX, PASSWORD)
        client.select("INBOX")


def _lab_puts_mails_into(demo: Demo, folder: str | None) -> None:
    with httpx2.Client(base_url=demo.lab["control"], trust_env=False, timeout=20) as control:
        control.post("/maildir", json={"folder": folder}).raise_for_status()


def _read_from(portunus: Portunus, place: dict[str, Any], password: str) -> dict[str, Any]:
    """Point the demo's one mailbox elsewhere and wait until its watcher is there; where it was before. Raises `Unavailable`."""
    with portunus.unit(ACTOR) as work:
        row = work.db.scalars(select(DeliveryEndpoint).where(DeliveryEndpoint.kind == "mailbox")).one()
        before, changed_at = {name: row.settings.get(name) for name in place}, work.clock.now()
        row.settings, row.health, row.health_at = row.settings | place, "unknown", work.clock.now()
        portunus.vault.put(
            work, row.organization_id, "delivery_endpoint", row.id, "mailbox_password", password.encode()
        )
    end = time.monotonic() + UP_S
    while time.monotonic() < end:
        if _connected_since(portunus, changed_at):
            return before
        time.sleep(0.1)  # noqa: TID251 - another process works
    raise Unavailable("The demo's mail watcher did not come to the other mailbox.")


def _connected_since(portunus: Portunus, moment: datetime) -> bool:
    with portunus.reading(ACTOR) as work:
        row = work.db.scalars(select(DeliveryEndpoint).where(DeliveryEndpoint.kind == "mailbox")).one()
        return row.health == "up" and row.health_at is not None and row.health_at > moment
