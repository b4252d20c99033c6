"""The portal's page for a screen reader, in a real viewer and by keyboard alone: what is done in our tree is done in the portal's page."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from tests.e2e.remote import APART, PORTAL, Remote, Viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
CLAIMS = """
<header>Northgate</header><nav aria-label=Sections><a href='#claims'>Claims</a></nav>
<main><h1>Claims</h1><h2>March</h2>
<table><caption>Open claims</caption><tr><th>Claim</th><th>Billed</th></tr><tr><th scope=row>C-1</th><td>$120.00</td></tr></table>
<ul><li>first</li><li>second</li></ul>
<div role=dialog aria-label='New message'><p>Read it</p></div>
<input type=radio name=who id=self checked aria-label=Self><input type=radio name=who id=other aria-label=Dependent>
<button aria-expanded=false>Filter</button><button aria-pressed=true>Mine</button><button disabled>Send</button>
<input aria-label='Tax ID' required aria-invalid=true aria-describedby=wrong><p id=wrong>Nine digits</p>
<progress max=100 value=40 aria-label=Loading></progress>
</main>"""


@pytest.fixture
def mirror(maria: Viewer) -> Iterator[Locator]:
    """The tree, opened by keyboard."""
    maria.one_tab()
    opener = maria.page.get_by_role("button", name="Screen reader")
    opener.press("Enter")
    yield maria.page.locator("#mirror")
    if opener.get_attribute("aria-pressed") == "true":
        opener.press("Enter")
    expect(maria.page.locator("#mirror")).to_be_hidden()


def trees(remote: Remote, since: int = 0) -> list[dict[str, Any]]:
    """What was told of the tree, from that message on."""
    told = [json.loads(one[12:]) for one in remote.sent[since:] if one[0] == 3]
    return [one for one in told if one["e"] == "tree"]


def faults(maria: Viewer) -> list[str]:
    found = Axe().run(maria.page).response["violations"]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]


def test_headings_tables_lists_landmarks_and_states_are_what_they_are(
    maria: Viewer, remote: Remote, mirror: Locator
) -> None:
    remote.show(CLAIMS)
    expect(mirror.get_by_role("heading", name="Claims", level=1)).to_have_count(1)
    expect(mirror.get_by_role("heading", name="March", level=2)).to_have_count(1)
    table = mirror.get_by_role("table", name="Open claims")
    expect(table.get_by_role("columnheader", name="Billed")).to_have_count(1)
    expect(table.get_by_role("row", name="C-1").get_by_role("cell", name="$120.00")).to_have_count(1)
    expect(table.get_by_role("rowheader", name="C-1")).to_have_count(1)
    expect(mirror.get_by_role("listitem")).to_have_count(2)
    expect(mirror.get_by_role("navigation", name="Sections").get_by_role("link", name="Claims")).to_have_count(1)
    expect(mirror.get_by_role("region", name="Main part")).to_have_count(1)
    expect(mirror.get_by_role("dialog", name="New message")).to_contain_text("Read it")
    expect(mirror.get_by_role("radio", name="Self", checked=True)).to_have_count(1)
    expect(mirror.get_by_role("radio", name="Dependent", checked=False)).to_have_count(1)
    expect(mirror.get_by_role("button", name="Filter", expanded=False)).to_have_count(1)
    expect(mirror.get_by_role("button", name="Mine", pressed=True)).to_have_count(1)
    expect(mirror.get_by_role("button", name="Send", disabled=True)).to_have_count(1)
    wrong = mirror.get_by_role("textbox", name="Tax ID")
    expect(wrong).to_have_attribute("aria-required", "true")
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(wrong).to_have_attribute("aria-description", "Nine digits")
    expect(mirror.get_by_role("progressbar", name="Loading")).to_have_count(1)
    assert faults(maria) == []


def test_only_what_changed_is_told_and_everything_else_stays_the_same_element(
    maria: Viewer, remote: Remote, mirror: Locator
) -> None:
    remote.show(
        "<h1>Claims</h1><ul><li>C-1 open</li></ul><p id=state>Waiting</p><button onclick=\"document.title = 'found'\">Find</button>"
    )
    button = mirror.get_by_role("button", name="Find")
    expect(button).to_have_count(1)
    expect(mirror).to_contain_text("Waiting")
    button.focus()
    mirror.evaluate("box => box.querySelectorAll('*').forEach(one => { one.told = true; })")
    since = len(remote.sent)
    remote.see("document.getElementById('state').firstChild.data = 'Paid'")
    remote.see("document.querySelector('ul').insertAdjacentHTML('afterbegin', '<li>C-0 new</li>')")
    expect(mirror).to_contain_text("Paid")
    expect(mirror.get_by_role("listitem")).to_have_count(2)
    new = mirror.evaluate("box => [...box.querySelectorAll('*')].filter(one => !one.told).map(one => one.textContent)")
    assert [one.strip() for one in new] == ["C-0 new"]
    told = {node[2] for one in trees(remote, since) for node in one["set"]}
    assert told <= {"Paid", "", "C-0 new"}
    expect(button).to_be_focused()
    maria.page.keyboard.press("Enter")
    remote.until("document.title === 'found'")


def test_the_reading_place_stays_near_what_went_away(maria: Viewer, remote: Remote, mirror: Locator) -> None:
    remote.show("<button>First</button><button id=gone>Second</button><button>Third</button>")
    mirror.get_by_role("button", name="Second").focus()
    remote.see("document.getElementById('gone').remove()")
    expect(mirror.get_by_role("button", name="Second")).to_have_count(0)
    expect(mirror.get_by_role("button", name="Third")).to_be_focused()


def test_the_focus_here_and_the_focus_there_go_together(maria: Viewer, remote: Remote, mirror: Locator) -> None:
    remote.show(
        "<input id=a aria-label=Claim><input id=b aria-label=Amount>"
        "<button onclick=\"document.getElementById('a').focus()\">Again</button>"
    )
    mirror.get_by_role("textbox", name="Claim").focus()
    remote.until("document.activeElement.id === 'a'")
    maria.page.keyboard.press("Tab")
    expect(mirror.get_by_role("textbox", name="Amount")).to_be_focused()
    remote.until("document.activeElement.id === 'b'")
    maria.page.keyboard.press("Tab")
    maria.page.keyboard.press("Enter")
    remote.until("document.activeElement.id === 'a'")
    expect(mirror.get_by_role("textbox", name="Claim")).to_be_focused()


def test_words_are_typed_into_the_portal_and_enter_sends_its_form(
    maria: Viewer, remote: Remote, mirror: Locator
) -> None:
    remote.show(
        "<form onsubmit=\"event.preventDefault(); document.title = 'sent ' + document.getElementById('q').value\">"
        '<input id=q aria-label=Member oninput="this.value = this.value.toUpperCase()"></form><textarea id=note aria-label=Note></textarea>'
    )
    mirror.get_by_role("textbox", name="Member").focus()
    maria.page.keyboard.type("hd1000")
    remote.until("document.getElementById('q').value === 'HD1000'")
    expect(mirror.get_by_role("textbox", name="Member")).to_have_value("HD1000")
    maria.page.keyboard.type("5")
    maria.page.keyboard.press("Enter")
    remote.until("document.title === 'sent HD10005'")
    mirror.get_by_role("textbox", name="Note").focus()
    maria.page.keyboard.type("one")
    maria.page.keyboard.press("Enter")
    maria.page.keyboard.type("two")
    remote.until("document.getElementById('note').value === 'one\\ntwo'")


def test_a_secret_is_typed_and_never_told(maria: Viewer, remote: Remote, mirror: Locator) -> None:
    since = len(remote.sent)
    remote.show(
        "<input type=password id=pin aria-label=PIN value=483920><input id=otp name=otp aria-label=Code value=771204><h1>Ready</h1>"
    )
    expect(mirror.get_by_role("heading", name="Ready")).to_have_count(1)
    for name in ("PIN", "Code"):
        expect(mirror.get_by_label(name)).to_have_attribute("type", "password")
        expect(mirror.get_by_label(name)).to_have_value("")
    mirror.get_by_label("Code").focus()
    maria.page.keyboard.type("135790")
    remote.until("document.getElementById('otp').value === '135790'")
    remote.see("document.querySelector('h1').textContent = 'Typed'")
    expect(mirror.get_by_role("heading", name="Typed")).to_have_count(1)
    told = json.dumps(trees(remote, since))
    assert [one for one in ("483920", "771204", "135790") if one in told] == []


@pytest.mark.parametrize(
    ("kind", "value", "new"),
    [
        ("date", "2026-03-09", "2026-11-23"),
        ("time", "08:30", "17:45"),
        ("month", "2026-03", "2026-11"),
        ("datetime-local", "2026-03-09T08:30", "2026-11-23T17:45"),
        ("color", "#ff0000", "#00ff00"),
    ],
)
def test_a_date_a_time_or_a_colour_is_a_field_of_its_kind(
    maria: Viewer, remote: Remote, mirror: Locator, kind: str, value: str, new: str
) -> None:
    remote.show(
        f"<input type={kind} id=one value='{value}' aria-label=Service oninput=\"document.title = this.value\">"
    )
    field = mirror.get_by_label("Service")
    expect(field).to_have_attribute("type", kind)
    expect(field).to_have_value(value)
    field.fill(new)
    remote.until(f"document.title === '{new}'")
    expect(field).to_have_value(new)


def test_a_date_is_typed_by_keyboard(maria: Viewer, remote: Remote, mirror: Locator) -> None:
    remote.show("<input type=date id=one aria-label=Born>")
    mirror.get_by_label("Born").focus()
    maria.page.keyboard.type("11232026")
    remote.until("document.getElementById('one').value === '2026-11-23'")


def test_a_list_is_a_list_and_a_choice_is_the_portals(maria: Viewer, remote: Remote, mirror: Locator) -> None:
    remote.show(
        '<select id=plan aria-label=Plan onchange="document.title = this.value"><option>PPO<option>HMO<option disabled>EPO</select>'
        "<select id=many multiple aria-label=Codes><option>A<option>B<option>C</select>"
    )
    plan = mirror.get_by_role("combobox", name="Plan")
    expect(plan).to_have_value("PPO")
    plan.focus()
    maria.page.keyboard.press("ArrowDown")
    remote.until("document.title === 'HMO'")
    mirror.get_by_role("listbox", name="Codes").select_option(["A", "C"])
    remote.until("[...document.getElementById('many').selectedOptions].map(one => one.value).join() === 'A,C'")


def test_a_field_with_suggestions_is_worked_with_arrows(maria: Viewer, remote: Remote, mirror: Locator) -> None:
    remote.show(
        "<input id=payer role=combobox aria-label=Payer aria-expanded=false aria-controls=payers "
        "oninput=\"payers.hidden = false; this.ariaExpanded = 'true'\" "
        "onkeydown=\"if (event.key === 'ArrowDown') payers.children[0].ariaSelected = 'true'; "
        "if (event.key === 'Enter') { this.value = 'Harborline'; payers.hidden = true; this.ariaExpanded = 'false'; }\">"
        "<ul id=payers role=listbox aria-label=Payers hidden><li role=option aria-selected=false>Harborline</li></ul>"
    )
    payer = mirror.get_by_role("combobox", name="Payer")
    payer.focus()
    maria.page.keyboard.type("Har")
    expect(payer).to_have_attribute("aria-expanded", "true")
    maria.page.keyboard.press("ArrowDown")
    expect(mirror.get_by_role("option", name="Harborline", selected=True)).to_have_count(1)
    maria.page.keyboard.press("Enter")
    remote.until("document.getElementById('payer').value === 'Harborline'")
    expect(payer).to_have_value("Harborline")
    assert faults(maria) == []


def test_what_the_portal_announces_is_announced_here(maria: Viewer, remote: Remote, mirror: Locator) -> None:
    remote.show(
        "<h1>Claims</h1><div id=found aria-live=polite style='position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden'></div>"
        "<div id=bad></div>"
    )
    expect(mirror.get_by_role("heading", name="Claims")).to_have_count(1)
    polite = mirror.locator("[aria-live=polite]")
    expect(polite).to_have_count(1)
    polite.evaluate("one => { one.told = true; }")
    remote.see("document.getElementById('found').textContent = '12 claims found'")
    expect(polite).to_have_text("12 claims found")
    assert polite.evaluate("one => one.told")
    remote.see("document.getElementById('bad').innerHTML = '<p role=alert>The date is wrong</p>'")
    expect(mirror.get_by_role("alert")).to_have_text("The date is wrong")


@pytest.mark.parametrize("site", [PORTAL, APART])
def test_what_is_in_a_frame_is_read_and_worked(maria: Viewer, remote: Remote, mirror: Locator, site: str) -> None:
    remote.pages["/inside"] = (
        "text/html",
        "",
        (
            b"<!doctype html><body style='margin:7px'><p style='height:900px'>above</p><h2>Lookup</h2><input aria-label=NPI id=npi>"
            b"<input type=password aria-label=PIN value=483920>"
            b"<button onclick=\"parent.postMessage(npi.value, '*')\">Take</button>"
        ),
    )
    remote.show(
        f"<h1>Claims</h1><p style='height:1200px'>far</p><iframe title=Lookup src='{site}/inside' width=500 height=200></iframe>"
        "<script>onmessage = ({ data }) => { document.title = 'took ' + data; }</script>"
    )
    frame = mirror.get_by_role("group", name="Lookup")
    expect(frame.get_by_role("heading", name="Lookup", level=2)).to_have_count(1)
    expect(frame.get_by_label("PIN")).to_have_attribute("type", "password")
    view = remote._shown._view if remote._shown else None
    assert view is not None
    assert view.mirror is not None
    assert len(view.mirror._reader._others) == (site == APART), "another site's frame runs in a process of its own"
    frame.get_by_role("textbox", name="NPI").focus()
    maria.page.keyboard.type("1234567893")
    expect(frame.get_by_role("textbox", name="NPI")).to_have_value("1234567893")
    maria.page.keyboard.press("Tab")
    maria.page.keyboard.press("Tab")
    expect(frame.get_by_role("button", name="Take")).to_be_focused()
    maria.page.keyboard.press("Enter")
    remote.until("document.title === 'took 1234567893'")
    assert "483920" not in json.dumps(trees(remote))


def test_nothing_is_told_while_nobody_asked_or_nothing_changed(maria: Viewer, remote: Remote) -> None:
    maria.one_tab()
    since = len(remote.sent)
    remote.show("<h1>Quiet</h1>")
    assert remote.live is not None
    view = remote._shown._view if remote._shown else None
    assert view is not None
    assert view.mirror is None
    opener = maria.page.get_by_role("button", name="Screen reader")
    opener.press("Enter")
    expect(maria.page.locator("#mirror").get_by_role("heading", name="Quiet")).to_have_count(1)
    before = len(trees(remote, since))
    assert view.mirror is not None
    assert remote.do(view.mirror.patch()) is None
    assert len(trees(remote, since)) == before
    opener.press("Enter")
    remote.see("document.querySelector('h1').textContent = 'Loud'")
    assert view.mirror is None
    assert "Loud" not in json.dumps(trees(remote, since))


def test_another_line_brings_the_tree_again(maria: Viewer, remote: Remote, mirror: Locator) -> None:
    remote.show("<h1>Claims</h1><button onclick=\"document.title = 'pressed'\">Find</button>")
    expect(mirror.get_by_role("heading", name="Claims")).to_have_count(1)
    maria.page.evaluate("() => window.portunusViewer.cut()")
    maria.says("Connected again")
    remote.see("document.querySelector('h1').textContent = 'Payments'")
    expect(mirror.get_by_role("heading", name="Payments")).to_have_count(1)
    mirror.get_by_role("button", name="Find").press("Enter")
    remote.until("document.title === 'pressed'")
