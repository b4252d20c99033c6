"""Files of rows: CSV and XLSX in, CSV and XLSX out. Hostile until read: sizes are limited, formulas go out as text."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from broker.base.errors import Incomplete

LARGEST = 8_000_000
"""Bytes of a file; 10,000 appointments take less than one million."""
LARGEST_UNPACKED = 120_000_000
MOST_ROWS = 20_000
MOST_COLUMNS = 60
LONGEST_CELL = 500
NUMBER = re.compile(r"-?\d+(\.\d+)?%?")
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
"""A spreadsheet may take text that begins so for a formula (OWASP, CSV injection)."""


@dataclass(frozen=True)
class Sheet:
    """Headings and rows of text."""

    headings: list[str]
    rows: list[list[str]]


def read(data: bytes, name: str) -> Sheet:
    """A file's first table. Raises `Incomplete` with what to do."""
    if len(data) > LARGEST:
        raise Incomplete("The file is larger than 8 MB. Split it.", code="file-too-large")
    if not data.strip():
        raise Incomplete("The file is empty.")
    rows = _xlsx(data) if data.startswith(b"PK") or name.lower().endswith((".xlsx", ".xlsm")) else _csv(data)
    kept: list[list[str]] = []
    for row in rows:
        if len(kept) > MOST_ROWS:
            raise Incomplete(f"The file has more than {MOST_ROWS} rows. Split it.", code="file-too-large")
        if len(row) > MOST_COLUMNS:
            raise Incomplete(f"The file has more than {MOST_COLUMNS} columns. Leave some out.")
        kept.append([cell[:LONGEST_CELL].strip() for cell in row])
    while kept and not any(kept[-1]):
        kept.pop()
    if len(kept) < 2:
        raise Incomplete("The file needs a row of headings and at least one row below it.")
    width = len(kept[0])
    return Sheet(kept[0], [row + [""] * (width - len(row)) for row in kept[1:]])


def _csv(data: bytes) -> Iterator[list[str]]:
    if b"\0" in data[:4096]:
        raise Incomplete("This is neither CSV nor XLSX. Save it as one of them.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=first.count)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    except csv.Error as wrong:
        raise Incomplete("The CSV breaks off or is not well formed. Save it again.") from wrong


def _xlsx(data: bytes) -> Iterator[list[str]]:
    from openpyxl import load_workbook  # a fifth of a worker's start, and few batches are spreadsheets
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(part.file_size for part in packed.infolist()) > LARGEST_UNPACKED:
                raise Incomplete("The spreadsheet unpacks to more than 120 MB. Split it.", code="file-too-large")
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        for row in sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS + 1):
            yield _without_empty_end([_text(value) for value in row])
    except (zipfile.BadZipFile, InvalidFileException, KeyError, IndexError, ValueError, OSError, SyntaxError) as wrong:
        raise Incomplete("The spreadsheet cannot be read. Save it again as .xlsx or .csv.") from wrong


def _without_empty_end(row: list[str]) -> list[str]:
    while row and not row[-1].strip():
        row.pop()
    return row


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def safe(cell: str) -> str:
    """The text so that no spreadsheet takes it for a formula: an apostrophe in front where it could. Numbers stay numbers."""
    if cell.startswith(DANGEROUS) and not NUMBER.fullmatch(cell):
        return "'" + cell
    return cell


def as_csv(rows: Iterable[list[str]]) -> Iterator[bytes]:
    """UTF-8 with a byte order mark (Excel wants it), row by row."""
    yield "\ufeff".encode()
    for row in rows:
        out = io.StringIO()
        csv.writer(out).writerow([safe(cell) for cell in row])
        yield out.getvalue().encode()


def as_xlsx(rows: Iterable[list[str]]) -> bytes:
    """One sheet; every cell is text, never a formula."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Lookups")
    for row in rows:
        cells = []
        for text in row:
            cell = WriteOnlyCell(sheet, _printable(safe(text)))
            cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _printable(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(letter for letter in text if letter >= " " or letter in "\t\n")
