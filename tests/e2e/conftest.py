"""People at real browsers, in a running office; what they see is kept in test-results/ for us to look at."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from broker.base.settings import Settings
from tests.e2e.office import Office, running_office
from tests.e2e.remote import Remote, Viewer, remote_tab
from workers.browser.find import find

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PORTAL_PAGE = Path(__file__).parents[1] / "portals" / "northgate" / "signed_in.html"

expect.set_options(timeout=20_000)  # a busy machine is no failure


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The same browser Portunus found; the test's own viewer trusts only its own pages."""
    return {**browser_type_launch_args, "executable_path": find(Settings()).path, "args": ["--no-sandbox"]}


@pytest.fixture(scope="session")
def portal_picture(browser: Browser) -> bytes:
    """What the stand-in host shows: a saved portal page."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_content(PORTAL_PAGE.read_text())
    picture = page.screenshot()
    page.close()
    return picture


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, portal_picture: bytes) -> Iterator[Office]:
    """One office a module."""
    with running_office(tmp_path_factory.mktemp("office")) as running:
        running.host.picture = (1280, 800, portal_picture)
        yield running


class Screen:
    """A browser window with the eyes of a careful tester."""

    def __init__(self, context: BrowserContext, office: Office, pictures: Path) -> None:
        context.set_default_timeout(20_000)
        self.context, self.office, self._pictures = context, office, pictures
        self.page: Page = context.new_page()
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on(
            "console",
            lambda line: self.problems.append(line.text) if "Content Security Policy" in line.text else None,
        )

    def go(self, path: str) -> Page:
        self.page.goto(path if path.startswith("http") else self.office.url + path)
        return self.page

    def picture(self, name: str) -> None:
        """Kept as test-results/<name>.png (pytest-playwright's --output)."""
        self._pictures.mkdir(exist_ok=True)
        self.page.screenshot(path=self._pictures / f"{name}.png", full_page=True)

    def faults(self) -> list[str]:
        """What axe finds (WCAG 2.2 A, AA and its best practices), with the element."""
        found = Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]

    def too_wide(self) -> list[str]:
        """Elements that make the page, or a part of it, scroll sideways."""
        return self.page.evaluate(
            """() => {
            const all = [...document.querySelectorAll("body *")];
            const wide = document.documentElement.scrollWidth <= innerWidth ? [] :
                all.filter((e) => e.getBoundingClientRect().right > innerWidth + 1);
            const scrolls = all.filter((e) => /auto|scroll/.test(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1);
            return [...wide, ...scrolls].map((e) => `${e.tagName.toLowerCase()}#${e.id}.${e.className}`);
            }"""
        )


@pytest.fixture
def screen(browser: Browser, office: Office, pytestconfig: pytest.Config) -> Iterator[Callable[..., Screen]]:
    """`screen()`: nobody's window; `screen("Maria")`: hers, signed in."""
    opened: list[Screen] = []

    def make(name: str | None = None, size: dict[str, int] = WIDE, **more: Any) -> Screen:
        context = browser.new_context(viewport=size, **more)
        if name:
            context.add_cookies([office.cookie(name)])
        opened.append(Screen(context, office, Path(pytestconfig.getoption("--output"))))
        return opened[-1]

    yield make
    for one in opened:
        one.context.close()
    assert [problem for one in opened for problem in one.problems] == []


@pytest.fixture(scope="session")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    """A real remote tab in an office of its own."""
    with running_office(tmp_path_factory.mktemp("remote")) as running, remote_tab(running) as tab:
        yield tab


@pytest.fixture(scope="session")
def maria(browser: Browser, remote: Remote) -> Iterator[Viewer]:
    """One tab for all tests of the remote tab: pages change in it, as in a day's work."""
    office = remote.office
    context = browser.new_context(
        viewport={"width": 1340, "height": 1000}, permissions=["clipboard-read", "clipboard-write"]
    )
    context.add_cookies([office.cookie("Maria")])
    context.set_default_timeout(20_000)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if "Content Security Policy" in line.text else None)
    lease = office.open("Maria", "harborline")
    office.until_ready(lease)
    remote.show("<h1>Welcome</h1>")
    page.goto(f"{office.url}/tabs/{lease}")
    page.locator("#stage canvas").wait_for(timeout=20_000)
    viewer = Viewer(page, remote)
    viewer.fit()
    yield viewer
    assert problems == []
    context.close()
