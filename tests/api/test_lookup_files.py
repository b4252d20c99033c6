"""Files of patients through the pages: sent, named, scheduled by the office's clock, refused in words that help."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from api.routes import lookup_files
from broker.base.errors import Incomplete
from broker.lookups import service as lookups
from broker.lookups import sheets
from broker.lookups.models import LookupBatch
from tests.api.lookup_office import CSV, QUESTION
from workers import read_batch

COLUMNS = {
    "column_member_id": "Member ID", "column_birth_date": "DOB", "fixed_portal": "harborline", "fixed_location": "phoenix",
    "fixed_kind": "eligibility",
}  # fmt: skip


def batch_of(maria, portunus, rows: str, columns: dict[str, str]) -> str:
    """The page of the batch that these rows become."""
    page: str = maria.post(send(maria, rows.encode()).headers["location"], columns).headers["location"]
    read_batch.look(portunus, page.rpartition("/")[2])
    return page


def send(maria, data: bytes, name: str = "tomorrow.csv"):
    return maria.client.post(
        "/lookups/uploads", data={"csrf": maria.csrf}, files={"file": (name, data, "text/csv")},
        headers={"accept": "text/html", "sec-fetch-site": "same-origin"},
    )  # fmt: skip


def test_a_file_that_names_carriers_finds_their_portals(maria, portunus, lookup_office) -> None:
    """Practice management systems know the carrier, not the site it is asked at."""
    rows = "Carrier,Member ID,DOB\n" + "".join(
        f"{carrier},HD10004273{number},1984-03-17\n"
        for number, carrier in enumerate((lookup_office.portal.name.upper(), "Harborline carrier", "Nowhere Dental"))
    )
    named = COLUMNS | {"fixed_portal": "", "column_payer": "Carrier"}
    page = batch_of(maria, portunus, rows, named)
    assert "Row 4: portal: is needed." in maria.get(page).text
    asked = maria.get(f"/api/v1/lookups?batch_id={page.rpartition('/')[2]}").json()["data"]
    assert [one["portal"] for one in asked] == ["harborline", "harborline"]


def test_an_identifier_of_a_wrong_form_is_told_in_words(maria, portunus, lookup_office) -> None:
    page = batch_of(maria, portunus, "Member ID,DOB\n=1+1,1984-03-17\n", COLUMNS)
    assert "Row 2: member_id: 3 to 30 letters, digits, hyphens or blanks" in maria.get(page).text


def test_a_file_is_read_beside_the_loop_that_serves_everybody(maria, monkeypatch) -> None:
    loops, read = [], sheets.read

    def reading(data: bytes, name: str) -> sheets.Sheet:
        try:
            loops.append(asyncio.get_running_loop())
        except RuntimeError:
            loops.append(None)
        return read(data, name)

    monkeypatch.setattr(sheets, "read", reading)
    send(maria, CSV)
    assert loops == [None]


def test_names_stand_for_keys(maria, portunus, lookup_office) -> None:
    site, place = lookup_office.portal.name, lookup_office.location.name
    rows = f"Site,Office,ID,Born\n{site.upper()},{place},HD100042731,1984-03-17\nharborline,PHOENIX,HD100042732,1984-03-17\n"
    mapping = send(maria, rows.encode()).headers["location"]
    shown = maria.get(mapping).text
    assert f'<td data-label="Name">{place}</td><td data-label="Key"><code>phoenix</code>' in shown
    columns = {
        "column_portal": "Site",
        "column_location": "Office",
        "column_member_id": "ID",
        "column_birth_date": "Born",
    }
    batch = maria.post(mapping, columns).headers["location"].rpartition("/")[2]
    read_batch.look(portunus, batch)
    counts = maria.get(f"/api/v1/lookup-batches/{batch}").json()["counts"]
    assert (counts["queued"], counts["problems"]) == (2, 0)


def test_what_was_chosen_comes_back_with_what_was_wrong(maria) -> None:
    mapping = send(maria, CSV).headers["location"]
    wrong = COLUMNS | {
        "column_member_id": "Patient", "name": "The early ones", "day": "2020-01-01", "hour": "07:30",
        "fixed_payer": "Ironwood", "fixed_kind": "claim_status",
    }  # fmt: skip
    answer = maria.post(mapping, wrong)
    assert answer.status_code == 422
    assert "The day to start is over" in answer.text
    for kept in (
        "<option selected>Patient</option>", 'value="The early ones"', 'value="2020-01-01"', 'value="07:30"', 'value="Ironwood"',
        '<option value="harborline" selected>', '<option value="phoenix" selected>', '<option value="claim_status" selected>',
    ):  # fmt: skip
        assert kept in answer.text


NOON_IN_PHOENIX = datetime(2026, 11, 20, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "hour", "zones", "starts"),
    [
        ("", "06:00", {"America/Phoenix"}, None),
        ("2026-11-20", "06:00", {"America/Phoenix"}, None),
        ("2026-11-20", "18:30", {"America/Phoenix"}, "2026-11-21T01:30:00+00:00"),
        ("2026-11-21", "06:00", {"America/Phoenix"}, "2026-11-21T13:00:00+00:00"),
        ("2026-11-21", "", {"America/New_York"}, "2026-11-21T11:00:00+00:00"),
        ("2026-11-21", "06:00", {"America/New_York", "America/Phoenix"}, "2026-11-21T11:00:00+00:00"),
        ("2027-07-01", "06:00", {"America/New_York"}, "2027-07-01T10:00:00+00:00"),
    ],
)
def test_a_batch_starts_by_the_clock_of_the_place(day: str, hour: str, zones: set[str], starts: str | None) -> None:
    found = lookup_files.starts(day, hour, zones, NOON_IN_PHOENIX)
    assert (found.astimezone(UTC).isoformat() if found else None) == starts


@pytest.mark.parametrize(("day", "hour"), [("2026-11-19", "06:00"), ("soon", "06:00"), ("2026-11-21", "early")])
def test_a_day_that_cannot_be_meant_is_refused(day: str, hour: str) -> None:
    with pytest.raises(Incomplete):
        lookup_files.starts(day, hour, {"America/Phoenix"}, NOON_IN_PHOENIX)


def test_the_location_that_was_chosen_says_which_clock(maria, portunus, lookup_office) -> None:
    with portunus.unit(lookups.HOLDER) as work:
        place = work.db.merge(lookup_office.location)
        place.time_zone = "America/New_York"
    mapping = send(maria, CSV).headers["location"]
    tomorrow = portunus.clock.now().date().replace(day=28).isoformat()
    batch = maria.post(mapping, COLUMNS | {"day": tomorrow, "hour": "07:00"}).headers["location"]
    with portunus.reading(lookups.HOLDER) as work:
        kept = work.db.get_one(LookupBatch, batch.rpartition("/")[2]).not_before
    assert kept.isoformat() == f"{tomorrow}T12:00:00+00:00"
    assert f"starts {tomorrow} 07:00 EST" in maria.get(batch).text


@pytest.mark.parametrize("path", ["/lookups/uploads", "/api/v1/lookup-batches"])
def test_fifty_megabytes_are_refused_with_the_limit_and_what_to_do(maria, path: str) -> None:
    headers = {"accept": "text/html", "sec-fetch-site": "same-origin", "content-length": "52428800"}
    answer = maria.client.post(path, content=b"x", headers=headers)
    assert answer.status_code == 413
    assert "the limit is 8 MB. Split the file" in answer.text


def test_a_body_that_does_not_say_its_length_is_refused_in_the_same_words(robot) -> None:
    def piece():
        for _ in range(9):
            yield b" " * 1_000_000

    answer = robot.post("/api/v1/lookup-batches", content=piece(), headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert "the limit is 8 MB. Split the file" in answer.json()["detail"]


def test_elsewhere_the_limit_is_one_megabyte(robot) -> None:
    answer = robot.post("/api/v1/lookups", content=b" " * 1_000_001, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["detail"]) == (413, "That is too large: the limit is one megabyte.")


def test_a_batchs_exceptions_name_their_rows(maria, portunus, lookup_office) -> None:
    rows = [QUESTION, QUESTION | {"member_id": "HD100042799"}]
    batch = maria.post_json("/api/v1/lookup-batches", {"name": "Tuesday", "rows": rows}).json()["id"]
    read_batch.look(portunus, batch)
    lookup_office.sign_in()
    lease = lookup_office.turn()
    lookup_office.answer(lookup_office.next(lease))
    lookup_office.fail(lookup_office.next(lease), "patient_not_found")
    assert "row 3" in maria.get(f"/lookups/batches/{batch}").text
    grid = maria.get("/lookups/grid").text
    assert "Tuesday</a>, row 3" in grid


def test_a_file_becomes_a_batch_with_named_problems(maria, portunus, lookup_office) -> None:
    sent = maria.client.post(
        "/lookups/uploads", data={"csrf": maria.csrf}, files={"file": ("tomorrow.csv", CSV, "text/csv")},
        headers={"accept": "text/html", "sec-fetch-site": "same-origin"},
    )  # fmt: skip
    mapping = sent.headers["location"]
    assert "Member ID" in maria.get(mapping).text
    columns = {
        "column_member_id": "Member ID",
        "column_birth_date": "DOB",
        "fixed_portal": "harborline",
        "fixed_location": "phoenix",
        "fixed_kind": "eligibility",
    }
    batch = maria.post(mapping, columns).headers["location"]
    assert maria.get(mapping).status_code == 404  # the file is gone once its batch has begun
    read_batch.look(portunus, batch.rpartition("/")[2])
    page = maria.get(batch).text
    assert "Row 3: birth date (column 3): write the date" in page
    lines = maria.get(f"{batch}/export.csv").text.splitlines()
    assert len(lines) == 3
    documents = [json.loads(line) for line in maria.get(f"{batch}/export.json").text.splitlines()]
    assert [one["row"] for one in documents] == [2, 3]


def test_a_file_that_is_none_is_refused_in_words(maria) -> None:
    for data in (b"", b"\x00\x01" * 4000, b"<html>"):
        answer = maria.client.post(
            "/lookups/uploads", data={"csrf": maria.csrf}, files={"file": ("x.csv", data, "text/csv")},
            headers={"accept": "text/html", "sec-fetch-site": "same-origin"},
        )  # fmt: skip
        assert answer.status_code == 422


def test_a_batch_whose_rows_need_somebody_is_asked_again_as_a_whole(maria, portunus, lookup_office) -> None:
    rows = [QUESTION, QUESTION | {"member_id": "HD100042799"}]
    batch = maria.post_json("/api/v1/lookup-batches", {"name": "Tuesday", "rows": rows}).json()["id"]
    read_batch.look(portunus, batch)
    page = f"/lookups/batches/{batch}"
    assert "ask all again" not in maria.get(page).text
    lookup_office.sign_in()
    lease = lookup_office.turn()
    for _ in rows:
        lookup_office.fail(lookup_office.next(lease), "step_up_required")
    assert "ask all again" in maria.get(page).text
    assert maria.post(f"{page}/again").headers["location"] == page
    assert maria.get(f"/api/v1/lookup-batches/{batch}").json()["counts"]["queued"] == 2
    assert maria.post(f"{page}/nothing").status_code == 404


def test_a_batch_takes_answers_from_before(maria, portunus, lookup_office) -> None:
    maria.post("/lookups", QUESTION)
    lookup_office.sign_in()
    lookup_office.answer(lookup_office.next(lookup_office.turn()))
    done = []
    for age in ("", "3600"):
        mapping = send(maria, CSV).headers["location"]
        assert '<label for="batch-age">An answer not older than</label>' in maria.get(mapping).text
        batch = maria.post(mapping, COLUMNS | {"max_age_s": age}).headers["location"].rpartition("/")[2]
        read_batch.look(portunus, batch)
        done.append(maria.get(f"/api/v1/lookup-batches/{batch}").json()["counts"].get("done", 0))
    assert done == [0, 1]


def test_claims_of_a_file_come_with_their_papers_where_that_is_ticked(maria, portunus, lookup_office) -> None:
    rows = b"Kind,Member ID,DOB,DOS\nclaim_status,HD100042731,,10/02/2026\neligibility,HD100042731,1984-03-17,\n"
    mapping = send(maria, rows).headers["location"]
    page = maria.get(mapping).text
    assert "fetch the EOBs of claims too" in page
    named = {"column_kind": "Kind", "column_service_date": "DOS", "with_eob": "yes"}
    batch = maria.post(mapping, COLUMNS | named).headers["location"].rpartition("/")[2]
    read_batch.look(portunus, batch)
    asked = maria.get(f"/api/v1/lookups?batch={batch}").json()["data"]
    lookup_office.sign_in()
    lease = lookup_office.turn()
    jobs = [lookup_office.next(lease).question for _ in asked]
    assert sorted((job.get("with_eob"), job.get("service_from")) for job in jobs if job.get("with_eob")) == [
        (True, "2026-10-02")
    ]
    assert len(jobs) == 2


def test_a_second_click_on_start_leads_to_the_same_batch(maria) -> None:
    mapping = send(maria, CSV).headers["location"]
    first, second = (maria.post(mapping, COLUMNS).headers["location"] for _ in range(2))
    assert first == second
    assert len(maria.get("/api/v1/lookup-batches").json()["data"]) == 1
