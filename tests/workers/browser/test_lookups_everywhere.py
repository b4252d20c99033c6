"""Each carrier that allows programs, through its shipped script: every fact its pages show is right, or named as unmapped."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest

from broker.lookups import payments
from carrier_scripts import registry
from tests.workers.browser import looking
from tests.workers.browser.carriers import CASES, codes_arrive
from tests.workers.browser.conftest import Node
from workers.bench import accuracy

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(150)]

ASKED = {case.key: case for case in CASES if registry.portal(case.key).automation == "automated"}
"""The carriers whose terms allow lookups."""
PAYER = {"meridian_shared": "Basin Mutual", "northgate": "Ironwood Dental"}
WITHOUT_EOB = ("copper_mesa_az", "copper_mesa_nv", "northgate")
UNMAPPED = {"evergreen_medicaid": 3, "oldfield_guild": 2}
"""Facts that the schema has no place for: aid category, plan and spend-down; the family's earlier years."""


def truth_of(node: Node, key: str) -> dict[str, Any]:
    told: dict[str, Any] = node.lab.control.get(f"/truth/{key}").json()
    return told


@pytest.mark.parametrize("key", ASKED)
def test_every_fact_of_a_member_and_her_claims_is_right(node: Node, key: str) -> None:
    async def test() -> None:
        truth = truth_of(node, key)
        hub = {"payer": PAYER[key]} if key in PAYER else {}
        newest = [one for one in truth["claims"] if one["location"] == "phoenix"][:30]
        paid = next(one for one in newest if one["check"])
        member = next(one for one in truth["members"] if one["id"] == paid["member"])
        served = date.fromisoformat(paid["served"])
        first, last = (served - timedelta(days=3)).isoformat(), (served + timedelta(days=3)).isoformat()
        wanted = [
            one
            for one in truth["claims"]
            if one["location"] == "phoenix" and one["member"] == member["id"] and first <= one["served"] <= last
        ]
        asked = await asyncio.to_thread(
            looking.ask, node, portal=key, member_id=member["id"], birth_date=member["born"], **hub
        )
        claims = await asyncio.to_thread(
            looking.ask, node, portal=key, kind="claim_status", member_id=member["id"], service_from=first,
            service_to=last, with_eob=True, **hub,
        )  # fmt: skip
        nobody = await asyncio.to_thread(
            looking.ask, node, portal=key, member_id=member["id"], birth_date="1901-01-01", **hub
        )
        shown = await looking.work_off(node, asked, claims, nobody)
        assert [(one.state, one.error and one.error["code"]) for one in shown] == [
            ("done", None), ("done", None), ("failed", "patient_not_found"),
        ]  # fmt: skip
        score = accuracy.Score()
        result = await asyncio.to_thread(looking.result, node, asked)
        score.add(accuracy.member_facts(key, member, truth), accuracy.told_of_member(result), str(result["unmapped"]))
        result = await asyncio.to_thread(looking.result, node, claims)
        facts = accuracy.told_of_claims(result)
        for one in wanted:
            score.add(accuracy.claim_facts(key, one), facts, str(result["unmapped"]))
        assert score.examples == []
        assert (score.wrong, score.unmapped) == (0, UNMAPPED.get(key, 0))
        assert len(result["claims"]) == len(wanted)
        if key not in WITHOUT_EOB:
            kept = next(one for one in result["claims"] if one["payer_claim_number"] == paid["number"])
            assert kept["eob_artifact_id"].startswith("art_")

    with codes_arrive(node, ASKED[key]):
        node.run(test)


def test_the_835_of_a_paid_claim_is_fetched_and_linked_to_it(node: Node) -> None:
    async def test() -> None:
        claims = [one for one in truth_of(node, "oldfield_guild")["claims"] if one["location"] == "phoenix"]
        paid = next(one for one in claims if one["check"])
        asked = await asyncio.to_thread(
            looking.ask, node, portal="oldfield_guild", kind="claim_status", claim_number=paid["number"], with_era=True
        )
        (shown,) = await looking.work_off(node, asked)
        assert (shown.state, shown.error) == ("done", None)

        def told() -> list[dict[str, Any]]:
            with node.portunus.unit(node.maria()) as work:
                return payments.of_lookup(work, node.portunus.vault, node.portunus.blobs, asked)

        (found,) = await asyncio.to_thread(told)
        assert (found["payment"]["trace_number"], found["claim"]["payer_claim_number"]) == (
            paid["check"], paid["number"],
        )  # fmt: skip
        assert found["claim"]["paid"] == paid["paid"] == found["payment"]["amount"]
        assert [one["code"] for one in found["claim"]["lines"]] == [one["code"] for one in paid["lines"]]

    node.run(test)
