"""The pages of carrier scripts: versions, what differs, two people, one location first, health, failed runs."""

import json
from base64 import b64encode
from types import SimpleNamespace

import pytest

from broker.base.actor import system
from broker.directory.models import Portal
from broker.scripts import service as scripts
from broker.scripts.service import Bundle, Report
from broker.wiring import Portunus
from carrier_scripts import registry
from carrier_scripts.kit.process import declared
from tests import factories

KEY = "copper_mesa_az"
PNG = b"\x89PNG\r\n\x1a\nmasked"
WORDS = "Its sign-in button was renamed."


@pytest.fixture
def office(portunus: Portunus) -> SimpleNamespace:
    """Copper Mesa's shipped script in force; Mira writes, Ana judges, Audrey watches, Maria bills."""
    exact = registry.script(KEY)
    with portunus.unit(system("test")) as work:
        org = factories.organization(work)
        place = factories.location(work, org, "phoenix")
        portal = factories.portal(work, KEY, digest=exact.digest)
        sources = [{"module": one["module"], "text": one["text"]} for one in exact.sources]
        scripts.keep_shipped(work, portal, Bundle(KEY, exact.digest, sources, declared(registry.portal(KEY))))
        account = factories.account(work, portal, [place], channel=None)
        people = {
            name: factories.user(work, org, f"{name.title()} Test", role=role)
            for name, role in (
                ("mira", "script_maintainer"), ("ana", "admin"), ("audrey", "compliance"), ("maria", "biller"),
            )
        }  # fmt: skip
    return SimpleNamespace(
        org=org, place=place, portal=portal, account=account, text=sources[-1]["text"], digest=exact.digest, **people
    )


def hand_in(signed_in, office, text: str | None = None):
    changed = office.text + "\n# renamed\n" if text is None else text
    return signed_in(office.mira).post(f"/scripts/{KEY}/submit", {"text": changed, "words": WORDS})


def waiting(portunus: Portunus, office) -> str:
    with portunus.reading(system("test")) as work:
        return next(one.digest for one in scripts.history(work, office.portal.id) if one.digest != office.digest)


def test_the_list_names_every_portal_and_its_version(signed_in, office) -> None:
    shown = signed_in(office.audrey).get("/scripts")
    assert shown.status_code == 200
    assert office.digest[:12] in shown.text


def test_a_script_is_changed_handed_in_read_approved_and_released_by_two_people(portunus, signed_in, office) -> None:
    assert hand_in(signed_in, office).status_code == 303
    digest = waiting(portunus, office)
    ana = signed_in(office.ana)
    diff = ana.get(f"/scripts/{KEY}/diff?new={digest}")
    assert "# renamed" in diff.text
    assert "I have read it" in diff.text
    assert ana.post(f"/scripts/{KEY}/approve", {"digest": digest}).status_code == 303
    assert ana.post(f"/scripts/{KEY}/release", {"digest": digest, "location": "phoenix"}).status_code == 303
    assert "Release under way" in ana.get(f"/scripts/{KEY}").text
    assert ana.post(f"/scripts/{KEY}/roll-back", {"words": "Claims are wrong."}).status_code == 303
    assert "rolled back (Claims are wrong.)" in ana.get(f"/scripts/{KEY}").text


def test_the_author_finds_no_button_to_approve(portunus, signed_in, office) -> None:
    hand_in(signed_in, office)
    shown = signed_in(office.mira).get(f"/scripts/{KEY}/diff?new={waiting(portunus, office)}")
    assert shown.status_code == 200
    assert "I have read it" not in shown.text


@pytest.mark.parametrize("text", ["x = (", "raise SystemExit", "class CopperMesaAz: pass"])
def test_what_does_not_load_comes_back_with_its_text_and_a_sentence(signed_in, office, text: str) -> None:
    shown = hand_in(signed_in, office, text)
    assert shown.status_code == 422
    assert "does not load" in shown.text
    assert text in shown.text


def test_new_hosts_stand_out_before_anybody_approves(portunus, signed_in, office) -> None:
    text = office.text.replace("coppermesa-az.sim.test", "coppermesa-az.evil.test")
    assert hand_in(signed_in, office, text).status_code == 303
    shown = signed_in(office.ana).get(f"/scripts/{KEY}/diff?new={waiting(portunus, office)}")
    assert "coppermesa-az.evil.test" in shown.text
    assert '<td data-label="Declared">hosts</td>' in shown.text


def test_text_of_a_script_is_text(portunus, signed_in, office) -> None:
    hand_in(signed_in, office, office.text + "\n# <script>alert(1)</script>\n")
    shown = signed_in(office.ana).get(f"/scripts/{KEY}/diff?new={waiting(portunus, office)}")
    assert "<script>alert(1)" not in shown.text


def test_terms_forbid_and_the_mode_follows(portunus, signed_in, office) -> None:
    told = {
        "read_on": "2026-11-01", "source": "https://carrier.example/terms", "permission": "forbidden", "mode": "assisted",
        "review_on": "2027-11-01",
    }  # fmt: skip
    ana = signed_in(office.ana)
    assert ana.post(f"/scripts/{KEY}/terms", told).status_code == 403
    assert ana.post(f"/scripts/{KEY}/terms", told | {"mode": "attended"}).status_code == 303
    with portunus.reading(system("test")) as work:
        assert work.db.get_one(Portal, office.portal.id).automation == "attended"


def failed_run(portunus: Portunus, office) -> str:
    kept = {"title": "x", "text": "Patient Quartz Heron", "outline": ["input#UserName"], "png": b64encode(PNG).decode()}
    with portunus.unit(system("browserhost")) as work:
        sealed = portunus.vault.seal(work, office.org.id, ("evidence", "evi_1"), json.dumps(kept).encode())
        portunus.blobs.append("evidence/evi_1", sealed)
        steps = [{"do": "goto", "where": "/Account/Login", "ms": 90, "ok": True}]
        steps += [{"do": "recognise", "where": "", "ms": 20_000, "ok": True, "saw": "unrecognised"}]
        report = Report(
            office.portal.id, office.digest, "sign_in", "unrecognised", 21_000, office.account.id, office.place.id,
            steps=steps, page="coppermesa-az.sim.test/Account/Login", evidence="evi_1",
        )  # fmt: skip
        return scripts.note(work, report).id


def test_a_failed_run_shows_steps_structure_and_masked_picture_and_no_text_of_the_page(
    portunus, signed_in, office
) -> None:
    run_id = failed_run(portunus, office)
    mira = signed_in(office.mira)
    assert run_id in mira.get("/script-runs").text
    shown = mira.get(f"/script-runs/{run_id}")
    assert "saw unrecognised" in shown.text
    assert "input#UserName" in shown.text
    assert "Quartz" not in shown.text
    assert mira.get(f"/script-runs/{run_id}/picture").content == PNG


def test_the_board_shows_the_failure_to_whoever_may_see_the_state(portunus, signed_in, office) -> None:
    failed_run(portunus, office)
    assert "sign in: unrecognised" in signed_in(office.audrey).get("/script-health").text
    assert signed_in(office.audrey).get("/script-runs").status_code == 403
    told = signed_in(office.ana).get("/api/v1/scripts/health").json()["data"]
    assert [(one["portal"], one["failed"]) for one in told] == [(KEY, 1)]


def test_a_changed_page_is_accepted_by_a_maintainer(portunus, signed_in, office) -> None:
    with portunus.unit(system("browserhost")) as work:
        scripts.seen(work, office.portal.id, "login", ["a", "b"])
        scripts.seen(work, office.portal.id, "login", ["c", "d"])
    mira = signed_in(office.mira)
    assert "page has changed" in mira.get("/script-health").text
    assert mira.post(f"/script-health/{KEY}/accept/login").status_code == 303
    assert "page has changed" not in mira.get("/script-health").text


def test_a_biller_has_nothing_to_do_with_scripts(signed_in, office) -> None:
    maria = signed_in(office.maria)
    assert [maria.get(path).status_code for path in ("/scripts", f"/scripts/{KEY}", "/script-health")] == [403] * 3
