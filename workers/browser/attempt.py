"""One login attempt, from the claim to its last word. However it goes, the row gets an ending and nothing is left open."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import structlog
from playwright.async_api import Error
from sqlalchemy.exc import DBAPIError

from broker.base.actor import system
from broker.base.errors import BrokerError, Conflict, NotFound
from broker.base.unit import Unit
from broker.tabs import service as tabs
from broker.tabs.service import Claim, Ending
from broker.wiring import Portunus
from carrier_scripts.kit.outcomes import MEANINGS, Next, Outcome
from workers.browser import evidence, guard, park, practice, reports, scriptstore, structure
from workers.browser.berths import Berths
from workers.browser.coming import Coming
from workers.browser.desk import Desk
from workers.browser.egress import Denied, Egress
from workers.browser.facade import Facade, unless_asked
from workers.browser.limit import Limit
from workers.browser.live import LiveSession
from workers.browser.pool import CRASHED, Pool
from workers.browser.scriptrun import Done, ScriptProcesses
from workers.browser.scriptstore import Loaded
from workers.browser.tasks import cancelled, keep
from workers.browser.trace import Trace, words_of

ACTOR = system("browserhost")
BEAT_S = 3.0
SCRIPT_S = 240.0
LOOK_AGAIN_S = 600.0
CRASH = Ending("browser_crashed", signed_in=False, words=CRASHED, next_actor=Next.REQUESTER.value)
"""Nobody's doing: neither the portal's nor the script's."""
NO_ANSWER = frozenset({CRASH.outcome, Outcome.DOWN.value})
"""The portal said nothing, and may another time: a sleeper goes back to sleep. A page its script does not know ends it."""
log = structlog.get_logger("attempt")


@dataclass
class Node:
    """What one browser host has at hand."""

    portunus: Portunus
    pool: Pool
    egress: Egress
    scripts: ScriptProcesses
    berths: Berths
    coming: Coming
    looked_at: dict[tuple[str, str, str], float] = field(default_factory=dict)
    """When the structure of a key page was last looked at (monotonic), by portal, script version and page."""
    coming_in: dict[str, asyncio.Event] = field(default_factory=dict)
    """Sessions that SQL may say are ready while the host has not taken them over yet: who asks in between, waits."""

    @contextmanager
    def handing_over(self, session_id: str) -> Iterator[None]:
        """Around the commit that says so, and the host's taking over."""
        over = self.coming_in[session_id] = asyncio.Event()
        try:
            yield
        finally:
            del self.coming_in[session_id]
            over.set()

    def look_due(self, claim: Claim, page: str) -> bool:
        """Whether the page's structure is to be looked at again now; not at each of twelve sign-ins in a row."""
        key, now = (claim.portal_id, claim.script_digest, page), time.monotonic()
        if now - self.looked_at.get(key, float("-inf")) < LOOK_AGAIN_S:
            return False
        self.looked_at[key] = now
        return True

    async def reading(self, act: Callable[[Unit], Any]) -> Any:
        """`act` in a reading transaction, off the event loop."""

        def run() -> Any:
            with self.portunus.reading(ACTOR) as work:
                return act(work)

        return await asyncio.to_thread(run)

    async def unit(self, act: Callable[[Unit], Any]) -> Any:
        """`act` in a unit of its own, off the event loop."""

        def run() -> Any:
            with self.portunus.unit(ACTOR) as work:
                return act(work)

        return await asyncio.to_thread(run)


async def run_attempt(node: Node, attempt_id: str, keep_live: Callable[[LiveSession], None]) -> None:
    """Claim the attempt (another's, or one already taken, is left alone) and see it through."""
    taken = await _claim(node, attempt_id)
    if taken is None:
        return
    claim, brought = taken
    beating = keep(_beat(node, claim), f"beat {attempt_id}")
    live: LiveSession | None = None
    asleep = brought.saved
    try:
        live = await _open(node, claim, brought)
        live.script = brought.loaded
        done = await _wake(node, live, asleep) if asleep is not None else None
        if done is None:
            asleep = None
            done = await _sign_in(node, live)
        if done.outcome is Outcome.SIGNED_IN:
            if claim.for_person:
                node.coming.open(live)
            if live.tabs and node.look_due(claim, "home"):
                live.structures["home"] = await structure.features(live.tabs[0].page)
        last = await _ending(node, live, done)
        signed_in, trace = live, live.trace
        with node.handing_over(claim.portal_session_id):
            await node.unit(partial(_finish, claim, last, asleep if last.outcome in NO_ANSWER else None))
            if last.signed_in:
                keep_live(live)
                live = None
        if last.signed_in:
            await park.vault_trusted_device(node, signed_in)
        await reports.report(node, signed_in, "revive" if asleep else "sign_in", done, trace, last.evidence)
    except Denied as stale:
        await _fail(node, claim, ending(Done(Outcome.REFUSED, str(stale))), None)
    except BrokerError as refused:
        log.info("attempt refused", attempt=attempt_id, code=refused.code)
        unasked = asleep if live is None else None  # no room on this node: the portal was not asked
        await _fail(node, claim, ending(Done(Outcome.REFUSED, refused.message)), unasked)
    except Exception as broken:
        log.exception("attempt broke", attempt=attempt_id, kind=type(broken).__name__)
        crashed = isinstance(broken, Error) if live is None else await live.shard.crashed()
        failed = ending(Done(Outcome.SCRIPT_FAILED, "The browser failed in mid sign-in."))
        await _fail(node, claim, *((CRASH, asleep) if crashed else (failed, None)))
    finally:
        await cancelled(beating)
        if live is not None:
            await close(node, live)
        keep(node.berths.make_ready(claim.organization_id, claim.time_zone), "spare berth")


@dataclass(frozen=True)
class Brought:
    """What a sign-in begins with: its script, the parked state, and the remembered device where it starts afresh."""

    loaded: Loaded
    saved: park.Saved | None
    cookies: list[Any]


async def _claim(node: Node, attempt_id: str) -> tuple[Claim, Brought] | None:
    vault = node.portunus.vault

    def claim(work: Unit) -> tuple[Claim, Brought] | None:
        digest = tabs.script_for(work, attempt_id)
        claimed = tabs.claim_attempt(work, attempt_id, node.portunus.settings.node, digest)
        if claimed is None:
            return None
        loaded = scriptstore.load(work, claimed.portal_key, claimed.script_digest)
        saved = park.saved_state(work, vault, claimed)
        cookies = tabs.trusted_device(work, vault, claimed.account_id) if saved is None else []
        return claimed, Brought(loaded, saved, cookies)

    try:
        taken: tuple[Claim, Brought] | None = await node.unit(claim)
    except (KeyError, NotFound):
        await node.unit(lambda work: tabs.refuse(work, attempt_id, "There is no carrier script for this portal."))
        return None
    except BrokerError as refused:
        words = refused.message
        await node.unit(lambda work: tabs.refuse(work, attempt_id, words))
        return None
    return taken


async def _beat(node: Node, claim: Claim) -> None:
    """Say every few seconds that the attempt is being worked on, and keep its door open only while it is ours."""
    while True:
        asked_at = time.monotonic()
        try:
            ours = await node.unit(lambda work: tabs.beat(work, claim.attempt_id, claim.fence))
        except DBAPIError as away:
            log.warning("the database is away", kind=type(away).__name__)  # the door closes by itself meanwhile
            await asyncio.sleep(BEAT_S)
            continue
        if not ours:
            return
        for door in node.egress.doors():
            if door.session_id == claim.portal_session_id and door.fence == claim.fence:
                node.egress.renew(door, asked_at)
        await asyncio.sleep(BEAT_S)


async def _open(node: Node, claim: Claim, brought: Brought) -> LiveSession:
    """A context nobody has used behind a door of this fence, with the remembered device (or the parked state) in it."""
    holder: list[LiveSession] = []

    def denied(host: str) -> None:
        for live in holder:
            guard.denied(live, host)

    state = brought.saved.storage if brought.saved is not None else None
    berth = await node.berths.taken(claim.organization_id, claim.time_zone, state)
    live = LiveSession(claim=claim, context=berth.context, door=berth.door, shard=berth.shard)
    try:
        await node.egress.open(
            session_id=claim.portal_session_id,
            account_id=claim.account_id,
            fence=claim.fence,
            hosts=claim.hosts,
            on_denied=denied,
            door=berth.door,
        )
        holder.append(live)
        if brought.cookies:
            await berth.context.add_cookies(brought.cookies)
        guard.adopt_first(live, berth.page)
        guard.watch(live)
    except BaseException:
        await close(node, live)
        raise
    return live


def _finish(claim: Claim, last: Ending, asleep: park.Saved | None, work: Unit) -> None:
    """`asleep`: the state of a sleeper that is to sleep on."""
    if asleep is not None:
        tabs.sleeps_on(work, claim.attempt_id, claim.fence, last, asleep.sealed)
    else:
        tabs.finish(work, claim.attempt_id, claim.fence, last)


async def _wake(node: Node, live: LiveSession, saved: park.Saved) -> Done | None:
    """What the portal shows a sleeper. None when it has signed out: only then is there a login, with a try taken for it."""
    async with park.session_storage_back(live.context, saved):
        done = await run_verb(node, live, "keep_alive")
    return None if done.outcome is Outcome.SIGNED_OUT and not live.shard.dead else done


async def _sign_in(node: Node, live: LiveSession) -> Done:
    if live.claim.kind == "revive":
        try:
            await node.unit(lambda work: tabs.becomes_login(work, live.claim.attempt_id, live.claim.fence))
        except Conflict as none_left:
            return Done(Outcome.REFUSED, none_left.message)
    done = await run_verb(node, live, "sign_in", limit_s=SCRIPT_S + live.claim.code_wait_s)
    log.info("sign-in ended", attempt=live.claim.attempt_id, outcome=done.outcome.value)
    return done


async def run_verb(node: Node, live: LiveSession, verb: str, *, limit_s: float = 60, page: Any = None) -> Done:
    """One verb of the session's script on a page of it (its first tab unless another is given)."""
    facade, limit = Facade(live, page or live.tabs[0].page), Limit(limit_s)
    desk = Desk(node.portunus, live, facade, limit)

    looking: asyncio.Task[list[str]] | None = None

    async def looked() -> None:
        nonlocal looking
        under_way, looking = looking, None
        if under_way is not None:
            live.structures["login"] = await under_way

    async def answer(name: str, args: dict[str, Any]) -> Any:
        nonlocal looking
        if name == "type_username" and "login" not in live.structures and node.look_due(live.claim, "login"):
            looking = keep(structure.features(live.tabs[0].page), "look at the sign-in page")
        elif name != "type_secret":
            await looked()  # the form is there until something is pressed
        if practice.may_change(name, args):
            desk.confirmed = False
        return await unless_asked(live, (desk if desk.knows(name) else facade).call(name, args))

    async with live.lock:
        live.trace = Trace(known=words_of(live.loaded.script.sources))
        done = await node.scripts.run(live.loaded.script, verb, live.trace.watched(answer), limit=limit)
        if MEANINGS[done.outcome].next is Next.AUTHOR and await live.shard.crashed():
            return Done(Outcome.REFUSED, CRASHED)  # a script knows no better
        await looked()
        await desk.leave_nothing()
        return _proved(done, desk)


def _proved(done: Done, desk: Desk) -> Done:
    """Signed in is what the host itself has seen, for the practice that was asked for: a script's word is not enough."""
    if done.outcome is Outcome.SIGNED_IN and not desk.confirmed:
        return replace(done, outcome=Outcome.WRONG_PRACTICE)
    return done


async def _ending(node: Node, live: LiveSession, done: Done) -> Ending:
    if live.shard.dead:
        return CRASH
    if done.outcome is Outcome.SIGNED_IN:
        return ending(done)
    kept = await evidence.keep_evidence(node, live)
    return ending(done, kept)


def ending(done: Done, kept: str | None = None) -> Ending:
    """An outcome in the broker's terms: who acts next, in what words, and whether the account is parked."""
    meaning = MEANINGS[done.outcome]
    own_words = done.outcome in (Outcome.REFUSED, Outcome.DOWN, Outcome.NEEDS_PERSON) and done.words
    return Ending(
        outcome=done.outcome.value,
        signed_in=done.outcome is Outcome.SIGNED_IN,
        words=done.words if own_words else meaning.words,
        next_actor=meaning.next.value,
        parks_account=meaning.parks_account,
        evidence=kept,
    )


async def _fail(node: Node, claim: Claim, failed: Ending, asleep: park.Saved | None) -> None:
    """End the row whatever happened; a fence that is no longer ours means that someone else ended it already."""
    try:
        await node.unit(partial(_finish, claim, failed, asleep))
    except BrokerError as gone:
        log.info("attempt was ended elsewhere", attempt=claim.attempt_id, code=gone.code)


async def close(node: Node, live: LiveSession) -> None:
    """The door first, then the browser."""
    live.ended = True
    live.tell("ended")
    await node.coming.drop(live)
    await node.egress.shut(live.door)
    await node.pool.give_back(live.shard, live.context)
