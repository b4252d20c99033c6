"""The compliance officer looks at the page a sign-in stopped at, by keyboard, and gives her reason."""

import json
from base64 import b64encode

import pytest

from broker.tabs.models import LoginAttempt
from broker.tabs.states import AttemptState
from tests.e2e.office import TEST

pytestmark = pytest.mark.browser


@pytest.fixture
def failed(office, portal_picture) -> str:
    """A sign-in of Maria's that stopped at a page."""
    lease_id = office.open("Maria", "harborline")
    office.until_ready(lease_id)
    office.end("Maria", lease_id)
    with office.portunus.unit(TEST) as work:
        row = work.db.query(LoginAttempt).order_by(LoginAttempt.id.desc()).first()
        kept = json.dumps({"title": "", "text": "", "png": b64encode(portal_picture).decode()}).encode()
        sealed = office.portunus.vault.seal(work, office.organization_id, ("evidence", "evi_look"), kept)
        office.portunus.blobs.append("evidence/evi_look", sealed)
        row.state, row.outcome, row.evidence = AttemptState.FAILED.value, "unrecognised", "evi_look"
        return row.id


def test_from_the_accounts_page_to_the_picture(screen, office, failed) -> None:
    window = screen("Audrey")
    page = window.go("/accounts")
    page.get_by_role("link", name="Sign-ins that failed").press("Enter")
    window.picture("failed_sign_ins")
    assert (window.faults(), window.too_wide()) == ([], [])
    page.get_by_role("link", name="What it showed").first.press("Enter")
    page.wait_for_function("() => document.activeElement.id === 'reason'")
    page.keyboard.type("The carrier changed its page")
    page.keyboard.press("Enter")
    picture = page.get_by_role("img", name="The portal's page when the sign-in stopped")
    picture.wait_for()
    assert picture.evaluate("image => image.complete && image.naturalWidth") == 1280
    window.picture("failed_sign_in")
    assert window.faults() == []
