"""What is odd about each of the later carriers, as its README says, without a browser."""

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pyotp
import pytest

from carrier_scripts.behaviour_fields import FIELDS
from carrier_scripts.lab import founding
from carrier_scripts.lab.web import SITES
from carrier_scripts.registry import behaviour
from tests.labs import Browser, RunningLab


@contextmanager
def visiting(lab: RunningLab, key: str) -> Iterator[Browser]:
    with lab.browser(key) as browser:
        yield browser


def authenticator(lab: RunningLab, key: str, steps: int = 0) -> str:
    seed = lab.account(f"{key}-1").totp_seed
    return pyotp.TOTP(seed).at(int(lab.now().timestamp()) + 30 * steps)


def state(page: Any) -> str:
    """The hidden state of an Evergreen page."""
    return str(page.text.split('name="__STATE" value="')[1].split('"')[0])


def in_bluestone(browser: Browser, lab: RunningLab) -> Any:
    account = lab.account("bluestone_mutual-1")
    page = browser.post("/provider/login", data={"loginName": account.username})
    asked = next(question for question, _ in account.answers if question in page.text)
    browser.post("/provider/question", data={"answer": dict(account.answers)[asked]})
    browser.post("/provider/password", data={"loginSecret": account.password})
    browser.post("/provider/code", data={"passcode": lab.last_code(account.key)})
    return browser.post("/provider/office", data={"officeKey": "phoenix"})


def in_evergreen(browser: Browser, lab: RunningLab) -> Any:
    account = lab.account("evergreen_medicaid-1")
    page = browser.get("/portal/Logon.do")
    page = browser.post("/portal/Logon.do", data={"userId": account.username, "__STATE": state(page)})
    page = browser.post("/portal/Computer.do", data={"kind": "public", "__STATE": state(page)})
    page = browser.post("/portal/Password.do", data={"password": account.password, "__STATE": state(page)})
    code = authenticator(lab, "evergreen_medicaid")
    return browser.post("/portal/Code.do", data={"code": code, "__STATE": state(page)})


def in_pelican(browser: Browser, lab: RunningLab, *, code: str | None = None) -> Any:
    account = lab.account("pelican_federal-1")
    browser.post("/jz/")
    page = browser.post("/jz/login", data={"pfcUser": account.username, "pfcPass": account.password})
    if page.url.path != "/jz/method":
        return page
    browser.post("/jz/method", data={"method": "email"})
    return browser.post("/jz/code", data={"pfcCode": code or lab.last_code(account.key)})


def in_sentinel(browser: Browser, lab: RunningLab) -> Any:
    account = lab.account("sentinel_dental-1")
    browser.post("/p/signin", data={"f_user": account.username, "f_pass": account.password})
    browser.post("/p/text", data={"f_code": lab.last_code(account.key)})
    return browser.post("/p/office", data={"f_office": "tucson"})


def in_union(browser: Browser, lab: RunningLab) -> str:
    """Signs in by API, as its page does; returns the token."""
    account = lab.account("union_summit-1")
    browser.post("/api/identifier", json={"identifier": account.username})
    browser.post("/api/password", json={"secret": account.password})
    browser.post("/api/method", json={"method": "totp"})
    browser.post("/api/code", json={"passcode": authenticator(lab, "union_summit")})
    browser.post("/api/office", json={"office": "phoenix"})
    return str(browser.get("/api/start?path=/app/home").json()["token"])


@pytest.mark.parametrize("key", ["bluestone_mutual", "evergreen_medicaid", "sentinel_dental", "pelican_federal"])
def test_home_weighs_what_real_homes_weigh(lab: RunningLab, key: str) -> None:
    walks = {
        "bluestone_mutual": in_bluestone,
        "evergreen_medicaid": in_evergreen,
        "sentinel_dental": in_sentinel,
        "pelican_federal": in_pelican,
    }
    with visiting(lab, key) as browser:
        page = walks[key](browser, lab)
        assets = set(re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text))
        weight = len(page.content) + sum(len(browser.get(path).content) for path in assets)
    assert 18 <= len(assets) <= 60
    assert 200_000 <= weight <= 1_000_000


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.key)
def test_the_record_that_is_shipped_says_what_the_carrier_publishes(site: Any, lab: RunningLab) -> None:
    published = lab.control.get(f"/behaviour/{site.key}.json").json()
    shipped = {name: fact["value"] for name, fact in behaviour(site.key).items() if name != "code_template"}
    told = {name: value for name, value in published.items() if name in FIELDS and value is not None}
    differing = {name for name in told if name in shipped and shipped[name] != told[name]}
    assert differing == set()


@pytest.mark.parametrize("carrier", founding.CARRIERS, ids=lambda carrier: carrier.key)
def test_the_truth_holds_its_members_plans_and_claims(carrier: founding.Carrier, lab: RunningLab) -> None:
    truth = lab.control.get(f"/truth/{carrier.key}").json()
    first = truth["members"][0]
    assert (first["id"], first["born"]) == (f"{carrier.member_prefix}00042731", "1984-03-17")
    assert first["left"] == first["maximum"] - first["used"]
    assert {one["category"] for one in truth["coverage"]} >= {"Preventive and diagnostic", "Orthodontics"}
    assert len(truth["claims"]) == 720
    known = {one["id"] for one in truth["members"]}
    assert all(claim["member"] in known for claim in truth["claims"])


def test_nevada_forgets_a_computer_after_a_week_and_a_session_after_four_hours(lab: RunningLab) -> None:
    account = lab.account("copper_mesa_nv-1")
    with visiting(lab, "copper_mesa_nv") as browser:
        browser.post("/Account/Login", data={"UserName": account.username, "Password": account.password})
        code = {"VerificationCode": lab.last_code(account.key), "RememberComputer": "1"}
        assert browser.post("/Account/Verify", data=code).url.path == "/Office/Home"
        for _ in range(8):
            lab.advance(1700)  # never idle for half an hour, and yet over after four hours
            browser.get("/Office/Home")
        lab.advance(900)
        assert browser.get("/Office/Home").url.path == "/Account/Ended"
        again = browser.post("/Account/Login", data={"UserName": account.username, "Password": account.password})
        assert again.url.path == "/Office/Home"
        browser.post("/Account/LogOff")
        lab.advance(7 * 86_400)
        again = browser.post("/Account/Login", data={"UserName": account.username, "Password": account.password})
        assert again.url.path == "/Account/Verify"


def test_union_summits_token_dies_inside_a_live_page(lab: RunningLab) -> None:
    with visiting(lab, "union_summit") as browser:
        headers = {"authorization": f"Bearer {in_union(browser, lab)}"}
        assert browser.get("/api/me", headers=headers).json()["tin"] == "0431"
        lab.advance(901)
        assert browser.get("/api/me", headers=headers).status_code == 401
        fresh = browser.get("/api/start?path=/app/home").json()["token"]
        assert browser.get("/api/me", headers={"authorization": f"Bearer {fresh}"}).status_code == 200


def test_pelicans_code_is_the_same_all_day_and_another_the_next(lab: RunningLab) -> None:
    lab.set_clock(datetime(2026, 7, 1, 15, 0, tzinfo=UTC))
    with visiting(lab, "pelican_federal") as browser:
        assert in_pelican(browser, lab).url.path == "/jz/home"
        first = lab.last_code("pelican_federal-1")
        browser.post("/jz/logout")
        assert in_pelican(browser, lab, code=first).url.path == "/jz/home"
        browser.post("/jz/logout")
        lab.advance(86_400)
        in_pelican(browser, lab)
        assert (len(first), lab.last_code("pelican_federal-1") == first) == (4, False)


def test_leaving_pelican_without_logging_out_locks_and_a_try_makes_it_three_hours(lab: RunningLab) -> None:
    with visiting(lab, "pelican_federal") as one, visiting(lab, "pelican_federal") as other:
        in_pelican(one, lab)
        assert in_pelican(other, lab).url.path == "/jz/locked"
        lab.advance(1000)
        assert in_pelican(other, lab).url.path == "/jz/locked"  # the try above was during the lock
        lab.advance(10_801)
        assert in_pelican(other, lab).url.path == "/jz/home"


def test_bluestone_ends_the_oldest_of_four_sessions(lab: RunningLab) -> None:
    with (
        visiting(lab, "bluestone_mutual") as first,
        visiting(lab, "bluestone_mutual") as second,
        visiting(lab, "bluestone_mutual") as third,
        visiting(lab, "bluestone_mutual") as fourth,
    ):
        for browser in (first, second, third, fourth):
            assert in_bluestone(browser, lab).url.path == "/provider/home"
            lab.advance(1)
        assert "three other places" in first.get("/provider/home").text
        assert second.get("/provider/home").url.path == "/provider/home"
    assert lab.counters("bluestone_mutual")["sessions_max"] == 3


def test_bluestones_old_cookie_is_worth_nothing_once_a_page_was_shown(lab: RunningLab) -> None:
    with visiting(lab, "bluestone_mutual") as browser, visiting(lab, "bluestone_mutual") as thief:
        in_bluestone(browser, lab)
        stolen = browser.cookies["bluestone_mutual_visit"]
        browser.get("/provider/home")
        thief.cookies.set("bluestone_mutual_visit", stolen)
        assert thief.get("/provider/home").url.path == "/provider/login"


def test_bluestone_wants_its_agreement_accepted_again_after_thirty_days(lab: RunningLab) -> None:
    lab.fault("bluestone_mutual", "terms", version=4)
    with visiting(lab, "bluestone_mutual") as browser:
        assert in_bluestone(browser, lab).url.path == "/provider/agreement"
        browser.post("/provider/agreement", data={"answer": "accept"})
        browser.post("/provider/logout")
        assert in_bluestone(browser, lab).url.path == "/provider/home"
        browser.post("/provider/logout")
        lab.advance(30 * 86_400)
        assert in_bluestone(browser, lab).url.path == "/provider/agreement"


def test_claims_that_land_move_rows_to_the_next_page(lab: RunningLab) -> None:
    lab.fault("bluestone_mutual", "claims_land")
    with visiting(lab, "bluestone_mutual") as browser:
        in_bluestone(browser, lab)
        pages = [browser.get(f"/provider/claims?page={number}").text for number in (1, 2)]
    rows = [page.split("/provider/claims/detail/")[1:] for page in pages]
    numbers = [[row.split('"')[0] for row in page] for page in rows]
    assert numbers[0][-1] in numbers[1]


def test_a_wrong_answer_counts_like_a_wrong_password(lab: RunningLab) -> None:
    account = lab.account("bluestone_mutual-1")
    with visiting(lab, "bluestone_mutual") as browser:
        browser.post("/provider/login", data={"loginName": account.username})
        for _ in range(4):
            assert "not the answer" in browser.post("/provider/question", data={"answer": "no"}).text
        assert browser.post("/provider/question", data={"answer": "no"}).url.path == "/provider/locked"
    assert lab.counters("bluestone_mutual")["wrong_passwords"] == 5


def test_bluestone_zips_the_explanations_of_a_payment(lab: RunningLab) -> None:
    paid = next(one for one in lab.control.get("/truth/bluestone_mutual").json()["claims"] if one["check"])
    with visiting(lab, "bluestone_mutual") as browser:
        in_bluestone(browser, lab)
        browser.post("/provider/office", data={"officeKey": paid["location"]})
        kept = browser.get(f"/provider/remittance/{paid['check']}.zip")
    names = zipfile.ZipFile(io.BytesIO(kept.content)).namelist()
    assert f"EOB_{paid['number']}.pdf" in names


def test_evergreen_is_closed_at_night_with_a_status_of_200(lab: RunningLab) -> None:
    lab.fault("evergreen_medicaid", "keeps_hours")
    with visiting(lab, "evergreen_medicaid") as browser:
        lab.set_clock(datetime(2026, 7, 1, 8, 30, tzinfo=UTC))  # half past one in the morning there
        night = browser.get("/portal/Logon.do")
        assert (night.status_code, 'id="maintenance"' in night.text) == (200, True)
        lab.set_clock(datetime(2026, 7, 1, 11, 30, tzinfo=UTC))
        assert "ctl_UserId" in browser.get("/portal/Logon.do").text


def test_evergreen_takes_no_form_of_another_page(lab: RunningLab) -> None:
    with visiting(lab, "evergreen_medicaid") as browser:
        assert in_evergreen(browser, lab).url.path == "/portal/Home.do"
        stale = {"recipient": "EM800042731", "dob": "03/17/1984", "__STATE": "of-another-page"}
        assert browser.post("/portal/Eligibility.do", data=stale).url.path == "/portal/Ended.do"


def test_a_lost_authenticator_takes_three_days_of_paper(lab: RunningLab) -> None:
    with visiting(lab, "evergreen_medicaid") as browser:
        browser.post("/portal/FormEv204.do", data={"userId": "EVDEL40917"})
        page = browser.get("/portal/Logon.do")
        page = browser.post("/portal/Logon.do", data={"userId": "EVDEL40917", "__STATE": state(page)})
        page = browser.post("/portal/Computer.do", data={"kind": "public", "__STATE": state(page)})
        password = {"password": lab.account("evergreen_medicaid-1").password, "__STATE": state(page)}
        assert browser.post("/portal/Password.do", data=password).url.path == "/portal/Locked.do"
        lab.advance(3 * 86_400)
        page = browser.get("/portal/Password.do")
        password["__STATE"] = state(page)
        assert browser.post("/portal/Password.do", data=password).url.path == "/portal/Enrol.do"


def test_oldfield_speaks_latin_1_and_keeps_its_own_access_log(lab: RunningLab) -> None:
    account = lab.account("oldfield_guild-1")
    with visiting(lab, "oldfield_guild") as browser:
        page = browser.post("/guild/login.asp", data={"uid": account.username, "pwd": account.password})
        assert (page.url.path, page.headers["content-type"]) == ("/guild/inside.asp", "text/html; charset=iso-8859-1")
        assert "prévoyance".encode("latin-1") in browser.get("/guild/menu.asp").content
        assert "password submitted" in browser.get("/guild/access.asp").text
        assert browser.get("/guild/claims.csv").text.startswith("claim,member_id")
    with visiting(lab, "oldfield_guild") as browser:
        for _ in range(5):
            browser.post("/guild/login.asp", data={"uid": account.username, "pwd": "no"})
        lab.advance(30 * 86_400)  # only its administrator opens it again
        right = {"uid": account.username, "pwd": account.password}
        assert browser.post("/guild/login.asp", data=right).url.path == "/guild/locked.asp"


def test_tidewater_reads_a_code_to_whoever_has_the_reference(lab: RunningLab) -> None:
    account = lab.account("tidewater_trust-1")
    with visiting(lab, "tidewater_trust") as browser:
        page = browser.post("/desk/enter", data={"deskName": account.username, "deskSecret": account.password})
        reference = page.text.split('id="callReference">')[1].split("<")[0]
        told = lab.call("tidewater_trust", reference)
        while not told["answered"]:  # one call in ten is cut off
            told = lab.call("tidewater_trust", reference)
        assert 240 <= told["hold_s"] < 720
        assert (len(told["code"]), set(told["code"]) & set("O0I1")) == (8, set())
        lab.advance(told["hold_s"])
        code = {"spokenCode": told["code"], "trustDesk": "1"}
        assert browser.post("/desk/spoken", data=code).url.path == "/desk/home"
        browser.get("/desk/exit")
        again = browser.post("/desk/enter", data={"deskName": account.username, "deskSecret": account.password})
        assert again.url.path == "/desk/home"


def test_tidewaters_line_is_closed_in_the_evening(lab: RunningLab) -> None:
    lab.fault("tidewater_trust", "keeps_hours")
    lab.set_clock(datetime(2026, 7, 1, 2, 0, tzinfo=UTC))
    assert lab.call("tidewater_trust", "000000")["answered"] is False


def test_sentinel_answers_the_eleventh_search_of_a_minute_with_429(lab: RunningLab) -> None:
    with visiting(lab, "sentinel_dental") as browser:
        assert in_sentinel(browser, lab).url.path == "/p/dash"
        search = {"f_member": "SD500042731", "f_born": "1984-03-17"}
        answers = [browser.post("/p/members", data=search).status_code for _ in range(11)]
        assert answers == [200] * 10 + [429]
        lab.advance(61)
        assert browser.post("/p/members", data=search).status_code == 200


def test_two_members_of_one_name_are_both_offered(lab: RunningLab) -> None:
    lab.fault("sentinel_dental", "collision")
    with visiting(lab, "sentinel_dental") as browser:
        in_sentinel(browser, lab)
        page = browser.post("/p/members", data={"f_member": "SD500042731", "f_born": "1984-03-17"})
        assert page.text.count('href="/p/member/SD5') == 2


def test_documents_come_in_halves_or_are_none(lab: RunningLab) -> None:
    paid = next(
        one
        for one in lab.control.get("/truth/sentinel_dental").json()["claims"]
        if one["check"] and one["location"] == "tucson"
    )
    with visiting(lab, "sentinel_dental") as browser:
        in_sentinel(browser, lab)
        path = f"/p/eob/{paid['number']}.pdf"
        whole = browser.get(path).content
        assert whole.startswith(b"%PDF")
        lab.fault("sentinel_dental", "half_download", times=1)
        assert len(browser.get(path).content) == len(whole) // 2
        lab.fault("sentinel_dental", "html_pdf", times=1)
        assert browser.get(path).content.startswith(b"<!doctype html>")


def test_meridian_shows_two_hundred_claims_and_says_so_in_small_print_only(lab: RunningLab) -> None:
    account = lab.account("meridian_shared-1")
    with visiting(lab, "meridian_shared") as browser:
        page = browser.post("/mss/login", data={"mssUser": account.username, "mssPass": account.password})
        number = page.text.split('id="mss-number">')[1].split("<")[0]
        assert lab.approve("meridian_shared", number)
        assert browser.get("/mss/push/state").json() == {"go": "/mss/office"}
        assert browser.post("/mss/office", data={"mssOffice": "phoenix"}).url.path == "/mss/home"
        after, truncated, over = 0, False, False
        while not over:
            told = browser.get(f"/mss/api/claims?after={after}").json()
            after, over, truncated = after + len(told["claims"]), told["over"], told["truncated"]
        assert (after, truncated) == (200, True)
        rows = browser.get("/mss/api/procedures/MS600042731?from=0&to=900").json()
        assert len(rows) == 40  # however many are asked for
