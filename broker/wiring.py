"""The only place that picks adapters for ports, and the process's one `Portunus` object."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from broker.adapters.celery_queue import CeleryQueue
from broker.adapters.environment_keyring import EnvironmentKeyring
from broker.adapters.file_keyring import FileKeyring
from broker.adapters.http_witness import HttpWitness
from broker.adapters.redis_signals import RedisSignals
from broker.adapters.socket_browserhost import SocketBrowserHost
from broker.adapters.stored_blobs import open_blobs
from broker.base.actor import Actor
from broker.base.clock import Clock, SystemClock
from broker.base.db import READ_ONLY, make_engine
from broker.base.errors import BrokerError
from broker.base.settings import Settings, settings
from broker.base.unit import Unit
from broker.identity.policy import record_denials
from broker.ports.blobs import Blobs
from broker.ports.browserhost import BrowserHost
from broker.ports.keyring import Keyring
from broker.ports.queue import Queue
from broker.ports.signals import Signals
from broker.ports.witness import Witness
from broker.vault.service import Vault


@dataclass
class Portunus:
    """Everything a process needs, built once. Tests pass their own parts."""

    settings: Settings
    engine: Engine
    clock: Clock
    queue: Queue
    signals: Signals
    blobs: Blobs
    keyring: Keyring
    host: BrowserHost

    @cached_property
    def vault(self) -> Vault:
        return Vault(self.keyring)

    @cached_property
    def cosigner(self) -> Witness | None:
        """The witness elsewhere, if one is set."""
        chosen = self.settings
        return HttpWitness(chosen.witness_url, chosen.witness_key) if chosen.witness_url else None

    @contextmanager
    def unit(self, actor: Actor) -> Iterator[Unit]:
        """A writing transaction: commits when the block ends well, rolls back when it raises; then sends the hints."""
        with Session(self.engine, expire_on_commit=False) as db:
            work = Unit(db=db, actor=actor, clock=self.clock)
            try:
                yield work
                work.commit()
            except BrokerError:
                db.rollback()
                self._keep_denials(work)
                raise
        for task, row_id in work.tasks:
            self.queue.enqueue(task, row_id)
        for channel in work.signals:
            self.signals.send(channel)

    def signals_or_ticks(self, *channels: str, limit_s: float, tick_s: float = 1.0) -> Iterator[None]:
        """Yield at once, at every signal, and at least every `tick_s`, until `limit_s` is over: signals may be lost."""
        end = self.clock.monotonic() + limit_s
        yield
        while self.clock.monotonic() < end:
            began = self.clock.monotonic()
            next(self.signals.wait(*channels, timeout_s=tick_s), None)
            if self.clock.monotonic() - began < tick_s / 20:
                time.sleep(tick_s / 20)  # noqa: TID251 - no signals to wait for: the message broker is away
            yield

    def _keep_denials(self, refused: Unit) -> None:
        if not refused.denials:
            return
        with Session(self.engine) as db:
            work = Unit(db=db, actor=refused.actor, clock=self.clock)
            record_denials(work, refused.denials)
            work.commit()

    @contextmanager
    def reading(self, actor: Actor) -> Iterator[Unit]:
        """A reading transaction that takes no write lock and changes nothing."""
        with self.engine.connect().execution_options(**{READ_ONLY: True}) as connection, Session(connection) as db:
            work = Unit(db=db, actor=actor, clock=self.clock)
            try:
                yield work
            except BrokerError:
                db.rollback()
                self._keep_denials(work)
                raise


def build(chosen: Settings | None = None) -> Portunus:
    """A `Portunus` from settings. Raises `Unavailable` when a part cannot be had."""
    s = chosen or settings()
    keyring: Keyring = (
        FileKeyring(s.data_dir.absolute() / "keys", s.root_key_passphrase)
        if s.key_provider == "file"
        else EnvironmentKeyring(s.root_key)
    )
    redis_url = s.redis_url.get_secret_value() or embedded_redis_url(s)
    clock = SystemClock()
    return Portunus(
        settings=s,
        engine=make_engine(s.database),
        clock=clock,
        queue=CeleryQueue(redis_url, keyring, clock),
        signals=RedisSignals(redis_url),
        blobs=open_blobs(s.blob_url or f"file://{s.data_dir.absolute() / 'blobs'}"),
        keyring=keyring,
        host=SocketBrowserHost(s.hostsocket),
    )


def embedded_redis_url(s: Settings) -> str:
    """Address of the bundled message broker: a Unix socket in run_dir, its password in a file beside it."""
    secret = s.data_dir.absolute() / "keys" / "valkey.password"
    password = secret.read_text(encoding="utf-8").strip() if secret.exists() else ""
    return f"unix://:{password}@{s.run_dir / 'valkey.sock'}"
