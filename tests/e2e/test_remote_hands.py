"""Hands on the remote tab in a real viewer: menus, fingers, keys, drags, and what a server or a policy says about them."""

import base64
import io
import random

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.e2e.remote import Link, Remote, Viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
PHRASE = "harbour 7"
RIGHT = "Basic " + base64.b64encode(f"maria:{PHRASE}".encode()).decode()
WANTED = """([data]) => new Promise((resolve) => { const image = new Image(); image.onload = () => {
    const one = new OffscreenCanvas(image.width, image.height).getContext('2d');
    one.drawImage(image, 0, 0);
    window.wanted = one.getImageData(0, 0, image.width, image.height).data;
    resolve(); }; image.src = data; })"""
SAME = """() => { const canvas = document.querySelector('#stage canvas'), wanted = window.wanted;
    const shown = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return shown.length === wanted.length && shown.every((value, at) => value === wanted[at]); }"""
"""Whether the canvas shows this very picture, to the last pixel."""
JPEG = b"\xff\xd8\xff"
AROUND = ["stage", "status", "watched", "ending", "find-bar", "files", "copied-fields", "remote-tabs", "paper"]
FRAMES = "window.portunusViewer.frames"
HIDDEN = """(hidden) => { Object.defineProperty(document, 'hidden', { configurable: true, value: hidden });
    document.dispatchEvent(new Event('visibilitychange')); }"""
LINK = "<a href='/second' style='font-size:24px'>Claim 4711</a>"


@pytest.fixture(autouse=True)
def one_tab(maria: Viewer) -> None:
    """Each test begins with one tab."""
    maria.one_tab()


# --- a server asks for a name and a password


def test_a_server_that_asks_for_a_name_is_answered_by_her_alone(maria: Viewer, remote: Remote) -> None:
    remote.pages["/june"], remote.locked["/june"] = ("text/html", "", b"<title>Reports</title>"), RIGHT
    remote.show("<a href='http://reports.test/june'>Reports</a>")
    maria.click("a")
    box = maria.page.locator("#remote-auth")
    expect(box).to_contain_text("reports.test asks for a name and a password for “Monthly reports”.")
    found = Axe().run(maria.page).response["violations"]
    assert [f"{one['id']}: {node['target']}" for one in found for node in one["nodes"]] == []
    box.get_by_label("Name").fill("maria")
    box.get_by_label("Password").fill("wrong")
    maria.page.keyboard.press("Enter")
    expect(box).to_contain_text("That was not right.")
    box.get_by_label("Password").fill(PHRASE)
    maria.page.keyboard.press("Enter")
    remote.until("document.title === 'Reports'")
    expect(box).to_be_hidden()
    assert PHRASE.encode() not in b"".join(remote.sent), "what is sent is what is recorded"


def test_without_an_answer_the_page_stays_refused(maria: Viewer, remote: Remote) -> None:
    remote.locked["/july"] = RIGHT
    remote.show("<a href='/july'>Reports</a>")
    maria.click("a")
    maria.page.locator("#remote-auth").get_by_role("button", name="Cancel").click()
    remote.until("document.title === 'No'")
    expect(maria.page.locator("#remote-auth")).to_be_hidden()


# --- the menu of a right click


def test_a_right_click_is_the_portals_own_when_it_wants_it(maria: Viewer, remote: Remote) -> None:
    remote.show("<p id=row oncontextmenu=\"event.preventDefault(); document.title = 'own menu'\">row</p>")
    maria.page.mouse.click(*maria.point("#row"), button="right")
    remote.until("document.title === 'own menu'")
    expect(maria.page.get_by_role("menu")).to_have_count(0)


def test_a_link_is_opened_in_a_tab_of_its_own_or_copied(maria: Viewer, remote: Remote) -> None:
    remote.show(LINK)
    remote.pages["/second"] = ("text/html", "", b"<title>Claim 4711</title>")
    maria.page.mouse.click(*maria.point("a"), button="right")
    maria.page.get_by_role("menuitem", name="Copy link").click()
    maria.says("Link copied.")
    assert maria.page.evaluate("() => navigator.clipboard.readText()") == "http://portal.test/second"
    maria.page.mouse.click(*maria.point("a"), button="right")
    maria.page.get_by_role("menuitem", name="Open link in a new tab").click()
    expect(maria.page.get_by_role("tab", name="Claim 4711")).to_have_attribute("aria-selected", "true")
    assert remote.see("window.opener") is None


def test_the_menu_is_worked_with_the_keyboard(maria: Viewer, remote: Remote) -> None:
    remote.show("<input id=name value='HD1000427315566'>")
    remote.see("document.getElementById('name').select()")
    maria.page.locator("#stage textarea").focus()
    maria.page.keyboard.press("Shift+F10")
    menu = maria.page.get_by_role("menu")
    expect(menu.get_by_role("menuitem", name="Copy")).to_be_focused()
    found = Axe().run(maria.page).response["violations"]
    assert [f"{one['id']}: {node['target']}" for one in found for node in one["nodes"]] == []
    maria.page.keyboard.press("ArrowDown")
    maria.page.keyboard.press("Enter")
    remote.until("document.getElementById('name').value === ''")
    expect(maria.page.locator("#stage textarea")).to_be_focused()


def test_back_and_reload_are_in_the_menu(maria: Viewer, remote: Remote) -> None:
    remote.show("<h1>First</h1>", path="/first")
    remote.show("<h1>Second</h1>", path="/second")
    maria.page.mouse.click(*maria.point("h1"), button="right")
    maria.page.get_by_role("menuitem", name="Back").click()
    remote.until("location.pathname === '/first'")
    remote.see("window.before = 1")
    maria.page.locator("#stage textarea").focus()
    maria.page.keyboard.press("F5")
    remote.until("window.before === undefined")


# --- words on the page


@pytest.mark.parametrize("host", ["portal.test", "payer.test"], ids=["own host", "another host"])
def test_words_are_found_in_frames_and_shadow_roots(maria: Viewer, remote: Remote, host: str) -> None:
    remote.pages["/inner"] = (
        "text/html",
        "",
        b"<!doctype html><p style='margin-top:1500px'>Crown 2</p><p>crown 3</p><script>onscroll = () => parent.postMessage(scrollY, '*')</script>",
    )
    remote.show(
        "<p>Crown 1</p><div id=box style='margin-top:2000px'></div>"
        "<script>var inner = 0; onmessage = ({ data }) => { inner = data };"
        "box.attachShadow({ mode: 'open' }).innerHTML = '<b>Crown 4</b> text of a <i>crown</i>'</script>"
        f"<iframe src='http://{host}/inner' style='margin-top:2000px;height:300px'></iframe>"
    )
    maria.page.locator("#stage textarea").focus()
    maria.page.keyboard.press("Control+f")
    maria.page.keyboard.type("crown")
    count = maria.page.locator("#find-count")
    expect(count).to_have_text("1 of 5")
    maria.page.keyboard.press("Enter")
    remote.until("scrollY > 1000 && scrollY < 3000")
    maria.page.keyboard.press("Enter")
    maria.page.keyboard.press("Enter")
    expect(count).to_have_text("4 of 5")
    remote.until("scrollY > 3000 && inner > 1000")
    maria.page.keyboard.press("Enter")
    maria.page.keyboard.press("Enter")
    expect(count).to_have_text("1 of 5")
    remote.until("scrollY < 100")
    maria.page.keyboard.press("Escape")


# --- fingers


def test_a_finger_taps_slides_and_holds(maria: Viewer, remote: Remote) -> None:
    remote.show(
        "<button id=go onclick=\"document.title = 'tapped'\">Go</button>"
        "<p id=row style='margin-top:100px' oncontextmenu=\"event.preventDefault(); document.title = 'held'\">row</p><div style='height:3000px'>"
    )
    hand = maria.page.context.new_cdp_session(maria.page)

    def touch(kind: str, *at: float) -> None:
        points = [{"x": at[0], "y": at[1]}] if at else []
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    x, y = maria.point("#go")
    touch("touchStart", x, y)
    touch("touchEnd")
    remote.until("document.title === 'tapped'")
    x, y = maria.point("#row")
    touch("touchStart", x, y)
    remote.until("document.title === 'held'")
    touch("touchEnd")
    touch("touchStart", x, y + 300)
    for step in range(1, 6):
        touch("touchMove", x, y + 300 - 40 * step)
    touch("touchEnd")
    remote.until("scrollY >= 120")


def test_what_a_telephones_keyboard_writes_arrives_and_is_erased(maria: Viewer, remote: Remote) -> None:
    remote.show("<input id=phone type=tel value=''>")
    maria.click("#phone")
    maria.page.wait_for_function("() => document.querySelector('#stage textarea').inputMode === 'tel'")
    maria.page.keyboard.insert_text("602555")  # as such keyboards do: no key says what it is
    remote.until("document.getElementById('phone').value === '602555'")
    maria.page.evaluate(
        """() => document.querySelector('#stage textarea').dispatchEvent(
        new InputEvent('beforeinput', { inputType: 'deleteContentBackward', cancelable: true, bubbles: true }))"""
    )
    remote.until("document.getElementById('phone').value === '60255'")


# --- drags, keys, the whole screen


def test_dragging_selects_words_and_moves_things(maria: Viewer, remote: Remote) -> None:
    remote.show(
        "<p id=words style='font-size:24px'>Member Ann Example</p>"
        "<input id=share type=range min=0 max=100 value=0 style='width:300px'>"
    )
    x, y = maria.point("#words")
    box = remote.see(
        "(() => { const one = document.getElementById('words').getBoundingClientRect(); return one.left; })()"
    )
    canvas = maria.page.locator("#stage canvas").bounding_box()
    assert canvas is not None
    maria.page.mouse.move(canvas["x"] + box + 1, y)
    maria.page.mouse.down()
    maria.page.mouse.move(x, y, steps=4)
    maria.page.mouse.up()
    remote.until("String(getSelection()).startsWith('Member Ann')")
    x, y = maria.point("#share")
    maria.page.mouse.move(x - 140, y)
    maria.page.mouse.down()
    maria.page.mouse.move(x, y, steps=4)
    maria.page.mouse.up()
    remote.until("Math.abs(document.getElementById('share').value - 50) < 5")


def test_a_dead_key_makes_one_letter_with_the_next(maria: Viewer, remote: Remote) -> None:
    remote.show("<input id=name>")
    maria.click("#name")
    client = maria.page.context.new_cdp_session(maria.page)
    client.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "Dead", "code": "BracketLeft"})
    client.send("Input.imeSetComposition", {"text": "^", "selectionStart": 1, "selectionEnd": 1})
    client.send("Input.insertText", {"text": "ê"})
    maria.page.keyboard.type("tre")
    remote.until("document.getElementById('name').value === 'être'")


def test_what_is_blocked_says_so_and_why(maria: Viewer, remote: Remote) -> None:
    remote.show("<h1>Claims</h1>")
    maria.page.locator("#stage textarea").focus()
    maria.page.keyboard.press("Control+s")
    maria.says("Portunus blocks Ctrl+S: pages are not saved to a disk. Print keeps this one as a PDF.")
    maria.page.keyboard.press("Control+Shift+i")
    maria.says("Portunus blocks Ctrl+Shift+I: the portal's browser has no tools")


def test_the_picture_fills_the_whole_screen_and_comes_back(maria: Viewer, remote: Remote) -> None:
    remote.show("<h1>Claims</h1><input id=name>")
    maria.page.get_by_role("button", name="Full screen").click()
    maria.page.wait_for_function("() => document.fullscreenElement?.id === 'main'")
    seen = "(ids) => ids.filter((id) => document.fullscreenElement.contains(document.getElementById(id)))"
    assert maria.page.evaluate(seen, AROUND) == AROUND, "what is said around the picture is said in full screen, too"
    maria.page.keyboard.press("Control+Alt+f")
    maria.page.wait_for_function("() => !document.fullscreenElement")
    maria.fit()


def test_the_side_buttons_of_a_mouse_go_back_and_forward_in_the_portal(maria: Viewer, remote: Remote) -> None:
    remote.show("<h1>First</h1>", "/first")
    remote.show("<h1>Second</h1>", "/second")
    x, y = maria.point("h1")
    client = maria.page.context.new_cdp_session(maria.page)
    for button, path in (("back", "/first"), ("forward", "/second")):
        for kind in ("mousePressed", "mouseReleased"):
            told = {"type": kind, "x": x, "y": y, "button": button, "clickCount": 1}
            client.send("Input.dispatchMouseEvent", told)
        remote.until(f"location.pathname === '{path}'")
    assert maria.page.url == maria.url


def test_commands_work_on_a_keyboard_that_writes_no_latin(maria: Viewer, remote: Remote) -> None:
    remote.show("<p>Claim 4711</p>")
    maria.click("p")
    client = maria.page.context.new_cdp_session(maria.page)
    client.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "ф", "code": "KeyA", "modifiers": 2})
    remote.until("getSelection().toString() === 'Claim 4711'")
    client.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "ы", "code": "KeyS", "modifiers": 2})
    maria.says("Portunus blocks Ctrl+S")
    client.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "а", "code": "KeyF", "modifiers": 2})
    expect(maria.page.locator("#find-words")).to_be_focused()
    maria.page.keyboard.press("Escape")


def test_option_writes_letters_on_a_mac(maria: Viewer, remote: Remote) -> None:
    client = maria.page.context.new_cdp_session(maria.page)
    agent = maria.page.evaluate("navigator.userAgent")
    client.send("Emulation.setUserAgentOverride", {"userAgent": agent, "platform": "MacIntel"})
    try:
        maria.back_again()
        remote.show("<input id=name>")
        maria.click("#name")
        maria.page.keyboard.type("maria")
        for kind, text in (("keyDown", {"text": "@"}), ("keyUp", {})):
            client.send("Input.dispatchKeyEvent", {"type": kind, "key": "@", "code": "KeyL", "modifiers": 1, **text})
        maria.page.keyboard.type("clinic")
        remote.until("document.getElementById('name').value === 'maria@clinic'")
    finally:
        client.send("Emulation.setUserAgentOverride", {"userAgent": agent, "platform": "Linux x86_64"})
        maria.back_again()


def test_a_tab_in_the_background_of_her_browser_is_sent_nothing_and_catches_up(maria: Viewer, remote: Remote) -> None:
    remote.show("<h1 id=count>0</h1><script>setInterval(() => count.textContent++, 20)</script>")
    maria.page.wait_for_function("(from) => window.portunusViewer.frames > from + 3", arg=maria.page.evaluate(FRAMES))
    maria.page.evaluate(HIDDEN, True)
    remote.until("+document.getElementById('count').textContent > 0")
    told = None
    while told != (told := maria.page.evaluate(FRAMES)):  # what was on its way
        maria.page.wait_for_timeout(200)
    shown = remote.see("+document.getElementById('count').textContent")
    remote.until(f"+document.getElementById('count').textContent > {shown} + 20")
    assert maria.page.evaluate(FRAMES) == told
    maria.page.evaluate(HIDDEN, False)
    maria.page.wait_for_function("(from) => window.portunusViewer.frames > from + 3", arg=told)


def test_a_title_too_long_for_its_tab_ends_in_dots(maria: Viewer, remote: Remote) -> None:
    long = "Explanation of benefits for the claims of June 2026, all practices, all providers"
    remote.show("<h1>x</h1>", head=f"<title>{long}</title>")
    tab = maria.page.get_by_role("tab", name=long)
    expect(tab).to_be_visible()
    shown = tab.locator(".tab-title").evaluate(
        """one => [one.scrollWidth > one.clientWidth, getComputedStyle(one).textOverflow,
        one.getBoundingClientRect().right <= one.parentElement.getBoundingClientRect().right, one.parentElement.title.split('\\n')[0]]"""
    )
    assert shown == [True, "ellipsis", True, long]


# --- nobody is there


def test_a_tab_nobody_touches_is_covered_until_its_holder_shows_who_she_is(maria: Viewer, remote: Remote) -> None:
    remote.show("<h1>Claim 4711</h1><input id=name>")
    remote.cover_after_s = 0.6
    maria.page.evaluate(
        "() => { document.getElementById('paper').hidden = false; document.getElementById('paper').append(document.createElement('iframe')); }"
    )
    maria.page.evaluate("() => window.portunusViewer.cut()")
    box = maria.page.locator("#cover")
    expect(box).to_be_visible()
    remote.cover_after_s = 1e6
    expect(maria.page.locator("#stage canvas")).to_be_hidden()
    expect(maria.page.locator("#paper iframe")).to_have_count(0)  # a file she was reading
    assert "Claims" not in maria.page.title() + (maria.page.locator("main").inner_text())
    found = Axe().run(maria.page).response["violations"]
    assert [f"{one['id']}: {node['target']}" for one in found for node in one["nodes"]] == []
    assert maria.page.evaluate(
        "() => fetch(document.querySelector('form[action$=\"/end\"]').action.replace('/end', '').replace('/tabs', '/api/v1/tabs')).then(a => a.json()).then(t => t.locked)"
    )
    maria.page.keyboard.type("000000")
    maria.page.keyboard.press("Enter")
    expect(box).to_contain_text("not right")
    maria.page.keyboard.type(remote.office.code("Maria"))
    maria.page.keyboard.press("Enter")
    expect(maria.page.locator("#stage canvas")).to_be_visible()
    maria.fit()
    maria.click("#name")
    maria.page.keyboard.type("here again")
    remote.until("document.getElementById('name').value === 'here again'")


# --- many pixels, few bytes a second


def same(page: Page, remote: Remote) -> None:
    """Wait until the viewer shows the very pixels of the portal's page."""
    page.evaluate(WANTED, [f"data:image/png;base64,{base64.b64encode(remote.photographed()).decode()}"])
    page.wait_for_function(SAME)


def noisy(seed: int) -> str:
    """A page with a picture that does not pack, as a photograph does not, and that comes all at once."""
    pixels = random.Random(seed).randbytes(200 * 150 * 3)  # noqa: S311 - colours
    out = io.BytesIO()
    Image.frombytes("RGB", (200, 150), pixels).save(out, "PNG")
    return f"<img src='data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}'><p style='height:2000px'>"


def test_a_screen_of_twice_as_many_pixels_shows_the_tab_and_its_clicks_land(
    browser: Browser, remote: Remote, maria: Viewer
) -> None:
    maria.page.goto("about:blank")
    remote.show("<h1>Claim 4711</h1><input id=name><p>Member Ann Example")
    context = browser.new_context(viewport={"width": 1340, "height": 1000}, device_scale_factor=2)
    context.add_cookies([remote.office.cookie("Maria")])
    dense = context.new_page()
    dense.goto(maria.url)
    dense.locator("#stage canvas").wait_for()
    same(dense, remote)
    canvas = dense.locator("#stage canvas").bounding_box()
    assert canvas is not None
    x, y = remote.place("#name")
    dense.mouse.click(canvas["x"] + x, canvas["y"] + y)
    dense.keyboard.type("Ann")
    remote.until("document.getElementById('name').value === 'Ann'")
    remote.see("document.activeElement.blur()")
    same(dense, remote)
    context.close()
    maria.back_again()


def test_a_slow_link_shows_roughly_first_and_then_without_loss(maria: Viewer, remote: Remote) -> None:
    maria.page.goto("about:blank")
    remote.show("<h1>Claims</h1>")
    remote.link = Link(bytes_per_s=125_000, delay_s=0.1)
    maria.back_again()
    for seed in (9, 8, 7):  # by then she knows how wide the line is, in however many parts they came
        remote.show(noisy(seed))
        same(maria.page, remote)
    remote.sent.clear()
    remote.show(noisy(6))
    same(maria.page, remote)
    assert any(JPEG in message for message in remote.sent), "something was shown roughly first"
    remote.link = None
    maria.back_again()


def test_a_fast_link_shows_everything_without_loss(maria: Viewer, remote: Remote) -> None:
    remote.sent.clear()
    remote.show(noisy(7))
    remote.see("scrollTo(0, 100)")
    same(maria.page, remote)
    assert not any(JPEG in message for message in remote.sent)


def test_a_page_that_comes_again_is_told_by_its_name(maria: Viewer, remote: Remote) -> None:
    weights = []
    for seed in (
        5,
        4,
        5,
        4,
        5,
        4,
    ):  # how much of a picture comes at once is Chromium's choice: one of the later times it is the same
        remote.sent.clear()
        remote.show(noisy(seed))
        same(maria.page, remote)
        weights.append(sum(len(message) for message in remote.sent))
    assert weights[0] > 50_000
    assert min(weights[2:]) < 5_000


def test_another_open_portal_is_two_keys_away(maria: Viewer, remote: Remote) -> None:
    remote.show("<h1>Claims</h1>")
    lease = remote.office.open("Maria", "northgate")
    remote.office.until_ready(lease)
    maria.page.locator("#stage textarea").focus()
    maria.page.keyboard.press("Control+Alt+k")
    box = maria.page.get_by_role("dialog", name="Your open portals")
    expect(box.get_by_role("link", name="Harborline")).to_have_attribute("aria-current", "page")
    found = Axe().run(maria.page).response["violations"]
    assert [f"{one['id']}: {node['target']}" for one in found for node in one["nodes"]] == []
    maria.page.keyboard.press("Escape")
    expect(maria.page.locator("#stage textarea")).to_be_focused()
    maria.page.keyboard.press("Control+Alt+k")
    expect(box).to_be_visible()
    maria.page.keyboard.press("n")
    maria.page.keyboard.press("Enter")
    maria.page.wait_for_url(f"**/tabs/{lease}")
    remote.office.end("Maria", lease)
    maria.back_again()
