"""Faults that a test switches on, and how they look."""

import httpx2
import pytest

from tests.carrier_scripts.lab.walking import password, sign_in_copper, sign_in_harborline, sign_in_northgate
from tests.labs import Browser, RunningLab


@pytest.mark.parametrize("status", [200, 503])
def test_maintenance_is_on_every_path(harborline: Browser, lab: RunningLab, status: int) -> None:
    lab.fault("harborline", "maintenance", status=status)
    for path in ("/signin", "/home"):
        answer = harborline.get(path)
        assert (answer.status_code, 'id="maintenance"' in answer.text) == (status, True)
    assert lab.counters("harborline")["password_submits"] == 0


def test_an_error_goes_after_its_times(harborline: Browser, lab: RunningLab) -> None:
    lab.fault("harborline", "error", status=500, path="/signin", times=1)
    assert (harborline.get("/signin").status_code, harborline.get("/signin").status_code) == (500, 200)


def test_a_hang_ends_when_switched_off_and_after_its_seconds(harborline: Browser, lab: RunningLab) -> None:
    lab.fault("harborline", "hang", path="/signin")
    with pytest.raises(httpx2.ReadTimeout):
        harborline.get("/signin", timeout=0.3)
    lab.unfault("harborline")
    lab.fault("harborline", "hang", path="/signin", seconds=0.05)
    assert harborline.get("/signin").status_code == 200


def test_a_reset_cuts_the_connection(harborline: Browser, lab: RunningLab) -> None:
    lab.fault("harborline", "reset", times=1)
    with pytest.raises(httpx2.TransportError):
        harborline.get("/signin")


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("harborline", "harborline-secure.sim.test"),
        ("copper_mesa_az", "coppermesa-az-login.sim.test"),
        ("northgate", "northgate-exchange.sim.test"),
    ],
)
def test_a_lookalike_shows_the_same_form_and_is_counted_when_fed(lab: RunningLab, key: str, host: str) -> None:
    lab.fault(key, "lookalike")
    with lab.browser(key) as browser:
        page = browser.get(lab.url(key))
        assert page.url.host == host
        assert 'type="password"' in page.text
        browser.post(str(page.url), data={"username": "x", "password": "y"})
    assert lab.counters(key)["lookalike_posts"] == 1
    assert lab.counters(key)["password_submits"] == 0


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("script", "location.href="),
        ("frame", "<iframe"),
        ("image", "<img src='http"),
        ("fetch", "fetch("),
        ("link", "wander"),
    ],
)
def test_a_page_may_wander_to_a_private_address(harborline: Browser, lab: RunningLab, how: str, words: str) -> None:
    lab.fault("harborline", "navigate", to="{trap}", how=how)
    page = sign_in_harborline(harborline, lab)
    assert words in page.text
    assert f"{lab.facts['control']}/trap" in page.text


def test_a_page_may_redirect_elsewhere(harborline: Browser, lab: RunningLab) -> None:
    lab.fault("harborline", "navigate", to="https://elsewhere.sim.test/", how="redirect")
    assert sign_in_harborline(harborline, lab).url.host == "elsewhere.sim.test"


def test_the_second_skin_renames_fields_and_still_works(harborline: Browser, lab: RunningLab) -> None:
    lab.fault("harborline", "skin", version=2)
    page = harborline.get("/signin").text
    assert 'id="v2-username"' in page
    assert ' id="username"' not in page
    assert "Continue securely" in page
    account = lab.account("harborline-1")
    harborline.post("/signin", data={"v2-username": account.username, "v2-password": account.password})
    harborline.post("/signin/verify", data={"v2-code": lab.last_code("harborline-1")})
    assert "A new look is coming" in harborline.post("/practice", data={"v2-tin": "phoenix"}).text


@pytest.mark.parametrize("walk", [sign_in_harborline, sign_in_copper, sign_in_northgate])
def test_an_unknown_page_stands_before_home(lab: RunningLab, walk: object) -> None:
    key = {sign_in_harborline: "harborline", sign_in_copper: "copper_mesa_az", sign_in_northgate: "northgate"}[walk]  # type: ignore[index]
    lab.fault(key, "unknown_page")
    with lab.browser(key) as browser:
        assert walk(browser, lab).url.path == "/whats-new"  # type: ignore[operator]


@pytest.mark.parametrize("walk", [sign_in_harborline, sign_in_copper, sign_in_northgate])
def test_signed_in_for_the_wrong_practice(lab: RunningLab, walk: object) -> None:
    key = {sign_in_harborline: "harborline", sign_in_copper: "copper_mesa_az", sign_in_northgate: "northgate"}[walk]  # type: ignore[index]
    lab.fault(key, "wrong_practice", location="flagstaff")
    with lab.browser(key) as browser:
        assert "San Francisco Peaks Dentistry LLC" in walk(browser, lab).text  # type: ignore[operator]


@pytest.mark.parametrize("key", ["harborline", "copper_mesa_az", "northgate"])
def test_proof_of_a_human_stands_before_the_form(lab: RunningLab, key: str) -> None:
    lab.fault(key, "captcha")
    with lab.browser(key) as browser:
        page = browser.get(lab.url(key)).text
    assert 'id="human-check"' in page
    assert 'type="password"' not in page


def test_a_locked_account_is_locked_for_one_login_only(harborline: Browser, lab: RunningLab) -> None:
    lab.fault("harborline", "lock", account="harborline-1")
    assert "temporarily locked" in password(harborline, lab, "harborline-1").text
    assert "Check your e-mail" in password(harborline, lab, "harborline-2").text


def test_sessions_end_at_the_carriers_side(harborline: Browser, lab: RunningLab) -> None:
    sign_in_harborline(harborline, lab)
    lab.fault("harborline", "end_sessions")
    assert harborline.get("/home").url.path == "/signin"


def test_a_fault_nobody_knows_is_refused_in_words(lab: RunningLab) -> None:
    answer = lab.control.post("/fault", json={"carrier": "harborline", "name": "earthquake"})
    assert answer.status_code == 422
    assert "no fault is called 'earthquake'" in answer.json()["error"]


@pytest.mark.parametrize("name", ["unknown_page", "captcha", "terms", "mailbox_down"])
def test_a_fault_of_the_whole_carrier_is_refused_for_one_login_with_words(lab: RunningLab, name: str) -> None:
    told = {"carrier": "harborline", "name": name, "account": "saguaro.phoenix"}
    answer = lab.control.post("/fault", json=told)
    assert (answer.status_code, "leave the account out" in answer.json()["error"]) == (422, True)
    assert lab.control.get("/faults").json() == []


def test_a_fault_of_one_login_leaves_the_others_alone(lab: RunningLab) -> None:
    lab.fault("harborline", "lock", account="saguaro.tucson")
    locked = {one["username"]: bool(one["locked_until"]) for one in lab.control.get("/accounts").json()}
    assert (locked["saguaro.tucson"], locked["saguaro.phoenix"]) == (True, False)
