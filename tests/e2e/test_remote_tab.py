"""The remote tab in a real viewer: for each thing a biller does, its effect in the portal's page."""

import base64

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Route, expect

from tests.e2e.remote import PORTAL, WIDTH, Remote, Viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>"

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAC0lEQVR4nGNgwAQAABQAAX3+Hu4AAAAASUVORK5CYII=")


@pytest.fixture(autouse=True)
def one_tab(maria: Viewer) -> None:
    """Each test begins with one tab."""
    maria.one_tab()


def test_typing_and_clicking_reach_the_portal(maria: Viewer, remote: Remote) -> None:
    remote.show(
        "<input id=name><button onclick=\"document.title = 'Hello ' + document.getElementById('name').value\">Greet</button>"
    )
    maria.click("#name")
    maria.page.keyboard.type("Ann Éclair")
    maria.click("button")
    remote.until("document.title === 'Hello Ann Éclair'")


def test_title_and_icon_of_the_portal_are_those_of_the_real_tab(maria: Viewer, remote: Remote) -> None:
    icon = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='32' height='32'><rect width='32' height='32' fill='red'/></svg>"
    remote.show("hello", head=f'<title>Eligibility</title><link rel="icon" href="{icon}">')
    maria.page.wait_for_function("() => document.title.startsWith('Eligibility ·')")
    maria.page.wait_for_function("() => document.querySelector('link[rel=icon]').href.startsWith('data:image/png')")
    remote.see("document.title = 'Claim 4711'")
    maria.page.wait_for_function("() => document.title.startsWith('Claim 4711 ·')")


def test_back_forward_and_reload(maria: Viewer, remote: Remote) -> None:
    remote.show("<a href='/second'>next</a>", path="/first")
    remote.pages["/second"] = ("text/html", "", b"<title>Second</title><body>second")
    maria.click("a")
    remote.until("location.pathname === '/second'")
    maria.page.get_by_role("button", name="Back").click()
    remote.until("location.pathname === '/first'")
    maria.page.get_by_role("button", name="Forward").click()
    remote.until("location.pathname === '/second'")
    remote.see("window.before = 1")
    maria.page.get_by_role("button", name="Reload").click()
    remote.until("window.before === undefined")


def test_a_pop_up_is_a_tab_in_our_bar(maria: Viewer, remote: Remote) -> None:
    remote.show("<button onclick=\"window.open('/popup', '', 'width=300,height=300')\">open</button>")
    remote.pages["/popup"] = ("text/html", "", b"<title>Remittance</title><body>popup")
    maria.click("button")
    tab = maria.page.get_by_role("tab", name="Remittance")
    expect(tab).to_have_attribute("aria-selected", "true")
    maria.page.locator("#stage textarea").focus()
    maria.page.keyboard.press("Control+Alt+ArrowLeft")
    expect(tab).to_have_attribute("aria-selected", "false")
    maria.page.get_by_role("button", name="Close Remittance").click()
    expect(tab).to_have_count(0)


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_a_list_of_the_portal_opens_here(maria: Viewer, remote: Remote, way: str) -> None:
    remote.show(
        "<label>Year <select id=year onchange='document.title = this.value'><option>2024<option>2025<option disabled>2026<option>2027</select></label>"
    )
    if way == "mouse":
        maria.click("#year")
        maria.page.get_by_role("option", name="2027").click()
    else:
        remote.see("document.getElementById('year').focus()")
        maria.page.locator("#stage textarea").focus()
        maria.page.keyboard.press("Alt+ArrowDown")
        expect(maria.page.get_by_role("listbox", name="Year")).to_be_focused()
        maria.page.keyboard.type("2027")
        maria.page.keyboard.press("Enter")
    remote.until("document.title === '2027'")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("date", "2026-06-15"),
        ("time", "09:45"),
        ("month", "2026-06"),
        ("week", "2026-W24"),
        ("datetime-local", "2026-06-15T09:45"),
    ],
)
def test_a_date_or_a_time_is_picked_in_ones_own_browser(maria: Viewer, remote: Remote, kind: str, value: str) -> None:
    remote.show(f"<label>When <input type={kind} id=when onchange='document.title = this.value'></label>")
    maria.click("#when", edge=True)
    picker = maria.page.get_by_label("When")
    expect(picker).to_be_focused()
    picker.fill(value)
    remote.until(f"document.title === '{value}'")
    expect(picker).to_have_count(0)


def test_a_date_is_typed_in_the_portals_own_field(maria: Viewer, remote: Remote) -> None:
    remote.show("<input type=date id=when>")
    remote.see("document.getElementById('when').focus()")
    maria.page.locator("#stage textarea").focus()
    maria.page.keyboard.type("06152026")
    remote.until("document.getElementById('when').value === '2026-06-15'")


def test_a_colour_is_picked_in_ones_own_browser(maria: Viewer, remote: Remote) -> None:
    remote.show("<input type=color id=mark aria-label=Mark onchange='document.title = this.value'>")
    maria.click("#mark")
    maria.page.get_by_label("Mark").evaluate(
        "one => { one.value = '#ff8800'; one.dispatchEvent(new Event('change')); }"
    )
    remote.until("document.title === '#ff8800'")


@pytest.mark.parametrize(
    ("asks", "answer", "title"),
    [
        ("alert('Saved.')", "OK", "undefined"),
        ("confirm('Sure?')", "OK", "true"),
        ("confirm('Sure?')", "Cancel", "false"),
        ("prompt('Why?', 'because')", "OK", "because"),
    ],
)
def test_a_question_of_the_portal_waits_for_her_answer(
    maria: Viewer, remote: Remote, asks: str, answer: str, title: str
) -> None:
    remote.show(f'<button onclick="document.title = String({asks})">ask</button>')
    maria.click("button")
    box = maria.page.locator("#remote-dialog")
    expect(box).to_be_visible()
    box.get_by_role("button", name=answer).click()
    remote.until(f"document.title === '{title}'")


def test_leaving_a_page_with_typed_words_asks_first(maria: Viewer, remote: Remote) -> None:
    remote.show(
        "<input id=words><script>addEventListener('beforeunload', (event) => event.preventDefault())</script>",
        path="/form",
    )
    maria.click("#words")
    maria.page.keyboard.type("unsaved")
    maria.page.get_by_role("button", name="Home").click()
    expect(maria.page.locator("#remote-dialog-words")).to_contain_text("Leave this page?")
    maria.page.locator("#remote-dialog").get_by_role("button", name="Cancel").click()
    remote.until("document.getElementById('words').value === 'unsaved'")
    maria.page.get_by_role("button", name="Home").click()
    maria.page.locator("#remote-dialog").get_by_role("button", name="OK").click()
    remote.until("location.pathname === '/'")


def test_a_download_is_typed_by_its_content_and_fetched_from_another_origin(maria: Viewer, remote: Remote) -> None:
    remote.show("<a href='/eob'>EOB</a>")
    remote.pages["/eob"] = ("application/octet-stream", 'attachment; filename="../EOB June.exe"', PDF)
    maria.click("a")
    row = maria.page.locator("#files li").first
    expect(row).to_contain_text("EOB-June.exe.pdf")
    with maria.page.expect_download() as saved:
        row.get_by_role("button", name="Save").click()
    assert saved.value.url.startswith(remote.office.portunus.settings.download_url)
    assert saved.value.path().read_bytes() == PDF
    row.get_by_role("button", name="away").click()


def test_a_file_is_read_inside_the_tab_from_the_other_origin(maria: Viewer, remote: Remote) -> None:
    remote.show("<a href='/scan'>Scan</a><input id=name>")
    remote.pages["/scan"] = ("image/png", "attachment; filename=scan.png", PNG)
    maria.click("a")
    row = maria.page.locator("#files li").first
    row.get_by_role("button", name="Open scan.png").click()
    frame = maria.page.frame_locator("#paper iframe")
    expect(frame.locator("img")).to_have_js_property("naturalWidth", 3)
    assert maria.page.frame("paper").url == f"{remote.office.portunus.settings.download_url}/files"
    expect(maria.page.locator("#stage")).to_be_hidden()
    assert Axe().run(maria.page, context="#paper").response["violations"] == []
    maria.page.get_by_role("button", name="Back to the portal").press("Enter")
    expect(maria.page.locator("#paper iframe")).to_have_count(0)
    maria.click("#name")
    maria.page.keyboard.type("4711")
    remote.until("document.getElementById('name').value === '4711'")
    row.get_by_role("button", name="away").click()


def test_a_page_is_printed_as_a_pdf(maria: Viewer, remote: Remote) -> None:
    remote.show("<h1>Claim 4711</h1>")
    maria.page.locator("#stage textarea").focus()
    maria.page.keyboard.press("Control+p")
    row = maria.page.locator("#files li").first
    expect(row).to_contain_text("The page as a PDF")
    with maria.page.expect_download() as saved:
        row.get_by_role("button", name="Save").click()
    assert saved.value.path().read_bytes().startswith(b"%PDF-")
    row.get_by_role("button", name="away").click()


def test_the_portals_own_print_button_does_the_same(maria: Viewer, remote: Remote) -> None:
    remote.show("<button onclick='print()'>Print</button>")
    maria.click("button")
    row = maria.page.locator("#files li").first
    expect(row).to_contain_text("The page as a PDF")
    row.get_by_role("button", name="away").click()


def test_a_file_is_handed_to_the_portal(maria: Viewer, remote: Remote) -> None:
    remote.show(
        "<input type=file id=claim onchange='this.files[0].text().then(words => document.title = this.files[0].name + words)'>"
    )
    maria.click("#claim")
    box = maria.page.locator("#remote-upload")
    expect(box).to_be_visible()
    box.locator("input").set_input_files({"name": "claim.csv", "mimeType": "text/csv", "buffer": b"a,b"})
    box.get_by_role("button", name="Hand over").click()
    remote.until("document.title === 'claim.csva,b'")


def test_a_dropped_file_lands_where_it_was_dropped(maria: Viewer, remote: Remote) -> None:
    remote.show(
        "<div id=zone style='width:300px;height:100px;background:#ddd' ondragover='event.preventDefault()' "
        "ondrop='event.preventDefault(); document.title = event.dataTransfer.files[0].name'>drop</div>"
    )
    x, y = maria.point("#zone")
    maria.page.evaluate(
        """([x, y]) => { const carried = new DataTransfer(); carried.items.add(new File(['x'], 'scan.png', { type: 'image/png' }));
        document.querySelector('#stage canvas').dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, clientX: x, clientY: y, dataTransfer: carried })); }""",
        [x, y],
    )
    remote.until("document.title === 'scan.png'")


def test_copying_needs_no_permission_in_the_portal_and_never_touches_its_clipboard(
    maria: Viewer, remote: Remote
) -> None:
    remote.show("<p id=words>Member HD1000427315566, born 06/15/1984, paid $1,204.50</p>")
    remote.see("getSelection().selectAllChildren(document.getElementById('words'))")
    maria.page.locator("#stage textarea").focus()
    maria.page.keyboard.press("Control+c")
    words = "Member HD1000427315566, born 06/15/1984, paid $1,204.50"
    maria.page.wait_for_function("wanted => navigator.clipboard.readText().then(words => words === wanted)", arg=words)
    maria.page.get_by_role("button", name="Number HD1000427315566").click()
    assert maria.page.evaluate("() => navigator.clipboard.readText()") == "HD1000427315566"


def test_pasting_brings_her_own_words(maria: Viewer, remote: Remote) -> None:
    remote.show("<textarea id=note></textarea>")
    maria.page.evaluate("() => navigator.clipboard.writeText('from the PMS')")
    maria.click("#note")
    maria.page.keyboard.press("Control+v")
    remote.until("document.getElementById('note').value === 'from the PMS'")


def test_a_password_is_never_copied(maria: Viewer, remote: Remote) -> None:
    maria.page.evaluate("() => navigator.clipboard.writeText('before')")
    remote.show("<input id=secret name=passcode value=483920>")
    maria.click("#secret")
    maria.page.keyboard.press("Control+a")
    maria.page.keyboard.press("Control+c")
    maria.page.keyboard.type("x")
    remote.until("document.getElementById('secret').value === 'x'")
    assert maria.page.evaluate("() => navigator.clipboard.readText()") == "before"


def test_words_of_an_input_method_arrive_composed(maria: Viewer, remote: Remote) -> None:
    remote.show("<input id=name>")
    maria.click("#name")
    client = maria.page.context.new_cdp_session(maria.page)
    for words in ("に", "にほ", "にほん"):
        client.send(
            "Input.imeSetComposition", {"text": words, "selectionStart": len(words), "selectionEnd": len(words)}
        )
    client.send("Input.insertText", {"text": "日本"})
    remote.until("document.getElementById('name').value === '日本'")


def test_finding_words_on_the_page(maria: Viewer, remote: Remote) -> None:
    remote.show("<p>Cleaning</p><p style='margin-top:2000px'>Crown and cleaning</p>")
    maria.page.locator("#stage textarea").focus()
    maria.page.keyboard.press("Control+f")
    maria.page.keyboard.type("cleaning")
    expect(maria.page.locator("#find-count")).to_have_text("1 of 2")
    maria.page.keyboard.press("Enter")
    expect(maria.page.locator("#find-count")).to_have_text("2 of 2")
    remote.until("scrollY > 1000")
    maria.page.keyboard.press("Escape")
    expect(maria.page.locator("#find-bar")).to_be_hidden()


def test_zoom_stays_from_page_to_page(maria: Viewer, remote: Remote) -> None:
    remote.show("<p id=words>words</p>")
    maria.page.locator("#stage textarea").focus()
    maria.page.keyboard.press("Control+=")
    maria.says("Zoom 110 %")
    remote.until("document.getElementById('words').currentCSSZoom.toFixed(2) === '1.10'")
    remote.show("<p id=words>words</p>", path="/more")
    remote.until("document.getElementById('words').currentCSSZoom.toFixed(2) === '1.10'")
    maria.page.keyboard.press("Control+0")
    remote.until("document.getElementById('words').currentCSSZoom === 1")


def test_the_portal_is_as_large_as_her_window(maria: Viewer, remote: Remote) -> None:
    size = maria.page.viewport_size
    assert size is not None
    maria.page.set_viewport_size({"width": size["width"] - 200, "height": size["height"]})
    remote.until(f"innerWidth === {WIDTH - 200}")
    maria.page.set_viewport_size(size)
    remote.until(f"innerWidth === {WIDTH}")


def test_the_pointer_looks_as_the_portal_wants_and_tips_are_shown(maria: Viewer, remote: Remote) -> None:
    remote.show("<a href='/x' title='Opens the claim'>Claim</a><p style='cursor:not-allowed'>no</p>")
    maria.page.mouse.move(*maria.point("a"))
    maria.page.wait_for_function("() => document.querySelector('#stage canvas').style.cursor === 'pointer'")
    maria.page.wait_for_function("() => document.querySelector('#stage canvas').title === 'Opens the claim'")
    maria.page.mouse.move(*maria.point("p"))
    maria.page.wait_for_function("() => document.querySelector('#stage canvas').style.cursor === 'not-allowed'")


def test_a_phone_shows_the_keyboard_the_field_wants(maria: Viewer, remote: Remote) -> None:
    remote.show("<input id=phone type=tel>")
    maria.click("#phone")
    maria.page.wait_for_function("() => document.querySelector('#stage textarea').inputMode === 'tel'")


def test_a_cut_connection_comes_back_to_the_same_page(maria: Viewer, remote: Remote) -> None:
    remote.show("<input id=name>")
    maria.click("#name")
    maria.page.keyboard.type("half a wo")
    maria.page.context.set_offline(True)
    maria.page.evaluate("() => window.portunusViewer.cut()")
    maria.page.context.set_offline(False)
    maria.says("Connected again")
    maria.click("#name")
    maria.page.keyboard.press("End")
    maria.page.keyboard.type("rd")
    remote.until("document.getElementById('name').value === 'half a word'")


def test_a_server_that_is_away_for_a_moment_does_not_end_the_tab(maria: Viewer, remote: Remote) -> None:
    remote.show("still here")
    asked: list[str] = []

    def away_once(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=503, content_type="text/html", body="<h1>Service Unavailable</h1>")
        else:
            route.continue_()

    maria.page.route("**/ticket", away_once)
    with maria.page.expect_response(
        lambda came: came.url.endswith("/ticket") and came.ok
    ):  # its words may stand there already
        maria.page.evaluate("() => window.portunusViewer.cut()")
    maria.says("Connected again")
    maria.page.unroute("**/ticket")
    assert len(asked) == 2


def test_a_screen_reader_reads_and_works_the_portals_page(maria: Viewer, remote: Remote) -> None:
    remote.show(
        "<h1>Eligibility</h1><label>Member number <input id=member></label><input type=password aria-label=PIN value=483920>"
        "<label><input type=checkbox id=active> Active only</label><p style='margin-top:1500px'>far below</p>"
        "<button onclick=\"document.title = document.getElementById('member').value + document.getElementById('active').checked\">Search</button>"
    )
    maria.page.get_by_role("button", name="Screen reader").click()
    page = maria.page.locator("#mirror")
    expect(page.get_by_role("heading", name="Eligibility", level=1)).to_have_count(1)
    page.get_by_role("textbox", name="Member number").fill("HD1000427315566")
    page.get_by_role("textbox", name="Member number").blur()
    remote.until("document.getElementById('member').value === 'HD1000427315566'")
    expect(page.get_by_role("checkbox", name="Active only")).to_have_attribute("aria-checked", "false")
    page.get_by_role("checkbox", name="Active only").press("Enter")
    remote.until("document.getElementById('active').checked")
    page.get_by_role("button", name="Search").press("Enter")
    remote.until("document.title === 'HD1000427315566true'")
    assert "483920" not in page.inner_html()
    expect(page.get_by_role("checkbox", name="Active only")).to_have_attribute("aria-checked", "true")
    found = Axe().run(maria.page).response["violations"]
    assert [f"{one['id']}: {node['target']}" for one in found for node in one["nodes"]] == []
    maria.page.get_by_role("button", name="Screen reader").click()
    expect(page).to_be_hidden()


def test_the_viewer_has_no_faults_for_assistive_technology(maria: Viewer, remote: Remote) -> None:
    remote.show("<h1>Claims</h1>")
    found = Axe().run(maria.page).response["violations"]
    assert [f"{one['id']}: {node['target']}" for one in found for node in one["nodes"]] == []
    assert PORTAL not in maria.page.url
