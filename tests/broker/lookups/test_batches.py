"""Batches: each row a lookup or a named problem, none dropped, none asked twice, whoever dies in between."""

from broker.lookups import batches, columns, exports, sheets
from broker.lookups import service as lookups
from tests.broker.lookups.conftest import Office

BOTH_DATABASES = True

FILE = b"""Patient,Member ID,DOB,Note
Ada,HD100042731,03/17/1984,=1+1
Bo,HD100042732,1990-02-30,x
Cy,hd-100042731,1984-03-17,same as Ada
Di,HD100042734,1999-09-09,y
"""


def sent(office: Office, data: bytes = FILE) -> str:
    sheet = sheets.read(data, "tomorrow.csv")
    mapping = columns.guess(sheet.headings)
    rows = batches.rows_of(sheet, mapping, {"portal": "harborline", "location": "phoenix"})
    with office.portunus.unit(office.actor) as work:
        return batches.create(
            work, office.portunus.vault, office.portunus.blobs, name="Tomorrow", headings=sheet.headings, rows=rows
        ).id


def read(office: Office, batch_id: str) -> None:
    with office.portunus.unit(office.actor) as work:
        assert batches.read_piece(work, office.portunus.vault, office.portunus.blobs, batch_id) is False


def counts(office: Office, batch_id: str) -> batches.Counts:
    with office.portunus.reading(office.actor) as work:
        return batches.counts(work, batches.own(work, batch_id))


def test_rows_become_lookups_problems_and_shared_questions(office: Office) -> None:
    batch = sent(office)
    read(office, batch)
    read(office, batch)  # a hint that comes twice
    found = counts(office, batch)
    assert (found.rows, found.read, found.problems, found.duplicates, found.states) == (4, 4, 1, 1, {"queued": 2})
    with office.portunus.reading(office.actor) as work:
        ((row, words),) = batches.problems(work, batches.own(work, batch))
    assert row == 3
    assert words.startswith("DOB: write the date")


def test_the_way_out_has_every_row_in_order_with_its_own_columns_first(office: Office) -> None:
    batch = sent(office)
    read(office, batch)
    office.sign_in()
    lease = office.turn()
    office.answer(office.next(lease))
    office.fail(office.next(lease), "patient_not_found")
    reading = lambda: office.portunus.reading(office.actor)  # noqa: E731
    head, *rows = exports.table(reading, office.portunus.vault, batch)
    assert head[:4] == ["Patient", "Member ID", "DOB", "Note"]
    assert [row[0] for row in rows] == ["Ada", "Bo", "Cy", "Di"]
    state, left = head.index("State"), head.index("Maximum left")
    assert [(row[state], row[left]) for row in rows] == [
        ("done", "1025"),
        ("not_asked", ""),
        ("done", "1025"),
        ("failed", ""),
    ]
    assert b"'=1+1" in b"".join(sheets.as_csv(rows))


def test_a_paused_batch_waits_and_a_cancelled_one_ends(office: Office) -> None:
    batch = sent(office)
    read(office, batch)
    office.sign_in()
    with office.portunus.unit(office.actor) as work:
        batches.pause(work, batch)
    assert office.turn() is None
    with office.portunus.unit(office.actor) as work:
        batches.resume(work, batch)
    assert isinstance(office.next(office.turn()), lookups.Job)
    with office.portunus.unit(office.actor) as work:
        batches.cancel(work, batch)
    with office.portunus.unit(lookups.HOLDER) as work:
        batches.sweep(work)
    assert counts(office, batch).states == {"running": 1, "cancelled": 1}


def test_the_mapping_is_remembered_for_these_headings(office: Office) -> None:
    headings, chosen = ["Who", "Card", "When born"], {"member_id": "Card", "birth_date": "When born"}
    org = office.account.organization_id
    with office.portunus.unit(office.actor) as work:
        assert columns.remembered(work, org, headings) == {}
        columns.remember(work, org, headings, chosen)
    with office.portunus.unit(office.actor) as work:
        assert columns.remembered(work, org, headings) == chosen
