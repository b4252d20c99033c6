"""A link to one code box for somebody without an account: good once, for a few minutes, on record, nobody's name in it."""

from sqlalchemy import select

from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.base.ids import new_id
from broker.codes.models import CodeRequest, DeskLink, OnCall
from broker.directory.models import Location, Organization
from broker.identity.models import User
from tests import factories
from tests.api.test_codes import Practice, given, practice, waiting

__all__ = ["practice"]


def link(desk: Practice) -> str:
    """The path of a fresh one, made by Dan."""
    made = desk.dan.post_json(f"/api/v1/codes/{desk.request_id}/link", {})
    assert made.status_code == 201, made.text
    address = made.json()["link"]
    return address[address.index("/codes/link/") :]


def test_whoever_has_the_link_gives_the_code_once(practice, visitor, portunus):
    path = link(practice)
    seen = visitor.get(path)
    assert seen.status_code == 200
    assert "Maria" not in seen.text
    assert visitor.post(path, {"value": "482 913"}).status_code == 200
    assert practice.take() == "482913"
    assert visitor.get(path).status_code == 410
    assert visitor.post(path, {"value": "111111"}).status_code == 410
    with portunus.reading(system("test")) as work:
        acts = list(work.db.scalars(select(AuditEntry.act).where(AuditEntry.act.startswith("code:link"))))
        stored = work.db.scalars(select(DeskLink)).one()
    assert acts == ["code:link:create", "code:link:use"]
    assert path.rpartition("/")[2] not in str(vars(stored))


def test_looking_and_a_code_of_the_wrong_form_do_not_use_it_up(practice, visitor):
    path = link(practice)
    for _ in range(3):
        assert visitor.get(path).status_code == 200
    wrong = visitor.post(path, {"value": "12"})
    assert wrong.status_code == 422
    assert "does not look like" in wrong.text
    assert visitor.post(path, {"value": "482913"}).status_code == 200


def test_it_ends_when_somebody_else_gave_the_code(practice, visitor):
    path = link(practice)
    practice.give(practice.dan)
    assert visitor.get(path).status_code == 410


def test_it_ends_by_itself(practice, visitor, clock):
    path = link(practice)
    clock.advance(minutes=16)
    assert visitor.get(path).status_code == 410


def test_an_invented_link_is_answered_like_a_used_one(practice, visitor):
    assert visitor.get("/codes/link/invented").status_code == 410
    assert visitor.post("/codes/link/invented", {"value": "482913"}).status_code == 410


def test_no_link_where_there_is_nothing_to_type(practice, portunus):
    with portunus.unit(system("test")) as work:
        work.db.get_one(CodeRequest, practice.request_id).task = {"kind": "push", "say": "42"}
    assert practice.dan.post_json(f"/api/v1/codes/{practice.request_id}/link", {}).status_code == 409


def test_who_may_not_give_codes_there_makes_no_link(practice):
    assert practice.yuri.post_json(f"/api/v1/codes/{practice.request_id}/link", {}).status_code == 404


def test_no_link_for_a_sign_in_that_waits_no_more(practice):
    practice.give(practice.dan)
    assert practice.dan.post_json(f"/api/v1/codes/{practice.request_id}/link", {}).status_code == 409


def test_the_plain_form_shows_the_link_once(practice):
    shown = practice.dan.post(f"/codes/{practice.request_id}/link")
    assert "/codes/link/" in shown.text
    assert "/codes/link/" not in practice.dan.get("/codes").text


def test_the_desk_says_who_is_called_and_when(practice, portunus, clock):
    """The code comes by mail: Dan once it is late, Flora 45 seconds later; Maria, who is not in the order, is not called."""
    with portunus.unit(system("test")) as work:
        place = work.db.scalars(select(Location.id).where(Location.key == "phoenix")).one()
        for browser, after_s in (("Dan Whitfield", 0), ("Flora Bell", 45)):
            user = work.db.scalars(select(User.id).where(User.name == browser)).one()
            work.db.add(OnCall(id=new_id("onc"), location_id=place, user_id=user, after_s=after_s))
    (dans,), (floras,), (marias,) = waiting(practice.dan), waiting(practice.flora), waiting(practice.maria)
    assert dans["asked_at"] < dans["call_at"] < floras["call_at"]
    assert marias["call_at"] is None
    assert dans["called"] == ""
    clock.advance(seconds=46)
    assert waiting(practice.dan)[0]["called"] == "Dan Whitfield"
    clock.advance(seconds=45)
    assert waiting(practice.dan)[0]["called"] == "Dan Whitfield, Flora Bell"
    practice.decline(practice.dan, "not_ours")
    assert waiting(practice.flora)[0]["called"] == "Flora Bell"
    assert given(practice.flora) == []


def test_an_administrator_sets_the_order_on_a_page(practice, portunus, signed_in):
    with portunus.unit(system("test")) as work:
        place = work.db.scalars(select(Location).where(Location.key == "phoenix")).one()
        ana = factories.user(work, work.db.get_one(Organization, place.organization_id), "Ana Petrova", role="admin")
        dan = work.db.scalars(select(User.id).where(User.name == "Dan Whitfield")).one()
    browser = signed_in(ana)
    saved = browser.post(f"/on-call/{place.id}", {"person": [dan, ""], "after": ["20", ""]})
    assert saved.status_code == 303
    assert 'value="20"' in browser.get("/on-call").text
    wrong = browser.post(f"/on-call/{place.id}", {"person": [dan], "after": ["soon"]})
    assert wrong.status_code == 422
