"""Portal accounts on the page and as data: added, stopped with what to do, given a new credential, released; no secret leaves."""

import json

import pyotp
import pytest

from broker.base.actor import system
from broker.directory import service as directory
from tests import factories
from workers import early_sign_ins

SYSTEM, HOST = system("test"), system("browserhost")
PHRASE = "Quartz-Heron-4417"
NEWER = "Basalt-Wren-2093"
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def practice(portunus, signed_in):
    """Ana the administrator, Audrey the auditor, Maria the biller; Phoenix; Harborline."""
    with portunus.unit(SYSTEM) as work:
        org = factories.organization(work)
        factories.location(work, org)
        factories.portal(work).provider_line = "1-800-555-0199"
        users = [
            factories.user(work, org, "Ana Petrova", role="admin"),
            factories.user(work, org, "Audrey Chen", role="compliance"),
            factories.user(work, org),
        ]
    return [signed_in(user) for user in users]


def new(**more) -> dict:
    return {"portal": "harborline", "username": "saguaro7", "password": PHRASE, "locations": ["phoenix"]} | more


@pytest.fixture
def account(practice) -> dict:
    return practice[0].post_json("/api/v1/accounts", new()).json()


def park(portunus, account, status="wrong_password"):
    with portunus.unit(HOST) as work:
        directory.park_account(
            work, directory.account_by_id(work, account["id"]), status, "The portal does not take it."
        )


def row(browser, account) -> dict:
    return browser.get(f"/api/v1/accounts/{account['id']}").json()


def test_an_account_is_added_and_its_password_never_leaves(practice):
    ana, audrey, _ = practice
    made = ana.post_json("/api/v1/accounts", new())
    assert made.status_code == 201
    assert made.headers["location"] == f"/api/v1/accounts/{made.json()['id']}"
    for browser in (ana, audrey):
        everything = browser.get("/api/v1/accounts").text + browser.get("/accounts").text + made.text
        assert "saguaro7" in everything
        assert PHRASE not in everything


def test_the_page_adds_the_same_and_says_so(practice):
    went = practice[0].post("/accounts", new())
    assert went.status_code == 303
    assert "The account is added" in practice[0].get(went.headers["location"].partition("#")[0]).text


def proved(clock, seed: str = SEED) -> dict[str, str]:
    return {
        "totp_seed": seed,
        "totp_code": pyotp.parse_uri(seed).at(clock.now()) if ":" in seed else pyotp.TOTP(seed).at(clock.now()),
    }


def test_a_seed_that_no_code_proves_is_not_stored(practice, account, clock):
    ana, address = practice[0], f"/api/v1/accounts/{account['id']}/credential"
    for wrong in ({"totp_seed": SEED}, proved(clock) | {"totp_code": "000000"}):
        assert ana.post_json(address, wrong).status_code == 422
    assert ana.post_json("/api/v1/accounts", new(username="other", totp_seed=SEED)).status_code == 422
    assert row(ana, account)["has_seed"] is False


def test_a_seed_with_longer_steps_than_the_one_before_gives_its_code_at_once(practice, account, portunus, clock):
    ana, address = practice[0], f"/api/v1/accounts/{account['id']}/credential"
    ana.post_json(address, proved(clock))
    with portunus.unit(HOST) as work:
        assert portunus.vault.totp(work, account["id"], "att_1", clock.now()).code is not None
    ana.post_json(address, proved(clock, f"otpauth://totp/x?secret={SEED}&period=60"))
    with portunus.unit(HOST) as work:
        assert portunus.vault.totp(work, account["id"], "att_2", clock.now()).code is not None


def test_codes_come_to_the_desk_until_a_seed_is_stored(practice, account, clock):
    ana = practice[0]
    assert [one["channel"] for one in account["channels"]] == ["desk"]
    answer = ana.post_json(f"/api/v1/accounts/{account['id']}/credential", proved(clock))
    assert [one["channel"] for one in answer.json()["channels"]] == ["totp", "desk"]
    assert answer.json()["has_seed"] is True
    again = ana.post_json(f"/api/v1/accounts/{account['id']}/credential", proved(clock))
    assert [one["channel"] for one in again.json()["channels"]] == ["totp", "desk"]


def test_security_answers_are_stored_beside_each_other_and_never_shown(practice, account, portunus):
    ana = practice[0]
    first = {"answers": {"What was the name of your first street?": "Juniper Bend"}}
    assert ana.post_json(f"/api/v1/accounts/{account['id']}/credential", first).status_code == 200
    second = {"question": "Which town did you finish school in?", "answer": "Winkelman"}
    assert ana.post(f"/accounts/{account['id']}/credential", second).status_code == 303
    with portunus.unit(system("test")) as work:
        kept = json.loads(
            portunus.vault.use(work, "portal_account", account["id"], "security_answers", purpose="a test")
        )
    assert sorted(kept.values()) == ["Juniper Bend", "Winkelman"]
    assert "Juniper" not in ana.get("/accounts").text + ana.get("/api/v1/accounts").text


def test_a_stopped_account_comes_first_with_what_to_do(practice, account, portunus, clock):
    ana = practice[0]
    ana.post_json("/api/v1/accounts", new(username="aaa-first-by-name"))
    park(portunus, account)
    assert ana.get("/api/v1/accounts").json()["data"][0]["id"] == account["id"]
    steps = row(ana, account)["todo"]
    assert "1-800-555-0199" in steps[0]
    assert steps[1].startswith("Store the password that works now")
    clock.advance(seconds=60)
    ana.post_json(f"/api/v1/accounts/{account['id']}/credential", {"password": NEWER})
    assert row(ana, account)["todo"][1] == "A password was stored since it stopped."
    page = ana.get("/accounts").text
    assert page.index("Stopped: they need you") < page.index("aaa-first-by-name")


def test_release_needs_words_and_brings_it_back(practice, account, portunus):
    ana = practice[0]
    park(portunus, account, "locked")
    address = f"/api/v1/accounts/{account['id']}/release"
    assert ana.post_json(address, {"reason": " ok "}).status_code == 422
    assert ana.post_json(address, {"reason": "Carrier unlocked it, reference 4711"}).json()["status"] == "active"
    assert row(ana, account)["todo"] == []


def test_the_plain_form_releases_it_too(practice, account, portunus):
    ana = practice[0]
    park(portunus, account, "locked")
    told = {"reason": "Carrier unlocked it, reference 4711"}
    assert ana.post(f"/accounts/{account['id']}/release", told).status_code == 303
    assert row(ana, account)["status"] == "active"


def test_recovery_codes_are_stored_and_never_shown(practice, account):
    ana = practice[0]
    way = f"/accounts/{account['id']}/codes"
    stored = ana.post(f"{way}/recovery", {"codes": "heron-4417, wren-2093"})
    assert "2 recovery codes are stored" in stored.text
    assert "heron-4417" not in stored.text + ana.get(way).text


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": ""},
        {"locations": []},
        {"login_kind": "borrowed"},
        {"login_kind": "practice_shared"},
        {"review_on": "soon", "login_kind": "practice_shared", "shared_reason": "One login per practice"},
        {"totp_seed": "not a seed!"},
        {"username": ""},
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_added(practice, wrong):
    ana = practice[0]
    assert ana.post_json("/api/v1/accounts", new(**wrong)).status_code == 422
    shown = ana.post("/accounts", new(**wrong))
    assert shown.status_code == 422
    assert 'role="alert"' in shown.text
    assert PHRASE not in shown.text
    assert ana.get("/api/v1/accounts").json()["data"] == []


@pytest.mark.parametrize("wrong", [{"portal": "nowhere"}, {"locations": ["atlantis"]}])
def test_a_portal_or_place_that_is_not_there_is_not_found(practice, wrong):
    assert practice[0].post_json("/api/v1/accounts", new(**wrong)).status_code == 404


def test_others_look_or_do_not_but_change_nothing(practice, account):
    _, audrey, maria = practice
    assert audrey.get("/accounts").status_code == 200
    assert maria.get("/accounts").status_code == 403
    for browser in (audrey, maria):
        assert browser.post_json("/api/v1/accounts", new(username="x")).status_code == 403
        refused = browser.post_json(f"/api/v1/accounts/{account['id']}/credential", {"password": "x"})
        assert refused.status_code == 403


def test_an_account_of_another_practice_is_as_unknown_as_none(practice, portunus):
    with portunus.unit(SYSTEM) as work:
        other = factories.location(work, factories.organization(work, "Other Group"), "yuma")
        theirs = factories.account(work, directory.portal_by_key(work, "harborline"), [other]).id
    ana = practice[0]
    for account_id in (theirs, "acc_unknown"):
        assert ana.get(f"/api/v1/accounts/{account_id}").status_code == 404
        for act, body in (("credential", {"password": "x"}), ("release", {"reason": "put right"})):
            assert ana.post_json(f"/api/v1/accounts/{account_id}/{act}", body).status_code == 404
            assert ana.post(f"/accounts/{account_id}/{act}", body).status_code == 404


def test_a_login_gets_the_name_that_people_call_it(practice, account):
    ana = practice[0]
    answer = ana.post_json(f"/api/v1/accounts/{account['id']}/label", {"label": "Front desk"})
    assert (answer.status_code, answer.json()["label"]) == (200, "Front desk")
    assert ana.post(f"/accounts/{account['id']}/label", {"label": "Evening desk"}).status_code == 303
    assert row(ana, account)["label"] == "Evening desk"
    assert ana.post_json(f"/api/v1/accounts/{account['id']}/label", {"label": "x" * 61}).status_code == 422


def early(browser, account, at="07:15", **more):
    return browser.post_json(f"/api/v1/accounts/{account['id']}/early-sign-in", {"at": at} | more)


def by_authenticator(browser, account, clock) -> None:
    assert browser.post_json(f"/api/v1/accounts/{account['id']}/credential", proved(clock)).status_code == 200


def test_a_login_signs_in_by_itself_at_the_time_that_is_set(practice, account, clock):
    """It is Friday, eight o'clock in Phoenix."""
    ana = practice[0]
    by_authenticator(ana, account, clock)
    answer = early(ana, account)
    assert answer.json()["early_sign_in"] == {
        "at": "07:15", "location": "phoenix", "location_name": "Saguaro Family Dental Phoenix",
        "next_at": "2026-11-23T14:15:00+00:00", "last": "", "cannot": "",
    }  # fmt: skip
    went = ana.post(f"/accounts/{account['id']}/early-sign-in", {"at": "06:45", "location": "phoenix"})
    assert went.status_code == 303
    shown = ana.get(went.headers["location"].partition("#")[0]).text
    assert "06:45 on working days, by the clock of Saguaro Family Dental Phoenix" in shown
    assert early(ana, account, "").json()["early_sign_in"]["next_at"] is None


def test_a_login_whose_code_needs_a_person_does_not_sign_in_by_itself_and_says_why(practice, account):
    ana = practice[0]
    why = "Its code needs a person at the code desk."
    answer = early(ana, account)
    assert (answer.status_code, answer.json()["code"]) == (409, "not-by-itself")
    assert why in answer.json()["detail"]
    assert row(ana, account)["early_sign_in"]["cannot"].startswith(why)
    shown = ana.get("/accounts").text
    assert why in shown
    assert "Sign in by itself on working days at" not in shown
    assert "Its code needs a person" in ana.post(f"/accounts/{account['id']}/early-sign-in", {"at": "07:15"}).text


def test_only_who_keeps_the_logins_sets_when_one_signs_in_by_itself(practice, account, clock):
    ana, audrey, maria = practice
    by_authenticator(ana, account, clock)
    assert [early(browser, account).status_code for browser in (audrey, maria)] == [403, 403]
    assert early(ana, account, "7 o'clock"[:5]).status_code == 422
    assert early(ana, account, location="nowhere").status_code == 404


def test_how_an_early_sign_in_went_stands_at_the_login_and_among_the_scripts_health(practice, account, portunus, clock):
    ana, audrey, _ = practice
    by_authenticator(ana, account, clock)
    assert "Early sign-ins" not in audrey.get("/script-health").text
    early(ana, account, "08:05")
    assert "Early sign-ins" in audrey.get("/script-health").text
    park(portunus, account)
    clock.advance(minutes=6)
    early_sign_ins.run(portunus)
    last = "Not tried at 08:06 today: The portal does not take it."
    for browser in practice[:2]:
        assert last in browser.get("/accounts").text
        assert last in browser.get("/script-health").text
