"""The difference of two pictures, applied to the first, is the second."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.browser import screen
from workers.browser.messages import Move


def painted(old: screen.Picture, new: screen.Picture) -> screen.Picture:
    """What a viewer that shows `old` would show after the change."""
    change = screen.difference(old, new)
    if change.whole:
        return new
    picture = screen.apply(old, change.moves)
    for tile in change.tiles:
        picture[tile.y : tile.y + tile.h, tile.x : tile.x + tile.w] = screen.decode(tile.png)
    return picture


@st.composite
def pictures(draw: st.DrawFn) -> tuple[screen.Picture, screen.Picture]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    old = rng.integers(0, 255, (160, 90, 3), dtype=np.uint8)
    new = np.roll(old, draw(st.integers(-80, 80)), axis=0) if draw(st.booleans()) else old.copy()
    for _ in range(draw(st.integers(0, 4))):
        y, x = draw(st.integers(0, 150)), draw(st.integers(0, 80))
        new[y : y + draw(st.integers(1, 30)), x : x + draw(st.integers(1, 20))] = draw(st.integers(0, 255))
    return old, new


@given(pictures())
@settings(max_examples=150, deadline=None)
def test_the_viewer_ends_up_with_the_new_picture(pair: tuple[screen.Picture, screen.Picture]) -> None:
    old, new = pair
    assert np.array_equal(painted(old, new), new)


def test_a_still_page_is_no_change() -> None:
    picture = np.zeros((800, 1280, 3), dtype=np.uint8)
    assert screen.difference(picture, picture.copy()).nothing


def test_a_typed_letter_is_a_small_tile() -> None:
    old = np.full((800, 1280, 3), 255, dtype=np.uint8)
    new = old.copy()
    new[400:407, 300:309] = 0
    change = screen.difference(old, new)
    assert sum(len(tile.png) for tile in change.tiles) < 300


def test_a_scroll_is_a_move_and_the_strip_that_came_in() -> None:
    page = np.random.default_rng(1).integers(0, 255, (2000, 1280, 3), dtype=np.uint8)
    change = screen.difference(page[:800], page[120:920])
    assert change.moves == [Move(0, 0, 1280, 680, 120)]
    assert sum(tile.h for tile in change.tiles) == 120
