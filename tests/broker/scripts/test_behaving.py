"""What a version knows of its portal is known once it is in force, where nothing was verified later."""

import hashlib
from datetime import date
from typing import Any

import pytest

from broker.base.actor import system
from broker.base.errors import Incomplete
from broker.directory import service as directory
from broker.directory.models import Organization, Portal
from broker.directory.service import Fact
from broker.scripts import releases
from broker.scripts import service as scripts
from broker.scripts.service import Bundle
from broker.wiring import Portunus
from tests import factories
from tests.conftest import acting

BOTH_DATABASES = True

WORDS = "The carrier warns later now."
FACTS = {"name": "Harborline", "hosts": ["harborline.sim.test"], "start": "https://harborline.sim.test/signin"}
LIMIT = {"value": 3, "source": "the carrier's help page", "verified_on": "2026-11-10"}


def bundle(behaviour: dict[str, Any], key: str = "harborline") -> Bundle:
    text = f"# {sorted(behaviour)}"
    source = {"module": f"carrier_scripts.portals.{key}", "text": text}
    return Bundle(key, hashlib.sha256(text.encode()).hexdigest(), [source], FACTS, behaviour=behaviour)


class People:
    """Mira writes scripts, Ana approves them."""

    def __init__(self, portunus: Portunus) -> None:
        self.portunus = portunus
        with portunus.unit(system("test")) as work:
            org: Organization = factories.organization(work)
            self.portal: Portal = factories.portal(work)
            self.mira = factories.user(work, org, "Mira Chen", role="script_maintainer")
            self.ana = factories.user(work, org, "Ana Silva", role="admin")

    def submit(self, made: Bundle) -> str:
        with self.portunus.unit(acting(self.mira)) as work:
            return scripts.submit(work, made, WORDS).digest

    def approve(self, digest: str) -> None:
        with self.portunus.unit(acting(self.ana)) as work:
            scripts.approve(work, digest)

    def put_in_force(self, digest: str) -> None:
        with self.portunus.unit(acting(self.ana)) as work:
            releases.put_in_force(work, self.portal.id, digest)

    def know(self, name: str, value: object, day: date) -> None:
        with self.portunus.unit(acting(self.ana)) as work:
            portal = work.db.get_one(Portal, self.portal.id)
            directory.record_behaviour(work, portal, name, Fact(value, "seen by hand", day))

    def known(self, key: str = "harborline") -> dict[str, Any]:
        with self.portunus.reading(system("test")) as work:
            return directory.behaviour(work, directory.portal_by_key(work, key))


@pytest.fixture
def people(portunus: Portunus) -> People:
    return People(portunus)


def test_what_a_version_knows_counts_once_it_is_in_force(people: People) -> None:
    digest = people.submit(bundle({"warns_before_s": LIMIT}))
    people.approve(digest)
    assert "warns_before_s" not in people.known()
    people.put_in_force(digest)
    assert people.known()["warns_before_s"] == 3


@pytest.mark.parametrize(
    ("verified", "counts"), [(date(2026, 11, 9), 3), (date(2026, 11, 10), 5), (date(2026, 11, 11), 5)]
)
def test_what_was_verified_later_stays(people: People, verified: date, counts: int) -> None:
    people.know("warns_before_s", 5, verified)
    digest = people.submit(bundle({"warns_before_s": LIMIT}))
    people.approve(digest)
    people.put_in_force(digest)
    assert people.known()["warns_before_s"] == counts


def test_a_new_portal_is_known_with_its_approval(people: People) -> None:
    line = {"value": "800-555-0100", "source": "the back of the card", "verified_on": "2026-11-10"}
    digest = people.submit(bundle({"warns_before_s": LIMIT, "provider_line": line}, key="harbor_dental"))
    assert people.known("harbor_dental") == {}
    people.approve(digest)
    assert people.known("harbor_dental") == {"warns_before_s": 3, "provider_line": "800-555-0100"}
    with people.portunus.reading(system("test")) as work:
        assert directory.portal_by_key(work, "harbor_dental").provider_line == "800-555-0100"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"warns_before_s": 3}, "warns_before_s needs value, source and verified_on"),
        ({"warns_before_s": LIMIT | {"source": " "}}, "warns_before_s needs value, source and verified_on"),
        ({"warns_before_s": LIMIT | {"verified_on": "lately"}}, "must look like"),
        ({"warns_before_s": LIMIT | {"verified_on": "2999-01-01"}}, "in the future"),
        ({"warns_before_s": LIMIT | {"value": "x" * 5000}}, "too long"),
        ({"a b": LIMIT}, "no name"),
        ({f"field_{number}": LIMIT for number in range(101)}, "at most 100"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_field(people: People, wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(Incomplete, match=words):
        people.submit(bundle(wrong))


def test_the_same_seen_again_later_counts_from_then_on(people: People) -> None:
    people.know("warns_before_s", 3, date(2026, 10, 1))
    newer = people.submit(bundle({"warns_before_s": LIMIT}))
    people.approve(newer)
    people.put_in_force(newer)
    older = people.submit(
        bundle({"warns_before_s": LIMIT | {"value": 5, "verified_on": "2026-11-01"}, "captcha": LIMIT})
    )
    people.approve(older)
    people.put_in_force(older)
    assert people.known()["warns_before_s"] == 3


def test_a_provider_line_that_is_no_number_of_a_line_is_refused(people: People) -> None:
    for value in ("8" * 41, 8005550100):
        with pytest.raises(Incomplete, match="telephone number"):
            people.submit(bundle({"provider_line": LIMIT | {"value": value}}))
