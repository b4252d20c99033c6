"""A browser host in this process, with the lab's carriers, the shipped scripts and a mailbox watcher."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from api.cli.demo import seed
from broker.base.actor import Actor, system
from broker.base.clock import SystemClock
from broker.base.settings import Settings
from broker.directory.models import Location, PortalAccount
from broker.identity.models import User
from broker.tabs import service as tabs
from broker.tabs.models import Lease, LoginAttempt, PortalSession
from broker.wiring import Portunus
from carrier_scripts.lab import founding
from tests.conftest import acting
from tests.databases import sqlite_content, sqlite_engine
from tests.fakes.blobs import MemoryBlobs
from tests.fakes.browserhost import MemoryBrowserHost
from tests.fakes.keyring import MemoryKeyring
from tests.fakes.queue import MemoryQueue
from tests.fakes.signals import MemorySignals
from tests.labs import RunningLab, running_lab
from workers import catalog
from workers.browser.host import Host
from workers.browser.live import LiveSession
from workers.browser.tasks import cancelled
from workers.mailwatch import watch_all

LOGIN = "saguaro.phoenix"


@dataclass
class Node:
    """One node of Portunus and the carriers it logs in to."""

    portunus: Portunus
    lab: RunningLab
    host: Host | None = None

    def run(self, test: Callable[[], Awaitable[None]]) -> None:
        """The test on a started host, which is stopped again whatever happens."""

        async def within() -> None:
            self.host = Host(self.portunus)
            try:
                await self.host.start()
                await test()
            finally:
                await self.host.stop()

        asyncio.run(within())

    async def open(self, username: str = "saguaro.phoenix", location: str = "phoenix") -> tuple[PortalSession, str]:
        """Open a tab as Maria; returns the session row and the attempt's outcome when the attempt has ended."""
        lease_id, attempt_id = await asyncio.to_thread(self.reserve, username, location)
        assert self.host is not None
        self.host.run_attempt(attempt_id)
        await self.host._attempts[attempt_id]
        return await asyncio.to_thread(self.ended, attempt_id)

    def reserve(self, username: str, location: str) -> tuple[str, str]:
        """A lease and the attempt that it waits for."""
        with self.portunus.unit(self.maria()) as work:
            account = work.db.scalars(select(PortalAccount).where(PortalAccount.username == username)).one()
            place = work.db.scalars(select(Location).where(Location.key == location)).one()
            lease = tabs.open_tab(work, account.id, place.id, "check eligibility")
            attempt = work.db.scalars(
                select(LoginAttempt).where(LoginAttempt.portal_session_id == lease.portal_session_id)
            ).all()[-1]
            return lease.id, attempt.id

    def give_back(self, session_id: str) -> None:
        """Maria is done with her tab; the session stays signed in."""
        with self.portunus.unit(self.maria()) as work:
            lease = work.db.scalars(
                select(Lease).where(Lease.portal_session_id == session_id, Lease.ended_at.is_(None))
            ).one()
            tabs.end_tab(work, lease.id)

    def session(self, session_id: str) -> PortalSession:
        """The row as it is now."""
        with self.portunus.reading(system("test")) as work:
            row = work.db.get(PortalSession, session_id)
            assert row is not None
            return row

    async def untended(self) -> Host:
        """The host without the loops that tend sessions and end lost ones: the test does both, at moments it knows."""
        assert self.host is not None
        await cancelled(*self.host._loops[:2])
        return self.host

    async def live(self, username: str = LOGIN, location: str = "phoenix") -> LiveSession:
        """A signed-in session, proved to be one."""
        session, outcome = await self.open(username, location)
        assert (outcome, session.state) == ("signed_in", "ready")
        assert self.host is not None
        return self.host._sessions[session.id]

    def ended(self, attempt_id: str) -> tuple[PortalSession, str]:
        with self.portunus.reading(system("test")) as work:
            row = work.db.get(LoginAttempt, attempt_id)
            assert row is not None
            work.db.refresh(row.portal_session)
            return row.portal_session, str(row.outcome)

    def account_status(self, username: str = "saguaro.phoenix") -> str:
        with self.portunus.reading(system("test")) as work:
            return work.db.scalars(select(PortalAccount.status).where(PortalAccount.username == username)).one()

    def maria(self) -> Actor:
        with self.portunus.reading(system("test")) as work:
            return acting(work.db.scalars(select(User).where(User.name == "Maria Lopez")).one())


@pytest.fixture(scope="session")
def one_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(tmp_path_factory.mktemp("carriers")) as lab:
        yield lab


@dataclass(frozen=True)
class Founded:
    """The demo organization with its accounts and scripts, as bytes: made once, copied for each test."""

    database: bytes
    blobs: dict[str, bytes]
    keyring: MemoryKeyring


@pytest.fixture(scope="session")
def founded(one_lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Founded:
    folder = tmp_path_factory.mktemp("founded")
    keyring, blobs = MemoryKeyring(), MemoryBlobs()
    portunus = _portunus(folder, one_lab, keyring, blobs)
    catalog.register(portunus)
    with portunus.unit(system("test")) as work:
        seed(work, portunus, founding.document(), one_lab.facts)
    return Founded(sqlite_content(), {name: bytes(kept) for name, kept in blobs.kept.items()}, keyring)


@pytest.fixture
def node(one_lab: RunningLab, founded: Founded, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Node]:
    """In the end the carriers' judge must have counted no overlapping login and no wasted try (but see the marker `wastes`)."""
    one_lab.reset()
    blobs = MemoryBlobs()
    blobs.kept.update((name, bytearray(kept)) for name, kept in founded.blobs.items())
    portunus = _portunus(tmp_path, one_lab, founded.keyring, blobs, founded.database)
    stop = threading.Event()
    watcher = threading.Thread(target=watch_all, args=(portunus, stop))
    watcher.start()
    yield Node(portunus, one_lab)
    stop.set()
    watcher.join(timeout=10)
    portunus.engine.dispose()
    if request.node.get_closest_marker("wastes") is None:
        assert one_lab.misdeeds() == {}


def _portunus(
    folder: Path, lab: RunningLab, keyring: MemoryKeyring, blobs: MemoryBlobs, database: bytes | None = None
) -> Portunus:
    engine = sqlite_engine(database)
    made = Portunus(
        settings=Settings(
            data_dir=folder,
            database_url=SecretStr(str(engine.url)),
            simulated_portals=True,
            resolve=lab.resolve,
            trusted_spki=[lab.spki],
        ),
        engine=engine,
        clock=SystemClock(),
        queue=MemoryQueue(),
        signals=MemorySignals(),
        blobs=blobs,
        keyring=keyring,
        host=MemoryBrowserHost(),
    )
    made.settings.run_dir.mkdir(parents=True, exist_ok=True)
    return made
