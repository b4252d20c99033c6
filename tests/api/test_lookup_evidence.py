"""What proves a value, or a failure: only what the lookup read is shown; the whole page, for a reason, is only its own."""

import json
import struct
from io import BytesIO
from types import SimpleNamespace

import pytest
from PIL import Image
from sqlalchemy import select

from broker.audit.models import AuditEntry
from broker.lookups import service as lookups
from broker.lookups.evidence import Sighting
from broker.lookups.models import Lookup, LookupArtifact
from tests import factories
from tests.api.lookup_office import photographed

HIGH = 400
MINE, OTHERS = (10.0, 100.0, 50.0, 20.0), 200
"""Where this lookup read, and the height at which another patient's row begins."""


def painted() -> bytes:
    """A portal's page: a red row that was asked for, a blue one of somebody else."""
    picture = Image.new("RGB", (300, HIGH), "white")
    picture.paste((255, 0, 0), (0, 95, 300, 125))
    picture.paste((0, 0, 255), (0, OTHERS, 300, OTHERS + 30))
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def colours(png: bytes) -> set[tuple[int, ...]]:
    with Image.open(BytesIO(png)) as shown:
        return {colour for _, colour in shown.convert("RGB").getcolors(100_000)}


@pytest.fixture
def seen(portunus, lookup_office) -> SimpleNamespace:
    """Two lookups failed under one lease, each with a picture in the lease's one recording."""
    lookup_office.sign_in()
    first, second = lookup_office.ask(), lookup_office.ask(member_id="HD100042799")
    lease_id = lookup_office.turn()
    pictures = photographed(lookup_office, lease_id, [painted(), painted()])
    recording_id = pictures[0].recording_id
    for number, (lookup, picture) in enumerate(zip((first, second), pictures, strict=True)):
        words = Sighting(
            artifact_id=picture.artifact_id, recording_id=recording_id, recording_offset_ms=picture.offset_ms, page="search",
            selector="#none", box=MINE, raw_text=f"No member with this ID {number}",
        )  # fmt: skip
        with portunus.unit(lookups.HOLDER) as work:
            job = lookups.next_job(work, portunus.vault, lease_id)
            assert job.lookup_id == lookup.id
            why = lookups.Unanswered("patient_not_found", [words], [picture])
            lookups.fail(work, portunus.vault, job, why)
    return SimpleNamespace(
        first=first.id, second=second.id, recording=recording_id, pictures=[one.artifact_id for one in pictures]
    )


def test_a_failure_says_where_it_was_seen_to_programs_and_people(seen, maria, robot) -> None:
    (told,) = robot.get(f"/api/v1/lookups/{seen.first}").json()["error"]["evidence"]
    assert (told["raw_text"], told["page"], told["box"]) == ("No member with this ID 0", "search", list(MINE))
    page = maria.get(f"/lookups/{seen.first}").text
    assert "No member with this ID 0" in page
    assert f"/artifacts/{seen.pictures[0]}?box=10.0,100.0,50.0,20.0" in page
    assert f"/lookups/{seen.first}/recordings/{seen.recording}?at=0" in page


def test_lists_and_polls_say_nothing_of_it(seen, robot) -> None:
    for path in (f"/api/v1/lookups/{seen.first}/state", "/api/v1/lookups"):
        assert "No member with this ID" not in robot.get(path).text


def test_what_a_failure_was_seen_by_is_sealed(seen, portunus) -> None:
    with portunus.reading(lookups.HOLDER) as work:
        row = work.db.get_one(Lookup, seen.first)
        assert row.error_seen is not None
        assert b"No member" not in row.error_seen


def test_a_picture_is_grey_but_for_the_rows_that_were_read(seen, maria) -> None:
    where = f"/api/v1/lookups/{seen.first}/artifacts/{seen.pictures[0]}"
    for query in ("", "?box=10.0,100.0,50.0,20.0"):
        shown = colours(maria.get(where + query).content)
        assert (255, 0, 0) in shown
        assert len(shown) == 2  # the row, and one grey: nothing shines through


@pytest.mark.parametrize("box", ["10,200,50,20", "nan,100,50,20", "10,inf,50,20", "1,2", "x,y,w,h", "10,-100,50,20"])
def test_another_place_of_the_picture_is_not_shown(seen, maria, box: str) -> None:
    answer = maria.get(f"/api/v1/lookups/{seen.first}/artifacts/{seen.pictures[0]}", params={"box": box})
    assert answer.status_code == 422


def records(body: bytes) -> list[tuple[int, bytes]]:
    found, place = [], 0
    while place < len(body):
        size, ms = struct.unpack_from(">II", body, place)
        found.append((ms, body[place + 8 : place + 8 + size]))
        place += 8 + size
    return found


def test_whoever_may_see_the_lookup_plays_its_moments_for_a_reason(seen, maria, portunus) -> None:
    page = f"/lookups/{seen.second}/recordings/{seen.recording}"
    assert "Why do you view the whole pages?" in maria.get(page, params={"at": 1000}).text
    assert maria.post(page, {"reason": "no"}).status_code == 422
    assert 'data-at="1000"' in maria.post(page, {"reason": "disputed answer", "at": "1000"}).text
    answer = maria.post(f"/api/v1{page}/messages", {"reason": "disputed answer"})
    (ms, frame), (_, end) = records(answer.content)
    assert ms == 1000
    assert frame[16:] == painted()
    assert json.loads(end[12:])["how"] == "complete"
    with portunus.reading(lookups.HOLDER) as work:
        viewed = select(AuditEntry).where(AuditEntry.act == "recording:file:view")
        told = json.loads(work.db.scalars(viewed).one().leaf)
    assert told["reason"] == "disputed answer"
    assert told["detail"]["lookup"] == seen.second


def test_without_a_reason_nothing_is_played(seen, maria) -> None:
    page = f"/api/v1/lookups/{seen.first}/recordings/{seen.recording}/messages"
    assert maria.post(page).status_code == 422


def test_moments_of_another_lookup_or_place_are_not_to_be_had(seen, maria, portunus, lookup_office, signed_in) -> None:
    with portunus.unit(lookups.HOLDER) as work:
        for artifact in work.db.scalars(select(LookupArtifact).where(LookupArtifact.lookup_id == seen.second)):
            work.db.delete(artifact)
    reason = {"reason": "just looking"}
    assert maria.post(f"/api/v1/lookups/{seen.second}/recordings/{seen.recording}/messages", reason).status_code == 404
    with portunus.unit(lookups.HOLDER) as work:
        org = factories.organization(work, "Other Dental")
        factories.location(work, org, "elsewhere")
        stranger = factories.user(work, org, "Eve Castro")
    eve = signed_in(stranger)
    assert eve.post(f"/api/v1/lookups/{seen.first}/recordings/{seen.recording}/messages", reason).status_code == 404
    assert eve.get(f"/lookups/{seen.first}/recordings/{seen.recording}").status_code == 404


def test_a_program_does_not_play(seen, robot) -> None:
    page = f"/api/v1/lookups/{seen.first}/recordings/{seen.recording}/messages"
    assert robot.post(page, data={"reason": "just looking"}).status_code == 403
