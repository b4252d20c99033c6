"""A version runs only as the very bytes that a second person approved."""

import hashlib
from typing import Any

import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.base.errors import Conflict, Incomplete, NotFound, Refused
from broker.directory import service as directory
from broker.directory.models import Organization, Portal
from broker.identity.models import Grant, User
from broker.scripts import service as scripts
from broker.scripts.service import Bundle
from broker.wiring import Portunus
from tests import factories
from tests.conftest import acting
from tests.fakes.clock import ManualClock

BOTH_DATABASES = True

WORDS = "The sign-in button has a new name."
FACTS = {"name": "Harborline", "hosts": ["harborline.sim.test"], "start": "https://harborline.sim.test/signin"}


def bundle(text: str = "new", **facts: Any) -> Bundle:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Bundle("harborline", digest, [{"module": "carrier_scripts.portals.harborline", "text": text}], FACTS | facts)


class People:
    """Mira writes scripts, Ana approves them, Audrey only looks."""

    def __init__(self, portunus: Portunus) -> None:
        self.portunus = portunus
        with portunus.unit(system("test")) as work:
            org = factories.organization(work)
            self.portal: Portal = factories.portal(work)
            self.mira: User = factories.user(work, org, "Mira Chen", role="script_maintainer")
            self.ana: User = factories.user(work, org, "Ana Silva", role="admin")
            self.maria: User = factories.user(work, org, "Maria Lopez", role="biller")

    def submit(self, made: Bundle | None = None) -> str:
        with self.portunus.unit(acting(self.mira)) as work:
            return scripts.submit(work, made or bundle(), WORDS).digest

    def approve(self, digest: str) -> None:
        with self.portunus.unit(acting(self.ana)) as work:
            scripts.approve(work, digest)


@pytest.fixture
def people(portunus: Portunus) -> People:
    return People(portunus)


def runs(people: People, digest: str, portal_id: str | None = None) -> bool:
    with people.portunus.reading(system("test")) as work:
        try:
            scripts.runnable(work, digest, portal_id or people.portal.id)
        except Refused:
            return False
        return True


def test_a_submitted_version_does_not_run(people: People) -> None:
    assert not runs(people, people.submit())


def test_another_person_approves_and_it_may_run(people: People) -> None:
    digest = people.submit()
    people.approve(digest[:12])
    assert runs(people, digest)


def test_nobody_approves_what_they_wrote(people: People) -> None:
    with people.portunus.unit(system("test")) as work:
        both = factories.user(work, factories.organization(work, "Other"), "Bo Both", role="admin")
        work.db.add(
            Grant(id="gra_both", user_id=both.id, role="script_maintainer", granted_by="t", granted_at=work.clock.now())
        )
    with people.portunus.unit(acting(both)) as work:
        digest = scripts.submit(work, bundle(), WORDS).digest
    with pytest.raises(Refused) as no, people.portunus.unit(acting(both)) as work:
        scripts.approve(work, digest)
    assert no.value.code == "own-version"
    assert not runs(people, digest)


def test_one_changed_byte_is_another_version(people: People) -> None:
    people.approve(people.submit())
    assert not runs(people, bundle("new ").digest)


def test_an_approved_version_does_not_run_for_another_portal(people: People) -> None:
    digest = people.submit()
    people.approve(digest)
    assert not runs(people, digest, "por_other")


def test_a_refused_version_never_runs(people: People) -> None:
    digest = people.submit()
    people.approve(digest)
    with people.portunus.unit(acting(people.ana)) as work:
        scripts.refuse(work, digest, "It clicks through the terms page.")
    assert not runs(people, digest)
    with pytest.raises(Conflict), people.portunus.unit(acting(people.ana)) as work:
        scripts.approve(work, digest)


def test_a_biller_neither_submits_nor_approves(people: People) -> None:
    with pytest.raises(Refused), people.portunus.unit(acting(people.maria)) as work:
        scripts.submit(work, bundle(), WORDS)
    digest = people.submit()
    with pytest.raises(Refused), people.portunus.unit(acting(people.maria)) as work:
        scripts.approve(work, digest)


@pytest.mark.parametrize(
    ("made", "words"),
    [(bundle(), "short"), (bundle("x" * 70_000), WORDS), (bundle(hosts=["*"]), WORDS), (bundle(hosts=["10.0.0.1"]), WORDS)],
)  # fmt: skip
def test_what_cannot_be_reviewed_is_not_taken(people: People, made: Bundle, words: str) -> None:
    with pytest.raises(Incomplete), people.portunus.unit(acting(people.mira)) as work:
        scripts.submit(work, made, words)


def test_the_same_bytes_are_submitted_once(people: People) -> None:
    people.submit()
    with pytest.raises(Conflict):
        people.submit()


def new_bundle(key: str = "desert_dental") -> Bundle:
    facts = {
        "name": "Desert Dental", "hosts": ["providers.desert.example"], "automation": "automated",
        "start": "https://providers.desert.example/signin", "carriers": [],
    }  # fmt: skip
    digest = hashlib.sha256(key.encode()).hexdigest()
    return Bundle(key, digest, [{"module": f"carrier_scripts.portals.{key}", "text": "x"}], facts)


def proposed(people: People) -> Portal:
    with people.portunus.reading(system("test")) as work:
        return directory.portal_by_key(work, "desert_dental")


def test_the_first_script_of_a_portal_proposes_it_and_its_author_does_not_say_what_the_terms_permit(
    people: People,
) -> None:
    digest = people.submit(new_bundle())
    assert (proposed(people).status, proposed(people).automation) == ("proposed", "attended")
    with people.portunus.reading(system("test")) as work:
        assert scripts.standing(work, proposed(people).id) is None
    people.approve(digest)
    assert (proposed(people).status, proposed(people).automation) == ("active", "attended")
    assert proposed(people).start_url == "https://providers.desert.example/signin"


def test_a_new_portals_first_version_goes_out_at_its_canary_and_back_to_none(people: People) -> None:
    digest = people.submit(new_bundle())
    people.approve(digest)
    with people.portunus.unit(system("test")) as work:
        org = work.db.get_one(Organization, people.mira.organization_id)
        phoenix, tucson = factories.location(work, org, "phoenix"), factories.location(work, org, "tucson")
        portal = work.db.get_one(Portal, proposed(people).id)
        account = factories.account(work, portal, [phoenix, tucson], channel=None)
        with pytest.raises(NotFound):
            scripts.chosen(work, account, phoenix)
    with people.portunus.unit(acting(people.ana)) as work:
        scripts.release(work, digest, canary="phoenix")
        assert scripts.chosen(work, account, phoenix) == digest
        with pytest.raises(NotFound):
            scripts.chosen(work, account, tucson)
        assert scripts.roll_back(work, portal.id, "It clicks through the terms.") is None


@pytest.mark.parametrize("key", ["Desert", "desert-dental", "_x", "a__b", "x" * 61, "../etc"])
def test_a_portals_key_is_a_file_name(people: People, key: str) -> None:
    with pytest.raises(Incomplete):
        people.submit(new_bundle(key))


def test_an_approval_that_is_too_old_is_renewed_by_somebody_else_than_the_author(
    people: People, clock: ManualClock
) -> None:
    digest = people.submit()
    people.approve(digest)
    with pytest.raises(Conflict):
        people.approve(digest)
    clock.advance(days=31)
    with people.portunus.reading(system("test")) as work:
        assert not scripts.approval_holds(work, scripts.version(work, digest))
    people.approve(digest)
    with people.portunus.reading(system("test")) as work:
        assert scripts.approval_holds(work, scripts.version(work, digest))


def test_too_short_a_name_names_nothing(people: People) -> None:
    people.submit()
    with pytest.raises(NotFound), people.portunus.reading(system("test")) as work:
        scripts.version(work, bundle().digest[:7])


def test_a_difference_shows_what_changed_in_which_file() -> None:
    old = [{"module": "a", "text": "one\ntwo\n"}]
    new = [{"module": "a", "text": "one\nthree\n"}, {"module": "b", "text": "four\n"}]
    lines = scripts.difference(old, new)
    assert {"-two", "+three", "+four", "--- a/b"} <= set(lines)


def test_every_step_is_in_the_audit_log(people: People) -> None:
    digest = people.submit()
    people.approve(digest)
    with people.portunus.unit(acting(people.ana)) as work:
        scripts.refuse(work, digest, "It clicks through the terms page.")
    with people.portunus.reading(system("test")) as work:
        acts = work.db.scalars(
            select(AuditEntry.act).where(AuditEntry.thing_id == digest[:32]).order_by(AuditEntry.index)
        ).all()
    assert acts == [Act.SCRIPT_SUBMITTED, Act.SCRIPT_APPROVED, Act.SCRIPT_REFUSED]
