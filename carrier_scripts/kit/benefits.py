"""Tables that benefit pages have everywhere: amounts with what is used and left, and shares by category of service."""

from collections.abc import Mapping
from typing import Any

from carrier_scripts.kit.lookups import Answer
from carrier_scripts.kit.reading import Row, Seen, Table, Value, meaning, money, need, part, percent, said, words

CATEGORIES = {
    "Preventive and diagnostic": "diagnostic_preventive",
    "Basic restorative": "restorative_basic",
    "Periodontal": "periodontics",
    "Root canals": "endodontics",
    "Major restorative": "restorative_major",
    "Implants": "implants",
    "Orthodontics": "orthodontics",
}
"""Names of categories that several portals print."""


def amounts(limit: Seen, used: Seen, left: Seen | None, label: Seen, answer: Answer) -> dict[str, Any]:
    """Limit, used and remaining as printed; numbers that cannot all be right are marked and named. Raises `PageChanged`.

    `left` is None where the page does not print it.
    """
    whole, gone, rest = money(limit), money(used), money(left) if left else None
    told: dict[str, Any] = {"limit": whole, "used": gone, "remaining": rest}
    if whole and gone and (gone.value > whole.value or (rest is not None and whole.value - gone.value != rest.value)):
        told["conflict"] = said(True, label, computed=True)
        answer.conflict(label.text, limit, used, *([left] if left else []))
    return told


def accumulators(table: Table, kinds: Mapping[str, str], answer: Answer) -> list[dict[str, Any]]:
    """Rows of label, limit, used, left; `kinds` by label. A label that is not in it is kept as unplaced."""
    made: list[dict[str, Any]] = []
    for row in table:
        label, limit, used, left = row.cells
        kind = meaning(label, kinds)
        if kind is None:
            answer.unplaced(label.text, *row.cells)
        else:
            made.append({"kind": kind, **amounts(limit, used, left, label, answer)})
    return made


def shares(
    table: Table, answer: Answer, networks: Mapping[str, str | None], *, deductible: str, waiting: str | None = None
) -> list[dict[str, Any]]:
    """What plan and patient pay by category (the first column), once for each column of `networks` (heading: in, out, or
    None where the page does not say). Raises `PageChanged`.
    """
    made: list[dict[str, Any]] = []
    for row in table:
        label = row.cells[0]
        for column, network in networks.items():
            share = need(percent(row[column]), "what the plan pays")
            made.append(
                {
                    "category": meaning(label, CATEGORIES) or said("other", label),
                    "label": words(label),
                    "network": said(network, table.columns[table.head.index(column)]) if network else None,
                    "plan_pays_percent": share,
                    "patient_pays_percent": said(100 - share.value, row[column], computed=True),
                    "deductible_applies": meaning(row[deductible], {"Yes": True, "No": False}),
                    "waiting_period_months": _months(row, waiting) if waiting else None,
                }
            )
        if waiting and _months(row, waiting) is None:
            answer.unplaced(f"{label.text}: waiting period", row[waiting])
    return made


def _months(row: Row, column: str) -> Value | None:
    """No waiting period is one of 0 months; None for words that are neither."""
    if row[column].blank:
        return said(0, row[column], computed=True)
    months = part(row[column], r"^(\d+) months?$")
    return said(int(months.text), months) if months else None
