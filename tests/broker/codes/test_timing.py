"""A mail's time: whole seconds, another machine's clock, and never a stale mail made fresh."""

from datetime import UTC, datetime, timedelta

from broker.codes import timing

NOW = datetime(2026, 11, 21, 9, 0, 30, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def test_a_mail_came_within_the_second_its_server_tells() -> None:
    assert timing.received_at(ago(10), NOW) == ago(9)


def test_a_mail_of_a_few_seconds_ago_stays_a_few_seconds_old() -> None:
    assert timing.received_at(ago(4), NOW) == ago(3)


def test_no_mail_comes_in_the_future() -> None:
    assert timing.received_at(ago(-120), NOW) == NOW


def test_a_mail_that_was_not_there_a_moment_ago_tells_the_clocks_error() -> None:
    assert timing.lag_s(ago(180), ago(0.25), NOW) == -180


def test_one_first_seen_after_a_long_pause_tells_nothing() -> None:
    assert timing.lag_s(ago(180), ago(60), NOW) is None
    assert timing.lag_s(ago(180), None, NOW) is None


def test_one_old_mail_moved_into_the_folder_is_not_taken_for_a_slow_clock() -> None:
    assert timing.clock_error([-180]) == timedelta(0)
    assert timing.clock_error([0, -1, -180]) == timedelta(0)


def test_several_mails_that_agree_are_believed() -> None:
    error = timing.clock_error([-181, -180, -180])
    assert error == timedelta(seconds=-180)
    assert timing.received_at(ago(180), NOW, error) == NOW


def test_a_right_clock_needs_no_correction() -> None:
    assert timing.clock_error([0, -1, 0, -1]) == timedelta(0)


def test_only_the_newest_measurements_are_kept() -> None:
    assert timing.remembered([1, 2, 3, 4, 5], 6) == [2, 3, 4, 5, 6]
    assert timing.remembered([1], None) == [1]
