"""Walks go the whole way: every process runs, people use real browsers. One demo serves a whole module."""

from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from broker.base.settings import Settings
from tests.demos import Demo, running_demo
from workers.browser.find import find

MEASURED = "(old) => { const now = window.portunusViewer.room; return now && (now.w !== old.w || now.h !== old.h); }"
expect.set_options(timeout=20_000)  # a busy machine is no failure


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The same browser Portunus found; the test's own viewer trusts only its own pages."""
    return {**browser_type_launch_args, "executable_path": find(Settings()).path, "args": ["--no-sandbox"]}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Everything, running; in the end the carriers say that no walk signed in twice at a time or wasted a try."""
    with running_demo(Path(tmp_path_factory.mktemp("demo")) / "data") as running:
        yield running
        if running.process.poll() is None:
            assert running.misdeeds() == {}


class Person:
    """Somebody at a browser, signed in with her printed link."""

    def __init__(self, browser: Browser, demo: Demo, name: str) -> None:
        self.demo = demo
        self.context = browser.new_context(viewport={"width": 1360, "height": 1000})
        self.page: Page = self.context.new_page()
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on(
            "console", lambda line: self.problems.append(line.text) if "Content Security Policy" in line.text else None
        )
        self.page.goto(demo.link(name))
        self.page.get_by_role("button").first.click()
        self.page.wait_for_url(demo.url + "/**")

    def open(self, words: str) -> None:
        """Type in the launcher and press Enter, as the page says."""
        self.page.goto(f"{self.demo.url}/")
        self.page.fill("#find", words)
        self.page.locator("[data-tile]:not([hidden]) .tile").first.wait_for()
        self.page.press("#find", "Enter")

    def sees_stream(self) -> None:
        """The portal's picture is there; if the sign-in ended instead, its words are why the walk fails."""
        self.page.locator("#stage canvas:visible, #after:visible").first.wait_for(timeout=60_000)
        assert self.page.locator("#stage canvas").is_visible(), self.page.locator("#waiting-words").inner_text()
        self.page.wait_for_function("() => window.portunusViewer.frames > 0 && window.portunusViewer.room")
        self._fits()

    def _fits(self) -> None:
        """The picture gets the size for which the walks know where things are; a notice that comes meanwhile takes room again."""
        drawn = "() => { const stage = document.querySelector('#stage canvas'); return [stage.width, stage.height]; }"
        fits = 0
        for _ in range(120):
            room, size = self.page.evaluate("() => window.portunusViewer.room"), self.page.viewport_size
            assert size is not None
            if room is None:
                fits = 0
            elif (room["w"], room["h"]) != (1280, 800):
                wide, high = size["width"] + 1280 - room["w"], size["height"] + 800 - room["h"]
                self.page.set_viewport_size({"width": wide, "height": high})
                with suppress(
                    PlaywrightTimeout
                ):  # a busy page measures late: corrected before that, it would swing for ever
                    self.page.wait_for_function(MEASURED, arg=room, timeout=10_000)
                fits = 0
            elif self.page.evaluate(drawn) == [1280, 800]:
                fits += 1
            if fits == 2:
                return
            self.page.wait_for_timeout(250)
        raise AssertionError(f"the picture is {self.page.evaluate(drawn)}")

    def said(self) -> str:
        """What the waiting page says in the end."""
        self.page.locator("#after").wait_for(timeout=90_000)
        return self.page.locator("#waiting-words").inner_text()

    def end(self) -> None:
        self.page.locator("#end").click()
        self.page.wait_for_url(self.demo.url + "/")

    def click_at(self, x: float, y: float) -> None:
        """Click on a point of the remote page (1280 x 800)."""
        box = self.page.locator("#stage canvas").bounding_box()
        assert box is not None
        scale = box["width"] / 1280
        self.page.mouse.click(box["x"] + x * scale, box["y"] + y * scale)


@pytest.fixture(scope="module")
def people(browser: Browser, demo: Demo) -> Iterator[dict[str, Person]]:
    """Each printed link is good once, so everybody signs in once per demo."""
    present: dict[str, Person] = {}

    class Arriving(dict[str, Person]):
        def __missing__(self, name: str) -> Person:
            present[name] = self[name] = Person(browser, demo, name)
            return self[name]

    yield Arriving()
    for person in present.values():
        person.context.close()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Walks first, being long, and their steps as they are written: pytest would put those without a browser at the end."""
    here = Path(__file__).parent
    items.sort(
        key=lambda item: (0, str(item.path), item.reportinfo()[1] or 0) if here in item.path.parents else (1, "", 0)
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A walk that failed tells what everybody saw last and what the processes said."""
    report = yield
    if call.when == "call" and report.failed and isinstance(item, pytest.Function):
        present: dict[str, Person] = item.funcargs.get("people", {})  # type: ignore[assignment]
        for name, person in present.items():
            report.sections.append((f"{name} saw {person.page.url}", person.page.locator("body").inner_text()))
        if isinstance(demo := item.funcargs.get("demo"), Demo):
            report.sections.append(("the demo said", demo.output.read_text(errors="replace")[-6000:]))
    return report
