"""Files of rows: CSV and XLSX in, CSV and XLSX out. Hostile until read: sizes are limited, formulas go out as text."""

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from broker.base.errors import Incomplete

LARGEST = 8_000_000
"""Bytes of a file; 10,000 appointments take less than one million."""
LARGEST_UNPACKED = 120_000_000
MOST_ROWS = 20_000
MOST_COLUMNS = 60
LONGEST_CELL = 2000
NO_HEADING = "(no heading {})"
"""Of cells beyond the last heading of a CSV: more often a comma inside a cell than a column."""
NUMBER = re.compile(r"-?\d+(\.\d+)?%?")
AMOUNT = re.compile(r"-?(0|[1-9]\d{0,6})(\.\d{1,2})?")
"""What goes into a spreadsheet as a number; longer ones, and those with leading zeros, are somebody's identifier."""
PATIENTS = re.compile(r"\d{1,4}[-/]\d{1,2}[-/]\d{1,4}( .*)?|[A-Za-z]{0,3}\d{5,}")
"""A date or an identifier: a first row with one is a patient's, and headings are kept unsealed."""
ZEROS = re.compile(r"[0\-/ ]*00[0\-/ ]*")
"""A number format that fills up with zeros, such as 000000000 or 000-0000."""
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
    spreadsheet = data.startswith(b"PK") or name.lower().endswith((".xlsx", ".xlsm"))
    rows = _xlsx(data) if spreadsheet else _csv(data)
    kept: list[list[str]] = []
    for number, row in enumerate(rows, 1):
        if len(kept) > MOST_ROWS:
            raise Incomplete(f"The file has more than {MOST_ROWS} rows. Split it.", code="file-too-large")
        if len(row) > MOST_COLUMNS:
            raise Incomplete(f"The file has more than {MOST_COLUMNS} columns. Leave some out.")
        if any(len(cell) > LONGEST_CELL for cell in row):
            raise Incomplete(
                f"A cell of row {number} has more than {LONGEST_CELL} characters. Shorten it, or add the quote that is missing."
            )
        kept.append([cell.strip() for cell in row])
    while kept and not any(kept[-1]):
        kept.pop()
    if len(kept) < 2:
        raise Incomplete("The file needs a row of headings and at least one row below it.")
    return _squared(kept[0], [_without_empty_end(row) for row in kept[1:]], "" if spreadsheet else NO_HEADING)


def _squared(headings: list[str], rows: list[list[str]], beyond: str) -> Sheet:
    """Every row as wide as the widest, so that nothing is dropped and nothing shifts. Raises `Incomplete` for a heading twice."""
    if any(PATIENTS.fullmatch(one) for one in headings):
        raise Incomplete("The first row holds a date or a number, so it is no row of headings. Add one above it.")
    twice = next((one for number, one in enumerate(headings) if one and one in headings[:number]), None)
    if twice is not None:
        raise Incomplete(f"Two columns are called {twice[:60]}. Rename one of them.")
    width = max(len(headings), *(len(row) for row in rows))
    more = [beyond.format(number) for number in range(len(headings) + 1, width + 1)]
    return Sheet(headings + more, [row + [""] * (width - len(row)) for row in rows])


def too_wide(headings: list[str], cells: list[str]) -> bool:
    """Whether the row has cells beyond the last heading."""
    return any(
        cell and heading == NO_HEADING.format(number)
        for number, (heading, cell) in enumerate(zip(headings, cells, strict=False), 1)
    )


def _csv(data: bytes) -> Iterator[list[str]]:
    text = _decoded(data)
    if "\0" in text:
        raise Incomplete("This is neither CSV nor XLSX. Save it as one of them.")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    width = 0
    try:
        for row in reader:
            width = width or len(row)
            if any(_holds_rows(cell, delimiter, width) for cell in row):
                raise Incomplete(
                    f"Near line {reader.line_num} a cell holds whole rows: a quote is missing there or one too many."
                )
            yield row
    except csv.Error as wrong:
        raise Incomplete(
            f"The CSV breaks off or has a quote too many, near line {reader.line_num}. Save it again as CSV or XLSX."
        ) from wrong


def _holds_rows(cell: str, delimiter: str, width: int) -> bool:
    """Whether a cell of several lines has swallowed rows: a stray quote and another further down make valid CSV of them."""
    lines = cell.splitlines()
    return len(lines) > 1 and any(line.count(delimiter) >= max(width - 1, 1) for line in lines)


def _decoded(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _xlsx(data: bytes) -> Iterator[list[str]]:
    from openpyxl import load_workbook  # a fifth of a worker's start, and few batches are spreadsheets
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(part.file_size for part in packed.infolist()) > LARGEST_UNPACKED:
                raise Incomplete("The spreadsheet unpacks to more than 120 MB. Split it.", code="file-too-large")
        values, formulas = (
            load_workbook(io.BytesIO(data), read_only=True, data_only=only, keep_links=False) for only in (True, False)
        )
        place = _place_of_rows(values)
        cells, sources = (book.worksheets[place].iter_rows(max_col=MOST_COLUMNS + 1) for book in (values, formulas))
        for number, (row, source) in enumerate(zip(cells, sources, strict=True), 1):
            if any(_unknown(*pair) for pair in zip(row, source, strict=True)):
                raise Incomplete(
                    f"Row {number} has a formula whose value is not in the file. Open it in a spreadsheet program, save it, send that."
                )
            yield _without_empty_end([_text(cell) for cell in row])
    except (zipfile.BadZipFile, InvalidFileException, KeyError, IndexError, ValueError, OSError, SyntaxError) as wrong:
        raise Incomplete("The spreadsheet cannot be read. Save it again as .xlsx or .csv.") from wrong


def _place_of_rows(book: Any) -> int:
    """Which sheet to read: the one that shows any cells. Raises `Incomplete` when several do: none is left out in silence."""
    full = [
        number
        for number, sheet in enumerate(book.worksheets)
        if sheet.sheet_state == "visible" and any(any(cell is not None for cell in row) for row in sheet.values)
    ]
    if len(full) > 1:
        raise Incomplete("The spreadsheet has more than one sheet with rows. Save the one to ask as a file of its own.")
    return full[0] if full else 0


def _unknown(cell: Any, source: Any) -> bool:
    """A formula that no program has worked out. (One worked out to no text at all says that its value is a text.)"""
    formula = source.data_type == "f" or (isinstance(source.value, str) and source.value.startswith("="))
    return cell.value is None and cell.data_type != "str" and source.value is not None and formula


def _without_empty_end(row: list[str]) -> list[str]:
    while row and not row[-1].strip():
        row.pop()
    return row


def _text(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _filled(value, cell.number_format) if isinstance(value, int) else str(value)


def _filled(value: int, form: str) -> str:
    """A number as its format shows it, where that adds zeros in front: an identifier, then."""
    plain = re.sub(r'[\\"]', "", form)
    if isinstance(value, bool) or value < 0 or not ZEROS.fullmatch(plain):
        return str(value)
    digits = str(value).zfill(plain.count("0"))
    if len(digits) > plain.count("0"):
        return str(value)
    shown = iter(digits)
    return "".join(next(shown) if letter == "0" else letter for letter in plain)


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
    """One sheet; amounts are numbers, every other cell is text, never a formula."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Lookups")
    for row in rows:
        cells = []
        for text in row:
            if AMOUNT.fullmatch(text):
                cells.append(WriteOnlyCell(sheet, Decimal(text)))
                continue
            cell = WriteOnlyCell(sheet, _printable(text))
            cell.data_type = "s"
            cell.quotePrefix = text.startswith(DANGEROUS)  # edited later, it stays text
            cells.append(cell)
        sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _printable(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(letter for letter in text if letter >= " " or letter in "\t\n")
