"""Northgate behaves as its README says."""

import re

from tests.carrier_scripts.lab.walking import authenticator, password, shown_code, sign_in_northgate
from tests.labs import Browser, RunningLab

KEY = "northgate-1"


def test_the_way_in_is_password_authenticator_organization_home(northgate: Browser, lab: RunningLab) -> None:
    home = sign_in_northgate(northgate, lab, place="tucson")
    assert home.url.path == "/home"
    assert '<span data-testid="organization">Old Pueblo Dental Care PLLC</span>' in home.text


def test_a_login_sees_its_own_organizations_only(northgate: Browser, lab: RunningLab) -> None:
    password(northgate, lab, "northgate-2")
    page = shown_code(northgate, authenticator(lab, "northgate-2")).text
    assert "San Francisco Peaks" in page
    assert "Saguaro Family" not in page
    assert northgate.post("/organizations", data={"organization": "phoenix"}).url.path == "/organizations"


def test_one_step_of_drift_is_taken_two_are_not(lab: RunningLab) -> None:
    lab.freeze()
    for steps, path in ((-2, "/login/2step"), (-1, "/organizations"), (1, "/organizations"), (2, "/login/2step")):
        lab.reset()
        lab.freeze()
        with lab.browser("northgate") as browser:
            password(browser, lab, KEY)
            assert shown_code(browser, authenticator(lab, KEY, steps)).url.path == path


def test_a_code_is_taken_once(northgate: Browser, lab: RunningLab) -> None:
    lab.freeze()
    sign_in_northgate(northgate, lab)
    northgate.post("/logout")
    password(northgate, lab, KEY)
    assert "already been used" in shown_code(northgate, authenticator(lab, KEY)).text
    assert lab.counters("northgate")["codes_replayed"] == 1
    lab.advance(30)
    assert shown_code(northgate, authenticator(lab, KEY)).url.path == "/organizations"


def test_a_backup_code_works_once(northgate: Browser, lab: RunningLab) -> None:
    code = lab.account(KEY).backup_codes[0]
    password(northgate, lab, KEY)
    assert northgate.post("/login/backup", data={"backup": code}).url.path == "/organizations"
    password(northgate, lab, KEY)
    assert "not valid" in northgate.post("/login/backup", data={"backup": code}).text


def test_five_wrong_codes_lock_until_the_mailed_link_is_opened(northgate: Browser, lab: RunningLab) -> None:
    password(northgate, lab, KEY)
    for _ in range(5):
        page = shown_code(northgate, "abc")
    assert "Your account is locked" in page.text
    assert "Your account is locked" in password(northgate, lab, KEY).text
    mails = [m for m in lab.outbox() if m["subject"] == "Unlock your Northgate account"]
    assert len(mails) == 1
    lab.advance(86400)
    assert "Your account is locked" in password(northgate, lab, KEY).text


def test_the_password_is_reminded_on_day_55_and_blocks_on_day_60(northgate: Browser, lab: RunningLab) -> None:
    lab.fault("northgate", "password_age", account=KEY, days=56)
    password(northgate, lab, KEY)
    assert "Your password expires in 4 days" in shown_code(northgate, authenticator(lab, KEY)).text
    assert northgate.get("/password/later").url.path == "/organizations"
    lab.advance(4 * 86400)
    assert "Your password has expired" in password(northgate, lab, KEY).text


def test_remits_want_a_second_code(northgate: Browser, lab: RunningLab) -> None:
    lab.freeze()
    sign_in_northgate(northgate, lab)
    assert "Confirm it is you" in northgate.get("/remits").text
    lab.advance(30)
    page = northgate.post("/step-up?next=/remits", data={"otp": authenticator(lab, KEY)})
    assert page.url.path == "/remits"
    check = re.search(r"check=(\d+)", page.text)
    assert check
    remittance = northgate.get(f"/remits/835?check={check.group(1)}").text
    assert remittance.startswith("ISA*00*")
    assert "\nSE*" in remittance


def test_money_is_denied_to_an_eligibility_user(northgate: Browser, lab: RunningLab) -> None:
    sign_in_northgate(northgate, lab, "northgate-2", "tucson")
    for path in ("/remits", "/fees", "/enrollment"):
        answer = northgate.get(path)
        assert (answer.status_code, "Contact your administrator." in answer.text) == (403, True)


def test_unusual_hours_want_a_second_code(northgate: Browser, lab: RunningLab) -> None:
    hour = lab.now().hour
    lab.fault("northgate", "usual_hours", account=KEY, **{"from": (hour + 2) % 23, "to": (hour + 2) % 23 + 1})
    assert "Confirm it is you" in sign_in_northgate(northgate, lab).text


def test_the_result_is_in_a_frame(northgate: Browser, lab: RunningLab) -> None:
    sign_in_northgate(northgate, lab)
    page = northgate.post(
        "/eligibility", data={"payer": "Ironwood Dental", "member_id": "NX300042731", "dob": "1984-03-17"}
    )
    assert '<iframe id="eligibility-result"' in page.text
    assert "result-status" in northgate.get("/eligibility/result").text
    northgate.post("/eligibility", data={"payer": "Ironwood Dental", "member_id": "NX300042731", "dob": "1999-01-01"})
    assert "No coverage found." in northgate.get("/eligibility/result").text


def test_a_payer_space_is_handed_over_once_to_another_host(northgate: Browser, lab: RunningLab) -> None:
    sign_in_northgate(northgate, lab)
    handed = northgate.get("/payer-spaces/go?payer=Ironwood Dental", follow_redirects=False).headers["location"]
    assert handed.startswith("https://payerspaces.sim.test/enter?token=")
    space = northgate.get(handed)
    assert (space.url.host, space.url.path) == ("payerspaces.sim.test", "/space")
    assert "Old Pueblo Dental Care PLLC" in space.text
    assert northgate.get(handed).status_code == 403


def test_the_second_host_has_no_sign_in(northgate: Browser) -> None:
    assert northgate.get("https://payerspaces.sim.test/login").status_code == 404


def test_the_csv_holds_every_claim_of_the_organization(northgate: Browser, lab: RunningLab) -> None:
    sign_in_northgate(northgate, lab)
    assert len(northgate.get("/claims/export.csv").text.splitlines()) == 241
