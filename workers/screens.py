"""Pictures of each screen for docs/, taken from a demo of its own: `make screenshots`. Invented people and carriers only."""

import asyncio
import io
import sys
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from workers.bench.demo import Demo, running_demo
from workers.bench.open import tile
from workers.bench.viewer import PERSON, Viewer, launch

SIZE = {"width": 1280, "height": 860}
COLOURS = 64
MOST_BYTES = 100_000
PAGES = {
    "Maria": {"portals": "/", "lookups": "/lookups", "my-recordings": "/recordings", "me": "/me"},
    "Dan": {"code-desk": "/codes"},
    "Ana": {
        "accounts": "/accounts",
        "channels": "/channels",
        "locations": "/locations",
        "people": "/people",
        "scripts": "/scripts",
        "status": "/status",
        "code-waits": "/code-report",
    },
    "Audrey": {
        "last-code": "/last-code?portal=harborline&location=phoenix",
        "audit-log": "/audit",
        "recordings": "/recordings",
        "open-tabs": "/open-tabs",
    },
}
"""Who is shown what: name of the picture, and the page."""


async def take(demo: Demo, folder: Path) -> None:
    """A morning: Maria opens Harborline, Audrey looks on, the tab ends, its recording is played; then every page."""
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        people = {name: await _signed_in(demo, browser, name) for name in ("Ana", "Audrey", "Dan")}
        viewer = await Viewer.sign_in(demo, browser, demo.link(PERSON))
        people["Maria"] = viewer.page
        account, location, _ = tile(demo)
        await viewer.click_tile(account, location)
        await viewer.quiet()
        await viewer.page.set_viewport_size(SIZE)  # type: ignore[arg-type]
        await _keep(viewer.page, folder / "tab.png")
        await _watch(demo, people["Audrey"], viewer.page, folder)
        await viewer.give_back()
        for name, pages in PAGES.items():
            for picture, path in pages.items():
                await people[name].goto(demo.url + path)
                await _keep(people[name], folder / f"{picture}.png")
        await _play(demo, people["Audrey"], folder / "player.png")
        await browser.close()


async def _signed_in(demo: Demo, browser: Browser, name: str) -> Page:
    page = await (await browser.new_context(viewport=SIZE)).new_page()  # type: ignore[arg-type]
    await page.goto(demo.link(name))
    await page.get_by_role("button").first.click()
    await page.locator("header.bar").wait_for()
    return page


async def _watch(demo: Demo, audrey: Page, maria: Page, folder: Path) -> None:
    await audrey.goto(f"{demo.url}/open-tabs")
    await audrey.get_by_label("Why?").first.fill("Quarterly sample")
    await _keep(audrey, folder / "open-tabs-of-others.png")
    await audrey.get_by_role("button", name="Watch").first.click()
    await audrey.wait_for_function("() => window.portunusWatch?.drawn > 0")
    await _keep(audrey, folder / "watching.png")
    await maria.locator("#watched:not([hidden])").wait_for()
    await _keep(maria, folder / "watched-tab.png")
    await audrey.goto(f"{demo.url}/open-tabs")


async def _play(demo: Demo, page: Page, path: Path) -> None:
    ((newest,),) = demo.rows("SELECT id FROM recording ORDER BY started_at DESC LIMIT 1")
    await page.goto(f"{demo.url}/recordings/{newest}")
    await page.get_by_label("Why do you view it?").fill("Quarterly sample")
    await page.keyboard.press("Enter")
    await page.wait_for_function("() => window.portunusPlayer?.drawn > 0")
    await _keep(page, path)


async def _keep(page: Page, path: Path) -> None:
    """As a small PNG: few colours, and narrower until it fits."""
    await asyncio.to_thread(_written, await page.screenshot(), path)


def _written(picture: bytes, path: Path) -> None:
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    while True:
        small = io.BytesIO()
        image.quantize(COLOURS, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
        if small.tell() <= MOST_BYTES:
            break
        image = image.resize((image.width * 4 // 5, image.height * 4 // 5), Image.Resampling.LANCZOS)
    path.write_bytes(small.getvalue())
    print(path.name, small.tell(), file=sys.stderr)


def main() -> None:
    """Into the folder that is named, or docs/screens."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/screens")
    folder.mkdir(parents=True, exist_ok=True)
    with running_demo() as demo:
        asyncio.run(take(demo, folder))


if __name__ == "__main__":
    main()
