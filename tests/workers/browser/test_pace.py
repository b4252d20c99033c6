"""How wide a viewer's line is, by when she says that she has drawn what was sent."""

from workers.browser.pace import Pace


def line(bytes_per_s: float, way_s: float, *sizes: int) -> Pace:
    """What is known after these messages over such a line."""
    pace, now = Pace(), 0.0
    pace.sent(100, now, picture=False)
    pace.acknowledged(now := now + way_s)
    for size in sizes:
        pace.sent(size, now, picture=True)
        now += way_s + size / bytes_per_s
        pace.acknowledged(now)
    return pace


def test_a_narrow_line_is_known_after_one_large_picture() -> None:
    pace = line(125_000, 0.2, 120_000)
    assert pace.slow
    assert pace.too_much(60_000)
    assert not pace.too_much(20_000)
    assert 8_000 <= pace.portion() < 60_000


def test_a_long_way_alone_is_no_narrow_line() -> None:
    assert not line(10_000_000, 0.4, 120_000, 120_000, 120_000).slow


def test_a_busy_machine_that_makes_one_picture_late_is_no_narrow_line() -> None:
    pace = line(10_000_000, 0.01, 60_000)
    pace.sent(40_000, 0.0, picture=True)
    pace.acknowledged(0.5)
    assert not pace.slow
    assert not pace.too_much(1_000_000)


def test_nothing_is_known_before_anything_large_was_drawn() -> None:
    pace = line(1_000, 0.2, 400, 400)
    assert not pace.slow
    assert pace.portion() > 1_000_000


def test_pictures_on_their_way_are_counted_and_forgotten() -> None:
    pace = Pace()
    for picture in (True, False, True):
        pace.sent(10, 0.0, picture=picture)
    assert pace.pictures == 2
    pace.acknowledged(0.1)
    assert pace.pictures == 1
    pace.forget()
    assert pace.pictures == 0
    pace.acknowledged(0.2)
