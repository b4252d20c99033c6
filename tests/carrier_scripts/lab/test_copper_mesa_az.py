"""Copper Mesa of Arizona behaves as its README says."""

from tests.carrier_scripts.lab.walking import password, sign_in_copper, texted_code
from tests.labs import Browser, RunningLab

KEY = "copper_mesa_az-1"


def test_the_way_in_is_password_code_home(copper: Browser, lab: RunningLab) -> None:
    home = sign_in_copper(copper, lab)
    assert home.url.path == "/Office/Home"
    assert '<span id="lblTaxId">Tax ID ending 0431</span>' in home.text


def test_every_sign_in_asks_for_a_code(copper: Browser, lab: RunningLab) -> None:
    sign_in_copper(copper, lab)
    copper.post("/Account/LogOff")
    assert "Enter your verification code" in password(copper, lab, KEY).text


def test_a_code_lives_ninety_seconds(copper: Browser, lab: RunningLab) -> None:
    password(copper, lab, KEY)
    lab.advance(90)
    assert "The code has expired" in texted_code(copper, lab.last_code(KEY)).text


def test_another_code_is_sent_after_thirty_seconds_only(copper: Browser, lab: RunningLab) -> None:
    password(copper, lab, KEY)
    first = lab.last_code(KEY)
    assert "Please wait 30 seconds" in copper.post("/Account/Resend").text
    assert lab.last_code(KEY) == first
    lab.advance(30)
    assert "A new code has been sent" in copper.post("/Account/Resend").text
    assert "The code is incorrect" in texted_code(copper, first).text
    assert texted_code(copper, lab.last_code(KEY)).url.path == "/Office/Home"


def test_three_wrong_codes_lock_for_fifteen_minutes(copper: Browser, lab: RunningLab) -> None:
    password(copper, lab, KEY)
    for _ in range(2):
        assert "The code is incorrect" in texted_code(copper, "abc").text
    assert "This login is locked" in texted_code(copper, "abc").text
    assert "This login is locked" in password(copper, lab, KEY).text
    lab.advance(900)
    assert "Enter your verification code" in password(copper, lab, KEY).text


def test_the_newest_sign_in_ends_the_older_one(lab: RunningLab) -> None:
    with lab.browser("copper_mesa_az") as older, lab.browser("copper_mesa_az") as newer:
        sign_in_copper(older, lab)
        sign_in_copper(newer, lab)
        assert "You have signed in elsewhere" in older.get("/Office/Claims").text
        assert newer.get("/Office/Home").url.path == "/Office/Home"
    counts = lab.counters("copper_mesa_az")
    assert (counts["displaced"], counts["sessions_now"], counts["sessions_max"]) == (1, 1, 1)


def test_fifteen_idle_minutes_end_it(copper: Browser, lab: RunningLab) -> None:
    sign_in_copper(copper, lab)
    lab.advance(900)
    assert "Your visit has timed out" in copper.get("/Office/Home").text


def test_an_incomplete_profile_blocks_entry_once(copper: Browser, lab: RunningLab) -> None:
    lab.fault("copper_mesa_az", "profile")
    assert "Complete your office profile" in sign_in_copper(copper, lab).text
    assert copper.get("/Office/Home").url.path == "/Account/Login"
    assert copper.post("/Account/Profile").url.path == "/Office/Home"
    copper.post("/Account/LogOff")
    assert sign_in_copper(copper, lab).url.path == "/Office/Home"


def test_the_location_list_changes_the_practice(copper: Browser, lab: RunningLab) -> None:
    sign_in_copper(copper, lab)
    assert "Tax ID ending 0662" in copper.post("/Office/Location", data={"ServiceLocation": "flagstaff"}).text


def test_benefits_and_their_printable_form(copper: Browser, lab: RunningLab) -> None:
    sign_in_copper(copper, lab)
    page = copper.post("/Office/Eligibility", data={"MemberId": "CM200042731", "BirthDate": "1984-03-17"})
    assert "shared with D4910" in page.text
    assert "window.open(" in page.text
    assert "Printable benefits" in copper.get("/Office/BenefitsPrint?member=CM200042731").text
    assert "No patient found." in copper.post("/Office/Eligibility", data={"MemberId": "X"}).text


def test_predeterminations_stand_among_the_claims(copper: Browser, lab: RunningLab) -> None:
    sign_in_copper(copper, lab)
    page = copper.get("/Office/Claims?all=1").text
    assert page.count('<td><a href="/Office/Claim?number=') == 200
    assert "Predetermination</td>" in page
