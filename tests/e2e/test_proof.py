"""An auditor's question, answered in her browser and checked without us; an administrator's locked account brought back."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.office import PORTALS

pytestmark = pytest.mark.browser
VERIFY = Path(__file__).parents[2] / "broker" / "audit" / "verify.py"


def verified(file: Path) -> bool:
    return subprocess.run([sys.executable, "-I", str(VERIFY), str(file)], capture_output=True).returncode == 0


def test_who_got_the_last_code_for_harborline_at_phoenix_prove_it(screen, office, tmp_path) -> None:
    lease = office.open("Maria", "harborline")
    office.until_ready(lease)
    office.recorded("Maria", lease)
    audrey = screen("Audrey", accept_downloads=True)
    page = audrey.go("/start")
    page.get_by_label("Portal").select_option(label="Harborline")
    page.get_by_label("Location").select_option(label="Saguaro Family Dental Phoenix")
    page.get_by_role("button", name="Ask").click()
    assert "Maria Lopez" in page.locator(".answer").inner_text()
    way = page.locator(".timeline").inner_text()
    for step in ("asked the portal for a code", "released the code to this sign-in, once", "read the portal's answer"):
        assert step in way
    with page.expect_download() as taken:
        page.get_by_role("link", name="take the proof away").click()
    proof = tmp_path / "proof.jsonl"
    taken.value.save_as(proof)
    assert verified(proof)
    whole = proof.read_bytes()
    assert b"Maria Lopez" in whole
    proof.write_bytes(whole.replace(b"Maria Lopez", b"Mario Lopez", 1))
    assert not verified(proof)
    page.get_by_role("link", name="recording", exact=True).click()
    page.get_by_label("Why do you view it?").fill("Who got the last code")
    page.keyboard.press("Enter")
    page.wait_for_function("() => window.portunusPlayer && window.portunusPlayer.drawn > 0")
    assert page.locator("#clock").inner_text() == "0:00"  # from its beginning: what the code opened
    page.get_by_role("link", name="Audit log").click()
    page.get_by_label("Did what").select_option(label="viewed a recording")
    page.get_by_role("button", name="Show").click()
    assert "Who got the last code" in page.locator("tbody tr").first.inner_text()


def test_ana_brings_a_locked_account_back_from_the_status_page(screen, office) -> None:
    office.lock("larkspur", "wrong_password", "The portal does not accept the stored password. Store the current one.")
    ana = screen("Ana")
    page = ana.go("/status")
    page.get_by_role("link", name=PORTALS["larkspur"]).click()
    box = page.locator(".account.stopped", has_text=PORTALS["larkspur"])
    assert box.get_by_text("Store the password that works now").is_visible()
    box.get_by_label("New password").fill("Basalt-Wren-2093")
    box.get_by_role("button", name="Store").click()
    page.get_by_text("Stored. The next sign-in uses it.").wait_for()
    assert box.get_by_text("A password was stored since it stopped.").is_visible()
    box.get_by_label("What was put right?").fill("Carrier gave a new password, reference 4711")
    ana.picture("account_stopped")
    box.get_by_role("button", name="Release").click()
    page.get_by_text("Released. The next person who opens the portal signs in again.").wait_for()
    assert box.count() == 0
    assert "Basalt" not in page.content()
    maria = screen("Maria")
    tile = maria.go("/").locator("[data-tile]", has_text=PORTALS["larkspur"])
    assert tile.get_by_text("Not signed in").is_visible()
