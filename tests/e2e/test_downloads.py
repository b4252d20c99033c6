"""Files of a portal stay in a list of their own until they are saved, whatever else is said meanwhile."""

import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.tabs import files
from tests.e2e.office import TEST

pytestmark = pytest.mark.browser
FILES = {"eob-march.pdf": b"%PDF-1 March", "eob-april.pdf": b"%PDF-1 April"}


@pytest.fixture
def lease(office) -> str:
    """Maria's open tab."""
    lease_id = office.open("Maria", "harborline")
    office.until_ready(lease_id)
    yield lease_id
    office.end("Maria", lease_id)


def hand_out(office, lease: str) -> list[str]:
    """The portal hands out both files; their ids."""
    portunus, ids = office.portunus, []
    for name, data in FILES.items():
        with portunus.unit(TEST) as work:
            kept = files.keep_download(work, portunus.vault, portunus.blobs, lease, data, name)
        office.host.tell({"e": "download", **kept.shown(), "printed": False})
        ids.append(kept.id)
    return ids


def saved(office) -> list[str]:
    with office.portunus.reading(TEST) as work:
        asked = select(AuditEntry).where(AuditEntry.act == Act.DOWNLOAD_SAVED.value).order_by(AuditEntry.index)
        return [entry.thing_id for entry in work.db.scalars(asked)]


def test_two_files_and_a_notice_leave_both_files_to_be_saved(screen, office, lease) -> None:
    window = screen("Maria")
    page = window.go(f"/tabs/{lease}")
    page.wait_for_function("() => window.portunusViewer.frames > 0")
    ids = hand_out(office, lease)
    office.host.tell({"e": "notice", "words": "The portal closed a window."})
    page.wait_for_function("() => document.getElementById('status').textContent.startsWith('The portal closed')")
    assert page.locator("#files li span").all_inner_texts() == ["eob-april.pdf (12 bytes)", "eob-march.pdf (12 bytes)"]
    for name, data in FILES.items():
        with page.expect_download() as coming:
            page.get_by_role("button", name=f"Save {name}").press("Enter")
        assert coming.value.suggested_filename == name
        assert coming.value.path().read_bytes() == data
    assert saved(office)[-2:] == ids
    window.picture("downloads")
    assert window.faults() == []


def test_a_file_that_is_gone_says_so(screen, office, lease) -> None:
    page = screen("Maria").go(f"/tabs/{lease}")
    page.wait_for_function("() => window.portunusViewer.frames > 0")
    office.host.tell({"e": "download", "id": "fil_9", "name": "gone.pdf", "kind": "application/pdf", "bytes": 9})
    page.get_by_role("button", name="Save gone.pdf").click()
    page.get_by_text("The file cannot be had just now. Try again.").wait_for()
