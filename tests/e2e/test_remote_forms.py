"""A portal's forms in a real viewer: what they complain of, and what their fields suggest."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.e2e.remote import Remote, Viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
SUGGESTS = (
    "<form onsubmit=\"event.preventDefault(); document.title = 'sent'\"><label>Payer "
    "<input id=payer list=payers oninput=\"document.title = 'heard ' + this.value\"></label></form>"
    "<datalist id=payers><option value=62308 label='Cigna'><option value=60054 label='Aetna'><option value=39026></datalist>"
)


@pytest.fixture(autouse=True)
def one_tab(maria: Viewer) -> None:
    """Each test begins with one tab."""
    maria.one_tab()


def faultless(maria: Viewer) -> None:
    found = Axe().run(maria.page).response["violations"]
    assert [f"{one['id']}: {node['target']}" for one in found for node in one["nodes"]] == []


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("<input id=one required>", "Member: Please fill out this field."),
        ("<input id=one type=email value=maria>", "Member: Please include an '@' in the email address."),
        (
            "<input id=one pattern='[0-9]{9}' value=12 title='Nine digits.'>",
            "Member: Please match the requested format. Nine digits.",
        ),
    ],
    ids=["required", "email", "pattern"],
)
def test_what_a_form_complains_of_is_said_at_its_field(maria: Viewer, remote: Remote, field: str, words: str) -> None:
    remote.show(f"<form><p style='height:100px'><label>Member {field}</label><button>Send</button></form>")
    maria.click("button")
    bubble = maria.page.get_by_role("alert").filter(has_text=words)
    expect(bubble).to_be_visible()
    x, y = maria.point("#one")
    box = bubble.bounding_box()
    assert box is not None
    assert box["x"] < x
    assert y < box["y"] < y + 40
    faultless(maria)
    maria.page.keyboard.type("1")
    expect(bubble).to_have_count(0)
    remote.until("document.activeElement.id === 'one'")


def test_a_complaint_goes_with_its_page(maria: Viewer, remote: Remote) -> None:
    remote.show("<form><input id=one required><button>Send</button></form>")
    maria.click("button")
    expect(maria.page.locator(".remote-bubble")).to_be_visible()
    remote.show("<h1>Claims</h1>", path="/next")
    expect(maria.page.locator(".remote-bubble")).to_have_count(0)


def test_only_the_first_field_that_is_wrong_complains(maria: Viewer, remote: Remote) -> None:
    remote.show(
        "<form><input id=one required aria-label=First><input required aria-label=Second><button>Send</button></form>"
    )
    maria.click("#one")
    maria.page.keyboard.press("Enter")
    remote.until("document.querySelectorAll(':user-invalid').length === 2")
    expect(maria.page.locator(".remote-bubble")).to_have_text("First: Please fill out this field.")


def test_a_form_that_says_it_in_its_own_words_is_left_to_it(maria: Viewer, remote: Remote) -> None:
    remote.show(
        "<form><input id=one required oninvalid=\"event.preventDefault(); this.focus(); setTimeout(() => document.title = 'own words', 50)\">"
        "<button>Send</button></form>"
    )
    maria.click("button")
    remote.until("document.title === 'own words'")
    remote.see("document.title = 'asked again'")  # whatever is told, is told in order
    maria.page.wait_for_function("() => document.title.startsWith('asked again ·')")
    expect(maria.page.locator(".remote-bubble")).to_have_count(0)


def test_a_page_that_asks_itself_while_she_types_shows_nothing(maria: Viewer, remote: Remote) -> None:
    remote.show(
        "<input id=one type=email oninput='this.checkValidity(); setTimeout(() => document.title = this.value, 50)'>"
    )
    maria.click("#one")
    maria.page.keyboard.type("ma")
    maria.page.wait_for_function("() => document.title.startsWith('ma ·')")
    expect(maria.page.locator(".remote-bubble")).to_have_count(0)


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_a_fields_suggestions_are_chosen_here(maria: Viewer, remote: Remote, way: str) -> None:
    remote.show(SUGGESTS)
    maria.click("#payer")
    box = maria.page.get_by_role("listbox", name="Suggestions for Payer")
    expect(box.get_by_role("option")).to_have_count(3)
    faultless(maria)
    maria.page.keyboard.type("6")
    expect(box.get_by_role("option")).to_have_count(3)
    maria.page.keyboard.type("0")
    expect(box.get_by_role("option")).to_have_text(["60054Aetna"])
    if way == "mouse":
        box.get_by_role("option", name="60054").click()
    else:
        maria.page.keyboard.press("ArrowDown")
        expect(box.get_by_role("option", name="60054")).to_have_attribute("aria-selected", "true")
        maria.page.keyboard.press("Enter")
    remote.until("document.getElementById('payer').value === '60054'")
    remote.until("document.title === 'heard 60054'")
    expect(box).to_have_count(0)


def test_suggestions_go_away_and_leave_the_keyboard_to_the_portal(maria: Viewer, remote: Remote) -> None:
    remote.show(SUGGESTS)
    maria.click("#payer")
    box = maria.page.get_by_role("listbox", name="Suggestions for Payer")
    expect(box).to_be_visible()
    maria.page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    maria.page.keyboard.type("62")
    expect(box.get_by_role("option")).to_have_text(["62308Cigna"])
    maria.page.keyboard.press("Enter")  # nothing is marked: it is the form's
    remote.until("document.title === 'sent'")
    remote.see("document.getElementById('payer').blur()")
    expect(box).to_have_count(0)


FOCUS = "() => document.activeElement.id || document.activeElement.tagName"


def test_the_tab_key_goes_through_the_portals_page_and_out_of_it_and_in_again(maria: Viewer, remote: Remote) -> None:
    remote.show("<input id=first><a id=second href='/x'>x</a><button id=third tabindex=0>y</button>")
    maria.click("#first")
    for key, at in (("Tab", "second"), ("Tab", "third"), ("Shift+Tab", "second"), ("Shift+Tab", "first")):
        maria.page.keyboard.press(key)
        remote.until(f"document.activeElement.id === '{at}'")
    maria.page.keyboard.press("Control+Alt+Escape")
    expect(maria.page.locator("#end")).to_be_focused()
    maria.page.keyboard.press("Shift+Tab")
    assert maria.page.evaluate(FOCUS) != "TEXTAREA", "the bar has its own order now"
    assert remote.see("document.activeElement.id") == "first"
    for _ in range(30):
        if maria.page.evaluate(FOCUS) == "TEXTAREA":
            break
        maria.page.keyboard.press("Tab")
    maria.page.keyboard.type("in again")
    remote.until("document.getElementById('first').value === 'in again'")
