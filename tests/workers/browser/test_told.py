"""A picture that comes again is told by its name; both sides forget alike; a recording resolves by itself."""

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.recordings.container import Message
from workers.browser import messages, told
from workers.browser.messages import Tile
from workers.browser.screen import Patch, Picture, difference
from workers.browser.told import KEPT_BYTES, LEAST_AREA, MARK, NAME, Told
from workers.films.pictures import pictures

WIDE, HIGH = 120, 90


def page(seed: int) -> Picture:
    return np.random.default_rng(seed).integers(0, 255, (HIGH, WIDE, 3), dtype=np.uint8)


def patch(seed: int, x: int = 0) -> Patch:
    return Patch(x, 0, page(seed))


def test_the_viewer_keeps_as_many_as_the_host_thinks():
    drawing = (Path(__file__).parents[3] / "api" / "web" / "static" / "draw.js").read_text(encoding="utf-8")
    assert f"KEPT_AREA = {LEAST_AREA}, KEPT_BYTES = {KEPT_BYTES // 2**20} * 1024 * 1024;" in drawing


def test_a_picture_that_comes_again_is_its_name():
    known = Told()
    first = known.tiles(7, [patch(1), patch(2)])
    again = known.tiles(8, [patch(3), patch(2, x=5)])
    assert first[1].data == patch(2).data
    assert again[1] == Tile(5, 0, WIDE, HIGH, NAME.pack(MARK, 7, 1))


def test_a_whole_picture_can_be_a_tiles_name_and_the_other_way_round():
    known = Told()
    assert known.picture(1, patch(1), None) == patch(1).data
    assert known.tiles(2, [patch(1)])[0].data == NAME.pack(MARK, 1, 0)
    known.tiles(3, [patch(2)])
    assert known.picture(4, patch(2), b"packed elsewhere") == NAME.pack(MARK, 3, 0)


def test_small_pictures_are_not_worth_a_name():
    known, small = Told(), Patch(0, 0, page(1)[:, : LEAST_AREA // HIGH])
    known.tiles(1, [small])
    assert known.tiles(2, [small])[0].data == small.data


def test_what_stands_in_for_another_picture_never_becomes_a_name():
    known = Told()
    known.tiles(1, [Tile(0, 0, WIDE, HIGH, patch(1).data)])
    assert known.tiles(2, [patch(1)])[0].data == patch(1).data


def test_while_somebody_looks_on_everything_is_sent():
    known = Told()
    known.tiles(1, [patch(1)])
    known.naming = False
    assert known.tiles(2, [patch(1)])[0].data == patch(1).data
    known.naming = True
    assert known.tiles(3, [patch(1)])[0].data == NAME.pack(MARK, 2, 0)


def test_the_oldest_is_forgotten_when_the_viewer_forgets_it(monkeypatch):
    monkeypatch.setattr(told, "KEPT_BYTES", len(patch(1).data) + len(patch(2).data) + 10)
    known = Told()
    for seq in (1, 2, 3):
        known.tiles(seq, [patch(seq)])
    assert known.tiles(4, [patch(3)])[0].data == NAME.pack(MARK, 3, 0)
    assert known.tiles(5, [patch(1)])[0].data == patch(1).data


def test_pages_of_different_width_with_the_same_bytes_have_two_names():
    tall = page(1).reshape(WIDE, HIGH, 3)
    assert patch(1).digest != Patch(0, 0, tall).digest


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-30, 30)), min_size=1, max_size=12))
@settings(max_examples=60)
def test_a_recording_with_names_shows_what_was_shown(steps: list[tuple[int, int]]):
    """Pages come, scroll and come again; each is drawn as it was."""
    long = {
        seed: np.random.default_rng(seed).integers(0, 255, (3 * HIGH, WIDE, 3), dtype=np.uint8) for seed in range(5)
    }
    shown = [long[seed][HIGH + by : 2 * HIGH + by] for seed, by in steps]
    known, told_so_far, before = Told(), [], None
    for seq, picture in enumerate(shown):
        change = difference(before, picture)
        if change.whole:
            whole = known.picture(seq, Patch(0, 0, picture), None)
            data = messages.frame(0, seq, seq, WIDE, HIGH, whole)
        else:
            data = messages.update(0, seq, seq, change.moves, known.tiles(seq, change.tiles))
        told_so_far.append(Message(seq, data))
        before = picture
    for (_, drawn), picture in zip(pictures(told_so_far), shown, strict=True):
        assert np.array_equal(drawn, picture)
