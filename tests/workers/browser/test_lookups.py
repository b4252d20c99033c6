"""Lookups at the simulated carriers through the real browser host: answers with evidence, or a typed failure."""

import asyncio

from tests.workers.browser import looking
from tests.workers.browser.conftest import Node


def test_eligibility_comes_with_evidence_for_every_value(node: Node) -> None:
    async def test() -> None:
        truth = looking.book(node, "harborline").members["HD100042731"]
        lookup = await asyncio.to_thread(looking.ask, node, member_id=truth.id, birth_date=truth.born.isoformat())
        (shown,) = await looking.work_off(node, lookup)
        assert (shown.state, shown.error) == ("done", None)
        found = await asyncio.to_thread(looking.result, node, lookup)
        assert found["coverage"]["status"] == "active"
        assert found["coverage"]["group_number"] == truth.group_number
        maximum = next(a for a in found["accumulators"] if a["kind"] == "annual_maximum" and a["network"] == "in")
        assert (maximum["limit"], maximum["used"]) == (f"{truth.maximum}.00", f"{truth.used}.00")
        assert maximum["remaining"] == f"{truth.left}.00"
        place = found["provenance"]["fields"][f"/accumulators/{found['accumulators'].index(maximum)}/remaining"][0]
        assert place["page"] == "benefits: deductibles and maximums"
        assert place["raw_text"] == f"${truth.left:,.2f}"
        assert place["recording_id"]

    node.run(test)
