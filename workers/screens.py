"""Pictures of each screen for docs/, taken from a demo of its own: `make screenshots`. Invented people and carriers only."""

import asyncio
import io
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from workers.bench import lookups
from workers.bench.demo import Demo, running_demo
from workers.bench.open import tile
from workers.bench.viewer import PERSON, Viewer, launch

SIZE = {"width": 1280, "height": 860}
COLOURS = 64
MOST_BYTES = 100_000
DOC = """# Screens

Each screen of the demo, taken by `make screenshots`, which writes this page too. People, carriers and claims are invented.
"""


@dataclass(frozen=True)
class Screen:
    """One picture: its name, who is shown it, where, and what it shows. Places in braces are found in the demo."""

    name: str
    person: str
    path: str
    words: str


MOMENTS = {
    "tab": "A portal tab: streamed, recorded, signed in already.",
    "tab-find": "Find looks in the portal's page, frames and all.",
    "tab-other-portals": "Another of her open portals, by Ctrl+Alt+K.",
    "tab-screen-reader": "The portal's page as text, for screen readers and keyboards.",
    "tab-hand-over": "A tab is handed over with a note.",
    "open-tabs-of-others": "Open tabs of colleagues, for who may watch, take over or end them.",
    "watching": "Watching: what the holder sees, and nothing goes back.",
    "watched-tab": "The same tab at its holder: who watches is said above it and around it.",
    "player": "A recording, played for a reason that is in the log.",
}
"""Pictures that take more than a visit."""
PAGES = (
    Screen("sign-in", "Nobody", "/sign-in", "The way in."),
    Screen("sign-in-help", "Nobody", "/sign-in/help", "What to do when one cannot sign in."),
    Screen("portals", "Maria", "/", "Maria's portals: type, Enter, work."),
    Screen("my-recordings", "Maria", "/recordings", "A biller's own."),
    Screen("me", "Maria", "/me", "One's own sign-ins."),
    Screen("lookups", "Maria", "/lookups", "Eligibility and claim status."),
    Screen("lookup", "Maria", "/lookups/{lookup}", "An answer, each value with where the portal says so."),
    Screen("lookup-evidence", "Maria", "/lookups/{lookup}/evidence", "The evidence of an answer."),
    Screen("code-desk", "Dan", "/codes", "The code desk."),
    Screen("accounts", "Ana", "/accounts", "Portal accounts."),
    Screen("account-codes", "Ana", "/accounts/{account}/codes", "How a login gets its codes."),
    Screen("channels", "Ana", "/channels", "Mailboxes and telephones of codes."),
    Screen("channel", "Ana", "/channels/{channel}", "One mailbox: what came, and what became of it."),
    Screen("channel-kind", "Ana", "/channels/kind/email", "What a kind of channel needs, step by step."),
    Screen("on-call", "Ana", "/on-call", "Who is asked for a code that only a person can read."),
    Screen("locations", "Ana", "/locations", "Locations."),
    Screen("people", "Ana", "/people", "People and their roles."),
    Screen("scripts", "Ana", "/scripts", "Carrier scripts."),
    Screen("script", "Ana", "/scripts/harborline", "One carrier's script: versions, approvals, pins."),
    Screen(
        "script-edit", "Sam", "/scripts/harborline/edit", "The editor, with a check, a test on saved pages and a run."
    ),
    Screen("script-new", "Sam", "/script-new", "A script for a new portal."),
    Screen("script-health", "Ana", "/script-health", "How the scripts do, by day."),
    Screen("script-runs", "Sam", "/script-runs", "Runs, and what each met."),
    Screen("failed-sign-ins", "Ana", "/failed-sign-ins", "Sign-ins that failed, with their reasons."),
    Screen("code-waits", "Ana", "/code-report", "How long codes were waited for."),
    Screen("status", "Ana", "/status", "What runs."),
    Screen(
        "last-code",
        "Audrey",
        "/last-code?portal=harborline&location=phoenix",
        "Who received the last code, with its proof.",
    ),
    Screen("code-request", "Audrey", "/code-requests/{code_request}", "A code's way, step by step."),
    Screen("audit-log", "Audrey", "/audit", "The audit log."),
    Screen("recordings", "Audrey", "/recordings", "Recordings one may view."),
    Screen("open-tabs", "Audrey", "/open-tabs", "Open tabs when nobody has one."),
)
FOUND = {
    "lookup": "SELECT id FROM lookup ORDER BY created_at DESC LIMIT 1",
    "code_request": "SELECT id FROM code_request ORDER BY asked_at DESC LIMIT 1",
    "channel": "SELECT id FROM delivery_endpoint WHERE kind = 'mailbox' LIMIT 1",
}


async def take(demo: Demo, folder: Path) -> None:
    """A morning: Maria opens Harborline, Audrey looks on, the tab ends, its recording is played; then every page."""
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        people = {name: await _signed_in(demo, browser, name) for name in ("Ana", "Audrey", "Dan", "Sam")}
        people["Nobody"] = await (await browser.new_context(viewport=SIZE)).new_page()  # type: ignore[arg-type]
        viewer = await Viewer.sign_in(demo, browser, demo.link(PERSON))
        people["Maria"] = viewer.page
        asked = await lookups.asked(demo)
        account, location, _ = tile(demo)
        await viewer.click_tile(account, location)
        await viewer.quiet()
        await viewer.page.set_viewport_size(SIZE)  # type: ignore[arg-type]
        await viewer.quiet()
        await _work(viewer, folder)
        await _watch(demo, people["Audrey"], viewer.page, folder)
        await viewer.give_back()
        await lookups.answered(demo, asked)
        places = {"account": account} | {name: demo.rows(query)[0][0] for name, query in FOUND.items()}
        for screen in PAGES:
            await people[screen.person].goto(demo.url + screen.path.format(**places))
            await _keep(people[screen.person], folder / f"{screen.name}.png")
        await _play(demo, people["Audrey"], folder / "player.png")
        await browser.close()


async def _work(viewer: Viewer, folder: Path) -> None:
    """What is around and over the picture, one after the other; the portal's announcement is closed through its text."""
    page = viewer.page
    await page.click("#mirror-open")
    await page.locator("#mirror").get_by_role("button", name="Close").click()
    await viewer.quiet()
    await page.locator("#mirror").focus()
    await _keep(page, folder / "tab-screen-reader.png")
    await page.click("#mirror-open")
    await viewer.quiet()
    await _keep(page, folder / "tab.png")
    await page.click("#find-open")
    await page.fill("#find-words", "claim")
    await page.keyboard.press("Enter")
    await viewer.quiet()
    await _keep(page, folder / "tab-find.png")
    await page.click("#find-close")
    await page.click("#others")
    await page.locator("#switcher[open]").wait_for()
    await _keep(page, folder / "tab-other-portals.png")
    await page.keyboard.press("Escape")
    await page.click("#hand-over-open")
    await page.locator("#hand-over[open]").wait_for()
    await _keep(page, folder / "tab-hand-over.png")
    await page.keyboard.press("Escape")


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
    ((newest,),) = demo.rows("SELECT id FROM recording WHERE holder_kind = 'user' ORDER BY started_at DESC LIMIT 1")
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
    """Into the folder that is named, or docs/screens, and a page about them beside it."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/screens")
    folder.mkdir(parents=True, exist_ok=True)
    with running_demo() as demo:
        asyncio.run(take(demo, folder))
    described = [*MOMENTS.items(), *((screen.name, screen.words) for screen in PAGES)]
    parts = [f"## {words}\n\n![{words}]({folder.name}/{name}.png)\n" for name, words in described]
    folder.with_suffix(".md").write_text("\n".join([DOC, *parts]), encoding="utf-8")


if __name__ == "__main__":
    main()
