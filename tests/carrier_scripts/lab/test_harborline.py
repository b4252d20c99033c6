"""Harborline behaves as its README says."""

import io
import re

import pytest
from fpdf import FPDF  # noqa: F401 - the documents' own library

from tests.carrier_scripts.lab.walking import mailed_code, password, sign_in_harborline
from tests.labs import Browser, RunningLab

KEY = "harborline-1"


def test_the_way_in_is_password_code_practice_home(harborline: Browser, lab: RunningLab) -> None:
    assert "Check your e-mail" in password(harborline, lab, KEY).text
    assert "Choose a practice" in mailed_code(harborline, lab.last_code(KEY)).text
    home = harborline.post("/practice", data={"tin": "tucson"})
    assert home.url.path == "/home"
    assert '<span id="who-practice">Old Pueblo Dental Care PLLC</span>' in home.text
    assert '<span id="who-tin">TIN ending 0587</span>' in home.text
    assert lab.counters("harborline", "saguaro.phoenix")["logins"] == 1


def test_a_page_inside_is_not_shown_before_the_code(harborline: Browser, lab: RunningLab) -> None:
    password(harborline, lab, KEY)
    assert harborline.get("/home").url.path == "/signin"
    assert harborline.get("/practice").url.path == "/signin/verify"


def test_five_wrong_passwords_lock_for_thirty_minutes(harborline: Browser, lab: RunningLab) -> None:
    for n in range(4):
        assert "does not match our records" in password(harborline, lab, KEY, f"wrong {n}").text
    assert "temporarily locked" in password(harborline, lab, KEY, "wrong 4").text
    assert "temporarily locked" in password(harborline, lab, KEY).text
    assert lab.counters("harborline")["wasted_tries"] == 1
    lab.advance(1800)
    assert "Check your e-mail" in password(harborline, lab, KEY).text


def test_the_same_wrong_password_twice_is_a_wasted_try(harborline: Browser, lab: RunningLab) -> None:
    password(harborline, lab, KEY, "old one")
    password(harborline, lab, KEY, "old one")
    assert lab.counters("harborline")["wasted_tries"] == 1


def test_three_wrong_codes_make_it_void(harborline: Browser, lab: RunningLab) -> None:
    password(harborline, lab, KEY)
    wrong = "000000" if lab.last_code(KEY) != "000000" else "111111"
    assert "You have 2 tries left" in mailed_code(harborline, wrong).text
    assert "You have 1 try left" in mailed_code(harborline, wrong).text
    assert 'id="code-void"' in mailed_code(harborline, wrong).text
    assert 'id="code-void"' in mailed_code(harborline, lab.last_code(KEY)).text
    assert lab.counters("harborline")["wasted_tries"] == 1


def test_a_code_lives_ten_minutes(harborline: Browser, lab: RunningLab) -> None:
    password(harborline, lab, KEY)
    lab.advance(600)
    assert 'id="code-expired"' in mailed_code(harborline, lab.last_code(KEY)).text


def test_a_new_code_supersedes_the_old(harborline: Browser, lab: RunningLab) -> None:
    password(harborline, lab, KEY)
    old = lab.last_code(KEY)
    assert 'id="code-resent"' in harborline.post("/signin/resend").text
    assert lab.last_code(KEY) != old
    assert 'id="code-error"' in mailed_code(harborline, old).text
    assert "Choose a practice" in mailed_code(harborline, lab.last_code(KEY)).text


def test_a_remembered_device_is_trusted_for_thirty_days(harborline: Browser, lab: RunningLab) -> None:
    password(harborline, lab, KEY)
    mailed_code(harborline, lab.last_code(KEY), remember=True)
    harborline.post("/practice", data={"tin": "phoenix"})
    harborline.post("/signout")
    assert "Choose a practice" in password(harborline, lab, KEY).text
    harborline.post("/practice", data={"tin": "phoenix"})
    harborline.post("/signout")
    lab.advance(30 * 86400)
    assert "Check your e-mail" in password(harborline, lab, KEY).text


def test_new_terms_stand_before_the_practice(harborline: Browser, lab: RunningLab) -> None:
    lab.fault("harborline", "terms", version=4)
    password(harborline, lab, KEY)
    assert "Provider portal terms of use" in mailed_code(harborline, lab.last_code(KEY)).text
    assert harborline.get("/practice").url.path == "/terms"
    assert "Choose a practice" in harborline.post("/terms", data={"answer": "accept"}).text
    assert lab.counters("harborline")["terms_accepted"] == 1


def test_twenty_idle_minutes_end_it(harborline: Browser, lab: RunningLab) -> None:
    sign_in_harborline(harborline, lab)
    lab.advance(1199)
    assert harborline.get("/claims").url.path == "/claims"
    lab.advance(1200)
    assert "signed out because of inactivity" in harborline.get("/claims").text


def test_many_may_be_signed_in_side_by_side(lab: RunningLab) -> None:
    with lab.browser("harborline") as one, lab.browser("harborline") as two:
        sign_in_harborline(one, lab)
        sign_in_harborline(two, lab)
        assert one.get("/home").url.path == "/home"
        assert lab.counters("harborline")["sessions_now"] == 2


def test_eligibility_wants_id_and_birthday(harborline: Browser, lab: RunningLab) -> None:
    sign_in_harborline(harborline, lab)
    none = harborline.post("/eligibility", data={"member_id": "HD100042731", "date_of_birth": "1984-03-18"})
    assert 'id="no-member"' in none.text
    found = harborline.post("/eligibility", data={"member_id": "HD100042731", "date_of_birth": "1984-03-17"})
    assert "Active coverage" in found.text
    for tab, words in (("maximums", "Calendar-year maximum"), ("coverage", "Root canals"), ("frequency", "60 months")):
        assert words in harborline.get(f"/eligibility/HD100042731?tab={tab}").text


def test_claims_come_in_pages_and_two_hundred_at_once(harborline: Browser, lab: RunningLab) -> None:
    sign_in_harborline(harborline, lab)
    first, second = _claims(harborline.get("/claims").text), _claims(harborline.get("/claims?page=2").text)
    assert len(first) == len(second) == 25
    assert not set(first) & set(second)
    assert len(_claims(harborline.get("/claims/recent").text)) == 200


def test_a_claim_of_another_practice_is_not_found(harborline: Browser, lab: RunningLab) -> None:
    sign_in_harborline(harborline, lab, place="phoenix")
    number = _claims(harborline.get("/claims").text)[0]
    assert harborline.get(f"/claims/{number}").status_code == 200
    harborline.post("/practice", data={"tin": "tucson"})
    assert harborline.get(f"/claims/{number}").status_code == 404


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"from": "2026-01-01", "to": "2026-02-02"}, "at most 31 days"),
        ({"ids": "A1 A2 A3 A4 A5 A6"}, "at most 5 claim numbers"),
        ({"from": "2019-01-01", "to": "2019-01-20"}, "older than 24 months"),
        ({"from": "soon", "to": "2019-01-20"}, "Enter both dates"),
    ],
)
def test_eob_search_has_its_limits(harborline: Browser, lab: RunningLab, asked: dict[str, str], problem: str) -> None:
    sign_in_harborline(harborline, lab)
    assert problem in harborline.get("/eobs", params=asked).text


def test_an_eob_is_a_pdf(harborline: Browser, lab: RunningLab) -> None:
    sign_in_harborline(harborline, lab)
    paid = next(n for n in _claims(harborline.get("/claims?status=Paid").text))
    answer = harborline.get(f"/eobs/{paid}.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert io.BytesIO(answer.content).read(5) == b"%PDF-"


def test_an_expired_password_is_told_and_trying_again_is_wasted(harborline: Browser, lab: RunningLab) -> None:
    lab.fault("harborline", "password_age", account=KEY, days=90)
    assert "Your password has expired" in password(harborline, lab, KEY).text
    assert lab.counters("harborline")["wasted_tries"] == 0
    password(harborline, lab, KEY)
    assert lab.counters("harborline")["wasted_tries"] == 1


def _claims(html: str) -> list[str]:
    return re.findall(r'<a href="/claims/(HL\d+)">', html)


def test_claims_can_be_filtered_by_status_and_dates(harborline: Browser, lab: RunningLab) -> None:
    sign_in_harborline(harborline, lab)
    page = harborline.get("/claims", params={"status": "Denied", "from": "2025-01-01", "to": "2025-12-31"}).text
    assert _claims(page)
    assert {n[2:4] for n in _claims(page)} == {"25"}
    assert "tag paid" not in page
