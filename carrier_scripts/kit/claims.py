"""The service lines of a claim, as carriers print them: a table whose columns have names of their own everywhere."""

from dataclasses import astuple, dataclass
from typing import Any

from carrier_scripts.kit.reading import Row, Seen, Table, money, need, said, words


@dataclass(frozen=True)
class ServiceLines:
    """Which column of the table holds what."""

    code: str
    label: str
    tooth: str
    charge: str
    allowed: str
    paid: str
    remark: str
    """The carrier's own words about the line; blank when it has none."""

    def read(self, table: Table) -> list[dict[str, Any]]:
        """Every line in order. Raises `PageChanged` when a column or a procedure is missing."""
        table.expect(*astuple(self))
        return [self._line(number, row) for number, row in enumerate(table, 1)]

    def _line(self, number: int, row: Row) -> dict[str, Any]:
        remark: Seen = row[self.remark]
        return {
            "line": said(number, row[self.code], computed=True),
            "code": need(words(row[self.code]), "the procedure"),
            "label": words(row[self.label]),
            "tooth": words(row[self.tooth]),
            "charge": money(row[self.charge]),
            "allowed": money(row[self.allowed]),
            "paid": money(row[self.paid]),
            "adjustments": [] if remark.blank else [{"carrier_text": words(remark)}],
        }
