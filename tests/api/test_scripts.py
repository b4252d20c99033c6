"""The pages of carrier scripts: versions, what differs, two people, one location first, health, failed runs."""

import html
import json
import threading
from base64 import b64encode
from html import unescape
from types import SimpleNamespace

import pytest

from broker.adapters import script_editing, script_process
from broker.base.actor import system
from broker.directory import service as directory
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


NOTHING = '"""A carrier."""\nclass CopperMesaAz: pass\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = (", "was never closed"),
        (NOTHING + "import os", "cannot import os"),
        (NOTHING + "raise SystemExit", "does not load"),
        (NOTHING, "does not load"),
    ],
)
def test_what_is_not_taken_comes_back_with_its_text_and_a_sentence(signed_in, office, text: str, words: str) -> None:
    shown = hand_in(signed_in, office, text)
    assert shown.status_code == 422
    assert words in shown.text
    assert text.strip() in html.unescape(shown.text)


def checked(signed_in, office, text: str) -> list[tuple[int, str]]:
    """What the editor shows beside the lines."""
    answer = signed_in(office.mira).post(f"/scripts/{KEY}/check", {"text": text})
    assert answer.status_code == 200
    return [(one["line"], one["words"]) for one in answer.json()["said"]]


def test_the_text_in_force_has_nothing_beside_its_lines(signed_in, office) -> None:
    assert checked(signed_in, office, office.text) == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("x = (", "'(' was never closed."),
        ("import os", "a script cannot import os"),
        ("x = nothing", "name 'nothing' is not defined"),
        ("from pathlib import Path; Path('/tmp/written').touch()", "a script cannot import pathlib"),
    ],
)
def test_what_is_wrong_stands_beside_its_line(signed_in, office, more: str, words: str) -> None:
    lines = office.text.rstrip().splitlines()
    (found,) = checked(signed_in, office, "\n".join([*lines, more]))
    assert found[0] == len(lines) + 1
    assert words in found[1]


def test_a_declared_fact_that_breaks_a_rule_stands_beside_it(signed_in, office) -> None:
    lines = office.text.splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip().startswith("hosts ="))
    lines[at] = '    hosts = frozenset({"coppermesa-az.sim.test", "*.evil.test"})'
    (found,) = checked(signed_in, office, "\n".join(lines))
    assert found[0] == at + 1
    assert "no plain host name" in found[1]


@pytest.mark.parametrize("text", ["(" * 5000, "\0", "while True: pass", "x = '" + "a" * 60_000 + "'"])
def test_a_hostile_text_under_check_ends_in_a_sentence_or_in_nothing(
    signed_in, office, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(script_process, "LIMIT_S", 1)
    assert all(line >= 1 and words for line, words in checked(signed_in, office, text))


def test_who_finds_others_under_check_is_told_after_a_moment(
    signed_in, office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script_editing, "WAIT_S", 0.01)
    monkeypatch.setattr(script_editing, "AT_ONCE", threading.BoundedSemaphore(1))
    with script_editing.AT_ONCE:
        answer = signed_in(office.mira).post(
            f"/scripts/{KEY}/check", {"text": office.text}, headers={"accept": "application/json"}
        )
    assert (answer.status_code, "Handing it in checks it" in answer.json()["detail"]) == (503, True)
    assert checked(signed_in, office, office.text) == []


def test_only_who_may_change_scripts_has_texts_checked(signed_in, office) -> None:
    assert signed_in(office.audrey).post(f"/scripts/{KEY}/check", {"text": office.text}).status_code == 403


def test_the_editor_knows_the_kits_names_and_the_last_run_that_failed(portunus, signed_in, office) -> None:
    run_id = failed_run(portunus, office)
    shown = signed_in(office.mira).get(f"/scripts/{KEY}/edit").text
    names = json.loads(shown.partition('id="kit">')[2].partition("</script>")[0])
    assert {"CodeStep", "submit_login", "signs", "WRONG_CODE"} <= {one["name"] for one in names}
    assert f"/script-runs/{run_id}" in shown
    assert "Quartz" not in shown


def test_the_editor_begins_from_a_version_that_was_refused(portunus, signed_in, office) -> None:
    hand_in(signed_in, office)
    digest = waiting(portunus, office)
    refused = {"digest": digest, "words": "It clicks through the terms page."}
    assert signed_in(office.ana).post(f"/scripts/{KEY}/refuse", refused).status_code == 303
    mira = signed_in(office.mira)
    assert f"/scripts/{KEY}/edit?from={digest}" in mira.get(f"/scripts/{KEY}").text
    shown = mira.get(f"/scripts/{KEY}/edit?from={digest}").text
    assert "# renamed" in shown
    assert "not the one in force" in shown
    assert "# renamed" not in mira.get(f"/scripts/{KEY}/edit").text


def test_a_version_is_withdrawn_from_its_release_on_the_page(portunus, signed_in, office) -> None:
    hand_in(signed_in, office)
    digest, ana = waiting(portunus, office), signed_in(office.ana)
    ana.post(f"/scripts/{KEY}/approve", {"digest": digest})
    ana.post(f"/scripts/{KEY}/release", {"digest": digest, "location": "phoenix"})
    assert "Withdraw it" in ana.get(f"/scripts/{KEY}").text
    ana.post(f"/scripts/{KEY}/refuse", {"digest": digest, "words": "It clicks through the terms page."})
    assert "withdrawn (It clicks through the terms page.)" in ana.get(f"/scripts/{KEY}").text


NEW = '''"""Desert Dental: a text message, nothing odd."""

from carrier_scripts.kit import LoginForm, Outcome, Portal, sees


class DesertDental(Portal):
    name, hosts = "Desert Dental", frozenset({"providers.desert.example"})
    automation = "automated"
    start = home = "https://providers.desert.example/signin"
    login = LoginForm("#u", "#p", "#s")
    signs = {Outcome.SIGNED_IN: sees("#x")}
'''


def test_a_script_for_a_new_portal_is_handed_in_read_and_approved_on_the_web(portunus, signed_in, office) -> None:
    mira, ana = signed_in(office.mira), signed_in(office.ana)
    assert "A script for a new portal" in mira.get("/script-new").text
    made = mira.post("/script-new", {"key": "desert_dental", "text": NEW, "words": "The portal of Desert Dental."})
    assert made.headers["location"] == "/scripts/desert_dental"
    assert "Proposed: nobody but its author" in mira.get("/scripts/desert_dental").text
    assert "Desert Dental" not in ana.get("/accounts").text
    with portunus.reading(system("test")) as work:
        portal = work.db.query(Portal).filter_by(key="desert_dental").one()
        (version,) = scripts.history(work, portal.id)
        assert portal.automation == "attended"
    diff = ana.get(f"/scripts/desert_dental/diff?new={version.digest}")
    assert "providers.desert.example" in diff.text
    assert ana.post("/scripts/desert_dental/approve", {"digest": version.digest}).status_code == 303
    assert "Desert Dental" in ana.get("/accounts").text
    assert "DesertDental" in mira.get("/scripts/desert_dental/edit").text


@pytest.mark.parametrize(("key", "text", "words"), [
    ("Desert Dental", NEW, "lower-case letters"),
    (KEY, NEW, "is known already"),
    ("desert_dental", "from carrier_scripts.families.nowhere import X", "builds on that family"),
    ("desert_dental", "x = (", "was never closed"),
])  # fmt: skip
def test_what_cannot_be_a_new_portals_script_comes_back_with_a_sentence(
    signed_in, office, key: str, text: str, words: str
) -> None:
    shown = signed_in(office.mira).post("/script-new", {"key": key, "text": text, "words": WORDS})
    assert words in shown.text
    assert text.splitlines()[-1] in unescape(shown.text)


def test_a_sibling_builds_on_a_family_that_is_in_force(portunus, signed_in, office) -> None:
    sibling = office.text.replace("CopperMesaAz", "CopperMesaUt").replace("coppermesa-az", "coppermesa-ut")
    made = signed_in(office.mira).post("/script-new", {"key": "copper_mesa_ut", "text": sibling, "words": WORDS})
    assert made.headers.get("location") == "/scripts/copper_mesa_ut", made.text
    with portunus.reading(system("test")) as work:
        portal = work.db.query(Portal).filter_by(key="copper_mesa_ut").one()
        modules = [one["module"] for one in scripts.history(work, portal.id)[0].sources]
    assert modules[0].startswith("carrier_scripts.families.")


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


def test_a_maintainer_has_the_sign_in_page_looked_at_now(portunus, signed_in, office) -> None:
    def due() -> bool:
        with portunus.unit(system("browserhost")) as work:
            return scripts.take_due(work) is not None

    assert not due()
    assert signed_in(office.mira).post(f"/script-health/{KEY}/look").status_code == 303
    assert due()


def test_an_alert_that_somebody_looks_after_is_gone_from_the_board(portunus, signed_in, office) -> None:
    failed_run(portunus, office)
    mira = signed_in(office.mira)
    with portunus.reading(system("test")) as work:
        (alert,) = scripts.alerts(work)
    assert alert.id in mira.get("/script-health").text
    assert mira.post(f"/script-health/alerts/{alert.id}/seen").status_code == 303
    assert alert.id not in mira.get("/script-health").text


def test_a_scripts_owner_is_named_on_its_page(signed_in, office) -> None:
    ana = signed_in(office.ana)
    assert ana.post(f"/scripts/{KEY}/owner", {"email": office.mira.email}).status_code == 303
    assert office.mira.name in ana.get(f"/scripts/{KEY}").text


def test_a_known_fact_of_a_portal_is_corrected_with_its_source(portunus, signed_in, office) -> None:
    told = {"field": "login_failure_limit", "value": "4", "source": "The carrier's help page"}
    assert signed_in(office.ana).post(f"/scripts/{KEY}/behaviour", told).status_code == 303
    with portunus.reading(system("test")) as work:
        portal = work.db.get_one(Portal, office.portal.id)
        assert directory.behaviour(work, portal)["login_failure_limit"] == 4


def test_a_release_that_has_worked_once_is_taken_one_stage_further(portunus, signed_in, office) -> None:
    hand_in(signed_in, office)
    digest, ana = waiting(portunus, office), signed_in(office.ana)
    ana.post(f"/scripts/{KEY}/approve", {"digest": digest})
    ana.post(f"/scripts/{KEY}/release", {"digest": digest, "location": "phoenix"})
    with portunus.unit(system("browserhost")) as work:
        scripts.note(
            work, Report(office.portal.id, digest, "sign_in", "signed_in", 900, office.account.id, office.place.id)
        )
    assert ana.post(f"/scripts/{KEY}/advance").status_code == 303
    with portunus.reading(system("test")) as work:
        assert scripts.running(work, office.portal.id).stage == "staged"


def test_a_biller_has_nothing_to_do_with_scripts(signed_in, office) -> None:
    maria = signed_in(office.maria)
    assert [maria.get(path).status_code for path in ("/scripts", f"/scripts/{KEY}", "/script-health")] == [403] * 3


def test_what_a_version_knows_is_shown_to_who_approves_it(portunus, signed_in, office) -> None:
    assert hand_in(signed_in, office).status_code == 303
    digest = waiting(portunus, office)
    with portunus.unit(system("test")) as work:
        scripts.bundle_of(work, digest).behaviour = {
            "warns_before_s": {"value": 45, "source": "the carrier's help page", "verified_on": "2026-11-10"},
            "mfa_methods": {"value": ["sms", "email"], "source": "seen at sign-in", "verified_on": "2026-11-12"},
        }
    shown = signed_in(office.ana).get(f"/scripts/{KEY}/diff?new={digest}").text
    assert "What it knows of the portal" in shown
    for words in ("warns_before_s", "45", "the carrier&#39;s help page", "2026-11-10", "sms, email"):
        assert words in shown
