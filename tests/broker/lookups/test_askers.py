"""What somebody asked who may not ask any more is not asked: before the portal is opened, and between two rows."""

from broker.base.actor import Actor, ActorKind
from broker.base.unit import Unit
from broker.identity import service as identity
from broker.identity.models import Grant, ServiceAccount
from broker.identity.policy import Role
from broker.lookups import batches, turns
from broker.lookups import service as lookups
from broker.lookups.models import Lookup
from tests import factories
from tests.broker.lookups.conftest import Office
from tests.broker.lookups.test_batches import read, sent
from tests.broker.lookups.test_turns import ask_many, member, sign_ins
from tests.conftest import acting

BOTH_DATABASES = True
ENDED = ("cancelled", "no_longer_allowed")


def how(office: Office, row: Lookup) -> tuple[str, str | None]:
    kept = office.row(row)
    return kept.state, kept.error


def administrator(office: Office) -> Actor:
    with office.portunus.unit(lookups.HOLDER) as work:
        org = work.db.get_one(factories.Organization, office.account.organization_id)
        return acting(factories.user(work, org, "Ruth Cole", role="admin"))


def disable(office: Office) -> None:
    with office.portunus.unit(administrator(office)) as work:
        identity.disable_user(work, office.maria.id)


def robot(office: Office, work: Unit, name: str) -> tuple[Actor, str]:
    """A program with the right to ask, and its key's id."""
    org = work.db.get_one(factories.Organization, office.account.organization_id)
    account = identity.create_service_account(work, organization_id=org.id, name=name)
    identity.give_grant(work, role=Role.SERVICE, service_account_id=account.id)
    key, _ = identity.create_api_key(work, account)
    return Actor(kind=ActorKind.SERVICE, id=account.id, name=account.name), key.id


def asked_by(office: Office, actor: Actor, number: int) -> Lookup:
    body = {
        "kind": "eligibility", "portal": "harborline", "location": "phoenix", "member_id": member(number), "birth_date": "1984-03-17",
    }  # fmt: skip
    with office.portunus.unit(actor) as work:
        return lookups.submit(work, office.portunus.vault, lookups.parsed(body))


def test_the_rows_of_a_disabled_person_end_in_words_and_no_sign_in_is_spent(office: Office) -> None:
    rows = ask_many(office)
    disable(office)
    assert office.turn() is None
    assert {how(office, row) for row in rows} == {ENDED}
    assert "may not ask any more" in office.shown(rows[0]).words
    assert sign_ins(office) == 0


def test_who_is_disabled_in_mid_batch_is_asked_for_no_further_and_others_are(office: Office) -> None:
    rows = ask_many(office)
    office.sign_in()
    lease = office.turn()
    office.fail(office.next(lease), "patient_not_found")
    with office.portunus.unit(lookups.HOLDER) as work:
        org = work.db.get_one(factories.Organization, office.account.organization_id)
        dan = factories.user(work, org, "Dan Whitfield")
    others = asked_by(office, Actor(kind=ActorKind.USER, id=dan.id, name=dan.name), 9)
    disable(office)
    assert office.next(lease) == lookups.Wait(0)
    assert [how(office, row) for row in rows[1:]] == [ENDED, ENDED]
    assert office.next(lease).lookup_id == others.id


def test_a_role_that_is_taken_back_stops_the_rows_that_needed_it(office: Office) -> None:
    (row,) = ask_many(office, 1)
    with office.portunus.unit(administrator(office)) as work:
        (grant,) = work.db.query(Grant).filter(Grant.user_id == office.maria.id)
        identity.revoke_grant(work, grant.id)
    office.turn()
    assert how(office, row) == ENDED


def test_the_rows_of_a_program_whose_only_key_is_revoked_end_and_a_new_key_keeps_them(office: Office) -> None:
    boss = administrator(office)
    with office.portunus.unit(boss) as work:
        (pms, old), (other, leaked) = robot(office, work, "PMS"), robot(office, work, "Reports")
    kept, ended = asked_by(office, pms, 1), asked_by(office, other, 2)
    with office.portunus.unit(boss) as work:
        identity.create_api_key(work, work.db.get_one(ServiceAccount, pms.id))
        identity.revoke_api_key(work, old)
        identity.revoke_api_key(work, leaked)
    office.sign_in()
    lease = office.turn()
    assert office.next(lease).lookup_id == kept.id
    assert office.next(lease) == lookups.Wait(0)
    assert how(office, ended) == ENDED


def test_a_large_batch_of_who_is_gone_ends_a_piece_at_a_time(office: Office, monkeypatch) -> None:
    monkeypatch.setattr(turns, "PIECE", 2)
    batch = sent(office)
    read(office, batch)
    rows = ask_many(office, 3)
    disable(office)
    for _ in range(3):
        office.turn()
    assert {how(office, row) for row in rows} == {ENDED}
    with office.portunus.reading(lookups.HOLDER) as work:
        assert batches.counts(work, work.db.get_one(batches.LookupBatch, batch)).states == {"cancelled": 2}
