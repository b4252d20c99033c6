"""Reading the audit log: all of it for the own organization, nothing of another's, by every question the page offers."""

import pytest

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import system
from tests import factories
from tests.conftest import acting

SYSTEM = system("test")


@pytest.fixture
def practice(portunus, signed_in):
    """Audrey the auditor's browser, Maria, Phoenix and an account; each did or met something."""
    with portunus.unit(SYSTEM) as work:
        org = factories.organization(work)
        phoenix = factories.location(work, org)
        account = factories.account(work, factories.portal(work), [phoenix])
        maria = factories.user(work, org)
        audrey = factories.user(work, org, "Audrey Chen", role="compliance")
    with portunus.unit(acting(maria)) as work:
        audit.record(work, Act.TAB_REQUESTED, "lease", "lea_1", account_id=account.id, location_id=phoenix.id)
        audit.record(work, Act.LOGIN_COMPLETED, "login", "log_1")
    with portunus.unit(system("mailwatch")) as work:
        audit.record(work, Act.CODE_QUARANTINED, "code_message", "msg_1", outcome="unsolicited")
    return signed_in(audrey), maria, phoenix, account


def acts(browser, **asked) -> list[str]:
    return [entry["act"] for entry in browser.get("/api/v1/audit", params=asked).json()["data"]]


def another_practice(portunus):
    with portunus.unit(SYSTEM) as work:
        org = factories.organization(work, "Other Group")
        yuma = factories.location(work, org, "yuma")
        zoe = factories.user(work, org, "Zoe Other", role="compliance")
    with portunus.unit(acting(zoe)) as work:
        audit.record(work, Act.REPORT_VIEWED, "code_request", "cod_other", location_id=yuma.id)
        audit.record(work, Act.LOG_EXPORTED, "audit_log", "all")
    with portunus.unit(system("mailwatch")) as work:
        audit.record(work, Act.CODE_ARRIVED, "code_message", "msg_other", location_id=yuma.id)
    return zoe


def test_entries_without_a_location_are_shown_to_the_compliance_officer(practice):
    shown = acts(practice[0])
    assert {Act.LOGIN_COMPLETED, Act.CODE_QUARANTINED, Act.TAB_REQUESTED} <= set(shown)
    page = practice[0].get("/audit").text
    assert "signed in to Portunus" in page
    assert "mailwatch" in page


def test_each_of_two_practices_reads_its_own_entries_and_no_other(practice, portunus, signed_in):
    audrey, maria, *_ = practice
    zoe = another_practice(portunus)
    own = audrey.get("/api/v1/audit").json()["data"]
    assert {"lea_1", "log_1"} <= {entry["thing"]["id"] for entry in own}
    assert not {"cod_other", "msg_other"} & {entry["thing"]["id"] for entry in own}
    assert not [entry for entry in own if entry["actor"]["id"] == zoe.id]
    others = signed_in(zoe).get("/api/v1/audit").json()["data"]
    assert {"cod_other", "msg_other"} <= {entry["thing"]["id"] for entry in others}
    assert not [entry for entry in others if entry["actor"]["id"] == maria.id]
    assert "Zoe Other" not in audrey.get("/audit").text


def test_questions_narrow_the_log(practice):
    audrey, maria, phoenix, account = practice
    assert set(acts(audrey, actor=maria.id)) == {Act.TAB_REQUESTED, Act.LOGIN_COMPLETED}
    assert acts(audrey, act=Act.CODE_QUARANTINED.value) == [Act.CODE_QUARANTINED]
    assert acts(audrey, account=account.id) == [Act.TAB_REQUESTED]
    assert Act.TAB_REQUESTED in acts(audrey, location=phoenix.id)
    assert acts(audrey, actor=maria.id, since="2026-11-20", until="2026-11-20")
    assert acts(audrey, until="2026-11-19") == []
    assert acts(audrey, since="2026-11-21") == []


def test_data_is_paged_and_its_entries_are_what_was_hashed(practice, portunus):
    first = practice[0].get("/api/v1/audit", params={"limit": 1}).json()
    second = practice[0].get("/api/v1/audit", params={"limit": 1, "before": first["next_before"]}).json()
    assert first["data"][0]["index"] == second["data"][0]["index"] + 1
    assert set(first["data"][0]) >= {"v", "id", "at", "act", "actor", "thing", "outcome", "detail", "index"}


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "2026-02-30"])
def test_a_day_that_is_none_is_said_so(practice, day):
    assert practice[0].get("/api/v1/audit", params={"since": day}).status_code == 422
    answer = practice[0].get("/audit", params={"since": day})
    assert answer.status_code == 422
    assert "2027-01-31" in answer.text


@pytest.mark.parametrize("role", ["biller", "front_desk", "admin", "script_maintainer"])
def test_nobody_else_reads_the_log(portunus, signed_in, role):
    with portunus.unit(SYSTEM) as work:
        user = factories.user(work, factories.organization(work), role=role)
    assert signed_in(user).get("/api/v1/audit").status_code == 403
