"""The difference of two pictures, applied to the first, is the second."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from workers.browser import png, screen, tiles
from workers.browser.messages import Move


def painted(old: screen.Picture, new: screen.Picture) -> screen.Picture:
    """What a viewer that shows `old` would show after the change."""
    change = screen.difference(old, new)
    if change.whole:
        return new
    picture = screen.apply(old, change.moves)
    for tile in change.tiles:
        picture[tile.y : tile.y + tile.h, tile.x : tile.x + tile.w] = tiles.decode(tile.data, tile.w, tile.h)
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


def test_a_still_page_is_no_change() -> None:
    picture = np.zeros((800, 1280, 3), dtype=np.uint8)
    assert screen.difference(picture, picture.copy()).nothing


def test_a_typed_letter_is_a_small_tile() -> None:
    old = np.full((800, 1280, 3), 255, dtype=np.uint8)
    new = old.copy()
    new[400:407, 300:309] = 0
    change = screen.difference(old, new)
    assert sum(len(tile.data) for tile in change.tiles) < 300


def test_a_scroll_is_a_move_and_the_strip_that_came_in() -> None:
    page = np.random.default_rng(1).integers(0, 255, (2000, 1280, 3), dtype=np.uint8)
    change = screen.difference(page[:800], page[120:920])
    assert change.moves == [Move(0, 0, 1280, 680, 120)]
    assert sum(tile.h for tile in change.tiles) == 120


def test_a_scroll_bar_beside_the_page_costs_only_its_thumb() -> None:
    page = np.random.default_rng(2).integers(0, 255, (2000, 1280, 3), dtype=np.uint8)
    old, new = page[:800].copy(), page[100:900].copy()
    for shown, thumb in ((old, 30), (new, 70)):
        shown[:, 1230:] = 240
        shown[thumb : thumb + 220, 1268:1277] = 90
    change = screen.difference(old, new)
    assert change.moves == [Move(0, 0, 1230, 700, 100)]
    assert sum(tile.w * tile.h for tile in change.tiles) == 1230 * 100 + 2 * 40 * 9
    assert np.array_equal(painted(old, new), new)


@st.composite
def pages_with_bars(draw: st.DrawFn) -> tuple[screen.Picture, screen.Picture]:
    """A page that scrolls below a heading that stays, a bar that moves otherwise, and something painted over."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    page = rng.integers(0, draw(st.sampled_from([2, 255])), (500, 160, 3), dtype=np.uint8)
    by, heading = draw(st.integers(-80, 80)), draw(st.integers(0, 30))
    old, new = page[100:300].copy(), page[100 + by : 300 + by].copy()
    for shown, thumb in ((old, 40), (new, 40 + by // 3)):
        shown[:heading] = 7
        shown[:, 120:] = 240
        shown[thumb : thumb + 60, 150:158] = 90
    new[draw(st.integers(0, 190)) :, draw(st.integers(0, 150)) :][:9, :9] = 3
    return old, new


@given(pictures() | pages_with_bars())
@settings(max_examples=300)
def test_the_viewer_ends_up_with_the_new_picture(pair: tuple[screen.Picture, screen.Picture]) -> None:
    old, new = pair
    assert np.array_equal(painted(old, new), new)


@st.composite
def plain_tiles(draw: st.DrawFn) -> screen.Picture:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    colours = rng.integers(0, 256, (draw(st.sampled_from([1, 2, 40, 256, 5000])), 3), dtype=np.uint8)
    height, width = draw(st.integers(1, 60)), draw(st.integers(1, 700))
    picture = colours[rng.integers(0, len(colours), (height, width))]
    picture[:, : width // 2] = colours[0]
    return picture


@given(plain_tiles())
@settings(max_examples=150)
def test_a_tile_is_drawn_without_loss(picture: screen.Picture) -> None:
    height, width = picture.shape[:2]
    assert np.array_equal(tiles.decode(tiles.encode(picture), width, height), picture)


def test_a_tile_of_few_colours_needs_no_decoder() -> None:
    picture = np.full((20, 90, 3), 255, dtype=np.uint8)
    picture[5:15, 40:48] = 0
    assert tiles.encode(picture)[0] == tiles.RUNS


def filtered_up(picture: screen.Picture) -> bytes:
    """A PNG as Chromium writes it."""
    height, width = picture.shape[:2]
    rows = np.full((height, 1 + 3 * width), png.UP, np.uint8)
    flat = picture.reshape(height, -1)
    rows[:, 1:] = np.diff(flat, axis=0, prepend=np.zeros((1, 3 * width), np.uint8))
    head = png.HEADER.pack(width, height, 8, png.RGB, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b""))
    return png.SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


@given(pictures())
@settings(max_examples=100)
def test_the_short_way_to_read_sees_what_the_long_way_sees(pair: tuple[screen.Picture, screen.Picture]) -> None:
    sight = screen.Sight()
    for picture in pair:
        data = filtered_up(picture)
        sight.see(data)
        assert sight.picture is not None
        assert np.array_equal(sight.picture, picture)
        assert np.array_equal(sight.picture, tiles.decode(data, 0, 0))


@pytest.mark.parametrize("mode", ["RGBA", "P", "L"])
def test_other_pngs_are_read_the_long_way(mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (30, 20), 3 if mode != "RGBA" else (1, 2, 3, 255)).save(out, "PNG")
    sight = screen.Sight()
    assert sight.see(out.getvalue()).whole
    assert sight.picture is not None
    assert sight.picture.shape == (20, 30, 3)
