"""A failed run is told to the script's owner, with the step; once, until it works again or somebody has seen it."""

import pytest

from broker.base.actor import system
from broker.base.errors import Incomplete, NotFound
from broker.base.unit import Unit
from broker.directory.models import Organization, Portal
from broker.scripts import alerts
from broker.scripts import service as scripts
from broker.scripts.service import Report
from broker.wiring import Portunus
from tests import factories
from tests.conftest import acting

D = "d" * 64
STEPS = (
    {"do": "goto", "where": "/signin", "ms": 5, "ok": True},
    {"do": "submit_login", "where": "#signin-button", "ms": 15_004, "ok": False, "why": "unrecognised"},
)


class Desk:
    """A portal whose script Mira looks after, at one office."""

    def __init__(self, portunus: Portunus) -> None:
        self.portunus = portunus
        with portunus.unit(system("test")) as work:
            self.org = factories.organization(work)
            self.phoenix, self.portal = factories.location(work, self.org, "phoenix"), factories.portal(work, digest=D)
            self.account = factories.account(work, self.portal, [self.phoenix], channel=None)
            self.mira = factories.user(work, self.org, "Mira Chen", role="script_maintainer")
            self.maria = factories.user(work, self.org, "Maria Lopez")
            scripts.set_owner(work, self.portal, self.mira.email)

    def run(self, outcome: str, steps=STEPS) -> list[tuple[str, str]]:
        with self.portunus.unit(system("browserhost")) as work:
            report = Report(self.portal.id, D, "sign_in", outcome, 800, self.account.id, self.phoenix.id, steps=steps)
            scripts.note(work, report)
            return list(work.tasks)

    def open(self) -> list[tuple[str, str, int]]:
        with self.portunus.reading(acting(self.mira)) as work:
            return [(one.words, one.step, one.times) for one in scripts.alerts(work)]


@pytest.fixture
def desk(portunus: Portunus) -> Desk:
    return Desk(portunus)


def test_a_failed_run_is_one_alert_with_its_step_however_often_it_fails(desk: Desk) -> None:
    first, second = desk.run("unrecognised"), desk.run("unrecognised")
    assert desk.open() == [("sign in: unrecognised", "Step 2, submit_login #signin-button: unrecognised", 2)]
    assert ([name for name, _ in first], second) == ([alerts.TASK], [])


def test_it_ends_when_the_script_works_again(desk: Desk) -> None:
    desk.run("unrecognised")
    desk.run("signed_in")
    assert desk.open() == []


def test_a_portal_that_is_down_is_nobodys_fault(desk: Desk) -> None:
    desk.run("down")
    assert desk.open() == []


def test_it_is_mailed_once_to_the_owner_and_holds_no_more_than_the_step(desk: Desk) -> None:
    ((_, alert_id),) = desk.run("unrecognised")
    with desk.portunus.unit(system("alerts")) as work:
        letter = alerts.take_letter(work, alert_id)
        assert alerts.take_letter(work, alert_id) is None
    assert letter is not None
    assert (letter.to, letter.subject.endswith("sign in: unrecognised")) == (desk.mira.email, True)
    assert "Step 2, submit_login #signin-button: unrecognised." in letter.text
    assert "/script-runs/run_" in letter.text


def test_a_mail_that_the_relay_did_not_take_is_sent_again(desk: Desk, clock) -> None:
    ((_, alert_id),) = desk.run("unrecognised")
    with desk.portunus.unit(system("alerts")) as work:
        assert alerts.take_letter(work, alert_id)
        alerts.not_sent(work, alert_id)
    clock.advance(seconds=alerts.AGAIN_AFTER.total_seconds())
    with desk.portunus.unit(system("sweep")) as work:
        alerts.send_late(work)
        assert work.tasks == [(alerts.TASK, alert_id)]
    with desk.portunus.unit(system("alerts")) as work:
        assert alerts.take_letter(work, alert_id)


def test_whoever_looks_after_it_ends_it(desk: Desk) -> None:
    ((_, alert_id),) = desk.run("unrecognised")
    with desk.portunus.unit(acting(desk.mira)) as work:
        scripts.alert_seen(work, alert_id)
    assert desk.open() == []


def test_another_organization_sees_neither_the_alert_nor_ends_it(desk: Desk) -> None:
    ((_, alert_id),) = desk.run("unrecognised")
    with desk.portunus.unit(system("test")) as work:
        other: Organization = factories.organization(work, "Other Dental")
        stranger = acting(factories.user(work, other, "Sam Stone", role="script_maintainer"))
    with desk.portunus.unit(stranger) as work:
        assert scripts.alerts(work) == []
        with pytest.raises(NotFound):
            scripts.alert_seen(work, alert_id)


def test_only_somebody_who_may_mend_it_owns_a_script(desk: Desk) -> None:
    with desk.portunus.unit(system("test")) as work, pytest.raises(Incomplete):
        scripts.set_owner(work, desk.portal, desk.maria.email)


def test_a_page_that_changed_is_told_too(desk: Desk) -> None:
    def look(work: Unit, portal: Portal, names: str) -> None:
        scripts.seen(work, portal.id, "login", [f"input#{name}" for name in names])

    with desk.portunus.unit(system("browserhost")) as work:
        look(work, desk.portal, "abcdef")
        look(work, desk.portal, "uvwxyz")
    assert desk.open() == [("its sign-in page has changed", "0 % of its structure is as it was", 1)]


def test_a_look_that_works_does_not_end_the_alert_about_its_page(desk: Desk) -> None:
    def look(features: list[str]) -> None:
        with desk.portunus.unit(system("browserhost")) as work:
            scripts.note(work, Report(desk.portal.id, D, "look", "signed_out", 800))
            scripts.seen(work, desk.portal.id, "login", features)

    look(["a", "b"])
    look(["c", "d"])
    look(["c", "d"])
    assert [words for words, _, _ in desk.open()] == ["its sign-in page has changed"]
    look(["a", "b"])
    assert desk.open() == []


def test_what_fails_and_works_in_turns_is_one_alert_and_one_mail(desk: Desk, clock) -> None:
    ((_, alert_id),) = desk.run("unrecognised")
    with desk.portunus.unit(system("alerts")) as work:
        assert alerts.take_letter(work, alert_id)
    for _ in range(3):
        desk.run("signed_in")
        clock.advance(seconds=60)
        assert desk.run("unrecognised") == []
    assert [times for _, _, times in desk.open()] == [4]
    desk.run("signed_in")
    clock.advance(seconds=alerts.RAISED_AGAIN.total_seconds() + 1)
    assert len(desk.run("unrecognised")) == 1


def test_an_owner_is_mailed_once_about_a_portal_however_much_of_it_fails(desk: Desk, clock) -> None:
    ((_, first),) = desk.run("unrecognised")
    with desk.portunus.unit(system("browserhost")) as work:
        scripts.seen(work, desk.portal.id, "login", ["a", "b"])
        scripts.seen(work, desk.portal.id, "login", ["c", "d"])
        ((_, second),) = work.tasks
    with desk.portunus.unit(system("alerts")) as work:
        assert alerts.take_letter(work, first)
        assert alerts.take_letter(work, second) is None
    clock.advance(seconds=alerts.QUIET.total_seconds() + 1)
    with desk.portunus.unit(system("sweep")) as work:
        alerts.send_late(work)
        assert work.tasks == [(alerts.TASK, second)]
    with desk.portunus.unit(system("alerts")) as work:
        assert alerts.take_letter(work, second)
