"""`bench lookups`: what a lookup costs beside the portal's own pages, how many a minute, a large batch, and how true they are."""

import asyncio
import json
import re
import sys
import time
import urllib.request
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

import psutil
from playwright.async_api import Page, async_playwright

from broker.base.errors import Unavailable
from carrier_scripts.lab import founding
from portunus_client import Batch, Client, Question, claim_status, eligibility
from workers.bench import accuracy
from workers.bench.demo import Demo
from workers.bench.figures import Figures, p50, said
from workers.bench.lab import Straight

PLACE = "phoenix"
MEMBER, BORN = "HD100042731", "1984-03-17"
PAYERS = {"northgate": "Ironwood Dental", "meridian_shared": "Basin Mutual"}
PORTALS = (
    "harborline", "copper_mesa_az", "northgate", "bluestone_mutual", "evergreen_medicaid", "oldfield_guild",
    "meridian_shared", "copper_mesa_nv",
)  # fmt: skip
TABS = ("maximums", "coverage", "frequency")
BATCH_ROWS, BATCH_ROWS_QUICK = 10_000, 300
"""All different, at a portal that answers at once (`rows.py`)."""
SHARED_ROWS, SHARED_QUESTIONS = 3_000, 60
"""Through the whole product: rows, and how many different questions are among them. A browser answers some sixty a minute."""
FORBIDS = "pelican_federal"
"""The simulated carrier whose terms forbid programs."""
MINUTE_ROWS = 60
FIRST_LOOK_S = 0.4
"""Before the first question whether a lookup has ended: asking costs the same machine."""
LONGEST_S = 3600
LOOK_AGAIN_S = 0.5
"""Whether a batch is done."""
READ = "() => [...document.querySelectorAll('td, th')].map(one => one.innerText).join()"


async def measure(demo: Demo, runs: int, *, quick: bool) -> Figures:
    """All figures, in a demo nobody else uses. Raises `Unavailable` when something does not end."""
    client = Client(demo.url, _key(demo))
    await _done(client, [_ask()])  # signs in; what follows is warm
    figures = said(await _overhead(demo, client, runs))
    figures |= said(await _per_minute(client))
    figures |= said(await _batch(demo, client, BATCH_ROWS_QUICK if quick else SHARED_ROWS))
    figures |= said(await _refused(demo, client))
    figures |= said(await _accuracy(demo, client, quick=quick))
    return figures


def _ask(**more: Any) -> Question:
    return eligibility("harborline", PLACE, member_id=MEMBER, birth_date=BORN, **more)


def _key(demo: Demo) -> str:
    """The service account's key, as the demo prints it."""
    found = re.search(
        r"API key.*?\s(ptn_\S+|\S{40,})\s", demo.output.read_text(encoding="utf-8", errors="replace"), re.DOTALL
    )
    if found is None:
        raise Unavailable("The demo printed no API key.")
    return found.group(1)


async def _done(client: Client, questions: list[Question]) -> list[dict[str, Any]]:
    """Each asked and answered, one after the other."""
    made: list[dict[str, Any]] = []
    for question in questions:
        asked = await asyncio.to_thread(client.submit, question)
        await asyncio.sleep(FIRST_LOOK_S)
        made.append(dict(await asyncio.to_thread(client.wait, asked["id"])))
    return made


async def _overhead(demo: Demo, client: Client, runs: int) -> Figures:
    """From the question's row to its end, less what the same pages cost a plain script in a browser of its own.

    They take turns, so that whatever else the machine does is in both.
    """
    took, floor = [], []
    async with async_playwright() as playwright:
        straight = await Straight.start(playwright, demo.lab)
        account = next(one for one in founding.accounts_of("harborline") if one.username.endswith("tucson"))
        page, _ = await straight.sign_in(account.username, account.password, founding.location(PLACE).legal_name)
        await _plainly(page)
        for _ in range(runs):
            (one,) = await _done(client, [_ask(priority="interactive")])
            if one["state"] != "done":
                raise Unavailable(f"A lookup ended as {one['state']}: {one['words']}")
            took.append((_at(one["ended_at"]) - _at(one["created_at"])).total_seconds() * 1000)
            floor.append(await _plainly(page))
        await straight.close()
    return {
        "lookup_warm_p50_ms": p50(took),
        "floor_lookup_ms": p50(floor),
        "overhead_warm_p50_ms": round(max(0.0, p50(took) - p50(floor)), 1),
    }


async def _plainly(page: Page) -> float:
    """The same search and the same four tabs, read and nothing else (no pictures); milliseconds."""
    began = time.perf_counter()
    await page.goto("https://harborline.sim.test/eligibility", wait_until="domcontentloaded")
    await page.fill("#member-id", MEMBER)
    await page.fill("#date-of-birth", BORN)
    await page.click("#search-button")
    await page.locator("#member-name").wait_for()
    await page.evaluate(READ)
    for tab in TABS:
        await page.click(f"#tab-{tab}")
        await page.wait_for_url(f"**tab={tab}", wait_until="domcontentloaded")
        await page.evaluate(READ)
    return (time.perf_counter() - began) * 1000


async def _per_minute(client: Client) -> Figures:
    """Many different questions waiting, one signed-in session."""
    today = date.today()
    rows = [_ask(service_date=(today - timedelta(days=n)).isoformat()) for n in range(1, MINUTE_ROWS + 1)]
    began = time.monotonic()
    batch = await asyncio.to_thread(client.batch, "bench: a minute's worth", rows)
    await _until_done(client, batch["id"])
    return {"per_minute_one_session": round(len(rows) * 60 / (time.monotonic() - began), 1)}


async def _accuracy(demo: Demo, client: Client, *, quick: bool) -> Figures:
    """Every member and every claim of one location, at each carrier that allows programs: 2,000 and more in all.

    All carriers are asked at the same time, each in its own session.
    """
    score, asked, under_way = accuracy.Score(), 0, []
    for portal in PORTALS[:1] if quick else PORTALS:
        truth = _truth(demo, portal)
        here = [one for one in truth["claims"] if one["location"] == PLACE][: truth.get("claims_shown")]
        first, last = accuracy.span(here)
        payer = {"payer": PAYERS[portal]} if portal in PAYERS else {}
        questions: list[Question] = [
            claim_status(portal, PLACE, member_id=one["id"], service_from=first, service_to=last, **payer)
            for one in truth["members"]
        ] + [
            eligibility(portal, PLACE, member_id=one["id"], birth_date=one["born"], **payer) for one in truth["members"]
        ]
        batch = await asyncio.to_thread(client.batch, f"bench: {portal}", questions)
        spanned = [one for one in here if first <= one["served"] <= last]
        under_way.append((portal, batch["id"], truth, spanned, len(questions)))
    for portal, batch_id, truth, spanned, size in under_way:
        answers = await _answers(client, batch_id)
        if len(answers) != size:
            raise Unavailable(f"{portal}: {len(answers)} of {size} questions have an answer.")
        for told in answers:
            asked += _judged(score, portal, told, truth, spanned)
        said({portal: asked, "right": score.right, "wrong": score.wrong, "unmapped": score.unmapped})
        if score.examples:
            print("wrong: " + ", ".join(score.examples[-5:]), file=sys.stderr, flush=True)
    return {
        "accuracy_members_and_claims": asked,
        "accuracy_carriers": len(under_way),
        "accuracy_fields": score.right,
        "accuracy_wrong": score.wrong,
        "accuracy_unmapped": score.unmapped,
    }


async def _refused(demo: Demo, client: Client) -> Figures:
    """Where terms forbid programs a question ends at once, and the carrier's own log shows that nobody came."""
    before = len(_log(demo, FORBIDS))
    question = eligibility(FORBIDS, PLACE, member_id="PF200042731", birth_date=BORN)
    asked = await asyncio.to_thread(client.submit, question)
    ended = await asyncio.to_thread(client.wait, asked["id"])
    if ended["state"] != "blocked_by_policy":
        raise Unavailable(f"A carrier that forbids programs was to be asked: {ended['state']}.")
    return {"policy_refused": 1, "policy_requests_made": len(_log(demo, FORBIDS)) - before}


def _judged(
    score: accuracy.Score, portal: str, told: dict[str, Any], truth: dict[str, Any], here: list[dict[str, Any]]
) -> int:
    """One answer into the score; how many members or claims it was about. No answer is right where there is nothing."""
    member_id, result = told["question"]["member_id"], told["result"]
    if told["kind"] == "eligibility":
        member = next(one for one in truth["members"] if one["id"] == member_id)
        facts = accuracy.told_of_member(result) if result else {}
        score.add(accuracy.member_facts(portal, member, truth), facts, json.dumps(result["unmapped"]) if result else "")
        return 1
    own = [one for one in here if one["member"] == member_id]
    facts = accuracy.told_of_claims(result) if result else {}
    for claim in own:
        score.add(accuracy.claim_facts(portal, claim), facts, json.dumps(result["unmapped"]) if result else "")
    score.add({"claims": str(len(own))}, {"claims": str(len(result["claims"]) if result else 0)}, "")
    return len(own)


async def _batch(demo: Demo, client: Client, size: int) -> Figures:
    """A batch of so many rows, some of them different questions: the simulator's log must show each of those once."""
    different, members = max(1, min(size // 50, SHARED_QUESTIONS)), _truth(demo, "harborline")["members"]
    today = date.today()
    questions = [
        eligibility(
            "harborline", PLACE, member_id=members[n % len(members)]["id"], birth_date=members[n % len(members)]["born"],
            service_date=(today - timedelta(days=100 + n // len(members))).isoformat(),
        )
        for n in range(different)
    ]  # fmt: skip
    before, memory, began = _searches(demo), _memory(demo), time.monotonic()
    batch = await asyncio.to_thread(client.batch, "bench: large", [questions[n % different] for n in range(size)])
    shown = await _until_done(client, batch["id"])
    took_s = time.monotonic() - began
    answered = demo.rows(
        "SELECT count(*) FROM lookup_batch_row JOIN lookup ON lookup.id = lookup_id WHERE lookup_batch_row.batch_id = ? AND state = 'done'",
        batch["id"],
    )[0][0]
    seen = sum((_searches(demo) - before).values())
    return {
        "shared_rows": shown["rows"],
        "shared_questions": different,
        "shared_took_s": round(took_s, 1),
        "shared_lost": size - answered,
        "shared_doubled": max(0, seen - different),
        "shared_first_rss_mb": round(memory, 1),
        "shared_last_rss_mb": round(_memory(demo), 1),
    }


async def _answers(client: Client, batch_id: str) -> list[dict[str, Any]]:
    """What the batch's questions were answered, once all are."""
    await _until_done(client, batch_id)
    ids = [one["id"] for one in await asyncio.to_thread(lambda: list(client.every(limit=200, batch_id=batch_id)))]
    return [dict(await asyncio.to_thread(client.get, one)) for one in ids]


async def _until_done(client: Client, batch_id: str) -> Batch:
    end = time.monotonic() + LONGEST_S
    while time.monotonic() < end:
        shown = await asyncio.to_thread(client.batch_state, batch_id)
        if shown["state"] == "done":
            return shown
        await asyncio.sleep(LOOK_AGAIN_S)
    raise Unavailable(f"The batch has not ended: {shown['counts']}")


def _truth(demo: Demo, portal: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{demo.lab['control']}/truth/{portal}", timeout=30) as answer:  # noqa: S310 - the lab's own loopback port
        truth: dict[str, Any] = json.loads(answer.read())
    return truth


def _log(demo: Demo, portal: str) -> list[dict[str, Any]]:
    """Every request that this carrier has seen."""
    with urllib.request.urlopen(f"{demo.lab['control']}/log?carrier={portal}", timeout=30) as answer:  # noqa: S310 - the lab's own loopback port
        log: list[dict[str, Any]] = json.loads(answer.read())
    return log


def _searches(demo: Demo) -> Counter[str]:
    return Counter(line["what"] for line in _log(demo, "harborline") if line["what"].startswith("eligibility search"))


def _memory(demo: Demo) -> float:
    """MB of our own processes (browsers aside)."""
    total = 0
    for process in psutil.process_iter(["cmdline", "memory_info", "environ"]):
        told = process.info
        words = " ".join(told["cmdline"] or [])
        ours = (told["environ"] or {}).get("PORTUNUS_DATA_DIR") == str(demo.data_dir)
        if ours and ("browserhost" in words or "uvicorn" in words or "celery" in words):
            total += told["memory_info"].rss
    return total / 2**20


def _at(moment: str) -> datetime:
    return datetime.fromisoformat(moment)
