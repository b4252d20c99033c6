"""Papers of several pages, read in the tab by a person's own browser: one that has a window, and a reader of PDFs in it."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Frame, Page, Playwright, expect

from tests.e2e.remote import Remote, Viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
WHOLE = next(
    (found for one in ("chromium", "google-chrome-stable", "google-chrome") if (found := shutil.which(one))), None
)
CLAIMS = "".join(f"<h1 style='break-after:page'>Claim {number} paid</h1>" for number in (4711, 4712, 4713))
TURNED = "(wanted) => document.querySelector('pdf-viewer').shadowRoot.querySelector('viewer-toolbar').pageNo === wanted"
WORDS = "document.querySelector('pdf-viewer').currentController.getSelectedText().then((told) => told.selectedText)"


@pytest.fixture
def reader(playwright: Playwright, maria: Viewer, remote: Remote) -> Iterator[Page]:
    """Her tab in a whole browser; the one of the other tests has no reader of PDFs."""
    if WHOLE is None:
        pytest.skip("only a headless shell is here, which shows no PDF")
    maria.one_tab()
    maria.page.goto("about:blank")
    remote.show(f"<a href='/eob'>EOB</a>{CLAIMS}")
    browser = playwright.chromium.launch(executable_path=WHOLE, args=["--no-sandbox"])
    context = browser.new_context(viewport={"width": 1340, "height": 1000})
    context.add_cookies([remote.office.cookie("Maria")])
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.goto(maria.url)
    page.locator("#stage canvas").wait_for()
    yield page
    browser.close()
    maria.back_again()


def opened(reader: Page, name: str) -> Frame:
    """The browser's own reader, in the picture's place."""
    row = reader.locator("#files li").first
    row.get_by_role("button", name=f"Open {name}").click()
    reader.wait_for_function("() => !document.getElementById('paper').hidden")
    with reader.expect_event("framenavigated", lambda one: one.url.startswith("chrome-extension:")) as shown:
        pass
    frame: Frame = shown.value
    expect(frame.locator("viewer-toolbar")).to_have_js_property("docLength", 3)
    return frame


@pytest.mark.parametrize("way", ["handed out", "printed"])
def test_a_paper_of_several_pages_is_read_in_the_tab(reader: Page, remote: Remote, way: str) -> None:
    assert remote.live is not None
    if way == "printed":
        reader.locator("#stage textarea").focus()
        reader.keyboard.press("Control+p")
        name = "page.pdf"
    else:
        name = "eob.pdf"
        remote.pages["/eob"] = ("application/pdf", "attachment; filename=eob.pdf", remote.do(printed(remote)))
        box = reader.locator("#stage canvas").bounding_box()
        assert box is not None
        x, y = remote.place("a")
        reader.mouse.click(box["x"] + x, box["y"] + y)
    frame = opened(reader, name)
    frame.get_by_label("Page number").fill("3")
    frame.get_by_label("Page number").press("Enter")
    frame.wait_for_function(TURNED, arg=3)
    frame.locator("embed").focus()
    reader.keyboard.press("Control+a")
    frame.wait_for_function(f"() => {WORDS}.then((words) => words.includes('Claim 4713 paid'))")
    reader.get_by_role("button", name="Back to the portal").click()
    expect(reader.locator("#paper iframe")).to_have_count(0)
    reader.locator("#files li").first.get_by_role("button", name="away").click()


async def printed(remote: Remote) -> bytes:
    """A carrier's PDF of three pages."""
    page = await remote._browser.new_page()
    await page.set_content(CLAIMS)
    data: bytes = await page.pdf()
    await page.close()
    return data
