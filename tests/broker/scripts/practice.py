"""A practice whose portal has an old version in force and a new one approved."""

from sqlalchemy import select

from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.directory.models import Location, Portal, PortalAccount
from broker.scripts import judging
from broker.scripts import service as scripts
from broker.scripts.service import Report
from broker.wiring import Portunus
from tests import factories
from tests.conftest import acting

OLD, NEW = "d" * 64, "e" * 64


class Practice:
    """Two locations, an account each, an old version in force and a new one approved."""

    def __init__(self, portunus: Portunus) -> None:
        self.portunus = portunus
        with portunus.unit(system("test")) as work:
            self.org = org = factories.organization(work)
            self.phoenix: Location = factories.location(work, org, "phoenix")
            self.tucson: Location = factories.location(work, org, "tucson")
            self.portal: Portal = factories.portal(work, digest=OLD)
            self.accounts: dict[str, PortalAccount] = {
                "phoenix": factories.account(work, self.portal, [self.phoenix], channel=None)
            }
            while "tucson" not in self.accounts:  # one that the first stage after the canary reaches
                account = factories.account(work, self.portal, [self.tucson], channel=None)
                if judging.share_of(account.id) < judging.FIRST_SHARE:
                    self.accounts["tucson"] = account
            self.ana = factories.user(work, org, "Ana Silva", role="admin")
            self.mira = mira = factories.user(work, org, "Mira Chen", role="script_maintainer")
        facts = {"hosts": ["harborline.sim.test", "id.harborline.sim.test"], "start": "https://harborline.sim.test/new"}
        with portunus.unit(acting(mira)) as work:
            scripts.submit(work, scripts.Bundle("harborline", NEW, [], facts), "A new host for the sign-in.")
        with portunus.unit(acting(self.ana)) as work:
            scripts.approve(work, NEW)

    def release(self) -> None:
        with self.portunus.unit(acting(self.ana)) as work:
            scripts.release(work, NEW, canary="phoenix")

    def runs(self, key: str) -> str:
        with self.portunus.reading(system("test")) as work:
            account = work.db.get_one(PortalAccount, self.accounts[key].id)
            place = work.db.get_one(Location, {"phoenix": self.phoenix, "tucson": self.tucson}[key].id)
            return scripts.chosen(work, account, place)

    def report(
        self, outcome: str, digest: str = NEW, key: str = "phoenix", times: int = 1, verb: str = "sign_in",
        session: str | None = None,
    ) -> None:  # fmt: skip
        """So many runs, each in a session of its own unless one is named."""
        place = {"phoenix": self.phoenix, "tucson": self.tucson}[key]
        for _ in range(times):
            with self.portunus.unit(system("browserhost")) as work:
                account = self.accounts[key].id
                scripts.note(work, Report(self.portal.id, digest, verb, outcome, 900, account, place.id, session))

    def goes_on(self, stage: str) -> None:
        """As many sign-ins as it takes to get to this stage."""
        self.release()
        self.report("signed_in", times=judging.CANARY_NEEDS)
        if stage != "staged":
            self.report("signed_in", key="tucson", times=judging.STAGED_NEEDS)
        if stage == "done":
            self.report("signed_in", key="tucson", times=judging.STAGED_NEEDS)
        assert self.stage() == stage

    def stage(self) -> str:
        with self.portunus.reading(system("test")) as work:
            row = scripts.running(work, self.portal.id)
            return row.stage if row else scripts.releases(work, self.portal.id)[0].end or ""

    def acts(self) -> list[str]:
        with self.portunus.reading(system("test")) as work:
            return list(
                work.db.scalars(
                    select(AuditEntry.act).where(AuditEntry.thing_id == NEW[:32]).order_by(AuditEntry.index)
                )
            )
