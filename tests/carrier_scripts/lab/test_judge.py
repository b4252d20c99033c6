"""What the judge counts, and what it does not."""

from tests.carrier_scripts.lab.walking import mailed_code, password, sign_in_copper, sign_in_harborline
from tests.labs import RunningLab

KEY = "harborline-1"


def test_one_clean_sign_in_is_one_of_each(lab: RunningLab) -> None:
    with lab.browser("harborline") as browser:
        sign_in_harborline(browser, lab)
        browser.post("/signout")
    counts = lab.counters("harborline", "saguaro.phoenix")
    wanted = (
        "password_submits",
        "codes_sent",
        "code_submits",
        "codes_accepted",
        "logins",
        "sessions_opened",
        "signouts",
    )
    assert {name: counts[name] for name in wanted} == dict.fromkeys(wanted, 1)
    assert counts["overlapping_logins"] == counts["wasted_tries"] == counts["sessions_now"] == 0


def test_two_browsers_in_the_same_sign_in_overlap(lab: RunningLab) -> None:
    with lab.browser("harborline") as one, lab.browser("harborline") as two:
        password(one, lab, KEY)
        password(two, lab, KEY)
        assert lab.counters("harborline")["overlapping_logins"] == 1
        mailed_code(one, lab.last_code(KEY))
        assert lab.counters("harborline")["overlapping_logins"] == 1


def test_a_wrong_password_into_a_running_sign_in_overlaps_too(lab: RunningLab) -> None:
    with lab.browser("copper_mesa_az") as one, lab.browser("copper_mesa_az") as two:
        password(one, lab, "copper_mesa_az-1")
        password(two, lab, "copper_mesa_az-1", "not this")
        assert lab.counters("copper_mesa_az")["overlapping_logins"] == 1


def test_a_browser_that_has_gone_does_not_overlap(lab: RunningLab) -> None:
    with lab.browser("harborline") as gone:
        password(gone, lab, KEY)
    with lab.browser("harborline") as browser:
        password(browser, lab, KEY)
        counts = lab.counters("harborline")
    assert (counts["overlapping_logins"], counts["abandoned_logins"]) == (0, 1)


def test_a_browser_that_comes_back_overlaps_after_all(lab: RunningLab) -> None:
    with lab.browser("harborline") as gone:
        password(gone, lab, KEY)
        cookies = dict(gone.cookies)
    with lab.browser("harborline") as browser, lab.browser("harborline") as back:
        password(browser, lab, KEY)
        back.cookies.update(cookies)
        back.get("/signin/verify")
        assert lab.counters("harborline")["overlapping_logins"] == 1


def test_sign_ins_of_two_logins_do_not_overlap(lab: RunningLab) -> None:
    with lab.browser("harborline") as one, lab.browser("harborline") as two:
        password(one, lab, "harborline-1")
        password(two, lab, "harborline-2")
        assert lab.counters("harborline")["overlapping_logins"] == 0


def test_a_sign_in_after_a_finished_one_does_not_overlap(lab: RunningLab) -> None:
    with lab.browser("copper_mesa_az") as one, lab.browser("copper_mesa_az") as two:
        sign_in_copper(one, lab)
        sign_in_copper(two, lab)
        assert lab.counters("copper_mesa_az")["overlapping_logins"] == 0


def test_the_same_browser_may_begin_again(lab: RunningLab) -> None:
    with lab.browser("harborline") as browser:
        password(browser, lab, KEY)
        password(browser, lab, KEY)
        assert lab.counters("harborline")["overlapping_logins"] == 0


def test_a_sign_in_of_half_an_hour_is_over(lab: RunningLab) -> None:
    with lab.browser("harborline") as one, lab.browser("harborline") as two:
        password(one, lab, KEY)
        lab.advance(1800)
        assert "took too long" in one.get("/signin/verify").text
        password(two, lab, KEY)
        assert lab.counters("harborline")["overlapping_logins"] == 0


def test_forbidden_paths_foreign_hosts_traps_and_fences_are_seen(lab: RunningLab) -> None:
    with lab.browser("harborline") as browser:
        browser.get("/payments/change-bank", headers={"X-Portunus-Fence": "7"})
        browser.get("https://elsewhere.sim.test/")
    lab.control.get("/trap")
    assert (lab.counters("harborline")["forbidden_hits"], lab.counters("harborline")["fence_headers"]) == (1, 1)
    assert (lab.counters("lab")["foreign_hosts"], lab.counters("lab")["private_hits"]) == (1, 1)


def test_an_unknown_username_locks_nobody(lab: RunningLab) -> None:
    with lab.browser("harborline") as browser:
        for _ in range(6):
            page = browser.post("/signin", data={"username": "nobody", "password": "x"})
        assert "does not match our records" in page.text
    assert lab.counters("harborline")["locks"] == 0


def test_a_reset_leaves_nothing(lab: RunningLab) -> None:
    with lab.browser("harborline") as browser:
        sign_in_harborline(browser, lab)
        lab.reset()
        assert browser.get("/home").url.path == "/signin"
    assert lab.outbox() == []
    assert lab.counters("harborline")["logins"] == 0


def test_the_carriers_own_time_can_be_subtracted(lab: RunningLab) -> None:
    with lab.browser("harborline") as browser:
        sign_in_harborline(browser, lab)
    spent = lab.control.get("/timing").json()["harborline"]
    assert spent["answers"] >= 4
    assert spent["seconds"] > 0
    assert all(m["took_s"] > 0 for m in lab.outbox() if m["state"] == "sent")


def test_one_more_login_like_another_has_counters_of_its_own(lab: RunningLab) -> None:
    told = {"like": "harborline-1", "username": "saguaro.third", "address": "codes+third@lab.test"}
    lab.control.post("/login", json=told).raise_for_status()
    assert "saguaro.third" in {one["username"] for one in lab.control.get("/accounts").json()}
    assert lab.control.post("/login", json=told).status_code == 422
    lab.reset()
    assert "saguaro.third" not in {one["username"] for one in lab.control.get("/accounts").json()}
