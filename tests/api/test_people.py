"""The page where an administrator looks after people and automations."""

import re

import pytest
from sqlalchemy import select

from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.identity.models import ApiKey, Grant, User
from tests import factories


@pytest.fixture
def world(portunus):
    with portunus.unit(system("test")) as work:
        org = factories.organization(work)
        place = factories.location(work, org)
        ana = factories.user(work, org, "Ana Admin", role="admin")
        maria = factories.user(work, org, "Maria Lopez", locations=[place], email="maria@saguaro.test")
        other = factories.organization(work, "Sierra Dental")
        stranger = factories.user(work, other, "Sam Stranger")
        robot_place = factories.location(work, other, "reno")
        return {"ana": ana, "maria": maria, "stranger": stranger, "place": place, "foreign_place": robot_place}


@pytest.fixture
def ana(signed_in, world):
    return signed_in(world["ana"])


def once(response) -> str:
    return re.search(r'class="once">([^<]+)<', response.text).group(1)


def test_list_shows_the_own_organization_only(ana):
    text = ana.get("/people").text
    assert "Maria Lopez" in text
    assert "Sam Stranger" not in text
    assert "Reno" not in text


def test_invited_person_gets_role_place_and_a_link_shown_once(ana, portunus, world, visitor):
    form = {"name": "Dan Desk", "email": "dan@saguaro.test", "role": "front_desk", "location_id": world["place"].id}
    link = once(ana.post("/people", form))
    assert link not in ana.get("/people").text
    assert visitor.post(link.removeprefix("http://127.0.0.1:8400")).headers["location"] == "/sign-in/continue"
    with portunus.reading(system("test")) as work:
        dan = work.db.scalars(select(User).where(User.email == "dan@saguaro.test")).one()
        grant = work.db.scalars(select(Grant).where(Grant.user_id == dan.id)).one()
        assert (grant.role, grant.location_id) == ("front_desk", world["place"].id)
        assert link.rpartition("/")[2] not in "".join(e.leaf for e in work.db.scalars(select(AuditEntry)))


@pytest.mark.parametrize(
    "form",
    [
        {"name": "", "email": "x@y.test"},
        {"name": "X", "email": "none"},
        {"name": "X", "email": "maria@saguaro.test"},
        {"name": "X", "email": "x@y.test", "role": "root"},
    ],
)
def test_impossible_invitations_are_explained_and_leave_nothing(ana, portunus, world, form):
    response = ana.post("/people", {"role": "biller"} | form)
    assert response.status_code in {409, 422}
    assert 'role="alert"' in response.text
    with portunus.reading(system("test")) as work:
        assert len(work.db.scalars(select(User)).all()) == 3


def test_fields_nobody_asked_for_are_ignored(ana, portunus, world):
    ana.post(
        "/people",
        {
            "name": "X",
            "email": "x@y.test",
            "role": "biller",
            "organization_id": world["stranger"].organization_id,
            "status": "admin",
            "id": "usr_mine",
        },
    )
    with portunus.reading(system("test")) as work:
        row = work.db.scalars(select(User).where(User.email == "x@y.test")).one()
        assert (row.organization_id, row.status) == (world["ana"].organization_id, "active")
        assert row.id != "usr_mine"


def test_role_at_a_foreign_location_answers_like_an_unknown_one(ana, world):
    theirs = ana.post(
        f"/people/{world['maria'].id}/grants",
        {"role": "biller", "location_id": world["foreign_place"].id},
        headers={"accept": "application/json"},
    )
    unknown = ana.post(
        f"/people/{world['maria'].id}/grants",
        {"role": "biller", "location_id": "loc_unknown"},
        headers={"accept": "application/json"},
    )
    assert theirs.status_code == unknown.status_code == 404
    assert theirs.content == unknown.content


@pytest.mark.parametrize(
    "path",
    [
        "/people/{}/link",
        "/people/{}/disable",
        "/people/{}/enable",
        "/people/{}/second-factor/reset",
        "/people/{}/grants",
    ],
)
def test_people_of_another_organization_answer_like_unknown_ones(ana, world, path):
    asked = {"headers": {"accept": "application/json"}}
    theirs = ana.post(path.format(world["stranger"].id), {"role": "biller"}, **asked)
    unknown = ana.post(path.format("usr_unknown"), {"role": "biller"}, **asked)
    assert theirs.status_code == unknown.status_code == 404
    assert theirs.content == unknown.content


def test_a_second_role_is_given_and_shown(ana, world):
    given = {"role": "front_desk", "location_id": world["place"].id}
    assert ana.post(f"/people/{world['maria'].id}/grants", given).status_code == 303
    assert ana.get("/people").text.count("/people/grants/") == 2


def test_who_lost_the_first_link_gets_another_shown_once(ana, world, visitor):
    link = once(ana.post(f"/people/{world['maria'].id}/link"))
    assert link not in ana.get("/people").text
    assert visitor.post(link.removeprefix("http://127.0.0.1:8400")).headers["location"] == "/sign-in/continue"


def test_who_lost_the_telephone_has_no_second_factor_after_the_reset(ana, portunus, world):
    with portunus.unit(system("test")) as work:
        maria = work.db.get(User, world["maria"].id)
        kept = portunus.vault.put(work, maria.organization_id, "user", maria.id, "totp_seed", b"JBSWY3DPEHPK3PXP")
        maria.totp_secret_id = kept.id
    assert ana.post(f"/people/{world['maria'].id}/second-factor/reset").status_code == 303
    with portunus.reading(system("test")) as work:
        assert work.db.get(User, world["maria"].id).totp_secret_id is None


def test_taken_back_role_bites_at_the_next_request(ana, signed_in, portunus, world):
    maria = signed_in(world["maria"])
    assert maria.get("/start").headers["location"] == "/"
    with portunus.reading(system("test")) as work:
        grant_id = work.db.scalars(select(Grant.id).where(Grant.user_id == world["maria"].id)).one()
    assert ana.post(f"/people/grants/{grant_id}/revoke").status_code == 303
    assert maria.get("/start").headers["location"] == "/me"


def test_administrator_cannot_raise_himself(ana, world):
    response = ana.post(f"/people/{world['ana'].id}/grants", {"role": "compliance"})
    assert response.status_code == 403
    assert "Nobody gives himself a role" in response.text


def test_disabled_person_is_out_at_once(ana, signed_in, world):
    maria = signed_in(world["maria"])
    assert ana.post(f"/people/{world['maria'].id}/disable").status_code == 303
    assert maria.get("/me").status_code == 303


def test_disabled_person_is_enabled_again_and_signs_in_anew(ana, signed_in, world):
    ana.post(f"/people/{world['maria'].id}/disable")
    before = signed_in(world["maria"])
    assert before.get("/me").status_code == 303
    assert "Enable again" in ana.get("/people").text
    assert ana.post(f"/people/{world['maria'].id}/enable").status_code == 303
    assert "Enable again" not in ana.get("/people").text
    assert signed_in(world["maria"]).get("/me").status_code == 200


def test_key_is_shown_once_and_revoked_at_once(ana, portunus, visitor):
    assert ana.post("/people/automations", {"name": "Nightly eligibility"}).status_code == 303
    robot = re.search(r"/people/automations/(svc_\w+)/keys", ana.get("/people").text).group(1)
    key = once(ana.post(f"/people/automations/{robot}/keys"))
    assert key.startswith("ptn_live_")
    assert key not in ana.get("/people").text
    headers = {"authorization": f"Bearer {key}"}
    assert visitor.client.get("/me", headers=headers).status_code == 403  # known, and not for keys
    with portunus.reading(system("test")) as work:
        key_id = work.db.scalars(select(ApiKey.id)).one()
    assert ana.post(f"/people/keys/{key_id}/revoke").status_code == 303
    assert visitor.client.get("/me", headers=headers).status_code == 401


def test_biller_sees_no_such_page(signed_in, world):
    assert signed_in(world["maria"]).get("/people").status_code == 403


def test_an_account_of_the_machines_shell_is_entered_and_shown(ana, world):
    assert ana.post(f"/people/{world['maria'].id}/shell-name", {"name": "mlopez"}).status_code == 303
    assert "Name at the shell: mlopez" in ana.get("/people").text
    refused = ana.post(f"/people/{world['maria'].id}/shell-name", {"name": "Not A Name"})
    assert "no account name" in refused.text
