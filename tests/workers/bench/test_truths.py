"""What the accuracy run asks and expects: every carrier, 2,000 members and claims and more, each value under a name of its own."""

from collections.abc import Iterator
from typing import Any

import pytest

from broker.lookups.comparing import named
from broker.lookups.evidence import leaves
from carrier_scripts import registry
from carrier_scripts.lab.web import SITES
from tests.labs import RunningLab, running_lab
from workers.bench import lookups, truths


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def truth_of(lab: RunningLab, portal: str) -> dict[str, Any]:
    told: dict[str, Any] = lab.control.get(f"/truth/{portal}").json()
    return told


def test_every_carrier_that_allows_programs_is_asked() -> None:
    automated = {site.key for site in SITES if registry.portal(site.key).automation == "automated"}
    assert set(lookups.PORTALS) == automated == set(truths.STATUSES)


def test_two_thousand_members_and_claims_are_judged(lab: RunningLab) -> None:
    here = [lookups._Here(portal, truth_of(lab, portal)) for portal in lookups.PORTALS]
    assert sum(len(one.truth["members"]) + len(one.claims) for one in here) >= 2000
    assert all("claim_number" in one.questions[-1] for one in here)


@pytest.mark.parametrize("portal", lookups.PORTALS)
def test_every_expected_value_has_a_name_of_its_own(lab: RunningLab, portal: str) -> None:
    here = lookups._Here(portal, truth_of(lab, portal))
    trees = [truths.member(portal, one, here.truth, "2026-11-22", here.payer).tree for one in here.truth["members"]]
    for member in here.truth["members"]:
        own = [one for one in here.claims if one["member"] == member["id"]]
        if own:
            trees.append(truths.claims(portal, own, here.truth, here.payer, with_eob=True).tree)
    for tree in trees:
        assert len(dict(named(tree))) == len(list(leaves(tree)))
