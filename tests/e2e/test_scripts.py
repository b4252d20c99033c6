"""The pages of carrier scripts in a real browser: no axe violation, telephone-sized, a release by keyboard alone."""

import json
from base64 import b64encode

import pytest
from sqlalchemy import select

from broker.base.actor import system
from broker.directory import service as directory
from broker.directory.models import Organization, ScriptVersion
from broker.scripts import service as scripts
from broker.scripts.service import Bundle, Report
from carrier_scripts import registry
from carrier_scripts.kit.process import declared
from tests import factories
from tests.conftest import acting
from tests.e2e.conftest import NARROW

KEY = "harborline"


@pytest.fixture(scope="module")
def versions(office, portal_picture) -> dict[str, str]:
    """A shipped version, one that waits for approval, a failed run, a page that changed."""
    exact = registry.script(KEY)
    sources = [{"module": one["module"], "text": one["text"]} for one in exact.sources]
    facts = declared(registry.portal(KEY))
    with office.portunus.unit(system("test")) as work:
        portal = directory.portal_by_key(work, KEY)
        org = work.db.get(Organization, office.organization_id)
        mira = factories.user(work, org, "Mira Chen", role="script_maintainer")
        digest = work.db.scalars(select(ScriptVersion.digest).where(ScriptVersion.portal_id == portal.id)).one()
        scripts.keep_shipped(work, portal, Bundle(KEY, digest, sources, facts))
        scripts.seen(work, portal.id, "login", [f"input#{name}" for name in "abcdef"])
        scripts.seen(work, portal.id, "login", [f"input#v2-{name}" for name in "abcdef"])
        kept = {"outline": ["form", "input#username[name=username]"], "png": b64encode(portal_picture).decode()}
        sealed = office.portunus.vault.seal(work, org.id, ("evidence", "evi_e2e"), json.dumps(kept).encode())
        office.portunus.blobs.append("evidence/evi_e2e", sealed)
        place = office.place("phoenix")
        steps = [
            {"do": "goto", "where": "/signin", "ms": 210, "ok": True},
            {"do": "recognise", "where": "", "ms": 40, "ok": True, "saw": "login_form"},
            {"do": "type_username", "where": "#username", "ms": 12, "ok": True},
            {"do": "submit_login", "where": "#signin-button", "ms": 15_004, "ok": False, "why": "unrecognised"},
        ]
        run = scripts.note(
            work,
            Report(portal.id, digest, "sign_in", "unrecognised", 15_400, office.accounts[KEY], place.id,
                   steps=steps, page="harborline.sim.test/signin", evidence="evi_e2e"),
        )  # fmt: skip
    changed = [dict(one) for one in sources]
    changed[-1]["text"] = changed[-1]["text"].replace("#signin-button", "#v2-signin-button")
    bundle = Bundle(KEY, "ab" * 32, changed, facts | {"hosts": ["harborline.sim.test", "id.harborline.sim.test"]})
    with office.portunus.unit(acting(mira)) as work:
        scripts.submit(
            work, bundle, "The carrier renamed its sign-in button and moved the form to id.harborline.sim.test."
        )
    office.people["Mira"] = type(office.people["Ana"])(mira.id, mira.name, mira.email, "")
    return {"run": run.id, "digest": bundle.digest}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("Ana", "/scripts"),
        ("Ana", "/scripts/harborline"),
        ("Ana", "/scripts/harborline/diff?new={digest}"),
        ("Mira", "/scripts/harborline/edit"),
        ("Mira", "/script-new"),
        ("Mira", "/script-health"),
        ("Mira", "/script-runs"),
        ("Mira", "/script-runs/{run}"),
    ],
)
def test_page_has_no_axe_violation_and_fits_a_telephone(screen, versions, name, path) -> None:
    window = screen(name)
    window.go(path.format(**versions))
    picture = "scripts_" + path.partition("?")[0].strip("/").replace("/", "_").replace("{run}", "one")
    window.picture(picture)
    assert window.page.get_by_role("navigation", name="Scripts").is_visible()
    assert window.faults() == []
    window.page.set_viewport_size(NARROW)
    window.picture(f"{picture}_narrow")
    own_scrollers = ("pre#", "textarea#")  # code keeps its lines: its box scrolls, the page does not
    assert [one for one in window.too_wide() if not one.startswith(own_scrollers)] == []


def test_a_script_is_mended_with_completion_and_what_check_says_by_keyboard_alone(screen, versions) -> None:
    mira = screen("Mira")
    page, keys = mira.go(f"/scripts/{KEY}/edit"), mira.page.keyboard
    text, said = page.get_by_label("The script", exact=True), page.get_by_role("status", name="What check says")
    said.get_by_text("check is quiet").wait_for()
    text.focus()
    keys.press("Control+End")
    keys.type("\n\nasync def odd(page, desk):\nawait desk.subm")
    offered = page.get_by_role("option", selected=True)
    assert offered.inner_text().startswith("submit_login(button)")
    mira.picture("scripts_editor_completion")
    keys.press("Enter")
    keys.type("(page.locator('x'))\nprint(1)\n")
    fault = said.get_by_role("button", name="print is not open to scripts")
    fault.wait_for()
    assert page.locator(".gutter .wrong").inner_text() == fault.inner_text().split()[1].rstrip(":")
    mira.picture("scripts_editor_fault")
    assert mira.faults() == []
    keys.press("Control+Home")
    keys.press("Alt+F8")
    assert page.evaluate("() => getSelection().toString()").strip() == "print(1)"
    keys.press("Delete")
    said.get_by_text("check is quiet").wait_for()
    keys.press("Tab")
    assert not text.evaluate("(field) => field === document.activeElement")
    stopped = page.get_by_role("button", name="#signin-button")
    stopped.focus()
    keys.press("Enter")
    assert "#signin-button" in page.evaluate("() => getSelection().toString()")
    page.on("dialog", lambda dialog: dialog.accept())  # what she has not handed in is asked for before it is left


def test_a_login_is_pinned_and_let_go_by_keyboard_alone(screen, versions) -> None:
    ana = screen("Ana")
    page, keys = ana.go(f"/scripts/{KEY}"), ana.page.keyboard
    in_force = page.locator("details.account-line", has=page.get_by_text("in force", exact=True))
    in_force.locator("summary").first.focus()
    keys.press("Enter")
    in_force.get_by_text("Pin a login to it").focus()
    keys.press("Enter")
    page.get_by_label("Login that stays on this version").focus()
    ana.picture("scripts_pin")
    assert ana.faults() == []
    keys.press("Tab")
    keys.type("Its office still has the old portal.")
    keys.press("Enter")
    pinned = page.get_by_role("region", name="Pinned logins")
    pinned.get_by_text("Its office still has the old portal.").wait_for()
    ana.picture("scripts_pinned")
    assert ana.faults() == []
    page.set_viewport_size(NARROW)
    assert ana.too_wide() == []
    pinned.get_by_role("button", name="Unpin").focus()
    keys.press("Enter")
    pinned.wait_for(state="detached")


def test_a_version_is_read_approved_and_released_by_keyboard_alone(screen, versions, office) -> None:
    page = screen("Ana").go(f"/scripts/harborline/diff?new={versions['digest']}")
    assert page.get_by_role("cell", name="harborline.sim.test, id.harborline.sim.test").is_visible()
    page.get_by_role("button", name="I have read it: approve").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/scripts/harborline")
    page.locator("summary", has_text=versions["digest"][:12]).focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Release", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Release under way").wait_for()
    with office.portunus.reading(system("test")) as work:
        portal = directory.portal_by_key(work, KEY)
        assert scripts.running(work, portal.id).stage == "canary"
