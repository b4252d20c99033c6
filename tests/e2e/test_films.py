"""Audrey takes a recording out as a film: she says why, sees it ready without doing anything, and saves what the log names."""

import hashlib
import io
import json
import threading

import av
import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.recordings import films
from tests.e2e.conftest import NARROW
from tests.e2e.office import TEST
from workers.films import film as film_

pytestmark = pytest.mark.browser
WHY = "Asked for by the carrier's auditor"


@pytest.fixture(scope="module")
def recording(office) -> str:
    """What Maria did at Harborline."""
    lease = office.open("Maria", "harborline")
    office.until_ready(lease)
    recording_id = office.recorded("Maria", lease)
    office.end("Maria", lease)
    return recording_id


def entries(office, act: Act) -> list[dict]:
    with office.portunus.reading(TEST) as work:
        found = select(AuditEntry).where(AuditEntry.act == act.value).order_by(AuditEntry.index)
        return [json.loads(one.leaf) for one in work.db.scalars(found)]


def saved(page, button: str) -> tuple[str, bytes]:
    with page.expect_download() as coming:
        page.get_by_role("button", name=button).press("Enter")
    return coming.value.suggested_filename, coming.value.path().read_bytes()


def test_a_recording_is_exported_seen_ready_and_saved_and_its_hash_is_the_logs(
    screen, office, recording, monkeypatch
) -> None:
    goes_on, drawn = threading.Event(), film_._marked
    monkeypatch.setattr(film_, "_marked", lambda *told: drawn(*told) if goes_on.wait(60) else None)
    window = screen("Audrey", accept_downloads=True)
    page = window.go(f"/recordings/{recording}")
    page.get_by_label("Why does it leave the house?").fill(WHY)
    page.keyboard.press("Enter")
    expect(page.locator("#film-state")).to_have_text("It is being made: 0 %.")
    expect(page.get_by_role("button", name="Export as film")).to_have_count(0)
    page.evaluate("window.sameLoad = true")
    window.picture("film_being_made")
    assert window.faults() == []
    goes_on.set()
    expect(page.locator("#film-state")).to_contain_text("Ready until")
    assert page.evaluate("window.sameLoad")
    window.picture("film_ready")
    assert window.faults() == []
    name, film = saved(page, "Save the film")
    beside, manifest = saved(page, "Save its manifest")
    assert beside == f"{name}.manifest.json"
    (asked,), (made,) = (entries(office, act) for act in (Act.RECORDING_EXPORT_ASKED, Act.RECORDING_EXPORTED))
    digest = hashlib.sha256(film).hexdigest()
    assert asked["reason"] == json.loads(manifest)["exported"]["reason"] == WHY
    assert digest == made["detail"]["film_digest"] == json.loads(manifest)["film"]["sha256"]
    assert digest in page.locator("#film").inner_text()
    taken = entries(office, Act.FILM_SAVED)
    assert [(one["detail"]["part"], one["actor"]["name"]) for one in taken] == [
        ("film", "Audrey Chen"), ("manifest", "Audrey Chen"),
    ]  # fmt: skip
    with av.open(io.BytesIO(film)) as shown:
        assert [round(float(one.time) * 1000) for one in shown.decode(video=0)] == [10, 4000, 5000]
    page.set_viewport_size(NARROW)
    window.picture("film_ready_narrow")
    assert window.too_wide() == []


def test_a_film_that_could_not_be_made_says_so_and_is_offered_again(screen, office, recording, monkeypatch) -> None:
    with office.portunus.unit(TEST) as work:  # the film of before was over
        for row in work.db.scalars(select(films.Film)):
            row.until = work.clock.now()
    with office.portunus.unit(TEST) as work:
        films.sweep(work, office.portunus.blobs)
    window = screen("Audrey")
    page = window.go(f"/recordings/{recording}")
    expect(page.locator("#film-state")).to_have_text("The film of before is destroyed: its time was over.")
    monkeypatch.setattr(film_, "pictures", lambda _messages: iter(()))
    page.get_by_label("Why does it leave the house?").fill(WHY)
    page.get_by_role("button", name="Export as film").click()
    expect(page.locator("#film-state")).to_contain_text("It could not be made: This recording has no picture")
    expect(page.get_by_role("button", name="Export as film")).to_be_visible()
    window.picture("film_failed")
    assert window.faults() == []


def test_where_pyav_is_missing_the_page_says_what_to_install(screen, recording, monkeypatch) -> None:
    monkeypatch.setattr(films, "possible", lambda: False)
    window = screen("Audrey")
    page = window.go(f"/recordings/{recording}")
    expect(page.locator("#film")).to_contain_text("pip install av")
    expect(page.get_by_role("button", name="Export as film")).to_have_count(0)
    assert window.faults() == []
