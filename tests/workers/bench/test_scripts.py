"""`bench scripts` measures all it promises, on sign-ins that the lab itself counts as such."""

import asyncio

import pytest

from workers.bench import scripts
from workers.bench.figures import Figures

PROMISED = {
    "isolation_overhead_pct",
    "script_start_p50_ms",
    "catalog350_load_ms",
    "catalog350_mb",
    "script_lines_median",
}


@pytest.fixture(scope="module")
def figures() -> Figures:
    return asyncio.run(scripts.measure(1))


@pytest.mark.slow
@pytest.mark.browser
def test_every_figure_is_there(figures: Figures) -> None:
    assert set(figures) >= PROMISED


@pytest.mark.slow
@pytest.mark.browser
def test_the_overhead_is_that_of_the_two_sign_ins_it_is_made_of(figures: Figures) -> None:
    script, floor = figures["script_sign_in_p50_ms"], figures["floor_sign_in_p50_ms"]
    assert figures["isolation_overhead_pct"] == pytest.approx(100 * (script - floor) / floor, abs=0.1)
