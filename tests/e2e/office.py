"""A billing office for browser tests: the real web application with believable people, portals and states."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyotp
import uvicorn
from sqlalchemy import select

from api.app import create_app
from broker.audit import service as audit
from broker.base.actor import system
from broker.base.clock import SystemClock
from broker.base.db import Base, make_engine
from broker.base.settings import Settings
from broker.base.unit import Unit
from broker.codes import service as codes
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
from broker.wiring import Portunus
from tests import factories
from tests.conftest import acting
from tests.e2e.stand_ins import DESK, HOST, Host, Worker, png, right_code, script_digest, sender
from tests.fakes.blobs import MemoryBlobs
from tests.fakes.keyring import MemoryKeyring
from tests.fakes.signals import MemorySignals
from workers.browser import messages

TEST, SWEEP = system("test"), system("worker")
PHRASE = "quiet harbour lantern"
WRONG_CODE = Ending("wrong_code", signed_in=False, words="The portal did not accept the code.", next_actor="requester")
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
PEOPLE = {
    "Maria Lopez": "biller",
    "Dan Whitfield": "front_desk",
    "Ana Petrova": "admin",
    "Audrey Chen": "compliance",
    "Grace Kim": "supervisor",
}


@dataclass
class Person:
    """Somebody who can sign in."""

    id: str
    name: str
    email: str
    seed: str


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
            portal = factories.portal(work, key, digest=script_digest(key))
            portal.name, portal.provider_line = name, "1-800-555-0199"
            places = list(self.places.values()) if key in ("harborline", "northgate") else [self.places["phoenix"]]
            mail = {"senders": [sender(key)], "pattern": r"\d{6}"}
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

    def sign_out_everywhere(self, name: str) -> None:
        """Somebody's sign-ins end, as after a pause."""
        with self.portunus.unit(TEST) as work:
            logins.end_all(work, self.people[name].id, "ended by the test")

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
        for _ in self.portunus.signals_or_ticks(f"lease:{lease_id}", "tiles", limit_s=40, tick_s=0.2):
            with self.portunus.reading(TEST) as work:
                row = work.db.get(Lease, lease_id)
                if row is not None and row.granted_at is not None:
                    return
        for ran in self.worker.running:
            if ran.done():
                ran.result()
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
            codes.shown_in_recording(work, tabs.attempts_for(work, lease_id), row.id)
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

    def give_code(self, name: str, portal: str) -> None:
        """Somebody types the code that is waited for."""
        with self.portunus.unit(self._actor(name)) as work:
            waiting = next(one for one in codes.pending(work) if one.portal_name == PORTALS[portal])
            codes.give(work, self.portunus.vault, waiting.id, right_code(portal))

    def last_code_request(self, portal: str) -> str:
        """The newest request of that portal's account."""
        with self.portunus.reading(TEST) as work:
            query = select(CodeRequest.id).where(CodeRequest.account_id == self.accounts[portal])
            found = work.db.scalar(query.order_by(CodeRequest.id.desc()).limit(1))
            assert found is not None
            return found

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


_kept: list[str] = []


def _hashed() -> str:
    """One Argon2id for everybody: they all chose the same password."""
    if not _kept:
        _kept.append(passwords.hashed(PHRASE, about=()))
    return _kept[0]
