"""A bench takes minutes: it says what each part found as soon as it is known, and prints the whole at the end only."""

import asyncio
import json

import pytest

from workers.bench import open as opening
from workers.bench.figures import said


def test_a_part_is_one_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert said({"open_cold_p50_ms": 812.5}) == {"open_cold_p50_ms": 812.5}
    told = capsys.readouterr()
    assert (told.out, json.loads(told.err)) == ("", {"open_cold_p50_ms": 812.5})


def test_open_says_cold_warm_and_memory_one_after_the_other(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, part in enumerate(("_cold", "_warm", "_memory")):
        monkeypatch.setattr(opening, part, found({part: float(number)}))
    monkeypatch.setattr(opening, "_browser_mb", found(0.0))
    figures = asyncio.run(opening.measure(None, None, None, 30, quick=True))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert lines == [{"_cold": 0.0}, {"_warm": 1.0}, {"_memory": 2.0}]
    assert figures == {"_cold": 0.0, "_warm": 1.0, "_memory": 2.0}


def found(what):
    """A measurement that is done at once."""

    async def measure(*_args, **_kwargs):
        return what

    return measure
