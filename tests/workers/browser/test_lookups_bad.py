"""What portals do wrong, in the middle of a lookup: a typed failure or a conflict that is named, never a wrong value."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from broker.lookups.models import LookupArtifact
from carrier_scripts import registry
from tests.workers.browser import looking
from tests.workers.browser.carriers import CASES, codes_arrive
from tests.workers.browser.conftest import Node
from workers.bench import truths

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

KEY = "bluestone_mutual"
ASKED = {case.key: case for case in CASES if registry.portal(case.key).automation == "automated"}
"""The carriers whose terms allow lookups."""
PAPERS = truths.EOBS
"""Carriers whose documents a lookup reads."""
NO_TWO_AMOUNTS = ("northgate", "oldfield_guild")
"""What is left only, the family's amounts only: nothing printed there can contradict something else."""
PAYERS = {"northgate": "Ironwood Dental", "meridian_shared": "Basin Mutual"}


def faults_of(key: str) -> tuple[str, ...]:
    """Which faults of the lab can befall this carrier's lookups."""
    papers = ("html_pdf", "half_download") if key in PAPERS else ()
    return ("collision", *(() if key in NO_TWO_AMOUNTS else ("accumulators",)), *papers)


def claims_of(node: Node, key: str, place: str = "phoenix") -> list[dict[str, Any]]:
    told = node.lab.control.get(f"/truth/{key}").json()["claims"]
    return [one for one in told if one["location"] == place]


def member_of(node: Node, key: str) -> dict[str, str]:
    told = node.lab.control.get(f"/truth/{key}").json()["members"][0]
    return {"member_id": told["id"], "birth_date": told["born"]}


@pytest.mark.parametrize("key", ASKED)
def test_trouble_is_a_typed_failure_or_a_conflict_that_is_named(node: Node, key: str) -> None:
    """One after the other in one portal session (without any: test_lookups_everywhere.py)."""
    hub = {"payer": PAYERS[key]} if key in PAYERS else {}

    async def test() -> None:
        paid = next(one for one in claims_of(node, key) if one["check"])
        member = {"portal": key, "kind": "eligibility", **member_of(node, key), **hub}
        paper = {"portal": key, "kind": "claim_status", "claim_number": paid["number"], "with_eob": True, **hub}

        async def ends(question: dict[str, Any]) -> tuple[str, str, str | None]:
            asked = await asyncio.to_thread(looking.ask, node, **question)
            (shown,) = await looking.work_off(node, asked)
            return asked, shown.state, shown.error and shown.error["code"]

        for fault in faults_of(key):
            node.lab.fault(key, fault)
            asked, state, code = await ends(member if fault in ("collision", "accumulators") else paper)
            kept = await asyncio.to_thread(looking.kept_page, node, asked) is not None
            match fault:
                case "collision":
                    assert (state, code, kept) == ("failed", "patient_ambiguous", False)
                case "accumulators":
                    assert (state, code) == ("done", None)
                    contradicts_itself(await asyncio.to_thread(looking.result, node, asked))
                case _:
                    assert (fault, state, code, kept) == (fault, "done", None, False)
                    names_its_paper(await asyncio.to_thread(looking.result, node, asked), paid)
            node.lab.unfault(key)

    with codes_arrive(node, ASKED[key]):
        node.run(test)


def names_its_paper(told: dict[str, Any], paid: dict[str, Any]) -> None:
    """The claim is whole; the paper that did not come is named."""
    (claim,) = told["claims"]
    assert (claim["paid"], "eob_artifact_id" in claim) == (f"{paid['paid']}.00", False)
    assert [(one["why"], one["label"]) for one in told["unmapped"]] == [
        ("missing", f"Explanation of benefits of claim {paid['number']}")
    ]


def contradicts_itself(told: dict[str, Any]) -> None:
    """More deductible met than there is: kept as printed, and named."""
    marked = [one for one in told["accumulators"] if one.get("conflict")]
    assert marked
    assert all(one["kind"].startswith("deductible") for one in marked)
    deductible = marked[0]
    assert float(deductible["used"]) == float(deductible["limit"]) + 25
    assert any(one["why"] == "conflict" and f"${deductible['used']}" in one["text"] for one in told["unmapped"])


def test_a_portal_that_goes_down_is_asked_again_later(node: Node) -> None:
    async def test() -> None:
        first = await asyncio.to_thread(looking.ask, node, portal=KEY, **member_of(node, KEY))
        (shown,) = await looking.work_off(node, first)
        assert (shown.state, shown.error) == ("done", None)
        node.lab.fault(KEY, "error", path="/provider/coverage")
        asked = await asyncio.to_thread(looking.ask, node, portal=KEY, **member_of(node, KEY))
        (shown,) = await looking.work_off(node, asked)
        assert shown.error is not None
        assert (shown.state, shown.error["code"]) == ("queued", "portal_down")
        assert await asyncio.to_thread(looking.kept_page, node, asked) is None

    node.run(test)


def test_a_portal_that_wants_to_be_asked_more_slowly_is_asked_later(node: Node) -> None:
    async def test() -> None:
        node.lab.fault(KEY, "error", path="/provider/coverage", status=429)
        asked = await asyncio.to_thread(looking.ask, node, portal=KEY, **member_of(node, KEY))
        (shown,) = await looking.work_off(node, asked)
        assert shown.error is not None
        assert (shown.state, shown.error["code"]) == ("queued", "rate_limited")

    node.run(test)


def test_an_error_page_in_a_claims_place_is_no_claim_not_found(node: Node) -> None:
    async def test() -> None:
        number = claims_of(node, "northgate")[0]["number"]
        node.lab.fault("northgate", "error", path="/claims")
        asked = await asyncio.to_thread(looking.ask, node, portal="northgate", kind="claim_status", claim_number=number)
        (shown,) = await looking.work_off(node, asked)
        assert shown.error is not None
        assert (shown.state, shown.error["code"]) == ("queued", "portal_down")

    node.run(test)


def test_a_member_id_that_cannot_be_one_says_so(node: Node) -> None:
    async def test() -> None:
        asked = await asyncio.to_thread(looking.ask, node, member_id="HD1234", birth_date="1984-03-17")
        (shown,) = await looking.work_off(node, asked)
        assert shown.error is not None
        assert (shown.state, shown.error["code"], shown.error["x12_aaa"]) == ("failed", "bad_member_id", "72")

    node.run(test)


def test_a_list_that_the_portal_cuts_off_says_so(node: Node) -> None:
    async def test() -> None:
        every = claims_of(node, "meridian_shared")
        shown_by_portal, hidden = every[:200], every[200:]
        member = shown_by_portal[0]["member"]
        span = {"service_from": hidden[-1]["served"], "service_to": every[0]["served"], "payer": "Basin Mutual"}
        span["service_from"] = max(span["service_from"], looking.oldest_day())
        asked = await asyncio.to_thread(
            looking.ask, node, portal="meridian_shared", kind="claim_status", member_id=member, **span
        )
        (shown,) = await looking.work_off(node, asked)
        assert (shown.state, shown.error) == ("done", None)
        told = await asyncio.to_thread(looking.result, node, asked)
        assert told["truncated"] is True
        assert len(told["claims"]) == sum(one["member"] == member for one in shown_by_portal)
        assert [one["text"] for one in told["unmapped"]] == ["First 200 shown."]

    node.run(test)


def test_a_claim_of_another_location_is_not_found(node: Node) -> None:
    async def test() -> None:
        other = claims_of(node, KEY, "tucson")[0]["number"]
        asked = await asyncio.to_thread(looking.ask, node, portal=KEY, kind="claim_status", claim_number=other)
        (shown,) = await looking.work_off(node, asked)
        assert shown.error is not None
        assert (shown.state, shown.error["code"]) == ("failed", "claim_not_found")

    node.run(test)


def test_a_paper_that_was_read_before_a_lookup_failed_is_there_to_be_opened(node: Node) -> None:
    async def test() -> None:
        every = claims_of(node, KEY)
        first, second = next(
            (one, other)
            for at, one in enumerate(every)
            for other in every[at + 1 :]
            if one["check"] and one["member"] == other["member"] and other["served"] >= looking.oldest_day()
        )
        node.lab.fault(KEY, "error", path=f"/provider/claims/detail/{second['number']}")
        asked = await asyncio.to_thread(
            looking.ask, node, portal=KEY, kind="claim_status", member_id=first["member"],
            service_from=second["served"], service_to=first["served"], with_eob=True,
        )  # fmt: skip
        (shown,) = await looking.work_off(node, asked)
        assert shown.error is not None
        assert (shown.state, shown.error["code"]) == ("queued", "portal_down")

        def opened() -> list[bytes]:
            vault, blobs = node.portunus.vault, node.portunus.blobs
            with node.portunus.unit(node.maria()) as work:
                rows = work.db.scalars(
                    select(LookupArtifact).where(LookupArtifact.lookup_id == asked, LookupArtifact.kind == "pdf")
                )
                return [
                    vault.unseal(work, one.organization_id, ("lookup artifact", one.id), blobs.read(str(one.blob)))
                    for one in rows
                ]

        assert [data[:5] for data in await asyncio.to_thread(opened)] == [b"%PDF-"]

    node.run(test)
