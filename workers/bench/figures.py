"""Figures: how they are drawn from runs, what the issue asks of them, and how they are shown."""

import json
import statistics
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

TARGETS: Mapping[str, float] = {
    "open_warm_p50_ms": 300,
    "open_warm_p95_ms": 800,
    "open_cold_own_p50_ms": 1000,
    "mail_to_typed_p95_ms": 500,
    "click_to_pixel_p50_ms": 35,
    "click_to_pixel_p95_ms": 70,
    "tabs25_p95_ms": 250,
    "typed_char_bytes": 1024,
    "idle_core_pct": 0.5,
    "recording_mb_per_h": 8,
    "recording_core_pct": 3,
    "seek_p95_ms": 300,
    "still_page_frames": 0,
    "warm_session_pss_mb": 60,
    "parked_state_kb": 200,
    "second_start_s": 5,
    "sms_to_typed_p95_ms": 300,
    "sms_in_flood_max_ms": 1000,
    "mailwatch_rss_mb": 300,
    "mailwatch_idle_core_pct": 3,
    "mailwatch_reconnect_s": 30,
    "verify_1m_s": 10,
    "sim_misassigned": 0,
    "sim_reused": 0,
    "sim_outdated": 0,
    "overhead_warm_p50_ms": 150,
    "batch_lost": 0,
    "batch_doubled": 0,
    "shared_lost": 0,
    "shared_doubled": 0,
    "policy_requests_made": 0,
    "accuracy_wrong": 0,
    "isolation_overhead_pct": 15,
    "script_start_p50_ms": 60,
    "catalog350_load_ms": 300,
    "catalog350_mb": 60,
    "script_lines_median": 60,
}
"""At most so much. Source: issue 2, "Speed and memory", and those after it."""
LEAST: Mapping[str, float] = {
    "audit_single_per_s_sqlite": 1000,
    "audit_single_per_s_postgres": 800,
    "audit_grouped_per_s": 15_000,
    "sim_messages": 100_000,
    "per_minute_one_session": 60,
    "batch_rows": 10_000,
    "accuracy_members_and_claims": 2000,
    "mailboxes": 300,
    "flood_forged_per_s": 990,
    "scroll_fps": 55,
}
"""At least so much. Source: issues 3 and 6, "Speed"."""
Figures = dict[str, float]


def p50(values: Sequence[float]) -> float:
    """The median, to a tenth."""
    return round(statistics.median(values), 1)


def p95(values: Sequence[float]) -> float:
    """The 95th percentile, between neighbours where it falls between two runs; of one run that run."""
    return round(statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0], 1)


def said(figures: Figures) -> Figures:
    """What one finished part found, as a line on standard error: a whole run takes long. Returns it."""
    print(json.dumps(figures), file=sys.stderr, flush=True)
    return figures


def show(figures: Figures) -> None:
    """A table for people; nothing is judged here but by the reader."""
    table = Table(box=None, pad_edge=False)
    for column in ("figure", "measured", "target"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for name, value in figures.items():
        most, least = TARGETS.get(name), LEAST.get(name)
        told = f"≤ {most:g}" if most is not None else f"≥ {least:g}" if least is not None else ""
        missed = (most is not None and value > most) or (least is not None and value < least)
        table.add_row(name, f"{value:g}", told, style="red" if missed else None)
    Console(highlight=False).print(table)
