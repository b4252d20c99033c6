"""The list of recordings: one's own or all by right, narrowed by person, portal, location and day; viewing needs a reason."""

import json

import pytest
from sqlalchemy import select

from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.recordings import service as recordings
from broker.recordings.container import Message, Writer
from broker.recordings.models import Recording
from broker.recordings.service import Subject
from tests import factories

SYSTEM = system("test")


class Practice:
    """Maria in Phoenix, Nora in Tucson, Audrey the auditor; Harborline and Northgate."""

    def __init__(self, portunus, signed_in) -> None:
        self.portunus = portunus
        with portunus.unit(SYSTEM) as work:
            self.org = factories.organization(work)
            self.places = {key: factories.location(work, self.org, key) for key in ("phoenix", "tucson")}
            self.accounts = {
                key: factories.account(
                    work, factories.portal(work, key, digest=key[0] * 64), list(self.places.values())
                )
                for key in ("harborline", "northgate")
            }
            self.people = {
                "Maria": factories.user(work, self.org),
                "Nora": factories.user(work, self.org, "Nora Quill"),
            }
            self.people["Audrey"] = factories.user(work, self.org, "Audrey Chen", role="compliance")
        self.sign_in = signed_in
        self.audrey, self.maria = signed_in(self.people["Audrey"]), signed_in(self.people["Maria"])

    def record(self, who: str, portal: str, place: str, lines: list[Message] | None = None) -> str:
        person = self.people[who]
        subject = Subject(
            self.org.id,
            "lea_1",
            "ses_1",
            self.accounts[portal].id,
            self.places[place].id,
            "user",
            person.id,
            person.name,
        )
        with self.portunus.unit(SYSTEM) as work:
            row, key = recordings.start(work, self.portunus.vault, subject)
            writer = Writer(row.id, key)
            told = writer.chunk(lines or [Message(0, b"x")])
            self.portunus.blobs.append(row.blob, writer.header() + told + writer.final())
            return row.id


@pytest.fixture
def practice(portunus, signed_in) -> Practice:
    return Practice(portunus, signed_in)


def ids(browser, **asked) -> list[str]:
    return [row["id"] for row in browser.get("/api/v1/recordings", params=asked).json()["data"]]


def test_each_question_narrows_the_list(practice, clock):
    one = practice.record("Maria", "harborline", "phoenix")
    clock.advance(hours=24)
    two = practice.record("Nora", "northgate", "tucson")
    practice.audrey = practice.sign_in(practice.people["Audrey"])  # a day later
    assert ids(practice.audrey) == [two, one]
    assert ids(practice.audrey, person=practice.people["Maria"].id) == [one]
    assert ids(practice.audrey, portal="northgate") == [two]
    assert ids(practice.audrey, location="tucson") == [two]
    assert ids(practice.audrey, since="2026-11-21") == [two]
    assert ids(practice.audrey, until="2026-11-20") == [one]
    assert ids(practice.audrey, portal="northgate", location="phoenix") == []
    page = practice.audrey.get("/recordings", params={"portal": "northgate", "location": "phoenix"})
    assert "No recording fits" in page.text


def test_a_biller_sees_her_own_only_and_is_offered_nobody_else(practice):
    own = practice.record("Maria", "harborline", "phoenix")
    practice.record("Nora", "harborline", "phoenix")
    assert ids(practice.maria) == [own]
    assert ids(practice.maria, person=practice.people["Nora"].id) == []
    assert "Nora" not in practice.maria.get("/recordings").text


def test_pages_lose_and_double_nothing_even_at_the_same_instant(practice):
    made = {practice.record("Maria", "harborline", "phoenix") for _ in range(5)}
    seen, before = [], ""
    for _ in range(3):
        answer = practice.audrey.get("/api/v1/recordings", params={"limit": 2, "before": before}).json()
        seen += [row["id"] for row in answer["data"]]
        before = answer["next_before"]
    assert before is None
    assert (len(seen), set(seen)) == (5, made)


@pytest.mark.parametrize("asked", [{"since": "soon"}, {"before": "nonsense"}, {"limit": 0}])
def test_a_question_that_is_none_is_refused_in_words(practice, asked):
    assert practice.audrey.get("/api/v1/recordings", params=asked).status_code == 422


def test_playing_needs_a_reason_on_the_page_and_as_data(practice):
    one = practice.record("Maria", "harborline", "phoenix")
    assert "Say in a few words" in practice.audrey.post(f"/recordings/{one}", {"reason": " "}).text
    assert practice.audrey.post(f"/api/v1/recordings/{one}/messages", {"reason": ""}).status_code == 422
    assert practice.audrey.post(f"/api/v1/recordings/{one}/messages", {"reason": "Quarterly sample"}).status_code == 200


def test_a_recording_is_kept_longer_when_who_governs_them_says_why(practice):
    one = practice.record("Maria", "harborline", "phoenix")
    told = {"kept": "long", "reason": "An appeal is under way"}
    assert practice.audrey.post(f"/recordings/{one}/retention", told).status_code == 303
    with practice.portunus.reading(SYSTEM) as work:
        assert work.db.get(Recording, one).retention == "long"


def test_who_views_no_recordings_is_told_so(practice, portunus, signed_in):
    with portunus.unit(SYSTEM) as work:
        ana = factories.user(work, practice.org, "Ana Petrova", role="admin")
    assert signed_in(ana).get("/recordings").status_code == 403


def test_a_hold_is_set_and_lifted_on_the_page_by_who_governs_recordings(practice):
    recording = practice.record("Maria", "harborline", "phoenix")
    assert practice.audrey.post(f"/recordings/{recording}/hold", {"reason": "Subpoena 4711"}).status_code in (200, 303)
    assert "Subpoena 4711" in practice.audrey.get(f"/recordings/{recording}").text
    assert practice.audrey.post(f"/recordings/{recording}/hold", {"reason": " "}).status_code == 422
    assert practice.audrey.post(f"/recordings/{recording}/lift", {"reason": "Case is closed"}).status_code in (200, 303)
    assert "Subpoena 4711" not in practice.audrey.get(f"/recordings/{recording}").text
    assert practice.maria.post(f"/recordings/{recording}/hold", {"reason": "I want to"}).status_code == 403
    assert (
        practice.audrey.post(
            f"/recordings/{recording}/retention", {"kept": "for ever", "reason": "why not"}
        ).status_code
        == 422
    )


def a_day(practice: Practice, who: str = "Maria", portal: str = "harborline", place: str = "phoenix") -> str:
    """A recording whose beats have told what came up in it."""
    recording_id = practice.record(who, portal, place)
    with practice.portunus.unit(SYSTEM) as work:
        recordings.beat(
            work,
            practice.portunus.vault,
            recording_id,
            size=1,
            messages=1,
            duration_ms=60_000,
            heard={"hd1000427315566": 12_000, "claims": 4_000},
        )
    return recording_id


def test_a_recording_is_found_by_what_came_up_in_it_and_the_log_says_only_that_somebody_looked(practice) -> None:
    wanted, _ = a_day(practice), practice.record("Nora", "northgate", "tucson")
    answer = practice.audrey.post_json("/api/v1/recordings/search", {"words": "HD1-0004-27315566 claims"})
    assert [(row["id"], row["at_ms"]) for row in answer.json()["data"]] == [(wanted, 12_000)]
    page = practice.audrey.post("/recordings/search", {"words": "hd1000427315566"})
    assert f"/recordings/{wanted}?at=12000" in page.text
    assert "Play from 0:12" in page.text
    with practice.portunus.reading(SYSTEM) as work:
        entries = work.db.scalars(select(AuditEntry).where(AuditEntry.act == "recording:list:search")).all()
        assert [json.loads(one.leaf)["detail"] for one in entries] == [{"found": 1}, {"found": 1}]
        assert not [one for one in entries if b"hd1000427315566" in bytes(str(one.leaf).lower(), "utf-8")]


def test_what_one_may_not_view_is_not_found_either(practice) -> None:
    a_day(practice, "Nora", "northgate", "tucson")
    answer = practice.maria.post_json("/api/v1/recordings/search", {"words": "hd1000427315566"})
    assert answer.json()["data"] == []


@pytest.mark.parametrize("words", ["", "  ", "ab", "one two three four five six seven", "x" * 41])
def test_words_that_cannot_be_looked_for_are_refused_with_what_can(practice, words) -> None:
    answer = practice.audrey.post_json("/api/v1/recordings/search", {"words": words})
    assert (answer.status_code, "member id" in answer.json()["detail"]) == (422, True)


def records(body: bytes) -> list[bytes]:
    found, place = [], 0
    while place < len(body):
        size = int.from_bytes(body[place : place + 4])
        found.append(body[place + 8 : place + 8 + size])
        place += 8 + size
    return found


def test_of_a_recording_that_runs_one_gets_what_came_since_and_each_look_is_in_the_log(practice) -> None:
    recording_id = practice.record("Maria", "harborline", "phoenix", [Message(1, b"one"), Message(2, b"two")])
    path = f"/api/v1/recordings/{recording_id}/messages"
    first = records(practice.maria.post(path, {"reason": "look again"}).content)
    since = records(practice.maria.post(path, {"reason": "look again", "after": 1}).content)
    assert (first[:-1], since[:-1]) == ([b"one", b"two"], [b"two"])
    assert practice.maria.post(path, {"reason": "look again", "after": -1}).status_code == 422
    with practice.portunus.reading(SYSTEM) as work:
        assert len(work.db.scalars(select(AuditEntry).where(AuditEntry.act == "recording:file:view")).all()) == 2


def test_a_recording_whose_host_writes_is_said_to_run_and_one_whose_host_is_silent_to_be_cut(practice, clock) -> None:
    recording_id = practice.record("Maria", "harborline", "phoenix", [Message(1, b"one")])
    with practice.portunus.unit(SYSTEM) as work:
        blob = work.db.get_one(Recording, recording_id).blob
    whole = practice.portunus.blobs.read(blob)
    practice.portunus.blobs.delete(blob)
    practice.portunus.blobs.append(blob, whole[:-8])  # its end is not written yet
    path = f"/api/v1/recordings/{recording_id}/messages"
    assert b'"running"' in practice.maria.post(path, {"reason": "look again"}).content
    clock.advance(seconds=31)
    assert b'"cut"' in practice.maria.post(path, {"reason": "look again"}).content
