"""Lookups at the simulated carriers through the real browser host: answers with evidence, or a typed failure."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Error

from carrier_scripts import registry
from tests.waiting import soon
from tests.workers.browser import looking
from tests.workers.browser.conftest import Node
from workers.browser import lookupfacade
from workers.browser.facade import CallRefused
from workers.browser.lookupfacade import LookupFacade
from workers.browser.shortways import press
from workers.browser.writeguard import WriteGuard


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


def test_claims_of_a_member_are_all_found_with_their_lines(node: Node) -> None:
    async def test() -> None:
        book = looking.book(node, "harborline")
        paid = next(one for one in book.at("phoenix") if one.check)
        first, last = paid.served - timedelta(days=15), paid.served + timedelta(days=15)
        member = paid.member
        wanted = [one for one in book.at("phoenix") if one.member.id == member.id and first <= one.served <= last]
        lookup = await asyncio.to_thread(
            looking.ask, node, kind="claim_status", member_id=member.id,
            service_from=first.isoformat(), service_to=last.isoformat(), with_eob=True,
        )  # fmt: skip
        (shown,) = await looking.work_off(node, lookup)
        assert (shown.state, shown.error) == ("done", None)
        found = await asyncio.to_thread(looking.result, node, lookup)
        assert [one["payer_claim_number"] for one in found["claims"]] == [one.number for one in wanted]
        assert [one["paid"] for one in found["claims"]] == [f"{one.paid}.00" for one in wanted]
        assert [len(one["lines"]) for one in found["claims"]] == [len(one.lines) for one in wanted]
        with_eob = [one for one in found["claims"] if "eob_artifact_id" in one]
        assert with_eob
        assert all(one["carrier_status"] == "Paid" for one in with_eob)
        assert all("not fetched" in one["label"] for one in found["unmapped"])

    node.run(test)


def test_an_unknown_member_is_an_answer_with_its_words(node: Node) -> None:
    async def test() -> None:
        lookup = await asyncio.to_thread(looking.ask, node, member_id="HD999999999", birth_date="1980-01-01")
        (shown,) = await looking.work_off(node, lookup)
        assert (shown.state, shown.error["code"], shown.error["x12_aaa"]) == ("failed", "patient_not_found", "75")
        assert await asyncio.to_thread(looking.failure_seen, node, lookup) != []

    node.run(test)


def test_a_person_who_opens_the_portal_takes_it_from_the_lookups(node: Node) -> None:
    async def test() -> None:
        lookup = await asyncio.to_thread(looking.ask, node, member_id="HD100042731", birth_date="1984-03-17")
        (shown,) = await looking.work_off(node, lookup)
        assert shown.state == "done"
        node.lab.fault("harborline", "hang", path="/eligibility", seconds=20)
        waiting = await asyncio.to_thread(looking.ask, node, member_id="HD100042731", birth_date="1984-03-17")
        await looking.until(node, waiting, "running")
        lease_id, session = await asyncio.to_thread(looking.open_as_maria, node)
        assert session.state == "ready"
        await looking.until(node, waiting, "waiting_session")
        node.lab.unfault("harborline", "hang")
        assert (await asyncio.to_thread(looking.state, node, waiting)).words.startswith(
            "Maria Lopez works in this portal"
        )
        await asyncio.to_thread(node.give_back, session.id)
        (shown,) = await looking.work_off(node, waiting)
        assert (shown.state, shown.runs) == ("done", 2)
        assert (await asyncio.to_thread(node.lab.counters, "harborline", "saguaro.phoenix"))["logins"] == 1
        assert lease_id

    node.run(test)


def test_a_changed_page_is_page_changed_with_the_page_kept_and_never_a_value(node: Node) -> None:
    async def test() -> None:
        first = await asyncio.to_thread(looking.ask, node, member_id="HD100042731", birth_date="1984-03-17")
        await looking.work_off(node, first)
        node.lab.fault("harborline", "skin", version=2)
        second = await asyncio.to_thread(looking.ask, node, member_id="HD100042731", birth_date="1984-03-17")
        (shown,) = await looking.work_off(node, second)
        assert (shown.state, shown.error["code"], shown.result_id) == ("needs_human", "page_changed", None)
        kept = await asyncio.to_thread(looking.kept_page, node, second)
        assert kept
        await soon(lambda: looking.reported_pages(node, "eligibility") == [kept])
        page = await asyncio.to_thread(looking.page_kept_as, node, kept)
        assert (page["title"], page["text"]) == ("", "What a page of a patient says is not kept.")
        assert page["outline"]

    node.run(test)


def test_signed_out_in_mid_lookup_signs_in_again_and_answers(node: Node) -> None:
    async def test() -> None:
        first = await asyncio.to_thread(looking.ask, node, member_id="HD100042731", birth_date="1984-03-17")
        await looking.work_off(node, first)
        node.lab.fault("harborline", "end_sessions")
        second = await asyncio.to_thread(looking.ask, node, member_id="HD100042731", birth_date="1984-03-17")
        (shown,) = await looking.work_off(node, second)
        assert (shown.state, shown.error) == ("done", None)
        assert (await asyncio.to_thread(node.lab.counters, "harborline", "saguaro.phoenix"))["logins"] == 2

    node.run(test)


def test_a_lookup_whose_tab_goes_away_is_done_again_in_a_fresh_one(node: Node) -> None:
    async def test() -> None:
        first = await asyncio.to_thread(looking.ask, node, member_id="HD100042731", birth_date="1984-03-17")
        await looking.work_off(node, first)
        assert node.host is not None
        (live,) = node.host._sessions.values()
        (page,) = live.hidden
        under_way = asyncio.Event()
        page.on("request", lambda _: under_way.set())
        node.lab.fault("harborline", "hang", path="/eligibility", seconds=20)
        lookup = await asyncio.to_thread(looking.ask, node, member_id="HD100042731", birth_date="1984-03-17")
        await under_way.wait()
        await page.close()
        node.lab.unfault("harborline", "hang")
        (shown,) = await looking.work_off(node, lookup)
        assert (shown.state, shown.error, shown.runs) == ("done", None, 2)

    node.run(test)


def test_a_lookup_whose_browser_failed_a_press_is_done_again(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    pressed = []

    async def failing_once(*args: Any) -> None:
        pressed.append(args)
        if len(pressed) == 1:
            raise Error("CDPSession.send: Target page, context or browser has been closed")
        await press(*args)

    monkeypatch.setattr(lookupfacade, "press", failing_once)

    async def test() -> None:
        lookup = await asyncio.to_thread(looking.ask, node, member_id="HD100042731", birth_date="1984-03-17")
        (shown,) = await looking.work_off(node, lookup)
        assert (shown.state, shown.error, shown.runs) == ("done", None, 2)

    node.run(test)
    assert len(pressed) > 1


def test_a_parked_login_waits_for_a_person_and_goes_on_when_she_has_put_it_right(node: Node) -> None:
    async def test() -> None:
        node.lab.fault("harborline", "lock", account="saguaro.phoenix")
        node.lab.fault("harborline", "lock", account="saguaro.tucson")
        lookup = await asyncio.to_thread(looking.ask, node, member_id="HD100042731", birth_date="1984-03-17")
        (shown,) = await looking.work_off(node, lookup)
        assert (shown.state, shown.error["code"]) == ("needs_human", "account_locked")
        node.lab.reset()
        await asyncio.to_thread(looking.released_and_retried, node, lookup)
        (shown,) = await looking.work_off(node, lookup)
        assert shown.state == "done"

    node.run(test)


WRITES = ("click", "submit", "fetch", "beacon")


@pytest.mark.parametrize("way", WRITES)
def test_a_page_in_lookup_mode_cannot_write_whatever_tries(node: Node, way: str) -> None:
    async def test() -> None:
        live = await node.live()
        page = await live.context.new_page()
        guard = WriteGuard(registry.portal("harborline"))
        await guard.stand(page)
        await page.goto("https://harborline.sim.test/eligibility")
        before = await asyncio.to_thread(node.lab.counters, "harborline")
        if way == "click":
            cdp = await live.new_cdp(page)
            facade = LookupFacade(live, page, cdp, guard, None, node.portunus.clock)
            with pytest.raises(CallRefused, match="Nothing was sent"):
                await facade.call(
                    "page",
                    {
                        "page": 0,
                        "chain": [["locator", ["#signout-button"], {}]],
                        "act": "click",
                        "args": [],
                        "options": {},
                    },
                )
        elif way == "submit":
            await page.evaluate(
                "() => { const f = document.createElement('form'); f.method = 'post'; f.action = '/account/close'; document.body.append(f); f.submit(); }"
            )
        elif way == "fetch":
            with pytest.raises(Error):
                await page.evaluate("() => fetch('/payments/change-bank', { method: 'POST' })")
        else:
            await page.evaluate("() => navigator.sendBeacon('/account/close', 'x')")
        await page.wait_for_timeout(200)
        assert guard.blocked == 1
        after = await asyncio.to_thread(node.lab.counters, "harborline")
        assert (after["forms_posted"], after["forbidden_hits"]) == (before["forms_posted"], before["forbidden_hits"])
        assert after["signouts"] == 0

    node.run(test)
