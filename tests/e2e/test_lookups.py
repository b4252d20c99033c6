"""The lookup pages in a real browser: answered, failed, in a batch, to be named; no axe violation, telephone-sized."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageDraw

from broker.base.actor import system
from broker.identity.models import User
from broker.lookups import batches
from broker.lookups import service as lookups
from broker.lookups.evidence import Sighting
from tests import factories
from tests.api.lookup_office import photographed
from tests.broker.lookups import results
from tests.broker.lookups.conftest import Office as Desk
from tests.e2e.conftest import NARROW
from workers import read_batch

pytestmark = pytest.mark.browser
ROW = (20.0, 110.0, 300.0, 22.0)
BATCH = [
    {"kind": "eligibility", "portal": "desert_dental", "location": "phoenix", "member_id": "HD100042731", "birth_date": "1984-03-17"},
    {"kind": "eligibility", "portal": "desert_dental", "location": "phoenix", "member_id": "HD100042799", "birth_date": "1990-01-02"},
    {"kind": "eligibility", "portal": "desert_dental", "location": "phoenix", "member_id": "HD1", "birth_date": "never"},
]  # fmt: skip


def portal_page() -> bytes:
    picture = Image.new("RGB", (1280, 800), "white")
    draw = ImageDraw.Draw(picture)
    for number, words in enumerate(("Member   Ada Dunmore", "Remaining   $1,025.00", "Somebody else   $7.00")):
        draw.text((24, 80 + 34 * number), words, fill="black", font_size=18)
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def asked(office) -> dict[str, Any]:
    """Two lookups of a batch: one answered, one not found; both photographed."""
    portunus = office.portunus
    with portunus.unit(lookups.HOLDER) as work:
        site = factories.portal(work, "desert_dental", lookup_pause_ms=0)
        site.name = "Desert Dental"
        place = work.db.merge(office.places["phoenix"])
        account = factories.account(work, site, [place], username="saguaro-desert")
        maria = work.db.get_one(User, office.people["Maria"].id)
    desk = Desk(portunus, site, place, account, maria)
    with portunus.unit(desk.actor) as work:
        rows = [([one["member_id"], one["birth_date"]], one) for one in BATCH]
        batch = batches.create(
            work, portunus.vault, portunus.blobs, name="Monday's patients", headings=["Member", "Born"], rows=rows
        )
    read_batch.look(portunus, batch.id)
    desk.sign_in()
    lease = desk.turn()
    first, second = photographed(desk, lease, [portal_page(), portal_page()])
    told = {"recording_id": first.recording_id, "page": "benefits", "selector": "#left", "box": ROW}
    made = results.eligibility()
    fields = {
        pointer: [
            Sighting(**seen, **told, artifact_id=first.artifact_id, recording_offset_ms=0)
            for seen in ({"raw_text": one["raw_text"], "computed": one["computed"]} for one in some)
        ]
        for pointer, some in made["provenance"]["fields"].items()
    }
    result = {name: made[name] for name in ("patient", "coverage", "accumulators", "benefits")}
    job = desk.next(lease)
    with portunus.unit(lookups.HOLDER) as work:
        said = lookups.Answered(result, fields, [], [first], work.clock.now(), "d" * 64, "ses_1")
        lookups.answer(work, portunus.vault, job, said)
    failed = desk.next(lease)
    with portunus.unit(lookups.HOLDER) as work:
        words = Sighting(**told, artifact_id=second.artifact_id, recording_offset_ms=1000, raw_text="No member found")
        lookups.fail(work, portunus.vault, failed, lookups.Unanswered("patient_not_found", [words], [second]))
    return {"done": job.lookup_id, "failed": failed.lookup_id, "batch": batch.id, "recording": first.recording_id}


PAGES = {
    "lookups": "/lookups",
    "lookup_done": "/lookups/{done}",
    "lookup_failed": "/lookups/{failed}",
    "lookup_evidence": "/lookups/{done}/evidence?pointer=/accumulators/0/remaining",
    "lookup_moments": "/lookups/{failed}/recordings/{recording}?at=1000",
    "lookup_batch": "/lookups/batches/{batch}",
}


@pytest.mark.parametrize("name", PAGES)
def test_page_has_no_axe_violation_and_fits_a_telephone(screen, asked, name: str) -> None:
    window = screen("Maria")
    window.go(PAGES[name].format(**asked))
    window.page.wait_for_load_state("networkidle")
    careful(window, name)


@pytest.mark.parametrize("name", ["lookups", "lookup_failed"])
def test_page_is_as_readable_in_the_dark(screen, asked, name: str) -> None:
    window = screen("Maria", color_scheme="dark")
    window.go(PAGES[name].format(**asked))
    window.picture(f"{name}_dark")
    assert window.faults() == []


def careful(window, name: str) -> None:
    window.picture(name)
    assert window.faults() == []
    window.page.set_viewport_size(NARROW)
    window.picture(f"{name}_narrow")
    assert [one for one in window.too_wide() if ".strip" not in one] == []
    """What the lookup saw, in order, is a strip that is meant to be pushed sideways."""


def test_a_value_stands_beside_the_row_that_proves_it_and_its_moment_is_played(screen, asked) -> None:
    window = screen("Maria")
    page = window.go(f"/lookups/{asked['done']}")
    page.get_by_role("link", name="1025", exact=True).first.click()
    page.wait_for_function(
        "() => { const one = document.querySelector('#proof img'); return one && one.naturalWidth > 100; }"
    )
    window.picture("lookup_proof")
    assert window.faults() == []
    page.locator("#proof").get_by_role("link", name="Play this moment, unmasked").click()
    page.get_by_label("Why do you view the whole pages?").fill("The patient disputes it")
    page.keyboard.press("Enter")
    page.wait_for_function("() => window.portunusPlayer && window.portunusPlayer.drawn > 0")
    assert page.evaluate("() => window.portunusPlayer.total") == 1
    window.picture("lookup_player")
    assert window.faults() == []


def test_what_ends_between_the_page_and_its_script_is_shown_too(screen, asked, office) -> None:
    """The page says 0 of 1; its first look finds the batch done."""
    portunus = office.portunus
    with portunus.reading(system("test")) as work:
        actor = batches.requester(work, asked["batch"])
    with portunus.unit(actor) as work:
        rows = [(["x"], {"problem": "birth date (column 1): write the date as 1984-03-17."})]
        batch = batches.create(work, portunus.vault, portunus.blobs, name="At once", headings=["Born"], rows=rows)
    window = screen("Maria")

    def meanwhile(route) -> None:
        read_batch.look(portunus, batch.id)
        route.continue_()

    window.page.route("**/lookups.js", meanwhile)
    page = window.go(f"/lookups/batches/{batch.id}")
    page.get_by_text("Row 2: birth date (column 1)").wait_for()
    assert page.get_by_text("1 of 1 rows are through").is_visible()


def test_a_file_is_named_and_too_large_a_one_refused_before_it_is_sent(screen, asked) -> None:
    window = screen("Maria")
    page = window.go("/lookups")
    large = {"name": "all.csv", "mimeType": "text/csv", "buffer": b"x" * 8_000_001}
    page.set_input_files("#file", large)
    page.get_by_role("alert").get_by_text("the limit is 8 MB. Split the file").wait_for()
    window.picture("lookups_large")
    assert window.faults() == []
    page.set_input_files(
        "#file", {"name": "day.csv", "mimeType": "text/csv", "buffer": b"Member ID,DOB\nHD100042731,3/17/1984\n"}
    )
    page.locator("form[aria-labelledby=ask-file] button").click()
    page.wait_for_url("**/lookups/uploads/*")
    page.get_by_text("What a file may call portals and locations").click()
    careful(window, "lookup_mapping")


def test_fifty_megabytes_that_are_sent_all_the_same_are_refused_in_words(screen, asked, tmp_path) -> None:
    large = tmp_path / "all.csv"
    large.write_bytes(b"Member ID,DOB\n" + b"HD100042731,3/17/1984\n" * 2_300_000)
    assert large.stat().st_size > 50_000_000
    window = screen("Maria")
    page = window.go("/lookups")
    page.set_input_files("#file", large)
    page.evaluate("() => document.getElementById('file').setCustomValidity('')")
    page.locator("form[aria-labelledby=ask-file] button").click()
    page.get_by_text("the limit is 8 MB. Split the file").wait_for()
    window.picture("lookups_refused")
    assert window.faults() == []


def test_what_is_dealt_with_leaves_the_exceptions(screen, asked) -> None:
    window = screen("Maria")
    page = window.go("/lookups?show=exceptions")
    assert page.locator("#grid tbody tr").count() == 1
    page.locator("#grid tbody a.badge").click()
    page.get_by_role("button", name="Dealt with: put it away").click()
    page.wait_for_url("**/lookups")
    window.go("/lookups?show=exceptions")
    page.get_by_text("Nothing here.").wait_for()
