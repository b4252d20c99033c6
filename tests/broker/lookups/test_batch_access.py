"""A batch's rows are seen like single lookups are: by location and kind. What says nothing of a place is its sender's."""

import pytest
from sqlalchemy import select

from broker.base.actor import Actor
from broker.base.errors import NotFound, Refused
from broker.directory.models import PortalAccount
from broker.identity import service as identity
from broker.identity.models import Grant
from broker.identity.policy import Role
from broker.lookups import batches, exports
from broker.lookups import service as lookups
from tests import factories
from tests.broker.lookups.conftest import Office
from tests.conftest import acting

BOTH_DATABASES = True

PHOENIX, TUCSON = "phoenix", "tucson"


def question(number: int, location: str, kind: str = "eligibility") -> dict[str, str]:
    place = {"kind": kind, "portal": "harborline", "location": location}
    if kind == "claim_status":
        return place | {"claim_number": f"HC{number:06d}"}
    return place | {"member_id": f"HD4000000{number:02d}", "birth_date": "1984-03-17"}


@pytest.fixture
def batch(office: Office) -> str:
    """Maria's: two rows for Phoenix, one for Tucson, a claim for Tucson, a row that is none."""
    with office.portunus.unit(lookups.HOLDER) as work:
        account = work.db.get_one(PortalAccount, office.account.id)
        org = work.db.get_one(factories.Organization, office.account.organization_id)
        account.locations.append(factories.location(work, org, TUCSON))
    told = [
        question(1, PHOENIX), question(2, TUCSON), question(3, PHOENIX), question(4, TUCSON, "claim_status"), {"problem": "No date."},
    ]  # fmt: skip
    rows = [([f"patient {number}"], one) for number, one in enumerate(told)]
    vault, blobs = office.portunus.vault, office.portunus.blobs
    with office.portunus.unit(office.actor) as work:
        made = batches.create(work, vault, blobs, name="Monday", headings=["Patient"], rows=rows).id
    with office.portunus.unit(office.actor) as work:
        batches.read_piece(work, vault, blobs, made)
    return made


def colleague(office: Office, *, role: Role, location: str | None) -> Actor:
    with office.portunus.unit(lookups.HOLDER) as work:
        org = work.db.get_one(factories.Organization, office.account.organization_id)
        dan = factories.user(work, org, "Dan Whitfield", role=None)
        account = work.db.get_one(PortalAccount, office.account.id)
        place = next((one.id for one in account.locations if one.key == location), None)
        identity.give_grant(work, role=role, user_id=dan.id, location_id=place)
    return acting(dan)


def exported(office: Office, actor: Actor, batch: str) -> list[str]:
    _, *rows = exports.table(lambda: office.portunus.reading(actor), office.portunus.vault, batch)
    return [row[0] for row in rows]


def test_a_colleague_of_one_location_gets_that_locations_rows_of_his_kinds(office: Office, batch: str) -> None:
    dan = colleague(office, role=Role.FRONT_DESK, location=TUCSON)
    assert exported(office, dan, batch) == ["patient 1"]
    with office.portunus.reading(dan) as work:
        row = batches.own(work, batch)
        found = batches.counts(work, row)
        assert (found.rows, found.read, found.problems, found.states) == (1, 1, 0, {"queued": 1})
        assert batches.problems(work, row) == []
        assert [one.id for one in batches.listed(work)] == [batch]


def test_who_sent_it_and_who_answers_for_all_get_every_row(office: Office, batch: str) -> None:
    for actor in (office.actor, colleague(office, role=Role.SUPERVISOR, location=None)):
        assert len(exported(office, actor, batch)) == 5
        with office.portunus.reading(actor) as work:
            row = batches.own(work, batch)
            found = batches.counts(work, row)
            assert (found.rows, found.read, found.problems, found.states) == (5, 5, 1, {"queued": 4})
            assert batches.problems(work, row) == [(6, "No date.")]


def test_a_colleague_without_any_of_its_rows_does_not_know_of_it(office: Office, batch: str) -> None:
    with office.portunus.unit(lookups.HOLDER) as work:
        org = work.db.get_one(factories.Organization, office.account.organization_id)
        mesa = factories.location(work, org, "mesa")
        dan = factories.user(work, org, "Dan Whitfield", role="biller", locations=[mesa])
    with office.portunus.reading(acting(dan)) as work:
        assert batches.listed(work) == []
        with pytest.raises(NotFound):
            batches.own(work, batch)
    with office.portunus.unit(acting(dan)) as work, pytest.raises(NotFound):
        exports.begin(work, batch, "csv")


@pytest.mark.parametrize("act", [batches.pause, batches.resume, batches.cancel, batches.again])
def test_only_who_covers_every_row_changes_it(office: Office, batch: str, act) -> None:
    dan = colleague(office, role=Role.BILLER, location=TUCSON)
    with pytest.raises(Refused, match="other locations"), office.portunus.unit(dan) as work:
        act(work, batch)
    with office.portunus.reading(office.actor) as work:
        row = batches.own(work, batch)
        assert (row.paused_at, row.cancelled_at) == (None, None)
    with office.portunus.unit(office.actor) as work:
        act(work, batch)


def test_a_sender_who_lost_a_location_no_longer_reads_its_answers(office: Office, batch: str) -> None:
    with office.portunus.unit(lookups.HOLDER) as work:
        for grant in work.db.scalars(select(Grant).where(Grant.user_id == office.maria.id)).all():
            identity.revoke_grant(work, grant.id)
        account = work.db.get_one(PortalAccount, office.account.id)
        place = next(one.id for one in account.locations if one.key == TUCSON)
        identity.give_grant(work, role=Role.BILLER, user_id=office.maria.id, location_id=place)
    assert exported(office, office.actor, batch) == ["patient 1", "patient 3", "patient 4"]
    with office.portunus.reading(office.actor) as work:
        found = batches.counts(work, batches.own(work, batch))
    assert (found.rows, found.read, found.problems, found.states, found.ended) == (3, 3, 1, {"queued": 2}, False)
