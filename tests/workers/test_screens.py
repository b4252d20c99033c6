"""The pictures in docs/: every one is shown by the page, small, and taken by the script."""

import re
from pathlib import Path

from workers.screens import MOMENTS, MOST_BYTES, PAGES

DOCS = Path(__file__).parents[2] / "docs"


def test_every_picture_is_shown_and_small_and_of_a_page_the_script_visits() -> None:
    there = {file.stem: file.stat().st_size for file in (DOCS / "screens").glob("*.png")}
    shown = set(re.findall(r"\(screens/([a-z-]+)\.png\)", (DOCS / "screens.md").read_text()))
    assert shown == set(there)
    assert max(there.values()) <= MOST_BYTES
    assert {screen.name for screen in PAGES} | set(MOMENTS) == shown
