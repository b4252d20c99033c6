"""The page where an administrator looks after the organization's offices."""

import pytest
from sqlalchemy import select

from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.directory.models import Location
from tests import factories

MESA = {
    "key": "Mesa-East",
    "name": "Saguaro Mesa East",
    "npi": "1245319599",
    "city": "Mesa",
    "time_zone": "America/Phoenix",
    "legal_name": ["Saguaro Mesa PLLC", ""],
    "tin": ["12-3456789", ""],
}


@pytest.fixture
def world(portunus):
    with portunus.unit(system("test")) as work:
        org = factories.organization(work)
        return {
            "ana": factories.user(work, org, "Ana Admin", role="admin"),
            "maria": factories.user(work, org, "Maria Lopez"),
            "foreign": factories.location(work, factories.organization(work, "Sierra Dental"), "reno"),
        }


@pytest.fixture
def ana(signed_in, world):
    return signed_in(world["ana"])


def stored(portunus, key="mesa-east"):
    with portunus.reading(system("test")) as work:
        row = work.db.scalars(select(Location).where(Location.key == key)).one_or_none()
        return row and (row.name, row.npi, [(entity.legal_name, entity.tin) for entity in row.tax_entities])


def test_added_location_is_stored_as_typed_and_audited(ana, portunus):
    assert ana.post("/locations", MESA).status_code == 303
    assert stored(portunus) == ("Saguaro Mesa East", "1245319599", [("Saguaro Mesa PLLC", "123456789")])
    assert "TIN ending 6789" in ana.get("/locations").text
    with portunus.reading(system("test")) as work:
        assert work.db.scalars(select(AuditEntry).where(AuditEntry.act == "directory:location:create")).all()


@pytest.mark.parametrize(
    ("field", "wrong", "words"),
    [
        ("npi", "1245319598", "check digit"),
        ("key", "-", "short name"),
        ("time_zone", "Mars/Olympus", "time zone"),
        ("time_zone", "../../etc/passwd", "time zone"),
        ("tin", ["12"], "nine digits"),
        ("legal_name", [], "at least one legal name"),
        ("name", "a\nb", "one line"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(ana, portunus, field, wrong, words):
    answer = ana.post("/locations", {**MESA, field: wrong})
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="Mesa"' in answer.text
    assert stored(portunus) is None


def test_a_taken_short_name_is_a_conflict(ana, portunus):
    ana.post("/locations", MESA)
    assert ana.post("/locations", MESA).status_code == 409


def test_changed_location_keeps_its_short_name_and_drops_emptied_lines(ana, portunus):
    ana.post("/locations", MESA)
    with portunus.reading(system("test")) as work:
        location_id = work.db.scalars(select(Location.id).where(Location.key == "mesa-east")).one()
    new = {**MESA, "name": "Mesa", "legal_name": ["", "Mesa Dental LLC"], "tin": ["", "987654321"]}
    assert ana.post(f"/locations/{location_id}", new).status_code == 303
    assert stored(portunus) == ("Mesa", "1245319599", [("Mesa Dental LLC", "987654321")])


def test_one_tin_has_one_legal_name(ana, portunus):
    ana.post("/locations", MESA)
    answer = ana.post("/locations", {**MESA, "key": "tempe", "legal_name": ["Somebody Else LLC"]})
    assert answer.status_code == 409
    assert "belongs to Saguaro Mesa PLLC" in answer.text


def test_another_organizations_location_is_not_there(ana, world):
    assert ana.post(f"/locations/{world['foreign'].id}", MESA).status_code == 404
    assert "Reno" not in ana.get("/locations").text


def test_only_administrators_see_the_page(signed_in, world):
    assert signed_in(world["maria"]).get("/locations").status_code == 403
