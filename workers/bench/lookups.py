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
from zoneinfo import ZoneInfo

import psutil
from playwright.async_api import Page, async_playwright

from broker.base.clock import SystemClock
from broker.base.errors import Unavailable
from carrier_scripts.lab import founding
from portunus_client import Batch, Client, Question, claim_status, eligibility
from workers.bench import accuracy, truths
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
PAYS_CLAIMS = {"meridian_shared": "Meridian Shared Services", "northgate": "Northgate Exchange"}
"""A hub's claims do not say which of its carriers pays them."""
BY_NUMBER = 25
"""Claims of each carrier that are asked for by their numbers as well, with their explanations of benefits."""
TABS = ("maximums", "coverage", "frequency")
BATCH_ROWS, BATCH_ROWS_QUICK = 10_000, 300
"""All different, at a simulated carrier over HTTP, without a browser (`rows.py`)."""
SHARED_ROWS, SHARED_QUESTIONS = 3_000, 60
"""Through the whole product, API and browser: rows, and how many different questions are among them. 10,000 different ones
would take a browser two hours."""
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


async def asked(demo: Demo) -> str:
    """One eligibility question by the demo's service account; its id."""
    return str((await asyncio.to_thread(Client(demo.url, _key(demo)).submit, _ask()))["id"])


async def answered(demo: Demo, lookup_id: str) -> None:
    """Wait for it."""
    await asyncio.to_thread(Client(demo.url, _key(demo)).wait, lookup_id)


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
    """Every member and every claim of one location, and some claims by their numbers, at each carrier that allows programs:
    2,000 and more in all. Every value of every answer is judged, those that should not be there too.

    All carriers are asked at the same time, each in its own session.
    """
    score, asked, under_way = accuracy.Score(), 0, []
    for portal in PORTALS[:1] if quick else PORTALS:
        here = _Here(portal, _truth(demo, portal))
        batch = await asyncio.to_thread(client.batch, f"bench: {portal}", here.questions)
        under_way.append((here, batch["id"]))
    for here, batch_id in under_way:
        answers = await _answers(client, batch_id)
        if len(answers) != len(here.questions):
            raise Unavailable(f"{here.portal}: {len(answers)} of {len(here.questions)} questions have an answer.")
        for told in answers:
            asked += here.judge(score, told)
        said({here.portal: asked, "right": score.right, "wrong": score.wrong, "unmapped": score.unmapped})
        if score.examples:
            print("wrong: " + ", ".join(score.examples[-5:]), file=sys.stderr, flush=True)
    return {
        "accuracy_members_and_claims": asked,
        "accuracy_carriers": len(under_way),
        "accuracy_fields": score.right,
        "accuracy_wrong": score.wrong,
        "accuracy_unmapped": score.unmapped,
    }


class _Here:
    """One carrier's members and claims at one location: what is asked, and what must be answered."""

    def __init__(self, portal: str, truth: dict[str, Any]) -> None:
        self.portal, self.truth = portal, truth
        every = [one for one in truth["claims"] if one["location"] == PLACE]
        listed = every[: truth.get("claims_shown")]
        self.first, self.last = accuracy.span(listed)
        self.cut_off = len(listed) < len(every) and self.first <= min(one["served"] for one in listed)
        self.claims = [one for one in listed if self.first <= one["served"] <= self.last]
        self.payer = PAYERS.get(portal, truth["carrier"])
        payer = {"payer": self.payer} if portal in PAYERS else {}
        members = truth["members"]
        self.questions: list[Question] = [
            claim_status(portal, PLACE, member_id=one["id"], service_from=self.first, service_to=self.last)
            for one in members
        ]
        self.questions += [
            eligibility(portal, PLACE, member_id=one["id"], birth_date=one["born"], **payer) for one in members
        ]
        self.questions += [
            claim_status(portal, PLACE, claim_number=one["number"], with_eob=True) for one in self.claims[:BY_NUMBER]
        ]
        today = SystemClock().now().astimezone(ZoneInfo(founding.location(PLACE).time_zone)).date()
        self._days = {(today - timedelta(days=back)).isoformat() for back in (0, 1)}
        """Today; the day before for a run over midnight."""

    def judge(self, score: accuracy.Score, told: dict[str, Any]) -> int:
        """One answer into the score; how many members or claims it was about."""
        question, result = told["question"], told["result"]
        if told["kind"] == "eligibility":
            member = next(one for one in self.truth["members"] if one["id"] == question["member_id"])
            if result is None:
                score.none(rightly=False)
                return 1
            day = result["service_date"] if result["service_date"] in self._days else max(self._days)
            score.add(truths.member(self.portal, member, self.truth, day, self.payer), result)
            return 1
        number = question.get("claim_number")
        own = [one for one in self.claims if number == one["number"] or question.get("member_id") == one["member"]]
        if result is None:
            score.none(
                rightly=not own and told["error"]["code"] == ("results_too_many" if self.cut_off else "claim_not_found")
            )
            return len(own)
        payer = PAYS_CLAIMS.get(self.portal, self.truth["carrier"])
        cut_off = self.cut_off and number is None
        with_eob = bool(question.get("with_eob"))
        right = truths.claims(
            self.portal, own, self.truth, payer, by_number=number is not None, with_eob=with_eob, cut_off=cut_off
        )
        score.add(right, result)
        return len(own)


async def _refused(demo: Demo, client: Client) -> Figures:
    """Where terms forbid programs a question ends at once, and the carrier's own log shows that nobody came."""
    before = len(_log(demo, FORBIDS))
    question = eligibility(FORBIDS, PLACE, member_id="PF200042731", birth_date=BORN)
    asked = await asyncio.to_thread(client.submit, question)
    ended = await asyncio.to_thread(client.wait, asked["id"])
    if ended["state"] != "blocked_by_policy":
        raise Unavailable(f"A carrier that forbids programs was to be asked: {ended['state']}.")
    return {"policy_refused": 1, "policy_requests_made": len(_log(demo, FORBIDS)) - before}


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
