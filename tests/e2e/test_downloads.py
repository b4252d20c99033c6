"""Files of a portal stay in a list of their own until they are saved, whatever else is said meanwhile."""

import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.tabs.models import Lease
from tests.e2e.office import TEST

pytestmark = pytest.mark.browser
FILES = {"fil_1": ("eob-march.pdf", b"%PDF-1 March"), "fil_2": ("eob-april.pdf", b"%PDF-1 April")}


@pytest.fixture
def lease(office) -> str:
    """Maria's open tab, with two files that its portal handed out."""
    lease_id = office.open("Maria", "harborline")
    office.until_ready(lease_id)
    with office.portunus.unit(TEST) as work:
        row = work.db.get(Lease, lease_id)
        for file_id, (_, data) in FILES.items():
            name = f"downloads/{row.id}/{file_id}"
            office.portunus.blobs.delete(name)
            sealed = office.portunus.vault.seal(work, office.organization_id, ("download", row.id, file_id), data)
            office.portunus.blobs.append(name, sealed)
    yield lease_id
    office.end("Maria", lease_id)


def saved(office) -> list[str]:
    with office.portunus.reading(TEST) as work:
        asked = select(AuditEntry).where(AuditEntry.act == Act.DOWNLOAD_SAVED.value).order_by(AuditEntry.index)
        return [entry.thing_id for entry in work.db.scalars(asked)]


def test_two_files_and_a_notice_leave_both_files_to_be_saved(screen, office, lease) -> None:
    window = screen("Maria")
    page = window.go(f"/tabs/{lease}")
    page.wait_for_function("() => window.portunusViewer.frames > 0")
    for file_id, (name, data) in FILES.items():
        office.host.tell({"e": "download", "id": file_id, "name": name, "bytes": len(data)})
    office.host.tell({"e": "notice", "words": "The portal closed a window."})
    page.wait_for_function("() => document.getElementById('status').textContent.startsWith('The portal closed')")
    buttons = page.locator("#downloads button")
    assert buttons.all_inner_texts() == ["Save eob-april.pdf (1 KB)", "Save eob-march.pdf (1 KB)"]
    for file_id in ("fil_1", "fil_2"):
        name, data = FILES[file_id]
        with page.expect_download() as coming:
            page.get_by_role("button", name=f"Save {name}").press("Enter")
        assert coming.value.suggested_filename == name
        assert coming.value.path().read_bytes() == data
    page.get_by_text("Saved.").nth(1).wait_for()
    assert saved(office)[-2:] == ["fil_1", "fil_2"]
    window.picture("downloads")
    assert window.faults() == []


def test_a_file_that_is_gone_says_so_beside_its_button(screen, office, lease) -> None:
    page = screen("Maria").go(f"/tabs/{lease}")
    page.wait_for_function("() => window.portunusViewer.frames > 0")
    office.host.tell({"e": "download", "id": "fil_9", "name": "gone.pdf", "bytes": 9})
    page.get_by_role("button", name="Save gone.pdf").click()
    page.get_by_text("It cannot be had just now. Try again.").wait_for()
