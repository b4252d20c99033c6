"""Lookups under one lease: take the next, run its script on a page of our own, keep the answer, until none is left or a person comes."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import structlog
from playwright.async_api import CDPSession, Error, Page

from broker.base.errors import BrokerError
from broker.base.unit import Unit
from broker.lookups import service as lookups
from broker.lookups.evidence import Sighting, Unmapped
from broker.lookups.failures import OF_OUTCOME
from broker.lookups.governor import LONGEST_WAIT
from broker.lookups.service import HOLDER, Answered, Job, Unanswered, Wait
from broker.recordings.service import Subject
from broker.tabs import service as tabs
from carrier_scripts.kit.lookups import NO_ANSWERS
from carrier_scripts.kit.outcomes import MEANINGS, Outcome
from workers.browser import evidence, reports
from workers.browser.closing import closed
from workers.browser.facade import watch_status
from workers.browser.limit import Limit
from workers.browser.live import LiveSession
from workers.browser.lookupfacade import LookupFacade
from workers.browser.recorder import Recorder, RecorderFailed
from workers.browser.scriptrun import Done, KeptProcess
from workers.browser.tasks import keep, seen_through
from workers.browser.trace import Trace
from workers.browser.writeguard import WriteGuard

if TYPE_CHECKING:
    from workers.browser.attempt import Node

LINGER_S = 5.0
"""How long the page stays open for a next lookup."""
LONGEST_WAIT_S = LONGEST_WAIT.total_seconds()
SCRIPT_S = 240.0
"""A list that draws only what is in view takes some forty looks, each photographed; on a busy machine each takes seconds."""
KEEPS_PAGE = (Outcome.UNRECOGNISED, Outcome.SCRIPT_FAILED, Outcome.REFUSED)
WIDE, HIGH, HIGHEST = 1280, 800, 2400
"""Of the page, in pixels. It grows to what the portal's pages need: a taller one costs a second layout to photograph, a
shorter one is photographed with nothing in it."""
LOOKUPS_PER_PAGE = 25
ALIVE_S = 5.0
"""How long a tab in which a lookup broke may take to say that it is there."""
log = structlog.get_logger("lookups")


async def run(node: "Node", live: LiveSession, lease_id: str) -> None:
    """See the lease's lookups through, then give it back. Cancelled when a person comes or the session ends."""
    claim = live.claim
    try:
        recorder = await Recorder.start(
            node.portunus,
            Subject(
                organization_id=claim.organization_id,
                lease_id=lease_id,
                portal_session_id=live.id,
                account_id=claim.account_id,
                location_id=claim.location_id,
                holder_kind=HOLDER.kind.value,
                holder_id=HOLDER.id,
                holder_name="Lookups",
            ),
        )
    except RecorderFailed:
        await _give_back(node, lease_id)
        return
    runs = _Runs(node, live, lease_id, recorder)
    try:
        await runs.all()
    except Error as failed:
        log.info("lookups stopped with their page", session=live.id, kind=type(failed).__name__)
    except RecorderFailed:
        log.warning("lookups stopped: they could not be recorded", session=live.id)
    finally:
        await seen_through(_over(node, lease_id, runs, recorder), "end of lookups")


async def _over(node: "Node", lease_id: str, runs: "_Runs", recorder: Recorder) -> None:
    try:
        await runs.close()
    finally:
        try:
            await recorder.close()
        finally:
            await _give_back(node, lease_id)


async def _give_back(node: "Node", lease_id: str) -> None:
    def end() -> None:
        with node.portunus.unit(HOLDER) as work:
            tabs.end_tab(work, lease_id)

    with contextlib.suppress(BrokerError):
        await asyncio.to_thread(end)


class _Runs:
    """The runs of one lease."""

    def __init__(self, node: "Node", live: LiveSession, lease_id: str, recorder: Recorder) -> None:
        self._node = node
        self._live = live
        self._lease_id = lease_id
        self._recorder = recorder
        self._guard = WriteGuard(live.loaded)
        self._script = live.loaded.script
        self._page: Page | None = None
        self._cdp: CDPSession | None = None
        self._on_page = 0
        self._high = HIGH
        self._process = KeptProcess(node.scripts)

    async def _opened(self) -> tuple[Page, CDPSession]:
        """Our own page, behind the write guard; a fresh one every so often, since a renderer that lives long grows."""
        if self._page and self._cdp and self._on_page < LOOKUPS_PER_PAGE:
            self._on_page += 1
            return self._page, self._cdp
        await self._close_page()
        self._live.hiding += 1
        self._page = await self._live.context.new_page()
        await self._page.set_viewport_size({"width": WIDE, "height": self._high})
        watch_status(self._page)
        await self._guard.stand(self._page)
        self._cdp, self._on_page = await self._live.new_cdp(self._page), 1
        await self._cdp.send("Page.enable")  # what a press asks for is told
        return self._page, self._cdp

    async def close(self) -> None:
        """The page and the script's process are gone."""
        await self._process.close()
        await self._close_page()

    async def _close_page(self) -> None:
        page, self._page, self._cdp = self._page, None, None
        if page is not None:
            self._live.hidden.discard(page)
            if not await closed(page):  # tried again before anybody else has the tab (guard.clean)
                log.warning("a page of lookups does not close", session=self._live.id)

    async def all(self) -> None:
        """Until there is nothing to do for a while, or not under this lease."""
        vault = self._node.portunus.vault
        loop = asyncio.get_running_loop()
        async with self._node.portunus.signals.listen(f"lookups:{self._live.claim.account_id}") as ear:
            idle_since = loop.time()
            turn: Job | Wait | None = await self._unit(lambda work: lookups.next_job(work, vault, self._lease_id))
            while turn is not None:
                if isinstance(turn, Job):
                    turn = await self._one(turn)
                    idle_since = loop.time()
                    continue
                rest = min(
                    turn.seconds, idle_since + LINGER_S - loop.time() if turn.seconds > LONGEST_WAIT_S else turn.seconds
                )
                if rest <= 0 and turn.seconds > LONGEST_WAIT_S:
                    return
                await ear.wait(max(rest, 0.001))
                turn = await self._unit(lambda work: lookups.next_job(work, vault, self._lease_id))

    async def _one(self, job: Job) -> Job | Wait | None:
        """One lookup, and the next to do: one transaction ends the first and takes the second."""
        vault = self._node.portunus.vault
        self._guard.blocked = 0
        try:
            page, cdp = await self._opened()
            facade = LookupFacade(self._live, page, cdp, self._guard, self._recorder, self._node.portunus.clock)
            trace = Trace(discreet=True)
            async with self._live.lock:
                done = await self._process.run(
                    self._script, job.kind, trace.watched(facade.call), limit=Limit(SCRIPT_S), asked=job.question
                )
            lost = done.outcome is not Outcome.ANSWERED and (facade.broken or await self._tab_is_lost(cdp))
            if lost and not self._guard.blocked:
                return await self._once_more(job)
            await facade.saved()
            said = await self._said(facade, done)
            if facade.tallest > self._high:
                self._high = min(facade.tallest, HIGHEST)
                await page.set_viewport_size({"width": WIDE, "height": self._high})
        except BaseException:
            await asyncio.shield(asyncio.ensure_future(self._unit(lambda work: lookups.give_back(work, job))))
            raise

        def end_and_next(work: Unit) -> Job | Wait | None:
            if isinstance(said, Answered):
                lookups.answer(work, vault, job, said)
            else:
                lookups.fail(work, vault, job, said)
            return lookups.next_job(work, vault, self._lease_id)

        turn: Job | Wait | None = await self._unit(end_and_next)
        outcome = _for_the_script(said, done)
        kept = said.page if isinstance(said, Unanswered) else None
        told = reports.report(self._node, self._live, job.kind, done, trace, kept, outcome=outcome)
        keep(told, "report of a lookup")
        log.info(
            "lookup",
            lookup=job.lookup_id,
            kind=job.kind,
            outcome="answered" if isinstance(said, Answered) else said.code,
        )
        if isinstance(said, Unanswered) and said.code in (
            "session_lost",
            "account_locked",
            "terms_changed",
            "captcha_required",
        ):
            await self._signed_out(done.outcome)
            await self._rest(turn)
            return None
        return turn

    async def _tab_is_lost(self, cdp: CDPSession) -> bool:
        """Whether the tab crashed, hangs or was closed under the lookup, which no script and no portal is to blame for."""
        try:
            async with asyncio.timeout(ALIVE_S):
                await cdp.send("Page.getFrameTree")
        except (Error, TimeoutError):
            return True
        return False

    async def _once_more(self, job: Job) -> Job | Wait | None:
        """It goes back, and what comes next gets a fresh tab. A lookup that ends every tab is given up after some runs."""
        log.warning("a lookup's tab was lost", lookup=job.lookup_id)
        await self._close_page()

        def back_and_next(work: Unit) -> Job | Wait | None:
            lookups.give_back(work, job)
            return lookups.next_job(work, self._node.portunus.vault, self._lease_id)

        turn: Job | Wait | None = await self._unit(back_and_next)
        return turn

    async def _rest(self, turn: Job | Wait | None) -> None:
        """The session is gone: a job that was taken already goes back."""
        if isinstance(turn, Job):
            await self._unit(lambda work: lookups.give_back(work, turn))

    async def _signed_out(self, outcome: Outcome) -> None:
        meaning = MEANINGS[outcome]

        def out(work: Unit) -> None:
            lookups.signed_out(work, self._live.id, outcome.value, meaning.words, parks_account=meaning.parks_account)

        await self._node.unit(out)

    async def _said(self, facade: LookupFacade, done: Done) -> Answered | Unanswered:
        eyes, claim = facade.eyes, self._live.claim
        await self._seal_files(facade)  # whatever comes of it: each has its row among the pictures
        if self._guard.blocked:
            return Unanswered("write_blocked", pictures=eyes.pictures, page=await self._page_kept())
        if done.outcome is Outcome.ANSWERED:
            try:
                answer, no_answer = done.answer, done.no_answer
                if no_answer is not None:
                    code, seen = no_answer["code"], _sightings(eyes.sightings, no_answer["refs"])
                    return Unanswered(code if code in NO_ANSWERS else "script_error", seen, eyes.pictures)
                if answer is None:
                    return Unanswered("script_error", pictures=eyes.pictures)
                fields = _fields(eyes.sightings, answer)
                return Answered(
                    result=_with_files(dict(answer["result"]), fields),
                    fields=fields,
                    unmapped=[
                        Unmapped(
                            why=one["why"],
                            label=str(one["label"])[:200],
                            text=str(one["text"])[:2000],
                            evidence=_sightings(eyes.sightings, one["refs"]),
                        )
                        for one in answer["unmapped"]
                    ],
                    pictures=eyes.pictures,
                    captured_at=self._node.portunus.clock.now(),
                    script_version=self._script.digest,
                    portal_session_id=claim.portal_session_id,
                    today_only=answer.get("today_only") is True,
                )
            except (KeyError, IndexError, TypeError, ValueError):  # a script may write anything
                return Unanswered("bad_answer", pictures=eyes.pictures)
        kept = await self._page_kept() if done.outcome in KEEPS_PAGE else None
        return Unanswered(OF_OUTCOME.get(done.outcome.value, "script_error"), pictures=eyes.pictures, page=kept)

    async def _seal_files(self, facade: LookupFacade) -> None:
        portunus, organization = self._node.portunus, self._live.claim.organization_id
        for artifact_id, data in facade.files.items():

            def seal(work: Unit, artifact_id: str = artifact_id, data: bytes = data) -> bytes:
                return portunus.vault.seal(work, organization, ("lookup artifact", artifact_id), data)

            portunus.blobs.append(f"lookups/{artifact_id}", await self._node.unit(seal))

    async def _page_kept(self) -> str | None:
        if self._page is None:
            return None
        return await evidence.keep_page(self._node, self._live, self._page, wordless=True)

    async def _unit(self, act: Any) -> Any:
        return await self._node.unit(act)


def _for_the_script(said: Answered | Unanswered, done: Done) -> str | None:
    """What the host made of what the script called an answer; None where the script's own outcome says it."""
    if isinstance(said, Answered):
        return Outcome.ANSWERED.value
    judged_here = done.outcome is Outcome.ANSWERED or said.code == "write_blocked"
    return said.code if judged_here else None


def _sightings(known: list[Sighting], refs: list[int]) -> list[Sighting]:
    """Only what the host itself noted. Raises IndexError or TypeError for a number it never gave out."""
    if any(not isinstance(ref, int) or ref < 0 for ref in refs):
        raise TypeError("a reference is a number")
    return [known[ref] for ref in refs]


def _fields(known: list[Sighting], answer: dict[str, Any]) -> dict[str, list[Sighting]]:
    computed = set(answer.get("computed", []))
    made = {}
    for pointer, refs in answer["evidence"].items():
        seen = _sightings(known, refs)
        made[pointer] = [one.model_copy(update={"computed": True}) for one in seen] if pointer in computed else seen
    return made


def _with_files(result: dict[str, Any], fields: dict[str, list[Sighting]]) -> dict[str, Any]:
    """Where a script says that a file was kept, the file's own id: scripts do not know it."""
    for pointer, seen in fields.items():
        *way, last = pointer.split("/")[1:]
        if not last.endswith("_artifact_id"):
            continue
        here: Any = result
        for step in way:
            here = here[int(step)] if isinstance(here, list) else here[step]
        here[last] = seen[0].artifact_id
    return result
