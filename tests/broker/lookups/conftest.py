"""An office with one login at one portal, signed in or not; questions, and answers as the browser host gives them."""

from dataclasses import dataclass
from typing import Any

import pytest

from broker.base.actor import Actor
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.directory.models import Location, Portal, PortalAccount
from broker.identity.models import User
from broker.lookups import service as lookups
from broker.lookups.evidence import Sighting
from broker.lookups.models import Lookup
from broker.tabs.models import PortalSession
from broker.wiring import Portunus
from tests import factories
from tests.broker.lookups import results
from tests.conftest import acting


@dataclass
class Office:
    portunus: Portunus
    portal: Portal
    location: Location
    account: PortalAccount
    maria: User

    @property
    def actor(self) -> Actor:
        return acting(self.maria)

    def ask(self, **told: Any) -> Lookup:
        """Maria asks; what is about the queue goes to `submit`."""
        soon = {name: told.pop(name) for name in ("priority", "deadline", "max_age_s") if name in told}
        body = {
            "kind": "eligibility",
            "portal": "harborline",
            "location": "phoenix",
            "member_id": "HD100042731",
            "birth_date": "1984-03-17",
        }
        with self.portunus.unit(self.actor) as work:
            return lookups.submit(work, self.portunus.vault, lookups.parsed(body | told), **soon)

    def sign_in(self) -> str:
        """A signed-in session nobody holds."""
        with self.portunus.unit(lookups.HOLDER) as work:
            now = work.clock.now()
            session = PortalSession(
                id=new_id("ses"), account_id=self.account.id, location_id=self.location.id, state="ready", state_at=now, created_at=now,
            )  # fmt: skip
            work.db.add(session)
            return session.id

    def turn(self) -> str | None:
        """What the task does; the lease the host is told of."""
        with self.portunus.unit(lookups.HOLDER) as work:
            return lookups.take_turn(work, self.account.id)

    def next(self, lease_id: str) -> Any:
        with self.portunus.unit(lookups.HOLDER) as work:
            return lookups.next_job(work, self.portunus.vault, lease_id)

    def answer(self, job: lookups.Job, *, today_only: bool = False, **changed: Any) -> None:
        """The script answers with a proved result."""
        made = results.eligibility()
        fields = {pointer: [Sighting(**one) for one in seen] for pointer, seen in made["provenance"]["fields"].items()}
        told = {name: made[name] for name in ("patient", "coverage", "accumulators", "benefits")} | changed
        with self.portunus.unit(lookups.HOLDER) as work:
            said = lookups.Answered(told, fields, [], [], work.clock.now(), "d" * 64, "ses_1", today_only)
            lookups.answer(work, self.portunus.vault, job, said)

    def fail(self, job: lookups.Job, code: str, *seen: Sighting) -> None:
        with self.portunus.unit(lookups.HOLDER) as work:
            lookups.fail(work, self.portunus.vault, job, lookups.Unanswered(code, list(seen)))

    def row(self, lookup: Lookup) -> Lookup:
        with self.portunus.reading(lookups.HOLDER) as work:
            return work.db.get_one(Lookup, lookup.id)

    def shown(self, lookup: Lookup) -> lookups.Shown:
        with self.portunus.reading(lookups.HOLDER) as work:
            return lookups.shown(work, work.db.get_one(Lookup, lookup.id))


def furnish(work: Unit, portunus: Portunus, **portal: Any) -> Office:
    org = factories.organization(work)
    place = factories.location(work, org)
    site = factories.portal(work, **{"lookup_pause_ms": 0} | portal)
    account = factories.account(work, site, [place])
    maria = factories.user(work, org)
    portunus.vault.digest(work, org.id, "first key")
    return Office(portunus, site, place, account, maria)


@pytest.fixture
def office(portunus: Portunus) -> Office:
    with portunus.unit(lookups.HOLDER) as work:
        return furnish(work, portunus)
