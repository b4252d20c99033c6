"""Batches: each row a lookup or a named problem, none dropped, none asked twice, whoever dies in between."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from broker.base.db import Base
from broker.base.errors import Conflict, Incomplete
from broker.base.ids import new_id
from broker.directory.models import Carrier
from broker.lookups import batches, columns, exports, hooks, onward, records, sheets
from broker.lookups import service as lookups
from broker.lookups.evidence import Sighting
from broker.lookups.models import Lookup, WebhookDelivery
from broker.lookups.states import State
from tests.broker.lookups import results
from tests.broker.lookups.conftest import Office, furnish
from workers import read_batch, sweep_lookups

BOTH_DATABASES = True

FILE = b"""Patient,Member ID,DOB,Note
Ada,HD100042731,03/17/1984,=1+1
Bo,HD100042732,1990-02-30,x
Cy,hd-100042731,1984-03-17,same as Ada
Di,HD100042734,1999-09-09,y
"""


def sent(office: Office, data: bytes = FILE, **soon: Any) -> str:
    sheet = sheets.read(data, "tomorrow.csv")
    mapping = columns.guess(sheet.headings)
    rows = batches.rows_of(sheet, mapping, {"portal": "harborline", "location": "phoenix"})
    with office.portunus.unit(office.actor) as work:
        return batches.create(
            work,
            office.portunus.vault,
            office.portunus.blobs,
            name="Tomorrow",
            headings=sheet.headings,
            rows=rows,
            **soon,
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
    assert words.startswith("birth date (column 3): write the date")


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


MIXED = b"""Patient,Kind,Member ID,DOB,Claim
Bo,eligibility,HD100042732,1990-02-30,
Ada,claim_status,,,HC2630100017
Cy,eligibility,HD100042731,1984-03-17,
"""


def test_claims_have_headings_and_a_row_each_beside_benefits_and_behind_a_problem(office: Office) -> None:
    batch = sent(office, MIXED)
    read(office, batch)
    office.sign_in()
    lease = office.turn()
    for _ in range(2):
        job = office.next(lease)
        office.answer(job) if job.kind == "eligibility" else answer_claims(office, job, "HC2630100017", "HC-2630100017")
    reading = lambda: office.portunus.reading(office.actor)  # noqa: E731
    head, *rows = exports.table(reading, office.portunus.vault, batch)
    ours = head.index("What to do")
    places = [0, *(head.index(name, ours - 3) for name in ("State", "Maximum left", "Claim", "List cut off", "Paid"))]
    assert [[row[place] for place in places] for row in rows] == [
        ["Bo", "not_asked", "", "", "", ""],
        ["Ada", "done", "", "HC2630100017", "yes", "98"],
        ["Ada", "done", "", "HC-2630100017", "yes", "98"],
        ["Cy", "done", "1025", "", "", ""],
    ]
    assert {len(row) for row in rows} == {len(head)}


def answer_claims(office: Office, job: lookups.Job, *numbers: str) -> None:
    """The script answers with these claims, of a list that the portal cut off."""
    made = results.claim()
    (one,) = made["claims"]
    claims = [one | {"payer_claim_number": number} for number in numbers]
    seen = made["provenance"]["fields"]
    fields = {
        pointer: [Sighting(**found) for found in told] for pointer, told in seen.items() if "/claims/" not in pointer
    }
    for number in range(len(claims)):
        for pointer, told in seen.items():
            if pointer.startswith("/claims/0"):
                fields[pointer.replace("/claims/0", f"/claims/{number}")] = [Sighting(**found) for found in told]
    fields["/match_count"] = [Sighting(raw_text=str(len(claims)))]
    fields["/truncated"] = [Sighting(raw_text="First 200 shown.")]
    told = {"patient": made["patient"], "claims": claims, "match_count": len(claims), "truncated": True}
    with office.portunus.unit(lookups.HOLDER) as work:
        said = lookups.Answered(told, fields, [], [], work.clock.now(), "d" * 64, "ses_1")
        lookups.answer(work, office.portunus.vault, job, said)


def test_rows_that_name_their_carrier_in_short_still_share_a_lookup(office: Office) -> None:
    with office.portunus.unit(lookups.HOLDER) as work:
        names = ("Alder Creek Dental", "Basin Mutual")
        work.db.merge(office.portal).carriers = [Carrier(id=new_id("car"), name=name) for name in names]
    row = b"HD100042731,1984-03-17,"
    batch = sent(office, b"Member ID,DOB,Payer\n" + row + b"basin\n" + row + b"Basin\n" + row + b"Foxglove\n")
    read(office, batch)
    found = counts(office, batch)
    assert (found.problems, found.duplicates, found.states) == (1, 1, {"queued": 1})


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


def messages(office: Office) -> list[tuple[str, str]]:
    with office.portunus.reading(lookups.HOLDER) as work:
        return [(row.event, row.thing_id) for row in work.db.scalars(select(WebhookDelivery))]


def subscribe(office: Office) -> None:
    with office.portunus.unit(office.actor) as work:
        hooks.subscribe(work, office.portunus.vault, "https://rcm.example/hook")


def lines(count: int) -> bytes:
    rows = [f"{number},HD3000000{number:02d},1984-03-17" for number in range(count)]
    return "\n".join(["Patient,Member ID,DOB", *rows]).encode()


def again(office: Office, batch_id: str) -> None:
    with office.portunus.unit(office.actor) as work:
        batches.again(work, batch_id)


def test_subscribers_are_told_of_a_batch_once_when_its_last_row_is_through(office: Office) -> None:
    subscribe(office)
    batch = sent(office)
    read(office, batch)
    office.sign_in()
    lease = office.turn()
    office.answer(office.next(lease))
    assert messages(office) == []
    office.fail(office.next(lease), "patient_not_found")
    sweep_lookups.run(office.portunus)
    assert messages(office) == [("lookup_batch.done", batch)]


def test_they_are_told_of_a_batch_that_a_portal_forbids_once_and_not_before_it_is_read(portunus, monkeypatch) -> None:
    with portunus.unit(lookups.HOLDER) as work:
        office = furnish(work, portunus, automation="attended")
    monkeypatch.setattr(batches, "PIECE", 3)
    subscribe(office)
    batch = sent(office, lines(8))
    told = []
    for _ in range(3):
        with office.portunus.unit(office.actor) as work:
            batches.read_piece(work, portunus.vault, portunus.blobs, batch)
        told.append(len(messages(office)))
    assert told == [0, 0, 1]


def test_they_are_told_of_a_batch_of_problems_alone(office: Office) -> None:
    subscribe(office)
    batch = sent(office, b"Member ID,DOB\nHD100042731,never\nHD100042732,never\n")
    read(office, batch)
    with office.portunus.unit(lookups.HOLDER) as work:
        records.settle(work, office.account.organization_id, batch)  # whoever else noticed
    assert messages(office) == [("lookup_batch.done", batch)]


def test_they_are_told_by_the_sweep_when_nobody_noticed_the_end(office: Office, monkeypatch) -> None:
    subscribe(office)
    batch = sent(office, lines(1))
    read(office, batch)
    office.sign_in()
    monkeypatch.setattr("broker.lookups.records.settle", lambda *_: None)
    office.fail(office.next(office.turn()), "patient_not_found")
    monkeypatch.undo()
    assert messages(office) == []
    for _ in range(2):
        with office.portunus.unit(lookups.HOLDER) as work:
            batches.sweep(work)
    assert messages(office) == [("lookup_batch.done", batch)]


def test_all_that_wait_for_a_person_are_asked_again_and_the_end_is_told_again(office: Office) -> None:
    subscribe(office)
    batch = sent(office, lines(2))
    read(office, batch)
    office.sign_in()
    lease = office.turn()
    for code in ("page_changed", "patient_not_found"):
        office.fail(office.next(lease), code)
    assert counts(office, batch).states == {"needs_human": 1, "failed": 1}
    again(office, batch)
    assert counts(office, batch).states == {"queued": 1, "failed": 1}
    office.fail(office.next(lease), "patient_not_found")
    assert messages(office) == [("lookup_batch.done", batch)] * 2


def test_asked_again_before_its_day_a_batch_still_waits_for_its_day(office: Office, clock) -> None:
    tomorrow = clock.now() + timedelta(days=1)
    batch = sent(office, lines(2), not_before=tomorrow)
    read(office, batch)
    with office.portunus.unit(lookups.HOLDER) as work:
        for row in work.db.scalars(select(Lookup)):
            lookups_end(work, row)
    again(office, batch)
    with office.portunus.reading(lookups.HOLDER) as work:
        assert {row.not_before for row in work.db.scalars(select(Lookup))} == {tomorrow}
    clock.advance(seconds=86_401)
    with office.portunus.unit(lookups.HOLDER) as work:
        for row in work.db.scalars(select(Lookup)):
            lookups_end(work, row)
    again(office, batch)
    with office.portunus.reading(lookups.HOLDER) as work:
        assert {row.not_before for row in work.db.scalars(select(Lookup))} == {clock.now()}


def lookups_end(work: Any, row: Lookup) -> None:
    records.end(work, row, State.NEEDS_HUMAN, "login_failed")


def test_rows_without_a_login_go_on_once_there_is_one(office: Office) -> None:
    from tests import factories

    with office.portunus.unit(lookups.HOLDER) as work:
        org = work.db.get_one(factories.Organization, office.account.organization_id)
        tucson = factories.location(work, org, "tucson")
    sheet = sheets.read(lines(2), "x.csv")
    rows = batches.rows_of(sheet, columns.guess(sheet.headings), {"portal": "harborline", "location": "tucson"})
    with office.portunus.unit(office.actor) as work:
        batch = batches.create(
            work, office.portunus.vault, office.portunus.blobs, name="x", headings=sheet.headings, rows=rows
        ).id
    read(office, batch)
    again(office, batch)
    assert counts(office, batch).states == {"needs_human": 2}
    with office.portunus.unit(lookups.HOLDER) as work:
        account = factories.account(
            work, work.db.merge(office.portal), [work.db.get_one(type(tucson), tucson.id)], username="tucson"
        )
    again(office, batch)
    assert counts(office, batch).states == {"queued": 2}
    assert ("run_lookups", account.id) in office.portunus.queue.sent


@pytest.mark.parametrize("field", ["location", "portal"])
def test_a_column_that_was_named_wrongly_leaves_no_patient_in_the_problem(office: Office, field: str) -> None:
    sheet = sheets.read(lines(1).replace(b"0,HD", b"Ada Dunmore,HD"), "x.csv")
    mapping = columns.guess(sheet.headings) | {field: "Patient"}
    rows = batches.rows_of(sheet, mapping, {"portal": "harborline", "location": "phoenix"})
    with office.portunus.unit(office.actor) as work:
        batch = batches.create(
            work, office.portunus.vault, office.portunus.blobs, name="x", headings=sheet.headings, rows=rows
        ).id
    read(office, batch)
    with office.portunus.reading(office.actor) as work:
        assert batches.problems(work, batches.own(work, batch)) == [(2, batches.NOWHERE)]


def everywhere(office: Office) -> str:
    """Every value of every table, every task, every file, as text."""
    with office.portunus.reading(lookups.HOLDER) as work:
        tables = [row for table in Base.metadata.sorted_tables for row in work.db.execute(table.select())]
    blobs = [office.portunus.blobs.read(name) for name in office.portunus.blobs.names("")]
    return repr(tables) + repr(blobs) + repr(office.portunus.queue.sent)


def test_what_people_call_a_batch_and_its_columns_is_kept_sealed(office: Office) -> None:
    data = b"Ada Quillfeather,Member ID,Quillfeather born\nAda Quillfeather,HD100042731,never\n"
    sheet = sheets.read(data, "Quillfeather.csv")
    mapping = {"member_id": "Member ID", "birth_date": "Quillfeather born"}
    fixed = {"portal": "harborline", "location": "phoenix"}
    with office.portunus.unit(office.actor) as work:
        columns.remember(work, office.account.organization_id, sheet.headings, mapping)
        rows = [*batches.rows_of(sheet, mapping, fixed), ([], fixed | {"Quillfeather, Ada": "1"})]
        batch = batches.create(
            work,
            office.portunus.vault,
            office.portunus.blobs,
            name="Quillfeather's",
            headings=sheet.headings,
            rows=rows,
        ).id
    read(office, batch)
    read_batch.look(office.portunus, batch)
    with office.portunus.reading(office.actor) as work:
        own = batches.own(work, batch)
        told = batches.description(work, office.portunus.vault, own)
        assert len(batches.problems(work, own)) == 2
        assert columns.remembered(work, office.account.organization_id, sheet.headings) == mapping
    assert (told.name, told.columns) == ("Quillfeather's", sheet.headings)
    assert (
        next(exports.table(lambda: office.portunus.reading(office.actor), office.portunus.vault, batch))[0]
        in data.decode()
    )
    kept = everywhere(office)
    assert "HD1000" not in kept
    assert "Quillfeather" not in kept


def test_a_cancelled_batch_is_not_asked_again(office: Office) -> None:
    batch = sent(office)
    with office.portunus.unit(office.actor) as work:
        batches.cancel(work, batch)
    with pytest.raises(Conflict):
        again(office, batch)


def test_rows_that_were_not_read_when_it_was_cancelled_are_cancelled_and_in_the_export(office: Office) -> None:
    subscribe(office)
    batch = sent(office)
    with office.portunus.unit(office.actor) as work:
        batches.cancel(work, batch)
    read_batch.look(office.portunus, batch)
    found = counts(office, batch)
    assert (found.read, found.problems, found.states, found.ended) == (4, 0, {"cancelled": 4}, True)
    reading = lambda: office.portunus.reading(office.actor)  # noqa: E731
    head, *rows = exports.table(reading, office.portunus.vault, batch)
    assert [row[head.index("What")] for row in rows] == [batches.NOT_ASKED] * 4
    assert messages(office) == [("lookup_batch.done", batch)]


def test_a_cancelled_batch_of_many_is_through_after_one_sweep(office: Office, monkeypatch) -> None:
    batch = sent(office, lines(9))
    read(office, batch)
    monkeypatch.setattr(batches, "PIECE", 2)
    with office.portunus.unit(office.actor) as work:
        batches.cancel(work, batch)
    sweep_lookups.run(office.portunus)
    assert counts(office, batch).states == {"cancelled": 9}


def test_a_batch_is_answered_from_recent_results_when_that_will_do(office: Office, clock) -> None:
    first = office.ask()
    office.sign_in()
    office.answer(office.next(office.turn()))
    clock.advance(seconds=600)
    old = sent(office, max_age_s=599)
    recent = sent(office, max_age_s=601)
    for batch in (old, recent):
        read(office, batch)
    assert counts(office, old).states == {"queued": 2}
    assert counts(office, recent).states == {"done": 1, "queued": 1}
    with office.portunus.reading(lookups.HOLDER) as work:
        row = work.db.scalars(select(Lookup).where(Lookup.batch_id == recent, Lookup.state == "done")).one()
        shown = lookups.shown(work, row)
    assert shown.result_id == office.row(first).result_id
    assert shown.captured_at == clock.now() - timedelta(seconds=600)
    assert shown.words == f"Answered with what was seen on {shown.captured_at:%Y-%m-%d at %H:%M} UTC."


def test_an_age_no_result_may_have_is_refused(office: Office) -> None:
    with pytest.raises(Incomplete, match="30 days"):
        sent(office, max_age_s=31 * 86_400)


def test_repairs_are_seen_by_the_sweep_task(office: Office, monkeypatch) -> None:
    seen = []
    monkeypatch.setattr(onward, "after_repairs", lambda work: seen.append(work.actor.id))
    sweep_lookups.run(office.portunus)
    assert seen == [lookups.HOLDER.id]


def test_a_blank_line_is_no_problem_and_the_rows_below_keep_their_numbers(office: Office) -> None:
    batch = sent(office, b"Patient,Member ID,DOB\nAda,HD100042731,1984-03-17\n\n,,\nBo,HD100042732,1990-02-30\n")
    read(office, batch)
    found = counts(office, batch)
    assert (found.problems, found.states, found.read) == (1, {"queued": 1}, found.rows)
    with office.portunus.reading(office.actor) as work:
        assert [number for number, _ in batches.problems(work, batches.own(work, batch))] == [5]


def test_out_of_tries_the_file_and_the_page_say_what_a_person_does(office: Office) -> None:
    batch = sent(office, b"Patient,Member ID,DOB\nAda,HD100042731,1984-03-17\n")
    read(office, batch)
    office.sign_in()
    lease = office.turn()
    for _ in range(4):
        office.fail(job := office.next(lease), "results_unstable")
    shown = office.shown(office.row(_of(job)))
    assert shown.state == "needs_human"
    assert shown.error["human_action"] == "It was read several times. Look it up by hand, or ask again."
    _, row = exports.table(lambda: office.portunus.reading(office.actor), office.portunus.vault, batch)
    assert shown.error["human_action"] in row


def _of(job: lookups.Job) -> Any:
    return Lookup(id=job.lookup_id)
