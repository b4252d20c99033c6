"""Files in and out: what is no file is refused in a sentence, nothing is dropped, no cell is a formula."""

import csv
import io
import zipfile

import pytest
from openpyxl import Workbook, load_workbook

from broker.base.errors import Incomplete
from broker.lookups import columns, sheets


def workbook(*rows: list) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\xef\xbb\xbfMember ID,DOB\r\nA1,1984-03-17\r\n", "x.csv"),
        ("Member ID;DOB\nA1;1984-03-17\n".encode(), "x.csv"),
        (b"Member ID\tDOB\nA1\t1984-03-17\n", "x.txt"),
        (workbook(["Member ID", "DOB"], ["A1", "1984-03-17"]), "x.xlsx"),
    ],
)
def test_usual_files_are_read(data: bytes, name: str) -> None:
    assert sheets.read(data, name) == sheets.Sheet(["Member ID", "DOB"], [["A1", "1984-03-17"]])


def test_short_rows_and_quoted_line_breaks_stay_whole_rows() -> None:
    found = sheets.read(b'a,b,c\n1,"two\nlines",3\n4\n', "x.csv")
    assert found.rows == [["1", "two\nlines", "3"], ["4", "", ""]]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"only,headings\n", "at least one row"),
        (b"\x00\x01\x02" * 50, "neither CSV nor XLSX"),
        (b"PK\x03\x04 not really", "cannot be read"),
        (b"a,b\n" + b"1,2\n" * 2_100_000, "8 MB"),
        (b"a\n" + b"1\n" * 20_500, "20000 rows"),
    ],
)
def test_what_is_no_file_is_refused_in_a_sentence(data: bytes, words: str) -> None:
    with pytest.raises(Incomplete, match=words):
        sheets.read(data, "x.csv")


def test_a_spreadsheet_that_unpacks_to_a_bomb_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("xl/worksheets/sheet1.xml", b"0" * (sheets.LARGEST_UNPACKED + 1))
    with pytest.raises(Incomplete, match="120 MB"):
        sheets.read(out.getvalue(), "x.xlsx")


FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x")', "|cmd"]


@pytest.mark.parametrize("cell", FORMULAS)
def test_what_looks_like_a_formula_goes_out_as_text(cell: str) -> None:
    text = b"".join(sheets.as_csv([[cell, "-5.00", "80"]])).decode("utf-8-sig")
    (row,) = csv.reader(io.StringIO(text))
    assert row == ["'" + cell, "-5.00", "80"]
    book = load_workbook(io.BytesIO(sheets.as_xlsx([[cell, "-5.00"]])))
    assert [one.data_type for one in book.active[1]] == ["s", "s"]


def test_columns_are_guessed_by_their_names() -> None:
    found = columns.guess(["Patient Last Name", "Insurance ID", "Patient DOB", "Office", "Appt Date", "Note"])
    assert found == {
        "last_name": "Patient Last Name", "member_id": "Insurance ID", "birth_date": "Patient DOB", "location": "Office", "service_date": "Appt Date",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1984-03-17", "1984-03-17"),
        ("3/7/1984", "1984-03-07"),
        ("19840317", "1984-03-17"),
        ("1984-03-17 00:00", "1984-03-17"),
    ],
)
def test_dates_in_the_usual_forms(text: str, day: str) -> None:
    assert columns.day(text, "DOB") == day


@pytest.mark.parametrize("text", ["3/7/84", "02/30/1984", "1984", "=NOW()"])
def test_impossible_dates_name_their_column(text: str) -> None:
    with pytest.raises(Incomplete, match="DOB"):
        columns.day(text, "DOB")
