"""A practice with one Harborline login, its mailbox and its people; and a code's whole way through it."""

import hashlib

import pytest
from sqlalchemy import select

from broker.base.actor import Actor, system
from broker.codes import service as codes
from broker.codes.matching import Arrival
from broker.tabs import service as tabs
from broker.tabs.models import Lease, LoginAttempt
from broker.tabs.service import Ending
from broker.wiring import Portunus
from tests import factories as make
from tests.conftest import acting

HOST = system("browserhost")
DIGEST = "d" * 64
SIGNED_IN = Ending("signed_in", signed_in=True, words="Signed in.", next_actor="nobody")
FAILED = Ending("no_code", signed_in=False, words="No code came.", next_actor="biller")


class Office:
    """One organization, two offices, one login; Maria bills, Audrey audits, Ana administers, Dan sits in Tucson."""

    def __init__(self, portunus: Portunus) -> None:
        self.portunus = portunus
        with portunus.unit(system("test")) as work:
            self.org = make.organization(work)
            self.phoenix, self.tucson = (
                make.location(work, self.org, "phoenix"),
                make.location(work, self.org, "tucson"),
            )
            self.mailbox = make.endpoint(work, self.org)
            self.portal = make.portal(work, digest=DIGEST)
            self.account = make.account(work, self.portal, [self.phoenix, self.tucson], endpoint=self.mailbox)
            self.maria = acting(make.user(work, self.org, "Maria Lopez"))
            self.nora = acting(make.user(work, self.org, "Nora Quill"))
            self.ana = acting(make.user(work, self.org, "Ana Petrova", role="admin"))
            self.audrey = acting(make.user(work, self.org, "Audrey Chen", role="compliance"))
            self.dan = acting(make.user(work, self.org, "Dan Whitfield", role="front_desk", locations=[self.tucson]))
            portunus.vault.put(work, self.org.id, "portal_account", self.account.id, "password", b"Quartz-Heron-4417")

    def host(self, act):
        with self.portunus.unit(HOST) as work:
            return act(work)

    def open(self, who: Actor | None = None) -> Lease:
        with self.portunus.unit(who or self.maria) as work:
            return tabs.open_tab(work, self.account.id, self.phoenix.id, "Claim follow-up")

    def attempt(self) -> LoginAttempt:
        with self.portunus.reading(HOST) as work:
            return work.db.scalars(select(LoginAttempt).order_by(LoginAttempt.id.desc()).limit(1)).one()

    def claim(self) -> tabs.Claim:
        return self.host(lambda work: tabs.claim_attempt(work, self.attempt().id, "node1", DIGEST))

    def finish(self, claim: tabs.Claim, ending: Ending = SIGNED_IN) -> None:
        self.host(lambda work: tabs.finish(work, claim.attempt_id, claim.fence, ending))

    def arrive(self, text: str = "Your code is 482913", number: str = "1", *, endpoint=None) -> str:
        box = endpoint or self.mailbox
        arrival = Arrival(
            endpoint_id=box.id,
            channel="email",
            external_id=f"<{number}@x>",
            sender="codes@harborline.sim.test",
            trusted=True,
            recipients=frozenset({"codes@lab.test"}),
            subject="Your sign-in code",
            text=text,
            received_at=self.portunus.clock.now(),
            raw_digest=hashlib.sha256(text.encode()).hexdigest(),
        )
        return self.host(lambda work: codes.receive(work, self.portunus.vault, box, arrival).verdict)

    def whole_way(self, number: str = "1", code: str = "482913") -> str:
        """From the click to the session its code opened, with its recording; returns the code request's id."""
        lease = self.open()
        claim = self.claim()
        request_id = self.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
        self.host(lambda work: codes.waiting(work, request_id))
        assert self.arrive(f"Your code is {code}", number) == "matched"
        taken = self.host(lambda work: codes.take(work, self.portunus.vault, request_id, claim.attempt_id))
        assert taken.code == code
        self.host(lambda work: codes.typed(work, request_id, "harborline.sim.test/code"))
        self.host(lambda work: codes.answered(work, request_id, accepted=True))
        self.finish(claim)
        self.lease_id = lease.id
        return request_id


@pytest.fixture
def office(portunus: Portunus) -> Office:
    return Office(portunus)
