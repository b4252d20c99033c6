"""Runs become a board; structures become drift; terms become a mode."""

from datetime import date

import pytest

from broker.base.actor import system
from broker.base.errors import Incomplete, NotFound, Refused
from broker.base.unit import Unit
from broker.directory.models import Portal
from broker.scripts import drift
from broker.scripts import service as scripts
from broker.scripts.service import Report
from broker.wiring import Portunus
from tests import factories
from tests.conftest import acting
from tests.fakes.clock import ManualClock

BOTH_DATABASES = True

LOGIN = [f"form/input#{name}" for name in "abcdefghij"]
D = "d" * 64


def run(work: Unit, portal: Portal, outcome: str, account_id: str, location_id: str) -> None:
    steps = [{"do": "goto", "where": "", "ms": 5, "ok": True}]
    scripts.note(work, Report(portal.id, D, "sign_in", outcome, 800, account_id, location_id, steps=steps))


def test_the_board_counts_by_script_portal_and_location_and_says_how_long_the_repair_took(
    portunus: Portunus, clock: ManualClock
) -> None:
    with portunus.unit(system("test")) as work:
        org = factories.organization(work)
        phoenix, portal = factories.location(work, org, "phoenix"), factories.portal(work)
        account = factories.account(work, portal, [phoenix], channel=None)
        run(work, portal, "signed_in", account.id, phoenix.id)
        run(work, portal, "unrecognised", account.id, phoenix.id)
        run(work, portal, "down", account.id, phoenix.id)
    with portunus.reading(system("test")) as work:
        (row,) = scripts.health(work)
        assert (row.portal, row.worked, row.failed, row.neither, row.rate) == ("harborline", 1, 1, 1, 50)
        assert (row.open_failure, row.last_failure) == (True, "sign in: unrecognised")
    clock.advance(seconds=600)
    with portunus.unit(system("test")) as work:
        run(work, portal, "signed_in", account.id, phoenix.id)
    with portunus.reading(system("test")) as work:
        (row,) = scripts.health(work)
        assert (row.open_failure, row.repair_s) == (False, 600)


@pytest.mark.parametrize(
    ("worked", "failed", "level"), [(19, 0, "gold"), (20, 0, "platinum"), (19, 1, "platinum"), (18, 2, "gold")]
)
def test_platinum_is_earned_in_live_sign_ins(portunus: Portunus, worked: int, failed: int, level: str) -> None:
    with portunus.unit(system("test")) as work:
        org = factories.organization(work)
        phoenix, portal = factories.location(work, org, "phoenix"), factories.portal(work, digest=D)
        account = factories.account(work, portal, [phoenix], channel=None)
        scripts.keep_shipped(work, portal, scripts.Bundle(portal.key, D, [], {}, "platinum"))
        for outcome in ["signed_in"] * worked + ["unrecognised"] * failed:
            run(work, portal, outcome, account.id, phoenix.id)
    with portunus.reading(system("test")) as work:
        found, why = scripts.level(work, portal.id)
        assert (found, bool(why)) == (level, level != "platinum")


def test_another_organizations_failed_run_is_not_there(portunus: Portunus) -> None:
    with portunus.unit(system("test")) as work:
        org, other = factories.organization(work), factories.organization(work, "Other Dental")
        phoenix, portal = factories.location(work, org, "phoenix"), factories.portal(work)
        account = factories.account(work, portal, [phoenix], channel=None)
        run(work, portal, "unrecognised", account.id, phoenix.id)
        mira = factories.user(work, org, "Mira Chen", role="script_maintainer")
        stranger = factories.user(work, other, "Sam Stone", role="script_maintainer")
    with portunus.unit(acting(mira)) as work:
        (found,) = scripts.failed(work)
        assert scripts.open_failed(work, found.id).steps[0]["do"] == "goto"
    with portunus.unit(acting(stranger)) as work:
        assert list(scripts.failed(work)) == []
        assert scripts.health(work) == []
        with pytest.raises(NotFound):
            scripts.open_failed(work, found.id)


def test_a_renamed_field_is_drift_and_a_person_accepts_it(portunus: Portunus) -> None:
    with portunus.unit(system("browserhost")) as work:
        portal = factories.portal(work)
        assert scripts.seen(work, portal.id, "login", LOGIN).drifted_at is None
        assert scripts.seen(work, portal.id, "login", [*LOGIN, "new"]).drifted_at is None
        row = scripts.seen(work, portal.id, "login", [f"{one}-v2" for one in LOGIN])
        assert (row.likeness, row.drifted_at is not None) == (0, True)
        assert scripts.changes(row)[0] == sorted(LOGIN)
    with portunus.unit(system("test")) as work:
        assert scripts.accept(work, portal.id, "login").drifted_at is None
        assert scripts.seen(work, portal.id, "login", [f"{one}-v2" for one in LOGIN]).likeness == 100


def test_the_home_pages_of_two_logins_differ_and_that_is_no_drift(portunus: Portunus) -> None:
    with portunus.unit(system("browserhost")) as work:
        portal = factories.portal(work)
        phoenix = factories.location(work, factories.organization(work), "phoenix")
        biller, owner = (factories.account(work, portal, [phoenix], channel=None) for _ in range(2))
        scripts.seen(work, portal.id, "home", LOGIN, biller)
        assert scripts.seen(work, portal.id, "home", ["other"], owner).drifted_at is None
        assert scripts.seen(work, portal.id, "home", ["new"], biller).drifted_at is not None
        scripts.seen(work, portal.id, "home", ["newer"], owner)
        assert [row.likeness for row in scripts.drifted(work)] == [0]
        scripts.accept(work, portal.id, "home")
        assert (scripts.drifted(work), scripts.alerts(work)) == ([], [])


def test_another_organizations_home_page_is_not_there(portunus: Portunus) -> None:
    with portunus.unit(system("browserhost")) as work:
        org, other, portal = factories.organization(work), factories.organization(work, "Other"), factories.portal(work)
        account = factories.account(work, portal, [factories.location(work, org, "phoenix")], channel=None)
        scripts.seen(work, portal.id, "home", LOGIN, account)
        scripts.seen(work, portal.id, "home", ["new"], account)
        stranger = factories.user(work, other, "Sam Stone", role="script_maintainer")
    with portunus.unit(acting(stranger)) as work:
        assert (scripts.drifted(work), scripts.alerts(work)) == ([], [])
        with pytest.raises(NotFound):
            scripts.accept(work, portal.id, "home")


def test_a_failure_of_one_portal_is_found_behind_a_hundred_of_another(portunus: Portunus) -> None:
    with portunus.unit(system("test")) as work:
        one, other = factories.portal(work), factories.portal(work, "northgate", digest="e")
        scripts.note(work, Report(one.id, D, "look", "unrecognised", 800))
        for _ in range(101):
            scripts.note(work, Report(other.id, "e" * 64, "look", "unrecognised", 800))
        assert [row.portal_id for row in scripts.failed(work, portal_id=one.id, limit=1)] == [one.id]


def test_each_portal_is_looked_at_once_in_its_time_and_never_an_attended_one(
    portunus: Portunus, clock: ManualClock
) -> None:
    with portunus.unit(system("test")) as work:
        first, second = factories.portal(work), factories.portal(work, "northgate", digest="e")
        factories.portal(work, "medicare", automation="attended", digest="f")
        keys = {first.key, second.key}

    def taken() -> list[str]:
        found = []
        while True:
            with portunus.unit(system("browserhost")) as work:
                portal = scripts.take_due(work)
                if portal is None:
                    return found
                found.append(portal.key)

    assert taken() == []
    clock.advance(seconds=drift.FIRST_LOOK.total_seconds())
    assert (set(taken()), taken()) == (keys, [])
    clock.advance(seconds=drift.LOOK_EVERY.total_seconds() + 1)
    assert set(taken()) == keys


def terms(work: Unit, portal: Portal, permission: str, mode: str, decision: str = "") -> None:
    day = work.clock.now().date()
    scripts.record(
        work, portal, read_on=day, source="https://carrier.example/terms", permission=permission, mode=mode,
        decision=decision, review_on=date(day.year + 1, 1, 1),
    )  # fmt: skip


def test_what_the_terms_permit_decides_the_mode(portunus: Portunus) -> None:
    with portunus.unit(system("test")) as work:
        portal = factories.portal(work)
        terms(work, portal, "silent", "assisted")
        assert portal.automation == "assisted"
        with pytest.raises(Refused):
            terms(work, portal, "forbidden", "assisted")
        with pytest.raises(Incomplete):
            terms(work, portal, "silent", "automated")
        terms(work, portal, "silent", "automated", "Signed by counsel on 2026-11-01; reviewed yearly.")
        assert (portal.automation, scripts.newest(work, portal.id).mode) == ("automated", "automated")
        terms(work, portal, "forbidden", "attended")
        assert portal.automation == "attended"
