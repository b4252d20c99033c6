"""A biller at eight in the morning: twelve portals, some ready, some waiting, one stopped, all a keystroke away."""

import pytest

from broker.base.actor import system
from broker.directory import service as directory
from broker.directory.service import Fact
from broker.scripts import service as scripts
from broker.scripts.service import Report
from carrier_scripts import registry
from tests.e2e.office import PORTALS

pytestmark = pytest.mark.browser
AT_ONCE = [
    key for key in PORTALS if key not in ("palo_verde", "juniper_mutual", "cascade_health", "ironwood", "blue_mesa")
]


def test_twelve_portals_opened_beside_each_other_and_all_found_again(screen, office) -> None:
    maria = screen("Maria")
    page, keys = maria.go("/"), maria.page.keyboard
    for key in AT_ONCE[:3]:
        page.wait_for_function("() => document.activeElement.id === 'find'")
        page.locator("#find").fill(f"{PORTALS[key]} phoenix".lower())
        page.wait_for_function("() => document.querySelectorAll('[data-tile]:not([hidden])').length === 1")
        with maria.context.expect_page() as opened:
            keys.press("Control+Enter")
        opened.value.locator("#stage canvas").wait_for()
    for key in AT_ONCE[3:]:
        office.until_ready(office.open("Maria", key))
    waiting = office.open("Maria", "palo_verde")
    page.bring_to_front()
    page.locator("#find").fill("")
    mine = page.locator("#mine li")
    page.wait_for_function(f"() => document.querySelectorAll('#mine li').length === {len(AT_ONCE) + 1}")
    mine.filter(has_text=PORTALS["palo_verde"]).get_by_text("Needs a code").wait_for()
    maria.picture("launcher_twelve")
    assert maria.faults() == []
    mine.filter(has_text=PORTALS["palo_verde"]).get_by_role("link").click()
    page.wait_for_url(f"**/tabs/{waiting}")


def test_a_stopped_portal_says_so_and_opening_it_says_what_to_do(screen, office) -> None:
    office.lock("juniper_mutual", words="The portal has locked this login. Unlock it with the carrier.")
    maria = screen("Maria")
    page = maria.go("/")
    tile = page.locator("[data-tile]", has_text=PORTALS["juniper_mutual"])
    assert tile.get_by_text("Locked", exact=True).is_visible()
    tile.get_by_role("button").click()
    page.get_by_role("heading", name="Not possible now").wait_for()
    assert "Unlock it with the carrier" in page.locator("main").inner_text()
    assert "Your administrator is Ana Petrova." in page.locator("main").inner_text()
    maria.picture("stopped_opened")
    page.get_by_role("link", name="Go to the start page").click()
    page.locator("#find").wait_for()


def test_a_portal_that_is_down_says_since_when_and_what_to_do_meanwhile(screen, office) -> None:
    def look(outcome: str) -> None:
        with office.portunus.unit(system("browserhost")) as work:
            portal = directory.portal_by_key(work, "ironwood")
            fact = Fact(["Use last week's roster."], source="the office", verified_on=work.clock.now().date())
            directory.record_behaviour(work, portal, "fallback_steps", fact)
            scripts.note(work, Report(portal.id, "d" * 64, "look", outcome, 800))

    maria = screen("Maria")
    page = maria.go("/")
    tile = page.locator("[data-tile]", has_text=PORTALS["ironwood"])
    tile.get_by_text("Not signed in").wait_for()
    look("down")  # while she looks at the page
    tile.get_by_text("Down", exact=True).wait_for()
    assert "Meanwhile: Use last week's roster." in tile.inner_text()
    notice = page.get_by_role("region", name=f"{PORTALS['ironwood']} is down")
    assert notice.get_by_role("listitem").first.inner_text() == "Use last week's roster."
    maria.picture("launcher_down")
    assert maria.faults() == []
    look("signed_out")
    notice.wait_for(state="detached")
    tile.get_by_text("Not signed in").wait_for()


def test_a_portal_that_allows_no_program_says_where_to_sign_in_by_hand(screen, office) -> None:
    def mode(automation: str) -> None:
        with office.portunus.unit(system("test")) as work:
            directory.portal_by_key(work, "blue_mesa").automation = automation

    maria = screen("Maria")
    page = maria.go("/")
    tile = page.locator("[data-tile]", has_text=PORTALS["blue_mesa"])
    tile.get_by_text("Not signed in").wait_for()
    mode("attended")
    way = tile.get_by_role("link", name=f"Go to {PORTALS['blue_mesa']}")
    way.wait_for()
    assert (way.get_attribute("href"), way.get_attribute("target")) == ("https://blue_mesa.sim.test/", "_blank")
    assert "noreferrer" in (way.get_attribute("rel") or "")
    assert "Provider line 1-800-555-0199" in tile.inner_text()
    maria.picture("launcher_by_hand")
    assert maria.faults() == []
    tile.get_by_role("button").click()
    way = page.get_by_role("link", name="Open it in a new browser tab")
    assert way.get_attribute("href") == "https://blue_mesa.sim.test/"
    assert "1-800-555-0199" in page.locator("main").inner_text()
    maria.picture("by_hand_opened")
    assert maria.faults() == []
    mode("automated")


def test_who_opens_a_portal_that_is_down_reads_what_to_do_meanwhile(screen, office) -> None:
    told = registry.behaviour("harborline")["fallback_steps"]
    with office.portunus.unit(system("test")) as work:
        fact = Fact(told["value"], source=told["source"], verified_on=told["verified_on"])
        directory.record_behaviour(work, directory.portal_by_key(work, "cascade_health"), "fallback_steps", fact)
    office.worker.down.add("cascade_health")
    maria = screen("Maria")
    page = maria.go("/")
    page.locator("#find").fill(f"{PORTALS['cascade_health']} phoenix".lower())
    page.keyboard.press("Enter")
    page.get_by_text("The portal is down. Meanwhile:").wait_for()
    shown = page.locator("#fallback li").all_inner_texts()
    assert shown[: len(told["value"])] == told["value"]
    assert any("1-800-555-0199" in step for step in shown)
    assert page.get_by_role("button", name="Open again").is_visible()
    maria.picture("tab_down")
    assert maria.faults() == []


@pytest.mark.parametrize("path", ["/", "/codes"])
def test_a_page_left_open_says_when_the_sign_in_has_ended(screen, office, path) -> None:
    dan = screen("Dan")
    dan.go(path)
    office.sign_out_everywhere("Dan")
    dan.page.get_by_role("alert").get_by_text("Your sign-in has ended").wait_for(timeout=20_000)
    dan.page.reload()
    dan.page.get_by_label("E-mail address").wait_for()
