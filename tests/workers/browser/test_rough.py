"""A canvas that is rough for a moment ends up with the very pixels of the page, whatever came in between."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from tests.workers.browser.test_screen import pictures
from workers.browser import tiles
from workers.browser.rough import Canvas, shortened
from workers.browser.screen import Picture, difference


def drawn(canvas: Picture, told: Any) -> None:
    for tile in told:
        canvas[tile.y : tile.y + tile.h, tile.x : tile.x + tile.w] = tiles.decode(tile.data, tile.w, tile.h)


def moved(canvas: Picture, moves: Any) -> None:
    for one in moves:
        source = canvas[one.y + one.dy : one.y + one.dy + one.h, one.x : one.x + one.w].copy()
        canvas[one.y : one.y + one.h, one.x : one.x + one.w] = source


@pytest.mark.parametrize("most", [1, 1 << 30])
@settings(max_examples=25, deadline=None)
@given(pair=pictures())
def test_the_viewer_ends_up_with_the_sharp_picture(pair: tuple[Picture, Picture], most: int) -> None:
    old, new = pair
    canvas = Canvas()
    canvas.whole(old, exact=True)
    seen = old.copy()
    change = difference(old, new)
    if change.whole:
        canvas.whole(new, exact=False)
        seen = tiles.decode(shortened(new), new.shape[1], new.shape[0]).copy()
    else:
        moved(seen, change.moves)
        drawn(seen, canvas.tiles(change, new))
        canvas.changed(change, new, exact=False)
    rounds = 0
    while (found := canvas.sharpened(new, most)) or canvas.rough:
        drawn(seen, found)
        rounds += 1
        assert rounds < 200
    assert np.array_equal(seen, new)


def test_a_portion_is_no_larger_than_a_band_beyond_what_may_go() -> None:
    noise = np.random.default_rng(7).integers(0, 256, (480, 64, 3), dtype=np.uint8)
    canvas = Canvas()
    canvas.whole(noise, exact=False)
    assert [tile.h for tile in canvas.sharpened(noise, 1)] == [48]
    assert canvas.rough
