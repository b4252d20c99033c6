"""A billing office for browser tests: the real web application with believable people, portals and states; the browser
host and the worker are stand-ins that sign in at once, so that a whole morning fits into seconds."""

import asyncio
import json
import socket
import struct
import threading
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyotp
import uvicorn

from api.app import create_app
from broker.audit import service as audit
from broker.base.actor import system
from broker.base.clock import SystemClock
from broker.base.db import Base, make_engine
from broker.base.errors import Unavailable
from broker.base.settings import Settings
from broker.base.unit import Unit
from broker.codes import service as codes
from broker.codes.matching import Arrival
from broker.codes.models import CodeRequest
from broker.directory import service as directory
from broker.directory.models import DeliveryEndpoint, Location, MfaMethod, Organization, PortalAccount
from broker.identity import links, logins, passwords, second_factor
from broker.identity.models import User
from broker.recordings import service as recordings
from broker.recordings.container import Message, Writer
from broker.recordings.service import Subject
from broker.tabs import service as tabs
from broker.tabs.models import Lease
from broker.tabs.service import Ending
from broker.tabs.states import SessionState
from broker.wiring import Portunus
from tests import factories
from tests.conftest import acting
from tests.fakes.blobs import MemoryBlobs
from tests.fakes.keyring import MemoryKeyring
from tests.fakes.signals import MemorySignals
from workers.browser import messages

TEST, HOST, SWEEP = system("test"), system("browserhost"), system("worker")
DIGEST = "d"
PHRASE = "quiet harbour lantern"
RIGHT_CODE = "246810"
WRONG_CODE = Ending("wrong_code", signed_in=False, words="The portal did not accept the code.", next_actor="requester")
SIGNED_IN = Ending("signed_in", signed_in=True, words="Signed in.", next_actor="nobody")
PORTALS = {
    "harborline": "Harborline",
    "copper_mesa_az": "Copper Mesa Arizona",
    "northgate": "Northgate Provider Hub",
    "palo_verde": "Palo Verde Dental",
    "juniper_mutual": "Juniper Mutual",
    "cascade_health": "Cascade Health",
    "ironwood": "Ironwood Benefit Trust",
    "blue_mesa": "Blue Mesa Dental Network",
    "sonoran": "Sonoran State Medicaid",
    "larkspur": "Larkspur Life",
    "granite": "Granite Administrators",
    "twin_rivers": "Twin Rivers Health Plan",
}
DESK = {"palo_verde", "juniper_mutual", "cascade_health", "ironwood"}
"""Portals whose code comes to the telephone on the front desk."""
PEOPLE = {
    "Maria Lopez": "biller",
    "Dan Whitfield": "front_desk",
    "Ana Petrova": "admin",
    "Audrey Chen": "compliance",
}


@dataclass
class Person:
    """Somebody who can sign in."""

    id: str
    name: str
    email: str
    seed: str


class Worker:
    """Queue and worker in one: runs an attempt at once, on a thread of its own. Codes other than the right one are wrong."""

    def __init__(self) -> None:
        self.portunus: Portunus | None = None
        self.threads = ThreadPoolExecutor(16)
        self.held: set[str] = set()
        """Portal keys whose sign-in does not begin."""

    def enqueue(self, task: str, row_id: str) -> None:
        if task == "open_tab":
            self.threads.submit(self._sign_in, row_id)

    def _unit(self, act: Callable[[Unit], Any]) -> Any:
        assert self.portunus is not None
        with self.portunus.unit(HOST) as work:
            return act(work)

    def _sign_in(self, attempt_id: str) -> None:
        key = self._unit(lambda work: tabs.portal_key(work, attempt_id))
        if key in self.held:
            return
        claim = self._unit(lambda work: tabs.claim_attempt(work, attempt_id, "node1", _digest(key)))
        request = self._unit(lambda work: tabs.submit(work, attempt_id, claim.fence))
        if key not in DESK:
            self._unit(lambda work: self._mail(work, key, request))
        answer = self._ask(attempt_id, claim.fence, request)
        if answer is None:
            return
        self._unit(lambda work: codes.answered(work, request, accepted=answer))
        ending = SIGNED_IN if answer else WRONG_CODE
        self._unit(lambda work: tabs.finish(work, attempt_id, claim.fence, ending))

    def _mail(self, work: Unit, key: str, request_id: str) -> None:
        """The portal's mail with the code, already judged authentic."""
        assert self.portunus is not None
        request = work.db.get(CodeRequest, request_id)
        assert request is not None
        endpoint = work.db.get(DeliveryEndpoint, request.endpoint_id)
        assert endpoint is not None
        arrival = Arrival(
            endpoint_id=endpoint.id, channel="email", external_id=request_id, sender=_sender(key), trusted=True,
            recipients=frozenset(), subject="Your code", text=f"Your code is {RIGHT_CODE}.",
            received_at=work.clock.now(), raw_digest=request_id.ljust(64, "0")[:64],
        )  # fmt: skip
        codes.receive(work, self.portunus.vault, endpoint, arrival)

    def _ask(self, attempt_id: str, fence: int, request: str) -> bool | None:
        portunus = self.portunus
        assert portunus is not None
        self._unit(lambda work: codes.waiting(work, request))
        waiting = SessionState.WAITING_CODE
        self._unit(lambda work: tabs.progress(work, attempt_id, fence, waiting, "Waiting for the code."))
        for _ in portunus.signals_or_ticks(f"code:{request}", limit_s=60, tick_s=0.5):
            taken = self._unit(lambda work: codes.take(work, portunus.vault, request, attempt_id))
            if taken.code is not None:
                self._unit(lambda work: codes.typed(work, request, "sim.test/verify"))
                return bool(taken.code == RIGHT_CODE)
        return None


class Host:
    """A browser host that shows one picture and lets every input change a corner of it."""

    def __init__(self) -> None:
        self.picture = (1, 1, png(1, 1))
        self.inputs: list[dict[str, Any]] = []
        self.down = False

    def run_attempt(self, attempt_id: str) -> None: ...

    def end_session(self, portal_session_id: str) -> None: ...

    def status(self) -> dict[str, Any]:
        if self.down:
            raise Unavailable("The browser host does not answer. Start it: portunus up.")
        return {"node": "node1", "sessions": 2, "shards": 1, "sandbox": "on", "browser": "Chromium 140"}

    @asynccontextmanager
    async def stream(self, lease_id: str) -> "AsyncIterator[Pipe]":
        yield Pipe(self)


class Pipe:
    """One viewer's stream."""

    def __init__(self, host: Host) -> None:
        self._host, self._seq = host, 0
        self._out: asyncio.Queue[bytes] = asyncio.Queue()
        w, h, picture = host.picture
        one = {"n": 1, "host": "portal.sim.test", "path": "/home", "title": "Provider home", "active": True}
        self._say(messages.event(1, 0, 0, {"e": "tabs", "active": 1, "tabs": [one]}))
        self._say(messages.frame(1, 1, 0, w, h, picture))

    def _say(self, message: bytes) -> None:
        self._out.put_nowait(message)

    async def send(self, message: str | bytes) -> None:
        said = json.loads(message)
        if said.get("t") not in ("ack", "blur"):
            self._host.inputs.append(said)
            self._seq += 1
            tile = messages.Tile(0, 0, 8, 8, png(8, 8, shade=self._seq % 256))
            self._say(messages.update(1, self._seq + 1, 0, [], [tile]))

    def __aiter__(self) -> "Pipe":
        return self

    async def __anext__(self) -> bytes:
        return await self._out.get()


class Office:
    """The running application and what tests ask of it."""

    def __init__(self, directory: Path, port: int) -> None:
        database = f"sqlite:///{directory / 'office.db'}"
        self.url = f"http://127.0.0.1:{port}"
        self.worker, self.host = Worker(), Host()
        self.portunus = Portunus(
            settings=Settings(data_dir=directory, database_url=database, port=port),
            engine=make_engine(database),
            clock=SystemClock(),
            queue=self.worker,
            signals=MemorySignals(),
            blobs=MemoryBlobs(),
            keyring=MemoryKeyring(),
            host=self.host,
        )
        self.worker.portunus = self.portunus
        Base.metadata.create_all(self.portunus.engine)
        self.people: dict[str, Person] = {}
        self.accounts: dict[str, str] = {}
        with self.portunus.unit(TEST) as work:
            org = factories.organization(work)
            self.organization_id = org.id
            self.places = {
                key: factories.location(work, org, key, name=f"Saguaro Family Dental {key.title()}")
                for key in ("phoenix", "tucson", "mesa")
            }
            self._portals(work, org)
            for name, role in PEOPLE.items():
                places = [self.places["phoenix"]] if role == "front_desk" else None
                self._person(work, factories.user(work, org, name, role=role, locations=places))

    def _portals(self, work: Unit, org: Organization) -> None:
        mailbox = factories.endpoint(work, org, name="Code mailbox", health="ok", custodian="Dan Whitfield")
        mailbox.health_at = work.clock.now()
        phone = factories.endpoint(work, org, "phone", "+16025550142", name="Front desk phone")
        phone.location_id, phone.custodian = self.places["phoenix"].id, "Dan Whitfield"
        for key, name in PORTALS.items():
            portal = factories.portal(work, key, digest=_digest(key))
            portal.name, portal.provider_line = name, "1-800-555-0199"
            places = list(self.places.values()) if key in ("harborline", "northgate") else [self.places["phoenix"]]
            mail = {"senders": [_sender(key)], "pattern": r"\d{6}"}
            account = factories.account(
                work, portal, places, username=f"saguaro-{key[:5]}", endpoint=mailbox, template=mail
            )
            if key in DESK:
                self._at_the_desk(work, account, phone)
            self.portunus.vault.put(work, org.id, "portal_account", account.id, "password", b"Quartz-Heron-4417")
            self.accounts[key] = account.id

    def _at_the_desk(self, work: Unit, account: PortalAccount, phone: DeliveryEndpoint) -> None:
        method: MfaMethod = account.mfa_methods[0]
        method.channel, method.masked_destination, method.endpoint = "sms", "•••• 0142", phone
        method.template = {"pattern": r"\d{6}", "names": account.portal.name}

    def _person(self, work: Unit, user: User) -> None:
        vault = self.portunus.vault
        user.password_hash = _hashed()
        login, _ = logins.begin(work, user, device="Set-up", via="password")
        seed = second_factor.offer_second_factor(work, vault, login).seed
        second_factor.confirm_second_factor(work, vault, login, pyotp.TOTP(seed).now())
        logins.end(work, login, "set up")
        self.people[user.name.split()[0]] = Person(user.id, user.name, user.email, seed)

    # --- what tests ask

    def place(self, key: str) -> Location:
        return self.places[key]

    def code(self, name: str) -> str:
        """What somebody's telephone shows; tests are quicker than the half minute for which a code counts once."""
        person = self.people[name]
        with self.portunus.unit(TEST) as work:
            user = work.db.get(User, person.id)
            assert user is not None
            user.totp_last_step = -1
        return pyotp.TOTP(person.seed).now()

    def cookie(self, name: str) -> dict[str, Any]:
        """A complete sign-in for a browser context, without the sign-in pages."""
        with self.portunus.unit(TEST) as work:
            user = work.db.get(User, self.people[name].id)
            assert user is not None
            _, token = logins.begin(work, user, device="Chrome on Linux", via="password", complete=True)
        return {"name": "portunus", "value": token, "url": self.url, "httpOnly": True, "sameSite": "Strict"}

    def link(self, user_id: str) -> str:
        """A fresh sign-in link that leads to choosing a password."""
        with self.portunus.unit(TEST) as work:
            user = work.db.get(User, user_id)
            assert user is not None
            return f"{self.url}/sign-in/link/{links.create_link(work, user, direct=False)}"

    def newcomer(self, name: str, role: str | None = "biller") -> str:
        """Somebody who has never signed in; her id."""
        with self.portunus.unit(TEST) as work:
            org = work.db.get(Organization, self.organization_id)
            assert org is not None
            return factories.user(work, org, name, role=role).id

    def open(self, name: str, portal: str, place: str = "phoenix", purpose: str = "Claim follow-up") -> str:
        """Somebody opens a portal; the lease's id."""
        with self.portunus.unit(self._actor(name)) as work:
            return tabs.open_tab(work, self.accounts[portal], self.places[place].id, purpose).id

    def until_ready(self, lease_id: str) -> None:
        """The sign-in is through."""
        for _ in self.portunus.signals_or_ticks(f"lease:{lease_id}", "tiles", limit_s=20, tick_s=0.2):
            with self.portunus.reading(TEST) as work:
                row = work.db.get(Lease, lease_id)
                if row is not None and row.granted_at is not None:
                    return
        raise AssertionError("the stand-in did not sign in")

    def end(self, name: str, lease_id: str) -> None:
        with self.portunus.unit(self._actor(name)) as work:
            tabs.end_tab(work, lease_id)

    def recorded(self, name: str, lease_id: str) -> str:
        """A finished recording of that tab; its id."""
        with self.portunus.unit(HOST) as work:
            lease = work.db.get(Lease, lease_id)
            assert lease is not None
            session = lease.portal_session
            user = self.people[name]
            row, key = recordings.start(
                work,
                self.portunus.vault,
                Subject(
                    self.organization_id, lease_id, session.id, session.account_id, lease.location_id,
                    "user", user.id, user.name,
                ),
            )  # fmt: skip
            attempts = tabs.attempts_of_session(work, session.id)
            codes.shown_in_recording(work, attempts, row.id, 1500)
            w, h, picture = self.host.picture
            home = {
                "e": "tabs",
                "active": 1,
                "tabs": [{"n": 1, "host": "portal.sim.test", "path": "/home", "title": "Provider home"}],
            }
            lines = [
                Message(0, messages.event(1, 0, 0, home)),
                Message(10, messages.frame(1, 1, 10, w, h, picture)),
                Message(1500, messages.event(1, 2, 1500, {"e": "click", "x": 10, "y": 10})),
                Message(4000, messages.update(1, 3, 4000, [], [messages.Tile(0, 0, 8, 8, png(8, 8, 200))])),
            ]
            writer = Writer(row.id, key)
            data = writer.header() + writer.chunk(lines) + writer.final()
            self.portunus.blobs.append(row.blob, data)
            recordings.close(
                work, row.id, digest=writer.digest(), size=len(data), messages=len(lines), duration_ms=4000
            )
            return row.id

    def give_code(self, name: str, portal: str, value: str = RIGHT_CODE) -> None:
        """Somebody types the code that is waited for."""
        with self.portunus.unit(self._actor(name)) as work:
            waiting = next(one for one in codes.pending(work) if one.portal_name == PORTALS[portal])
            codes.give(work, self.portunus.vault, waiting.id, value)

    def lock(self, portal: str, status: str = "locked", words: str = "") -> None:
        """What a portal said that parks the login."""
        with self.portunus.unit(HOST) as work:
            row = work.db.get(PortalAccount, self.accounts[portal])
            assert row is not None
            directory.park_account(work, row, status, words or "The portal has locked this login.")

    def checkpoint(self) -> None:
        with self.portunus.unit(SWEEP) as work:
            audit.sign_checkpoint(work, audit.log_key(work, self.portunus.keyring))

    def _actor(self, name: str) -> Any:
        with self.portunus.reading(TEST) as work:
            user = work.db.get(User, self.people[name].id)
            assert user is not None
            return acting(user)


@contextmanager
def running_office(directory: Path) -> Iterator[Office]:
    """The application on a loopback port, in a thread of this process."""
    door = socket.socket()
    door.bind(("127.0.0.1", 0))
    door.listen(64)  # whoever comes before the server is up waits
    office = Office(directory, door.getsockname()[1])
    config = uvicorn.Config(
        create_app(office.portunus), log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    try:
        yield office
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        office.worker.threads.shutdown(wait=False, cancel_futures=True)
        door.close()
        office.portunus.engine.dispose()


def png(w: int, h: int, shade: int = 255) -> bytes:
    """A plain grey picture."""
    rows = b"".join(b"\0" + bytes([shade]) * w for _ in range(h))
    parts = ((b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _digest(key: str) -> str:
    return (DIGEST + key.replace("_", "")).ljust(64, "0")[:64]


def _sender(key: str) -> str:
    return f"codes@{key.replace('_', '-')}.sim.test"


_kept: list[str] = []


def _hashed() -> str:
    """One Argon2id for everybody: they all chose the same password."""
    if not _kept:
        _kept.append(passwords.hashed(PHRASE, about=()))
    return _kept[0]
