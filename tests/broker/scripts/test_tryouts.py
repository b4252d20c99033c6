"""Which text may be run from the editor, where, and with whose login; and that it is in the log."""

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.base.errors import BrokerError, Incomplete, Refused
from broker.directory.models import Portal, ScriptVersion
from broker.scripts import service as scripts
from broker.scripts.service import Bundle
from broker.wiring import Portunus
from tests import factories
from tests.conftest import acting

BOTH_DATABASES = True
HOSTS = ["harborline.example", "id.harborline.example"]
TEXT = Bundle("harborline", "f" * 64, [], {"hosts": HOSTS[:1], "automation": "automated"})
SIMULATED = replace(TEXT, facts={"hosts": ["harborline.sim.test", "new.sim.test"]})


class Desk:
    """Mira writes scripts; Harborline's version in force names two hosts; the office signs in there as saguaro."""

    def __init__(self, portunus: Portunus) -> None:
        self.portunus = portunus
        with portunus.unit(system("test")) as work:
            org = factories.organization(work)
            self.portal = factories.portal(work, "harborline", digest="d" * 64, login_failure_limit=5)
            factories.account(work, self.portal, [factories.location(work, org)], username="Saguaro", channel=None)
            version = work.db.get_one(ScriptVersion, "d" * 64)
            scripts.keep_shipped(
                work,
                self.portal,
                Bundle("harborline", version.digest, [], {"hosts": HOSTS, "start": "https://harborline.example/"}),
            )
            self.mira = factories.user(work, org, "Mira Chen", role="script_maintainer")
            self.maria = factories.user(work, org, "Maria Lopez")

    def tries(self, bundle: Bundle = TEXT, username: str = "mira.test", who: str = "mira") -> dict[str, Any]:
        with self.portunus.unit(acting(getattr(self, who))) as work:
            return scripts.tried(work, bundle, username)


@pytest.fixture
def desk(portunus: Portunus) -> Desk:
    return Desk(portunus)


def acts(portunus: Portunus) -> list[dict[str, Any]]:
    """The entries about texts that were run."""
    with portunus.reading(system("test")) as work:
        found = select(AuditEntry).where(AuditEntry.act.startswith("script:text:")).order_by(AuditEntry.index)
        return [json.loads(entry.leaf) for entry in work.db.scalars(found)]


def test_a_text_runs_on_approved_hosts_by_the_portals_own_lockout_rule_and_is_in_the_log(
    desk: Desk, portunus: Portunus
) -> None:
    assert desk.tries()["login_failure_limit"] == 5
    with portunus.unit(acting(desk.mira)) as work:
        scripts.try_ended(work, "harborline", "wrong_code")
    begun, ended = acts(portunus)
    assert begun["detail"] == {"portal": "harborline", "text": "f" * 32, "hosts": "harborline.example"}
    assert (ended["act"], ended["outcome"]) == ("script:text:try_end", "wrong_code")


@pytest.mark.parametrize(
    ("bundle", "username", "words"),
    [
        (replace(TEXT, facts={"hosts": [*HOSTS, "elsewhere.example"]}), "mira.test", "does not name elsewhere.example"),
        (replace(TEXT, facts={"hosts": []}), "mira.test", "does not name these hosts"),
        (replace(TEXT, facts={"hosts": ["harborline.sim.test", "elsewhere.example"]}), "mira.test", "elsewhere.example"),
        (replace(TEXT, facts=TEXT.facts | {"automation": "attended"}), "mira.test", "allows no program"),
        (TEXT, " sAGUARO ", "Portunus signs in with this login"),
    ],
)  # fmt: skip
def test_what_could_reach_more_than_her_own_login_is_refused(
    desk: Desk, portunus: Portunus, bundle: Bundle, username: str, words: str
) -> None:
    with pytest.raises(Refused, match=words):
        desk.tries(bundle, username)
    assert acts(portunus) == []


def test_a_portal_that_is_attended_by_the_register_runs_no_text(desk: Desk, portunus: Portunus) -> None:
    with portunus.unit(system("test")) as work:
        work.db.get_one(Portal, desk.portal.id).automation = "attended"
    with pytest.raises(Refused, match="allows no program"):
        desk.tries()


def test_a_portal_without_a_version_in_force_is_tried_at_ones_own_desk(desk: Desk, portunus: Portunus) -> None:
    with portunus.unit(system("test")) as work:
        factories.portal(work, "tidewater", digest="c" * 64)
        work.db.get_one(ScriptVersion, "c" * 64).approved_by = None
    with pytest.raises(Refused, match="portunus script run tidewater"):
        desk.tries(replace(TEXT, key="tidewater"))


def test_any_text_of_a_maintainer_may_be_shown_saved_pages_and_it_is_in_the_log(desk: Desk, portunus: Portunus) -> None:
    """Nothing is typed there, and no host is reached."""
    new = replace(TEXT, facts={"hosts": ["elsewhere.example"], "automation": "attended"})
    with portunus.unit(acting(desk.mira)) as work:
        scripts.tried_on_pages(work, new)
        scripts.try_ended(work, "harborline", "passed")
    begun, ended = acts(portunus)
    assert (begun["act"], begun["detail"]) == ("script:text:test", {"portal": "harborline", "text": "f" * 32})
    assert (ended["act"], ended["outcome"]) == ("script:text:try_end", "passed")
    with pytest.raises(Refused), portunus.unit(acting(desk.maria)) as work:
        scripts.tried_on_pages(work, TEXT)


def test_a_simulator_may_have_new_hosts_and_the_offices_own_logins(desk: Desk) -> None:
    assert desk.tries(SIMULATED, "saguaro")["login_failure_limit"] == 5


def test_without_a_login_there_is_nothing_to_run(desk: Desk) -> None:
    with pytest.raises(Incomplete, match="which login"):
        desk.tries(username=" ")


def test_who_does_not_write_scripts_runs_none(desk: Desk) -> None:
    with pytest.raises(BrokerError):
        desk.tries(who="maria")
