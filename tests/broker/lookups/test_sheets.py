"""Files in and out: what is no file is refused in a sentence, nothing is dropped, no cell is a formula."""

import codecs
import csv
import io
import re
import zipfile
from datetime import date, datetime

import pytest
from openpyxl import Workbook, load_workbook

from broker.base.errors import Incomplete
from broker.lookups import batches, columns, sheets


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


def test_a_csv_with_one_stray_quote_is_refused_and_no_row_is_swallowed() -> None:
    data = b'Patient,Member ID,DOB\nAda,HD1,1984-03-17\n"Bo,HD2,1990-02-03\nCy,HD3,1984-03-17\nDi,HD4,1999-09-09\n'
    with pytest.raises(Incomplete, match="quote"):
        sheets.read(data, "x.csv")


def test_two_stray_quotes_that_make_one_cell_of_whole_rows_are_refused() -> None:
    data = b'Patient,Member ID,DOB\nAda,HD1,1984-03-17\n"Bo,HD2,1990-02-03\nCy,HD3,1984-03-17\nDi,HD4,1999-09-09"\nEd,HD5,1990-01-01\n'
    with pytest.raises(Incomplete, match="Near line 5 a cell holds whole rows"):
        sheets.read(data, "x.csv")


@pytest.mark.parametrize(
    "data",
    [
        b'Patient,Insurance ID,DOB\n"Ada,HD100042731,03/17/1984\nBo",HD100042799,1/2/1990\n',
        b'Member ID,DOB\n"HD100042731,03/17/1984\nHD100042732",1/2/1990\n',
        b'Member ID,DOB\nHD100042731,"03/17/1984\nHD100042732,1/2/1990"\n',
    ],
    ids=["whole row first", "two columns, first", "two columns, last"],
)
def test_a_row_swallowed_by_the_cell_of_its_neighbour_is_refused(data: bytes) -> None:
    with pytest.raises(Incomplete, match="a cell holds whole rows"):
        sheets.read(data, "x.csv")


def test_a_quote_in_mid_cell_of_a_quoted_cell_is_refused() -> None:
    with pytest.raises(Incomplete, match="near line 2"):
        sheets.read(b'a,b\n"one" two,3\n4,5\n', "x.csv")


def test_a_cell_that_is_too_long_is_named_and_not_cut() -> None:
    with pytest.raises(Incomplete, match="row 3"):
        sheets.read(b"a,b\n1,2\n" + b"x" * 2001 + b",2\n", "x.csv")
    assert len(sheets.read(b"a,b\n" + b"x" * 2000 + b",2\n", "x.csv").rows[0][0]) == 2000


def test_a_row_wider_than_the_headings_keeps_its_cells_and_becomes_a_problem() -> None:
    found = sheets.read(
        b"Name,Member ID,DOB\nDunmore, Ada,HD100042731,1984-03-17\nBo,HD100042732,1984-03-17,,\n", "x.csv"
    )
    assert found.headings == ["Name", "Member ID", "DOB", "(no heading 4)"]
    assert found.rows[0] == ["Dunmore", "Ada", "HD100042731", "1984-03-17"]
    made = batches.rows_of(found, columns.guess(found.headings), {})
    assert [told.get("problem") for _, told in made] == [batches.TOO_WIDE, None]
    assert made[0][0] == found.rows[0]


def test_a_column_without_a_heading_is_no_problem() -> None:
    for data, name in (
        (b"Member ID,DOB,\nA1,1984-03-17,note\n", "x.csv"),
        (workbook(["Member ID", "DOB"], ["A1", "1984-03-17", "note"]), "x.xlsx"),
    ):
        found = sheets.read(data, name)
        assert found == sheets.Sheet(["Member ID", "DOB", ""], [["A1", "1984-03-17", "note"]])
        assert "problem" not in batches.rows_of(found, columns.guess(found.headings), {})[0][1]


@pytest.mark.parametrize(
    "first", [b"Ada,HD100042731,x", b"Ada,x,03/17/1984", b"Ada,1984-03-17 00:00:00,x", b"Ada,42731,x"]
)
def test_a_file_without_headings_is_refused_in_words_without_the_patient(first: bytes) -> None:
    with pytest.raises(Incomplete, match="no row of headings") as no:
        sheets.read(first + b"\nBo,HD100042732,1990-02-03\n", "x.csv")
    assert "Ada" not in no.value.message


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(Incomplete, match="Two columns are called DOB"):
        sheets.read(b"DOB,Member ID,DOB\n1984-03-17,A1,1990-01-01\n", "x.csv")


@pytest.mark.parametrize("form", ["utf-16", "utf-16-be", "cp1252"])
def test_what_spreadsheet_programs_call_text_is_read(form: str) -> None:
    mark = codecs.BOM_UTF16_BE if form == "utf-16-be" else b""
    found = sheets.read(mark + "Name\tDOB\nNúñez\t1984-03-17\n".encode(form), "x.txt")
    assert found.rows == [["Núñez", "1984-03-17"]]


def test_a_nul_far_down_is_no_csv() -> None:
    with pytest.raises(Incomplete, match="neither CSV nor XLSX"):
        sheets.read(b"a,b\n" + b"1,2\n" * 2000 + b"\0,2\n", "x.csv")


def test_dates_and_identifiers_of_a_spreadsheet_keep_what_it_shows() -> None:
    book = Workbook()
    book.active.append(["DOB", "Seen", "Member ID", "Group", "Plain"])
    book.active.append([date(1984, 3, 17), datetime(2026, 11, 21, 9, 30), 42731, 1234567, 80])
    book.active["C2"].number_format = "000000000"
    book.active["D2"].number_format = r"000\-0000"
    out = io.BytesIO()
    book.save(out)
    (row,) = sheets.read(out.getvalue(), "x.xlsx").rows
    assert row == ["1984-03-17", "2026-11-21 09:30:00", "000042731", "123-4567", "80"]


def formula(cell: str) -> bytes:
    """A spreadsheet whose B2 is this XML, as some program wrote it."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook(["Member ID", "DOB"], ["A1", "=1+1"]))) as made,
        zipfile.ZipFile(out, "w") as changed,
    ):
        for name in made.namelist():
            text = made.read(name)
            if name.endswith("sheet1.xml"):
                text, count = re.subn(rb'<c r="B2".*?</c>', cell.encode(), text)
                assert count == 1
            changed.writestr(name, text)
    return out.getvalue()


def test_a_formula_counts_with_its_value_and_is_refused_without() -> None:
    worked = formula('<c r="B2" t="str"><f>TEXT(1,2)</f><v>1984-03-17</v></c>')
    assert sheets.read(worked, "x.xlsx").rows == [["A1", "1984-03-17"]]
    nothing = formula('<c r="B2" t="str"><f>IF(A2="","x","")</f><v></v></c>')
    assert sheets.read(nothing, "x.xlsx").rows == [["A1", ""]]
    with pytest.raises(Incomplete, match="Row 2 has a formula whose value is not in the file"):
        sheets.read(workbook(["Member ID", "DOB"], ["A1", "=TODAY()"]), "x.xlsx")


def test_a_second_sheet_with_rows_is_not_left_out_in_silence() -> None:
    book = load_workbook(io.BytesIO(workbook(["Member ID"], ["A1"])))
    book.create_sheet("Empty")
    hidden = book.create_sheet("Lists")
    hidden.append(["Phoenix"])
    hidden.sheet_state = "hidden"
    out = io.BytesIO()
    book.save(out)
    assert sheets.read(out.getvalue(), "x.xlsx").rows == [["A1"]]
    hidden.sheet_state = "visible"
    out = io.BytesIO()
    book.save(out)
    with pytest.raises(Incomplete, match="more than one sheet"):
        sheets.read(out.getvalue(), "x.xlsx")


def test_amounts_go_out_as_numbers_and_identifiers_as_they_are() -> None:
    told = ["1025.00", "80", "0", "00042731", "123456789012", "1984-03-17", "12%", ""]
    out = load_workbook(io.BytesIO(sheets.as_xlsx([told]))).active[1]
    assert [one.value for one in out] == [1025, 80, 0, "00042731", "123456789012", "1984-03-17", "12%", None]


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
    text, amount = book.active[1]
    assert (text.data_type, text.value, text.quotePrefix) == ("s", cell, True)
    assert (amount.data_type, amount.value) == ("n", -5)


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
    assert columns.day(text, "birth date (column 3)") == day


@pytest.mark.parametrize("text", ["3/7/84", "02/30/1984", "1984", "=NOW()"])
def test_impossible_dates_name_their_column(text: str) -> None:
    with pytest.raises(Incomplete, match="column 3"):
        columns.day(text, "birth date (column 3)")


def test_the_date_of_service_of_a_claims_file_is_the_day_its_claims_were_served() -> None:
    mapping = {"member_id": "ID", "service_date": "DOS", "claim_number": "Claim"}
    headings, fixed = ["ID", "DOS", "Claim"], {"kind": "claim_status"}
    made = columns.told(headings, ["HD1", "10/2/2026", ""], mapping, fixed)
    assert (made["service_from"], made["service_to"], made.get("service_date")) == ("2026-10-02", "2026-10-02", None)
    assert "service_from" not in columns.told(headings, ["HD1", "10/2/2026", "HC26"], mapping, fixed)
    assert columns.told(headings, ["HD1", "10/2/2026", ""], mapping, {})["service_date"] == "2026-10-02"
