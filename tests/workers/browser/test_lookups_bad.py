"""What portals do wrong, in the middle of a lookup: a typed failure or a conflict that is named, never a wrong value."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from tests.workers.browser import looking
from tests.workers.browser.conftest import Node

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

KEY = "bluestone_mutual"


@dataclass(frozen=True)
class Bad:
    """A fault of the simulated carrier, and how a lookup must end."""

    fault: str
    kind: str
    code: str
    state: str = "needs_human"
    page_kept: bool = True


BAD = (
    Bad("collision", "eligibility", "patient_ambiguous", "failed", page_kept=False),
    Bad("html_pdf", "claim_status", "page_changed"),
    Bad("half_download", "claim_status", "page_changed"),
    Bad("error", "eligibility", "portal_down", "queued", page_kept=False),
)


def claims_of(node: Node, key: str, place: str = "phoenix") -> list[dict[str, Any]]:
    told = node.lab.control.get(f"/truth/{key}").json()["claims"]
    return [one for one in told if one["location"] == place]


def member_of(node: Node, key: str) -> dict[str, str]:
    told = node.lab.control.get(f"/truth/{key}").json()["members"][0]
    return {"member_id": told["id"], "birth_date": told["born"]}


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.fault)
def test_a_portal_in_trouble_gives_a_typed_failure_and_no_value(node: Node, bad: Bad) -> None:
    async def test() -> None:
        paid = next(one for one in claims_of(node, KEY) if one["check"])
        question = {
            "eligibility": {"kind": "eligibility", **member_of(node, KEY)},
            "claim_status": {"kind": "claim_status", "claim_number": paid["number"], "with_eob": True},
        }[bad.kind]
        first = await asyncio.to_thread(looking.ask, node, portal=KEY, **question)
        (shown,) = await looking.work_off(node, first)
        assert (shown.state, shown.error) == ("done", None)
        node.lab.fault(KEY, bad.fault, **({"path": "/provider/coverage"} if bad.fault == "error" else {}))
        asked = await asyncio.to_thread(looking.ask, node, portal=KEY, **question)
        (shown,) = await looking.work_off(node, asked)
        assert shown.error is not None
        assert (shown.state, shown.error["code"]) == (bad.state, bad.code)
        assert (await asyncio.to_thread(looking.kept_page, node, asked) is not None) is bad.page_kept

    node.run(test)


def test_amounts_that_contradict_each_other_are_kept_as_printed_and_named(node: Node) -> None:
    async def test() -> None:
        node.lab.fault(KEY, "accumulators")
        asked = await asyncio.to_thread(looking.ask, node, portal=KEY, **member_of(node, KEY))
        (shown,) = await looking.work_off(node, asked)
        assert (shown.state, shown.error) == ("done", None)
        told = await asyncio.to_thread(looking.result, node, asked)
        deductible = next(one for one in told["accumulators"] if one["kind"] == "deductible")
        assert (deductible["limit"], deductible["used"], deductible["conflict"]) == ("50.00", "75.00", True)
        named = next(one for one in told["unmapped"] if one["why"] == "conflict")
        assert "$75.00" in named["text"]

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
