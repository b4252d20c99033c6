"""A jump in a recording decodes only what is seen at its end, and shows the same picture as if it had decoded everything."""

import asyncio
import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.async_api import Route, async_playwright

from broker.base.settings import Settings
from workers.browser import messages
from workers.browser.find import find
from workers.browser.messages import Move, Tile

pytestmark = pytest.mark.browser
STATIC = Path(__file__).parents[3] / "api" / "web" / "static"
WIDE, HIGH, STRETCHES = 150, 106, 40
BOTH = """async (stretches) => {
  const { parse, decode, draw, Kept } = await import("/draw.js"), { needed } = await import("/needed.js");
  const shown = async (all, wanted) => {
    const context = new OffscreenCanvas(1, 1).getContext("2d", { alpha: false });
    for (const [n, message] of all.entries()) await draw(context, message, decode(message, wanted[n]));
    return context.getImageData(0, 0, context.canvas.width, context.canvas.height).data.join();
  };
  const told = [];
  for (const stretch of stretches) {
    const kept = new Kept(Infinity);
    const all = stretch.map((text) => parse(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer));
    for (const message of all) message.found = kept.take(message);
    const whole = all.map((message) => message.found), seen = needed(all);
    told.push([await shown(all, whole) === await shown(all, seen), whole.flat().length, seen.flat().length]);
  }
  return told;
}"""


def picture(luck: np.random.Generator, w: int, h: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(luck.integers(0, 255, (h, w, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def place(luck: np.random.Generator) -> tuple[int, int, int, int]:
    x, y = int(luck.integers(0, WIDE - 1)), int(luck.integers(0, HIGH - 1))
    return x, y, int(luck.integers(1, WIDE - x + 1)), int(luck.integers(1, HIGH - y + 1))


def moved(luck: np.random.Generator) -> Move:
    x, y, w, h = place(luck)
    return Move(x, y, w, h, int(luck.integers(-y, HIGH - y - h + 1)))


def stretch(seed: int) -> list[bytes]:
    luck = np.random.default_rng(seed)
    told = [messages.frame(0, 0, 0, WIDE, HIGH, picture(luck, WIDE, HIGH))]
    for seq in range(1, int(luck.integers(1, 12))):
        moves = [moved(luck) for _ in range(int(luck.integers(0, 3)))]
        places = [place(luck) for _ in range(int(luck.integers(0, 4)))]
        told.append(messages.update(0, seq, 0, moves, [Tile(*at, picture(luck, *at[2:])) for at in places]))
    return told


def both(stretches: list[list[bytes]]) -> list[tuple[bool, int, int]]:
    """Of each: whether both ways show the same, how many pictures it has, how many are decoded."""

    async def serve(route: Route) -> None:
        file = STATIC / route.request.url.rpartition("/")[2]
        kind = "text/javascript" if file.suffix == ".js" else "text/html"
        await route.fulfill(content_type=kind, body=file.read_text(encoding="utf-8") if file.is_file() else "")

    async def within() -> Any:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find(Settings()).path)
            page = await browser.new_page()
            await page.route("**/*", serve)
            await page.goto("https://player.example/")
            told = [[base64.b64encode(one).decode() for one in all_of_it] for all_of_it in stretches]
            found = await page.evaluate(BOTH, told)
            await browser.close()
            return found

    return [(same, of, seen) for same, of, seen in asyncio.run(within())]


def test_what_is_not_decoded_is_not_seen() -> None:
    told = both([stretch(seed) for seed in range(STRETCHES)])
    assert [seed for seed, (same, _, _) in enumerate(told) if not same] == []
    assert sum(seen for _, _, seen in told) < sum(of for _, of, _ in told)


def test_what_is_drawn_over_wholly_is_not_decoded() -> None:
    luck = np.random.default_rng(1)
    over = [
        messages.update(0, seq, 0, [], [Tile(0, 0, WIDE, HIGH, picture(luck, WIDE, HIGH)), *more])
        for seq, more in ((1, []), (2, [Tile(3, 3, 40, 40, picture(luck, 40, 40))]))
    ]
    first = messages.frame(0, 0, 0, WIDE, HIGH, picture(luck, WIDE, HIGH))
    assert both([[first, *over]]) == [(True, 4, 3)]
