"""Signing in, as a browser sees it."""

import re

import pyotp
import pytest
from sqlalchemy import select

from broker.audit.models import AuditEntry
from broker.base.actor import Actor, ActorKind, system
from broker.identity import links, passwords, sign_in
from broker.identity.models import FailedSignIn, Login, User
from tests import factories

PASSWORD = "correct horse battery staple"
HASH = passwords.hashed(PASSWORD)
OPERATOR = Actor(ActorKind.OPERATOR, "root", "root at the shell")


@pytest.fixture
def maria(portunus):
    with portunus.unit(OPERATOR) as work:
        org = factories.organization(work)
        place = factories.location(work, org)
        return factories.user(work, org, "Maria Lopez", locations=[place], email="maria@saguaro.test")


@pytest.fixture
def enrolled(portunus, maria):
    """Maria has a password and an authenticator app."""
    with portunus.unit(OPERATOR) as work:
        row = work.db.get(User, maria.id)
        seed = pyotp.random_base32()
        secret = portunus.vault.put(work, row.organization_id, "user", row.id, "totp_seed", seed.encode())
        row.password_hash, row.totp_secret_id = HASH, secret.id
    return pyotp.TOTP(seed)


def code_now(totp, clock) -> str:
    return totp.at(clock.now())


def csrf_of(response) -> str:
    return re.search(r'name="csrf" value="([^"]+)"', response.text).group(1)


def start(visitor, password=PASSWORD, email="maria@saguaro.test", **more):
    return visitor.post("/sign-in", {"email": email, "password": password} | more)


def to_second_factor(visitor):
    response = start(visitor)
    assert response.status_code == 303, response.text
    visitor.csrf = csrf_of(visitor.get("/sign-in/continue"))
    return visitor


def acts(portunus) -> list[str]:
    with portunus.reading(system("test")) as work:
        return list(work.db.scalars(select(AuditEntry.act).order_by(AuditEntry.index)))


def cookie_line(response) -> str:
    return response.headers["set-cookie"]


def test_password_and_code_sign_in(visitor, enrolled, clock):
    to_second_factor(visitor)
    response = visitor.post("/sign-in/code", {"code": code_now(enrolled, clock)})
    assert (response.status_code, response.headers["location"]) == (303, "/start")
    assert visitor.get("/me").status_code == 200


def test_cookie_is_for_the_server_only_and_this_site_only(visitor, enrolled):
    line = cookie_line(start(visitor)).lower()
    assert "httponly" in line
    assert "samesite=strict" in line
    assert "path=/" in line
    assert "domain" not in line


def test_token_changes_when_the_second_factor_completes_the_sign_in(visitor, enrolled, clock):
    to_second_factor(visitor)
    before = visitor.client.cookies["portunus"]
    visitor.post("/sign-in/code", {"code": code_now(enrolled, clock)})
    after = visitor.client.cookies["portunus"]
    assert before != after
    visitor.client.cookies.clear()
    visitor.client.cookies.set("portunus", before)
    assert visitor.get("/me").headers["location"].startswith("/sign-in")


def test_database_does_not_hold_the_token(visitor, portunus, enrolled):
    start(visitor)
    token = visitor.client.cookies["portunus"]
    with portunus.reading(system("test")) as work:
        row = work.db.scalars(select(Login)).one()
        assert token.encode() not in row.digest
        assert len(row.digest) == 32


def test_half_way_sign_in_opens_nothing_else(visitor, enrolled):
    to_second_factor(visitor)
    assert visitor.get("/me").headers["location"] == "/sign-in/continue"


def test_wrong_password_and_unknown_person_look_the_same(visitor, enrolled):
    known = start(visitor, "wrong wrong wrong")
    unknown = start(visitor, "wrong wrong wrong", email="nobody@saguaro.test")
    assert known.status_code == unknown.status_code == 403
    numbers = re.compile(r"nobody@saguaro\.test|maria@saguaro\.test")
    assert numbers.sub("", known.text) == numbers.sub("", unknown.text)


def test_disabled_person_looks_like_a_wrong_password(visitor, portunus, enrolled, maria):
    with portunus.unit(OPERATOR) as work:
        work.db.get(User, maria.id).status = "disabled"
    response = start(visitor)
    assert response.status_code == 403
    assert sign_in.WRONG in response.text


def test_unknown_person_costs_a_hash_too(visitor, enrolled, monkeypatch):
    asked = []
    monkeypatch.setattr(passwords, "fits", lambda given, kept: bool(asked.append(kept)))
    start(visitor, email="nobody@saguaro.test")
    assert asked == [None]


def test_eleventh_try_is_refused_although_the_password_is_right(visitor, enrolled, monkeypatch, portunus):
    monkeypatch.setattr(passwords, "fits", lambda given, kept: given == PASSWORD)
    for _ in range(10):
        assert start(visitor, "wrong").status_code == 403
    response = start(visitor)
    assert response.status_code == 429
    assert response.headers["retry-after"] == "300"
    with portunus.reading(system("test")) as work:
        limit = [e for e in work.db.scalars(select(AuditEntry)) if '"outcome":"limit"' in e.leaf]
    assert len(limit) == 1


def test_limit_ends_with_its_window(visitor, enrolled, monkeypatch, clock):
    monkeypatch.setattr(passwords, "fits", lambda given, kept: given == PASSWORD)
    for _ in range(11):
        start(visitor, "wrong")
    clock.advance(minutes=5, seconds=1)
    assert start(visitor).status_code == 303


def test_right_password_gives_its_try_back(visitor, enrolled, portunus):
    start(visitor)
    with portunus.reading(system("test")) as work:
        assert work.db.scalars(select(FailedSignIn)).all() == []


def test_address_is_limited_over_many_names(visitor, maria, monkeypatch):
    monkeypatch.setattr(passwords, "fits", lambda given, kept: False)
    answers = [start(visitor, "wrong", email=f"person{n}@saguaro.test").status_code for n in range(51)]
    assert answers == [403] * 50 + [429]


def test_a_code_counts_once(visitor, enrolled, clock, app):
    code = code_now(enrolled, clock)
    to_second_factor(visitor)
    assert visitor.post("/sign-in/code", {"code": code}).status_code == 303
    visitor.client.cookies.clear()
    visitor.csrf = ""
    to_second_factor(visitor)
    assert visitor.post("/sign-in/code", {"code": code}).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        lambda code: code.translate({0x30 + n: 0xFF10 + n for n in range(10)}),
        lambda code: code + "\n",
        lambda code: "0" * 12 + code,
        lambda code: "",
        lambda code: "١٢٣٤٥٦",
    ],
    ids=["full width", "newline", "too long", "empty", "arabic"],
)
def test_only_the_code_itself_passes(visitor, enrolled, clock, change):
    to_second_factor(visitor)
    assert visitor.post("/sign-in/code", {"code": change(code_now(enrolled, clock))}).status_code == 403


def test_code_with_the_apps_space_passes(visitor, enrolled, clock):
    code = code_now(enrolled, clock)
    to_second_factor(visitor)
    assert visitor.post("/sign-in/code", {"code": f"{code[:3]} {code[3:]}"}).status_code == 303


@pytest.mark.parametrize("steps", [-2, 2])
def test_code_two_steps_off_is_refused_and_counted(visitor, enrolled, clock, steps, portunus):
    from datetime import timedelta

    to_second_factor(visitor)
    code = enrolled.at(clock.now() + timedelta(seconds=30 * steps))
    assert visitor.post("/sign-in/code", {"code": code}).status_code == 403
    with portunus.reading(system("test")) as work:
        assert len(work.db.scalars(select(FailedSignIn)).all()) == 2


def test_tries_at_the_code_are_limited(visitor, enrolled, clock):
    to_second_factor(visitor)
    wrong = f"{(int(code_now(enrolled, clock)) + 1) % 1000000:06d}"
    answers = [visitor.post("/sign-in/code", {"code": wrong}).status_code for _ in range(11)]
    assert answers == [403] * 10 + [429]
    assert visitor.post("/sign-in/code", {"code": code_now(enrolled, clock)}).status_code == 429


def test_second_step_must_follow_within_ten_minutes(visitor, enrolled, clock):
    to_second_factor(visitor)
    clock.advance(minutes=10)
    assert visitor.post("/sign-in/code", {"code": code_now(enrolled, clock)}).headers["location"] == "/sign-in"


def test_looking_at_a_link_does_not_use_it_up(visitor, portunus, maria):
    with portunus.unit(OPERATOR) as work:
        token = links.create_link(work, work.db.get(User, maria.id))
    for _ in range(3):
        assert "signs you in once" in visitor.get(f"/sign-in/link/{token}").text
    response = visitor.post(f"/sign-in/link/{token}")
    assert (response.status_code, response.headers["location"]) == (303, "/start")
    assert visitor.get("/me").status_code == 200


def test_link_works_once(visitor, portunus, maria):
    with portunus.unit(OPERATOR) as work:
        token = links.create_link(work, work.db.get(User, maria.id))
    visitor.post(f"/sign-in/link/{token}")
    visitor.client.cookies.clear()
    response = visitor.post(f"/sign-in/link/{token}")
    assert response.status_code == 410
    assert "set-cookie" not in response.headers
    assert visitor.get(f"/sign-in/link/{token}").status_code == 410


def test_unknown_link_answers_like_a_used_one(visitor, portunus, maria):
    with portunus.unit(OPERATOR) as work:
        token = links.create_link(work, work.db.get(User, maria.id))
    visitor.post(f"/sign-in/link/{token}")
    visitor.client.cookies.clear()
    assert visitor.get(f"/sign-in/link/{token}").text == visitor.get("/sign-in/link/unknown").text


def test_link_of_an_administrator_leads_through_password_and_second_factor(visitor, portunus, maria, clock):
    with portunus.unit(OPERATOR) as work:
        org_id = maria.organization_id
        from broker.directory.models import Organization

        ana = factories.user(work, work.db.get(Organization, org_id), "Ana Admin", role="admin")
    with portunus.unit(Actor(ActorKind.USER, ana.id, ana.name)) as work:
        token = links.create_link(work, work.db.get(User, maria.id))
    assert visitor.post(f"/sign-in/link/{token}").headers["location"] == "/sign-in/continue"
    page = visitor.get("/sign-in/continue")
    assert "Choose a password" in page.text
    visitor.csrf = csrf_of(page)
    assert visitor.post("/sign-in/password", {"password": PASSWORD, "again": PASSWORD}).status_code == 303
    assert "Set up the second step" in visitor.get("/sign-in/continue").text
    offer = visitor.post("/sign-in/second-factor/new")
    seed = re.search(r'class="seed">([A-Z2-7 ]+)<', offer.text).group(1).replace(" ", "")
    response = visitor.post("/sign-in/second-factor", {"code": pyotp.TOTP(seed).at(clock.now())})
    assert (response.status_code, response.headers["location"]) == (303, "/start")
    assert visitor.get("/me").status_code == 200


def test_seed_is_shown_once_only(visitor, portunus, maria, signed_in):
    browser = signed_in(maria, complete=False)
    with portunus.unit(OPERATOR) as work:
        work.db.get(User, maria.id).password_hash = HASH
    seed = re.search(r'class="seed">([A-Z2-7 ]+)<', browser.post("/sign-in/second-factor/new").text).group(1)
    assert seed not in browser.get("/sign-in/continue").text
    assert seed not in browser.post("/sign-in/second-factor", {"code": "000000"}).text


def test_new_passwords_must_agree_and_be_good(visitor, maria, signed_in):
    browser = signed_in(maria, complete=False, via="link")
    assert "differ" in browser.post("/sign-in/password", {"password": PASSWORD, "again": "x"}).text
    assert (
        "first that anyone tries"
        in browser.post("/sign-in/password", {"password": "Password1!", "again": "Password1!"}).text
    )


def test_link_alone_does_not_replace_the_second_factor(portunus, enrolled, maria, signed_in):
    browser = signed_in(maria, complete=False, via="link")
    new = "another long phrase here"
    browser.post("/sign-in/password", {"password": new, "again": new})
    assert "Code from your phone" in browser.get("/sign-in/continue").text
    assert browser.post("/sign-in/second-factor/new").headers["location"] == "/sign-in/continue"


@pytest.mark.parametrize(
    "to", ["//evil.test", "https://evil.test", "/\\evil.test", "/a?b=//evil", "javascript:x", "/sign-in/link/x"]
)
def test_nobody_is_led_elsewhere_after_sign_in(visitor, enrolled, clock, to):
    assert start(visitor, next=to).headers["location"] == "/sign-in/continue"


def test_person_comes_back_to_the_page_she_asked_for(visitor, enrolled, clock):
    assert visitor.get("/me").headers["location"] == "/sign-in?next=/me"
    assert start(visitor, next="/me").headers["location"] == "/sign-in/continue?next=/me"
    visitor.csrf = csrf_of(visitor.get("/sign-in/continue?next=/me"))
    done = visitor.post("/sign-in/code", {"code": code_now(enrolled, clock), "next": "/me"})
    assert done.headers["location"] == "/me"


def test_sign_out_ends_the_sign_in_on_the_server(signed_in, maria):
    browser = signed_in(maria)
    token = browser.client.cookies["portunus"]
    assert browser.post("/sign-out").headers["location"] == "/sign-in"
    browser.client.cookies.set("portunus", token)
    assert browser.get("/me").headers["location"].startswith("/sign-in")


def test_half_an_hour_of_idleness_ends_a_sign_in(signed_in, maria, clock):
    browser = signed_in(maria)
    clock.advance(minutes=29)
    assert browser.get("/me").status_code == 200
    clock.advance(minutes=29)
    assert browser.get("/me").status_code == 200
    clock.advance(minutes=30)
    assert browser.get("/me").status_code == 303


def test_administrators_may_idle_a_quarter_of_an_hour(signed_in, portunus, maria, clock):
    with portunus.unit(OPERATOR) as work:
        from broker.directory.models import Organization

        ana = factories.user(work, work.db.get(Organization, maria.organization_id), "Ana Admin", role="admin")
    browser = signed_in(ana)
    clock.advance(minutes=15)
    assert browser.get("/me").status_code == 303


def test_twelve_hours_end_a_sign_in_however_busy(signed_in, maria, clock):
    browser = signed_in(maria)
    for _ in range(35):
        clock.advance(minutes=20)
        assert browser.get("/me").status_code == 200
    clock.advance(minutes=20)
    assert browser.get("/me").status_code == 303


def test_disabling_a_person_bites_at_once(signed_in, portunus, maria):
    from broker.identity import people

    browser = signed_in(maria)
    with portunus.unit(OPERATOR) as work:
        people.disable_user(work, maria.id)
    assert browser.get("/me").status_code == 303


def test_changed_password_ends_the_other_sign_ins(signed_in, portunus, enrolled, maria):
    here, elsewhere = signed_in(maria), signed_in(maria)
    new = "another long phrase here"
    response = here.post("/me/password", {"current": PASSWORD, "password": new, "again": new})
    assert response.status_code == 200, response.text
    assert here.get("/me").status_code == 200
    assert elsewhere.get("/me").status_code == 303


def test_password_changes_only_with_the_current_one(signed_in, enrolled, maria):
    browser = signed_in(maria)
    new = "another long phrase here"
    assert browser.post("/me/password", {"current": "guess", "password": new, "again": new}).status_code == 403


def test_who_has_no_second_factor_sets_one_up_on_ones_own_page(signed_in, portunus, maria, clock):
    browser = signed_in(maria)
    seed = re.search(r'class="seed">([A-Z2-7 ]+)<', browser.post("/me/second-factor/new").text)[1]
    code = pyotp.TOTP(seed.replace(" ", "")).at(clock.now())
    assert "The second step is set up" in browser.post("/me/second-factor", {"code": code}).text
    assert browser.post("/me/second-factor/new", headers={"accept": "application/json"}).status_code == 409


def test_own_sign_ins_can_be_ended(signed_in, portunus, maria):
    here, elsewhere = signed_in(maria), signed_in(maria)
    other = re.search(r"/me/sign-ins/(log_\w+)/end", here.get("/me").text).group(1)
    assert here.post(f"/me/sign-ins/{other}/end").status_code == 303
    assert elsewhere.get("/me").status_code == 303
    assert here.get("/me").status_code == 200


def test_somebody_elses_sign_in_answers_like_an_unknown_one(signed_in, portunus, maria):
    with portunus.unit(OPERATOR) as work:
        from broker.directory.models import Organization

        dan = factories.user(work, work.db.get(Organization, maria.organization_id), "Dan Desk", role="front_desk")
    signed_in(dan)
    with portunus.reading(system("test")) as work:
        his = work.db.scalars(select(Login.id).where(Login.user_id == dan.id)).one()
    browser = signed_in(maria)
    theirs = browser.post(f"/me/sign-ins/{his}/end", headers={"accept": "application/json"})
    unknown = browser.post("/me/sign-ins/log_unknown/end", headers={"accept": "application/json"})
    assert (theirs.status_code, theirs.content) == (404, unknown.content)


def test_every_step_is_in_the_audit_log(visitor, portunus, enrolled, clock):
    start(visitor, "wrong")
    to_second_factor(visitor)
    done = visitor.post("/sign-in/code", {"code": code_now(enrolled, clock)})
    assert done.status_code == 303
    visitor.csrf = csrf_of(visitor.get("/me"))
    visitor.post("/sign-out")
    logged = [act for act in acts(portunus) if act.startswith("login:")]
    assert logged == [
        "login:attempt:refuse",
        "login:password:accept",
        "login:second_factor:accept",
        "login:session:end",
    ]


def test_password_that_cannot_be_one_is_refused_quietly(visitor, enrolled):
    for odd in ("", "x" * 5000, "a\x00b" * 5):
        assert start(visitor, odd).status_code == 403


@pytest.mark.parametrize(
    ("role", "address"), [("biller", "/"), ("admin", "/accounts"), ("compliance", "/last-code"), (None, "/me")]
)
def test_everybody_starts_where_the_own_work_is(signed_in, portunus, role, address):
    with portunus.unit(OPERATOR) as work:
        user = factories.user(work, factories.organization(work), role=role)
    assert signed_in(user).get("/start").headers["location"] == address
