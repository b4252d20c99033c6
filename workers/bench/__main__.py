"""`python -m workers.bench open stream codes`: start a demo, act as Maria in a real browser, measure, print, stop."""

import argparse
import asyncio
import json
import sys

from playwright.async_api import Error, async_playwright

from broker.base.errors import BrokerError
from workers.bench import codes, lookups, manytabs, peers, recording, rows, screencast, scripts, start, stream
from workers.bench import open as opening
from workers.bench.demo import Demo, running_demo
from workers.bench.figures import Figures, said, show
from workers.bench.viewer import PERSON, Viewer, launch

STARTS = 3
"""Starts after the first: each costs seconds, and they differ little."""
WHAT = ("open", "stream", "recording", "codes", "lookups", "scripts")


async def measure(demo: Demo, what: list[str], runs: int, *, quick: bool) -> Figures:
    """The figures of these benches, one after the other in one demo (parking has a demo of its own)."""
    figures: Figures = {}
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        viewer = await Viewer.sign_in(demo, browser, demo.link(PERSON))
        if "open" in what:
            figures |= await opening.measure(demo, playwright, viewer, runs, quick=quick)
        if "codes" in what:
            await viewer.sign_out_everywhere()
            figures |= await codes.measure(demo, playwright, viewer, runs)
        if "recording" in what:
            await viewer.sign_out_everywhere()
            figures |= await recording.measure(demo, playwright, viewer)
        if "stream" in what:
            await viewer.sign_out_everywhere()
            figures |= await stream.measure(demo, playwright, viewer, runs, quick=quick)
            figures |= await manytabs.measure(demo, playwright, quick=quick)
            figures |= await screencast.measure(demo, playwright, runs)
            figures |= await peers.measure(demo, playwright, runs)
        await browser.close()
    return figures


async def measure_parking() -> Figures:
    """What needs another setting, in another demo."""
    async with async_playwright() as playwright:
        return said(await opening.parked(playwright))


def main() -> int:
    """Exit code 1, and one sentence, when something did not work; no time is ever wrong."""
    parser = argparse.ArgumentParser(prog="python -m workers.bench", description=__doc__)
    parser.add_argument("what", nargs="*", help=f"any of {', '.join(WHAT)}; all when none is named")
    parser.add_argument("--runs", type=int, default=30, help="runs per median")
    parser.add_argument("--json", action="store_true", help="one flat object, name to number")
    parser.add_argument("--quick", action="store_true", help="a shorter look at still pages, no stale opens")
    asked = parser.parse_args()
    what = asked.what or list(WHAT)
    if unknown := set(what) - set(WHAT):
        parser.error(f"there is no bench {unknown.pop()}; there are {', '.join(WHAT)}")
    if asked.runs < 1:
        parser.error("--runs must be at least 1")
    try:
        figures: Figures = {}
        if set(what) - {"lookups", "scripts"}:
            with running_demo() as demo:
                figures = asyncio.run(measure(demo, what, asked.runs, quick=asked.quick))
        if "lookups" in what:
            with running_demo() as demo:
                figures |= asyncio.run(lookups.measure(demo, asked.runs, quick=asked.quick))
            size = lookups.BATCH_ROWS_QUICK if asked.quick else lookups.BATCH_ROWS
            figures |= said(rows.measure(size))
        if "scripts" in what:
            figures |= said(asyncio.run(scripts.measure(asked.runs)))
        if "open" in what:
            figures |= asyncio.run(measure_parking())
            figures |= said(start.measure(1 if asked.quick else STARTS))
    except (BrokerError, Error) as failed:
        print(f"The bench could not be run: {failed}", file=sys.stderr)
        return 1
    if asked.json:
        print(json.dumps(figures))
    else:
        show(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
