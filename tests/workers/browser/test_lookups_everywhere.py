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
from workers.bench import accuracy, truths

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(150)]

ASKED = {case.key: case for case in CASES if registry.portal(case.key).automation == "automated"}
"""The carriers whose terms allow lookups."""
PAYER = {"meridian_shared": "Basin Mutual", "northgate": "Ironwood Dental"}
PAYS_CLAIMS = {"meridian_shared": "Meridian Shared Services", "northgate": "Northgate Exchange"}
"""A hub's claims do not say which of its carriers pays them."""
ANY_DAY = ("harborline", "northgate")
"""Whose forms ask for a day."""
WITHOUT_EOB = ("northgate",)
UNMAPPED = {"evergreen_medicaid": 3, "oldfield_guild": 2, "copper_mesa_az": 1}
"""What the schema has no place for: aid category, plan and spend-down; the family's earlier years; rules with exceptions."""


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
            looking.ask, node, portal=key, kind="claim_status", member_id=f"{member['id'][:2].lower()}-{member['id'][2:]}", service_from=first,
            service_to=last, with_eob=True, **hub,
        )  # fmt: skip
        nobody = await asyncio.to_thread(
            looking.ask, node, portal=key, member_id=member["id"], birth_date="1901-01-01", **hub
        )
        by_number = await asyncio.to_thread(
            looking.ask, node, portal=key, kind="claim_status", claim_number=paid["number"].lower()
        )
        yesterday = (date.fromisoformat(looking.today()) - timedelta(days=1)).isoformat()
        of_another_day = await asyncio.to_thread(
            looking.ask,
            node,
            portal=key,
            member_id=member["id"],
            birth_date=member["born"],
            service_date=yesterday,
            **hub,
        )
        shown = await looking.work_off(node, asked, claims, nobody, by_number, of_another_day)
        assert [(one.state, one.error and one.error["code"]) for one in shown] == [
            ("done", None), ("done", None), ("failed", "patient_not_found"), ("done", None),
            ("done", None) if key in ANY_DAY else ("failed", "date_not_supported"),
        ]  # fmt: skip
        score, payer = accuracy.Score(), hub.get("payer", truth["carrier"])
        result = await asyncio.to_thread(looking.result, node, asked)
        score.add(truths.member(key, member, truth, looking.today(), payer), result)
        result = await asyncio.to_thread(looking.result, node, claims)
        own = PAYS_CLAIMS.get(key, truth["carrier"])
        theirs = truths.claims(key, wanted, truth, own, with_eob=True)
        score.add(theirs, result)
        numbered = await asyncio.to_thread(looking.result, node, by_number)
        score.add(truths.claims(key, [paid], truth, own, by_number=True), numbered)
        assert score.examples == []
        assert (score.wrong, score.unmapped) == (0, UNMAPPED.get(key, 0) + len(theirs.unmapped))
        assert score.right > 60
        if key not in WITHOUT_EOB:
            kept = next(one for one in result["claims"] if one["payer_claim_number"] == paid["number"])
            assert kept["eob_artifact_id"].startswith("art_")

    with codes_arrive(node, ASKED[key]):
        node.run(test)


def test_papers_that_a_carrier_does_not_give_are_named(node: Node) -> None:
    async def test() -> None:
        claims = [one for one in truth_of(node, "northgate")["claims"] if one["location"] == "phoenix"]
        number = next(one["number"] for one in claims if one["check"])
        papers = {"with_eob": True, "with_era": True}
        asked = await asyncio.to_thread(
            looking.ask, node, portal="northgate", kind="claim_status", claim_number=number, **papers
        )
        (shown,) = await looking.work_off(node, asked)
        assert (shown.state, shown.error) == ("done", None)
        told = await asyncio.to_thread(looking.result, node, asked)
        assert [(one["why"], one["label"]) for one in told["unmapped"]] == [
            ("missing", f"Explanation of benefits of claim {number}: not fetched"),
            ("missing", f"Remittance of claim {number}: not fetched"),
        ]

    with codes_arrive(node, ASKED["northgate"]):
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

        def told() -> payments.Paid:
            with node.portunus.unit(node.maria()) as work:
                return payments.of_lookup(work, node.portunus.vault, node.portunus.blobs, asked)

        both = await asyncio.to_thread(told)
        assert both.refused == []
        (found,) = both.payments
        assert (found["payment"]["trace_number"], found["claim"]["payer_claim_number"]) == (
            paid["check"], paid["number"],
        )  # fmt: skip
        assert found["claim"]["paid"] == paid["paid"] == found["payment"]["amount"]
        assert [one["code"] for one in found["claim"]["lines"]] == [one["code"] for one in paid["lines"]]

    node.run(test)
