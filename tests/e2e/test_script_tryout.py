"""The script editor with its live view: the text runs at a simulated carrier, in a real browser, beside itself."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from broker.base.actor import system
from broker.base.settings import Settings
from broker.directory import service as directory
from broker.directory.models import Organization, ScriptVersion
from broker.scripts import service as scripts
from broker.scripts.service import Bundle
from carrier_scripts import place, registry
from carrier_scripts.kit.process import declared
from carrier_scripts.lab import founding
from tests import factories
from tests.e2e.conftest import NARROW
from tests.labs import RunningLab, running_lab
from tests.tryouts import serving_try_outs

pytestmark = pytest.mark.timeout(300)
KEY = "harborline"
ACCOUNT = founding.accounts_of(KEY)[0]
RUN_MS = 60_000


@pytest.fixture(scope="module")
def lab(office, tmp_path_factory) -> Iterator[RunningLab]:
    """Harborline's simulator, the part of the browser host that runs texts, and Mira who writes them."""
    exact = registry.script(KEY)
    sources = [{"module": one["module"], "text": one["text"]} for one in exact.sources]
    with office.portunus.unit(system("test")) as work:
        portal = directory.portal_by_key(work, KEY)
        digest = work.db.scalars(select(ScriptVersion.digest).where(ScriptVersion.portal_id == portal.id)).one()
        scripts.keep_shipped(work, portal, Bundle(KEY, digest, sources, declared(registry.portal(KEY))))
        mira = factories.user(
            work, work.db.get(Organization, office.organization_id), "Mira Chen", role="script_maintainer"
        )
    office.people["Mira"] = type(office.people["Ana"])(mira.id, mira.name, mira.email, "")
    folder = tmp_path_factory.mktemp("try-outs")
    with running_lab(folder) as running:
        chosen = Settings(data_dir=folder, resolve=running.resolve, trusted_spki=[running.spki])
        with serving_try_outs(chosen, folder / "host.sock") as host:
            office.host.try_out, office.host.watch_try_out = host.try_out, host.watch_try_out
            yield running


def filled(page, password: str = ACCOUNT.password) -> None:
    """What she types before a run."""
    page.get_by_label("User name").fill(ACCOUNT.username)
    page.get_by_label("Password", exact=True).fill(password)


def code_of(lab: RunningLab) -> str:
    for _ in range(400):
        codes = [one["code"] for one in lab.outbox() if one["account"] == ACCOUNT.username]
        if codes and codes[-1]:
            return str(codes[-1])
        time.sleep(0.05)
    raise AssertionError("no code was sent")


def test_a_text_is_run_step_by_step_by_keyboard_alone_and_watched_beside_it(screen, lab) -> None:
    mira = screen("Mira")
    page, keys = mira.go(f"/scripts/{KEY}/edit"), mira.page.keyboard
    page.set_default_timeout(RUN_MS)
    panel, state = page.locator("#try"), page.locator("#try-state")
    page.get_by_text("Practice, codes, tries").focus()
    keys.press("Enter")
    page.get_by_label("Words of the practice to choose").fill(founding.location("phoenix").legal_name)
    filled(page)
    page.get_by_label("Stop before every step").focus()
    keys.press("Space")
    assert mira.faults() == []
    keys.press("Tab")
    keys.press("Enter")
    state.get_by_text("Paused before step 1.").wait_for()
    more = page.get_by_role("button", name="Next step")
    more.focus()
    for step in (2, 3, 4):
        keys.press("Enter")
        state.get_by_text(f"Paused before step {step}.").wait_for()
    panel.get_by_role("img", name="The portal's page").wait_for()
    assert mira.faults() == []
    mira.picture("scripts_editor_run_paused")
    keys.press("Tab")
    assert page.get_by_role("button", name="Go on").evaluate("(one) => one === document.activeElement")
    keys.press("Enter")
    field = page.get_by_label("The portal asks for a code.")
    field.wait_for()
    assert field.evaluate("(one) => one === document.activeElement")
    mira.picture("scripts_editor_run_code")
    assert mira.faults() == []
    keys.type(code_of(lab))
    keys.press("Enter")
    state.get_by_text("Signed in.").wait_for()
    mira.picture("scripts_editor_run_over")
    assert mira.faults() == []
    shown = page.get_by_role("list", name="Steps of this run").inner_text()
    assert "submit login #signin-button" in shown
    assert ACCOUNT.password not in page.content()
    find = panel.get_by_role("button", name="#signin-button")
    find.focus()
    keys.press("Enter")
    assert "#signin-button" in page.evaluate("() => getSelection().toString()")
    page.set_viewport_size(NARROW)
    assert [one for one in mira.too_wide() if not one.startswith("textarea#")] == []


def test_a_run_is_stopped_and_a_text_that_does_not_load_is_told_in_a_sentence(screen, lab) -> None:
    lab.reset()
    mira = screen("Mira")
    page = mira.go(f"/scripts/{KEY}/edit")
    page.set_default_timeout(RUN_MS)
    page.on("dialog", lambda dialog: dialog.accept())
    state = page.locator("#try-state")
    filled(page)
    page.get_by_label("Stop before every step").check()
    page.get_by_role("button", name="Run it").click()
    state.get_by_text("Paused before step 1.").wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    state.get_by_text("Stopped.").wait_for()
    page.get_by_label("The script", exact=True).fill("x = (")
    page.get_by_role("button", name="Run it").click()
    state.get_by_text("was never closed").wait_for()
    assert lab.counters(KEY)["password_submits"] == 0


@pytest.fixture
def saved_pages(tmp_path, monkeypatch) -> Path:
    """Four pages of Harborline in a folder of the office's own, where the browser host looks first."""
    monkeypatch.setenv(place.SETTING, str(tmp_path))
    kept = tmp_path / "pages" / KEY
    kept.mkdir(parents=True)
    for name in ("asks_code", "locked", "login_form", "signed_in"):
        shipped = place.pages(place.SHIPPED) / KEY / f"{name}.html"
        (kept / f"{name}.html").write_text(shipped.read_text(encoding="utf-8"), encoding="utf-8")
    return kept


def rows(page) -> list[list[str]]:
    return [row.locator("th, td").all_inner_texts() for row in page.locator("#pages-table tbody tr").all()]


def test_a_text_is_tested_on_saved_pages_by_keyboard_and_says_what_each_is_taken_for(screen, lab, saved_pages) -> None:
    mira = screen("Mira")
    page, keys = mira.go(f"/scripts/{KEY}/edit"), mira.page.keyboard
    page.set_default_timeout(RUN_MS)
    state, run = page.locator("#pages-state"), page.get_by_role("button", name="Test on saved pages")
    assert state.get_attribute("role") == "status"
    run.focus()
    keys.press("Enter")
    state.get_by_text("4 of 4 saved pages are what they should be.").wait_for()
    expect(run).to_be_focused()
    assert rows(page) == [
        [f"{name}.html", name.replace("_", " "), name.replace("_", " "), "pass"]
        for name in ("asks_code", "locked", "login_form", "signed_in")
    ]
    missing = page.get_by_role("heading", name="To put right").locator("xpath=following-sibling::ul")
    assert f"Save a page for WRONG_CODE: pages/{KEY}/wrong_code.html" in missing.inner_text()
    assert mira.faults() == []
    mira.picture("scripts_editor_saved_pages")
    text = page.get_by_label("The script", exact=True)
    text.fill(text.input_value().replace("#signin-locked", "#sign-in-is-locked"))
    run.focus()
    keys.press("Enter")
    state.get_by_text("3 of 4 saved pages are what they should be.").wait_for()
    assert [row[0] for row in rows(page) if row[3] == "fail"] == ["locked.html"]
    assert mira.faults() == []
    mira.picture("scripts_editor_saved_pages_wrong")
    page.set_viewport_size(NARROW)
    assert [one for one in mira.too_wide() if not one.startswith("textarea#")] == []
    assert mira.faults() == []


def test_a_test_on_saved_pages_is_stopped_and_a_text_that_does_not_load_is_told(screen, lab, saved_pages) -> None:
    mira = screen("Mira")
    page, keys = mira.go(f"/scripts/{KEY}/edit"), mira.page.keyboard
    page.set_default_timeout(RUN_MS)
    page.on("dialog", lambda dialog: dialog.accept())
    state, run = page.locator("#pages-state"), page.get_by_role("button", name="Test on saved pages")
    run.focus()
    keys.press("Enter")
    expect(page.get_by_role("button", name="Stop the test")).to_be_focused()
    keys.press("Enter")
    state.get_by_text("Stopped.").wait_for()
    expect(run).to_be_focused()
    page.get_by_label("The script", exact=True).fill("x = (")
    run.click()
    state.get_by_text("was never closed").wait_for()
    assert rows(page) == []
