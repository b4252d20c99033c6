"""A carrier wants an authenticator set up in mid sign-in: with two people's leave Portunus does it, and nobody sees the seed."""

import asyncio
import json
from typing import Any

import pytest
import segno
from sqlalchemy import select

from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.base.errors import Incomplete, NotFound
from broker.codes import enrolment
from broker.codes.models import CodeRequest
from broker.directory.models import Organization, PortalAccount
from broker.tabs import service as tabs
from broker.tabs.models import Lease, LoginAttempt
from carrier_scripts.lab import founding
from tests import factories
from tests.conftest import acting
from tests.workers.browser.conftest import Node
from tests.workers.browser.test_stream import a_page
from workers.browser import enrolling, evidence

pytestmark = [pytest.mark.browser, pytest.mark.timeout(150)]

KEY = "evergreen_medicaid"
FACTS = founding.accounts_of(KEY)[0]
SYSTEM = system("test")


def account_in(work: Any) -> PortalAccount:
    return work.db.scalars(select(PortalAccount).where(PortalAccount.username == FACTS.username)).one()


def approved(node: Node) -> None:
    """Two administrators agree on it."""
    with node.portunus.unit(SYSTEM) as work:
        org = work.db.get_one(Organization, account_in(work).organization_id)
        one, other = (acting(factories.user(work, org, name, role="admin")) for name in ("Olga Reyes", "Otto Brandt"))
    with node.portunus.unit(one) as work:
        row = enrolment.ask(work, account_in(work)).id
    with node.portunus.unit(other) as work:
        enrolment.approve(work, row)


def sign_out(node: Node, session_id: str) -> None:
    """Maria ends the tab and the session behind it."""
    with node.portunus.unit(node.maria()) as work:
        lease = work.db.scalars(select(Lease).where(Lease.portal_session_id == session_id)).one()
        tabs.sign_out(work, lease.id)


def kept(node: Node, field: str) -> str:
    with node.portunus.unit(SYSTEM) as work:
        return node.portunus.vault.use(work, "portal_account", account_in(work).id, field, purpose="test").decode()


def test_without_leave_the_sign_in_stops_and_keeps_nothing_of_the_page(node: Node) -> None:
    node.lab.fault(KEY, "enrolment")

    async def test() -> None:
        session, outcome = await node.open(FACTS.username)
        assert outcome == "needs_person"
        assert "a second person has approved" in session.words
        counts = await asyncio.to_thread(node.lab.counters, KEY)
        assert (counts["password_submits"], counts["logins"]) == (1, 0)

    node.run(test)
    with node.portunus.unit(SYSTEM) as work:
        attempt = work.db.scalars(select(LoginAttempt).order_by(LoginAttempt.id.desc())).first()
        sealed = node.portunus.blobs.read(f"evidence/{attempt.evidence}")
        where = ("evidence", attempt.evidence)
        told = json.loads(node.portunus.vault.unseal(work, account_in(work).organization_id, where, sealed))
    assert told["text"] == "The page shows an authenticator's seed or recovery codes. What it says is not kept."
    assert kept(node, "totp_seed") == FACTS.totp_seed


def test_a_seed_whose_first_code_the_carrier_refuses_is_dropped_and_the_old_one_stays(node: Node) -> None:
    node.lab.fault(KEY, "enrolment")
    approved(node)
    node.lab.advance(120)  # the carrier's clock differs from ours

    async def test() -> None:
        _, outcome = await node.open(FACTS.username)
        assert outcome == "wrong_code"

    node.run(test)
    assert kept(node, "totp_seed") == FACTS.totp_seed
    with pytest.raises(NotFound):
        kept(node, "totp_seed_captured")


@pytest.mark.parametrize(
    ("words", "seed"),
    [
        ("Key: MFZWIZLBONSGKLABGEZDGNBVGY3TQOJQ", True),
        ("jbsw y3dp ehpk 3pxp jbsw y3dp ehpk 3pxp", True),
        ("otpauth://totp/x?secret=y", True),
        ("ACKNOWLEDGEMENTS of member EM800042731, claim 2026-0142-7731", False),
        ("You have been signed out. Please sign in again to continue working.", False),
    ],
)
def test_a_page_that_no_script_knows_is_not_kept_when_it_shows_a_seed(words: str, seed: bool) -> None:
    assert bool(evidence.SEED.search(words)) is seed


def test_a_seed_in_letters_is_read_as_well_as_a_picture() -> None:
    letters, address = "JBSW Y3DP EHPK 3PXP", "otpauth://totp/Carrier:us?secret=JBSWY3DPEHPK3PXP&digits=8"
    pixels = segno.make(address).png_data_uri(scale=4, border=4)
    shown = (
        f"<code>{letters}</code><p>{address.replace('&', '&amp;')}</p><img src='{pixels}'><h1>Set up your phone</h1>"
    )

    async def test() -> None:
        async with a_page() as (_, page):
            await page.set_content(shown)
            read = {}
            for name in ("code", "p", "img"):
                found = await page.query_selector(name)
                assert found is not None
                read[name] = await enrolling.seed_in(found)
            assert read == {"code": letters, "p": address, "img": address}
            title = await page.query_selector("h1")
            assert title is not None
            with pytest.raises(Incomplete):
                await enrolling.seed_in(title)

    asyncio.run(test())


def test_with_leave_the_seed_and_the_recovery_codes_are_kept_and_the_next_sign_in_uses_them(node: Node) -> None:
    node.lab.fault(KEY, "enrolment")
    approved(node)

    async def test() -> None:
        live = await node.live(FACTS.username)
        seed = await asyncio.to_thread(kept, node, "totp_seed")
        assert seed.startswith("otpauth://totp/")
        assert FACTS.totp_seed not in seed
        codes = json.loads(await asyncio.to_thread(kept, node, "recovery_codes"))
        assert len(codes) == 8
        assert all(code.startswith("EV-") for code in codes)
        host = await node.untended()
        await asyncio.to_thread(sign_out, node, live.id)
        await host.end_session(live.id)
        await node.live(FACTS.username)  # the carrier takes codes of the new seed only
        counts = await asyncio.to_thread(node.lab.counters, KEY)
        assert (counts["logins"], counts["wrong_codes"]) == (2, 0)

    node.run(test)
    with node.portunus.reading(SYSTEM) as work:
        acts = list(
            work.db.scalars(
                select(AuditEntry.act).where(AuditEntry.act.startswith("account:enrolment")).order_by(AuditEntry.index)
            )
        )
        leaves = " ".join(str(leaf) for leaf in work.db.scalars(select(AuditEntry.leaf)))
        states = list(work.db.scalars(select(CodeRequest.state).order_by(CodeRequest.id)))
        seen = enrolment.of_account(work, account_in(work).id)
    assert [act.rpartition(":")[2] for act in acts] == ["ask", "approve", "capture", "end"]
    assert states == ["not_needed", "accepted"]
    assert seen is None
    assert "otpauth" not in leaves
