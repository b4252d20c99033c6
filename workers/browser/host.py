"""The host's sessions by id, its loops, and what may be asked of it over its socket."""

import asyncio
import contextlib
import time
from functools import partial
from typing import Any

import structlog
from fastapi import WebSocket, WebSocketDisconnect
from playwright.async_api import Error
from sqlalchemy import select

from broker.base.actor import system
from broker.base.errors import BrokerError, Conflict
from broker.base.unit import Unit
from broker.lookups import service as lookups
from broker.tabs import service as tabs
from broker.tabs.models import Lease, PortalSession
from broker.tabs.states import SessionState
from broker.wiring import Portunus
from carrier_scripts.kit.outcomes import MEANINGS, Outcome
from workers.browser import canary, guard, keepalive, leave, lookupruns, park, passing
from workers.browser.attempt import Node, close, run_attempt
from workers.browser.berths import Berths
from workers.browser.coming import Coming
from workers.browser.egress import Egress
from workers.browser.files import LeaseFiles
from workers.browser.find import find
from workers.browser.live import LiveSession
from workers.browser.pool import CRASHED, Pool, Shard
from workers.browser.recorder import RecorderFailed
from workers.browser.scriptrun import ScriptProcesses
from workers.browser.sockets import ViewerSocket, say_goodbye
from workers.browser.stream import Cover, Covered, Gone, Stream
from workers.browser.tasks import cancelled, keep

ACTOR = system("browserhost")
TEND_S = 1.0
NODE_BEAT_S = 5.0
LOOK_S = 20.0
"""How often it is asked whether a portal's sign-in page is due for a look."""
REPLACED = "replaced"
GONE = "This portal session is gone. Open it again."
FRESH_S = 20.0
"""A proof younger than this is not repeated when a holder joins."""
log = structlog.get_logger("browserhost")


class Host:
    """Owns the browsers of this node."""

    def __init__(self, portunus: Portunus) -> None:
        self._portunus = portunus
        self._sessions: dict[str, LiveSession] = {}
        self._attempts: dict[str, asyncio.Task[None]] = {}
        self._leaving: dict[str, asyncio.Task[None]] = {}
        """Accounts whose last session is being logged out at the portal just now."""
        self._missing: set[str] = set()
        """Sessions that were ready in SQL at the last beat and have no browser here."""
        self._expecting: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._loops: list[asyncio.Task[None]] = []
        chosen = portunus.settings
        self._pool = Pool(chosen, find(chosen), self._shard_died)
        scripts = ScriptProcesses(chosen.browser_user, unconfined=chosen.allow_unconfined_scripts)
        egress = Egress(chosen.resolve)
        self.node = Node(portunus, self._pool, egress, scripts, Berths(self._pool, egress), Coming())

    async def start(self) -> None:
        """Browsers first; then the rows of a former life of this node are brought to an end."""
        await self._pool.start()
        await self.node.scripts.warm_up()
        await self.node.unit(lambda work: tabs.restarted(work, self._portunus.settings.node))
        await self._beat()
        self._loops = [
            keep(self._every(TEND_S, self._tend), "tend"),
            keep(self._every(NODE_BEAT_S, self._beat), "beat"),
            keep(self._every(LOOK_S, self._look), "looks"),
        ]

    async def stop(self) -> None:
        """Orderly: attempts are ended, sessions closed, browsers gone."""
        self._stopping = True
        await cancelled(*self._loops, *self._expecting, *self._attempts.values())
        await asyncio.gather(*(self._stop_one(live) for live in list(self._sessions.values())))
        await asyncio.gather(*self._leaving.values(), return_exceptions=True)
        await self.node.scripts.stop()
        await self.node.berths.stop()
        await self._pool.stop()

    # --- asked from outside

    def run_attempt(self, attempt_id: str) -> None:
        """Start on the attempt unless this host does already."""
        if attempt_id not in self._attempts and not self._stopping:
            task = keep(self._attempt(attempt_id), f"attempt {attempt_id}")
            self._attempts[attempt_id] = task
            task.add_done_callback(lambda _: self._attempts.pop(attempt_id, None))

    async def run_lookups(self, lease_id: str) -> None:
        """Start on the lookups of a lease that Portunus holds, unless they are under way."""
        live, lease = await self._leased(lease_id)
        if live is not None and lease is not None and lookups.is_ours(lease):
            self._look_up(live, lease.id)

    def _look_up(self, live: LiveSession, lease_id: str) -> None:
        if live.held_by not in (None, lease_id):
            self._hand_back_soon(live)  # the next round starts them
        elif live.lookups is None or live.lookups.done():
            live.held_by = lease_id
            live.lookups = keep(lookupruns.run(self.node, live, lease_id), f"lookups {lease_id}")

    def expect_soon(self, lease_id: str) -> None:
        """`expect`, behind whatever else goes on."""
        expecting = keep(self.expect(lease_id), "expect a holder")
        self._expecting.add(expecting)
        expecting.add_done_callback(self._expecting.discard)

    async def expect(self, lease_id: str) -> None:
        """A person opened this tab: begin with its sign-in, or have the proof and the first picture ready for her."""
        live, lease = await self._leased(lease_id)
        if lease is None:
            attempt_id = await self.node.reading(lambda work: tabs.waiting_attempt(work, lease_id))
            if attempt_id is not None:
                self.run_attempt(attempt_id)
        if live is None or lease is None or lookups.is_ours(lease):
            return
        async with live.turn:
            if live.viewer is None and not isinstance(await self._ready_for(live, lease_id), str):
                self.node.coming.open(live)

    async def end_session(self, session_id: str) -> None:
        """Close the browser of a session that SQL says has ended."""
        live = self._sessions.get(session_id)
        if live is not None:
            await self._tend_one(live)

    def status(self) -> dict[str, Any]:
        """Numbers for `portunus status`."""
        return {
            "node": self._portunus.settings.node,
            "sessions": len(self._sessions),
            "attempts": len(self._attempts),
            "streaming": sum(live.viewer is not None for live in self._sessions.values()),
            **self._pool.numbers(),
        }

    async def stream(self, lease_id: str, socket: WebSocket) -> None:
        """Prove the session, then stream it to its holder until either side ends it."""
        await socket.accept()
        live, _ = await self._leased(lease_id)
        words: str | None = GONE
        if live is not None:
            async with live.turn:
                try:
                    words = await self._join(live, lease_id, socket)
                except RecorderFailed as failed:
                    words = str(failed)
        if live is None or words is not None:
            await say_goodbye(socket, words or GONE)
            return
        mine = live.viewer
        if mine is not None:
            await asyncio.wait([mine])
        if live.viewer is mine:
            live.viewer = None

    async def _join(self, live: LiveSession, lease_id: str, socket: WebSocket) -> str | None:
        """Stream to the holder, whom nothing of an earlier one reaches. Returns what to say when that cannot be."""
        lease = await self._ready_for(live, lease_id)
        if isinstance(lease, str):
            return lease
        if live.viewer is not None:
            live.viewer.cancel(REPLACED)
            await cancelled(live.viewer)
        if live.held_by != lease_id or not live.hand_at:
            live.hand_at = asyncio.get_running_loop().time()
        live.held_by = lease_id
        recorder = await passing.recorder_of(self.node, live, lease)
        files, home = LeaseFiles(self._portunus, live, lease.id), live.loaded.home
        opened, cover = await self.node.coming.take(live), self._cover(live, lease)
        viewer = Stream(
            live,
            recorder,
            ViewerSocket(socket),
            files,
            home,
            opened=opened,
            cover=cover,
            signs_out_s=keepalive.signs_out_after(live.claim.behaviour),
        )
        live.viewer = keep(self._streamed(viewer, socket), f"stream {lease_id}")
        live.viewer.add_done_callback(lambda _: viewer.leave_unshown())
        return None

    def _cover(self, live: LiveSession, lease: Lease) -> Cover:
        async def lock() -> None:
            await self.node.unit(lambda work: tabs.lock(work, lease.id))
            live.hand_at = 0.0  # counted anew by whoever unlocks it

        return Cover(self._portunus.settings.cover_after_s, lock)

    async def _ready_for(self, live: LiveSession, lease_id: str) -> Lease | str:
        """The lease, once nothing of an earlier holder is left and the portal shows that it is signed in; else what to say."""
        await cancelled(live.lookups)
        still, lease = await self._leased(lease_id)  # she waited for her turn: meanwhile it may have ended
        if still is live and lease is not None and (words := await self._end_turn_of_other(live, lease)):
            return words
        if still is not live or lease is None:
            return GONE
        proved = await self._proved(live)
        if live.shard.dead:
            return CRASHED
        return lease if proved is Outcome.SIGNED_IN else MEANINGS[proved].words

    async def watch(self, lease_id: str, socket: WebSocket) -> None:
        """Show the tab of this lease to somebody else, who says her name first, until either side ends it."""
        await socket.accept()
        name = str((await socket.receive_json())["who"])
        live, _ = await self._leased(lease_id)
        if live is None:
            await say_goodbye(socket, GONE)
        else:
            await passing.look_on(live, name, socket)

    async def _streamed(self, viewer: Stream, socket: WebSocket) -> None:
        try:
            await viewer.run()
        except asyncio.CancelledError as why:
            if why.args == (REPLACED,):
                await say_goodbye(socket, "This tab is open in another window now.")
            raise
        except RecorderFailed as failed:
            await say_goodbye(socket, str(failed))
        except Covered:
            await say_goodbye(socket, tabs.LOCKED, locked=True)
        except (Gone, WebSocketDisconnect, RuntimeError):
            return
        finally:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await socket.close()

    # --- inside

    def _keep_live(self, live: LiveSession) -> None:
        now = asyncio.get_running_loop().time()
        live.idle_since = now
        wait = keepalive.due_in(live.claim.behaviour)
        live.next_keep_alive = now + wait if wait is not None else float("inf")
        live.proved = now
        self._sessions[live.id] = live
        if live.shard.dead:  # in the very moment it was signed in
            keep(self._crashed(live), "crashed session")

    async def _leased(self, lease_id: str) -> tuple[LiveSession | None, Lease | None]:
        def look(work: Unit) -> Lease | None:
            row = work.db.get(Lease, lease_id)
            return row if row is not None and row.ended_at is None and row.granted_at is not None else None

        lease = await self.node.reading(look)
        if lease is not None and (over := self.node.coming_in.get(lease.portal_session_id)) is not None:
            await over.wait()  # she was told that it is ready before this host had taken it over
        return (self._sessions.get(lease.portal_session_id) if lease else None), lease

    async def _proved(self, live: LiveSession) -> Outcome:
        now = asyncio.get_running_loop().time()
        if live.recorder is not None or now - live.proved < FRESH_S:  # her own recorder: she comes back
            return Outcome.SIGNED_IN
        look = keepalive.look if live.passed_on else keepalive.prove  # a tab that was passed on stays as it stands
        outcome = await look(self.node, live)
        if outcome is Outcome.SIGNED_IN:
            live.proved = asyncio.get_running_loop().time()
        return outcome

    def _shard_died(self, shard: Shard) -> None:
        for live in list(self._sessions.values()):
            if live.shard is shard:
                keep(self._crashed(live), "crashed session")

    async def _crashed(self, live: LiveSession) -> None:
        self._sessions.pop(live.id, None)
        await self.node.unit(lambda work: tabs.lost(work, live.id, "browser_crashed", CRASHED))
        await self._drop(live)

    async def _drop(self, live: LiveSession) -> None:
        if self._sessions.get(live.id) is live:  # it may have slept, and be awake again in another browser
            del self._sessions[live.id]
        try:
            async with live.turn:
                await self._end_lease_side(live)
            if not live.shard.dead:
                await leave.formally(self.node, live)
        finally:
            await close(self.node, live)

    async def _stop_one(self, live: LiveSession) -> None:
        await self.node.unit(partial(_stopped, live.id))
        await self._drop(live)

    async def _end_ended(self, live: LiveSession, reason: str | None) -> None:
        """What may take seconds (logging out, clearing away) is not awaited: other sessions' doors must be renewed."""
        if self._sessions.get(live.id) is not live:
            return  # another look at it was quicker
        if not leave.due(live, reason) and not live.turn.locked():
            await self._drop(live)
            return
        self._sessions.pop(live.id, None)
        account_id = live.claim.account_id
        leaving = self._leaving[account_id] = keep(self._drop(live), f"leave {live.id}")
        leaving.add_done_callback(lambda _: self._leaving.pop(account_id, None))

    async def _attempt(self, attempt_id: str) -> None:
        """Where the account's last session is still to be logged out at the portal, that comes first."""
        if self._sessions or self._leaving:
            account_id = await self.node.reading(lambda work: tabs.account_of(work, attempt_id))
            for live in list(self._sessions.values()):
                if live.claim.account_id == account_id:
                    await self._tend_one(live)
            if account_id in self._leaving:
                await asyncio.wait([self._leaving[account_id]])
        await run_attempt(self.node, attempt_id, self._keep_live)

    async def _end_lease_side(self, live: LiveSession) -> None:
        await self.node.coming.drop(live)
        await cancelled(live.viewer, live.lookups)
        await passing.close_recording(live)
        await guard.leave_unanswered(live)

    async def _every(self, seconds: float, act: Any) -> None:
        """For ever; a failure is logged and the loop goes on."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await act()
            except Exception as failed:
                log.exception("a loop of the host failed", loop=act.__name__, kind=type(failed).__name__)

    async def _beat(self) -> None:
        numbers = await asyncio.to_thread(self._pool.light_numbers)
        await self.node.unit(
            lambda work: tabs.node_beat(
                work,
                self._portunus.settings.node,
                sessions=len(self._sessions),
                shards=numbers["shards"],
                sandbox=numbers["sandbox"],
                browser=numbers["browser"],
            )
        )
        for live in list(self._sessions.values()):
            if live.recorder is not None:
                await live.recorder.beat_soon()
        await self._end_missing()

    async def _end_missing(self) -> None:
        """End what SQL calls ready here and no browser of ours has, twice in a row: one just signed in comes a moment later."""
        node = self._portunus.settings.node
        here = select(PortalSession.id).where(PortalSession.node == node, PortalSession.state == SessionState.READY)
        known = set(await self.node.reading(lambda work: list(work.db.scalars(here))))
        missing = known - self._sessions.keys()
        for session_id in missing & self._missing:
            log.warning("a session without a browser", session=session_id)
            await self.node.unit(partial(_lost, session_id))
        self._missing = missing

    async def _look(self) -> None:
        await canary.look_at_next(self.node)

    async def _tend(self) -> None:
        """Every second: what SQL says of each session counts; idle ones are kept alive or put to sleep."""
        for live in list(self._sessions.values()):
            try:
                await self._tend_one(live)
            except (BrokerError, Error) as failed:
                log.warning("a session could not be tended", session=live.id, kind=type(failed).__name__)

    async def _tend_one(self, live: LiveSession) -> None:
        def look(work: Unit) -> tuple[str, int, Lease | None, bool, str | None]:
            row = work.db.get(PortalSession, live.id)
            lease = work.db.scalar(select(Lease).where(Lease.portal_session_id == live.id, Lease.ended_at.is_(None)))
            ours = lease is not None and lookups.is_ours(lease) and lease.granted_at is not None
            if row is None:
                return SessionState.ENDED, -1, None, False, None
            return row.state, row.fence, lease, ours, row.end_reason

        asked_at = time.monotonic()
        state, fence, lease, ours, reason = await self.node.reading(look)
        lease_id = lease.id if lease else None
        if state != SessionState.READY or fence != live.claim.fence:
            await self._end_ended(live, reason)
            return
        self.node.egress.renew(live.door, asked_at)
        if ours and lease_id is not None:
            self._look_up(live, lease_id)
        elif live.lookups is not None and not live.lookups.done():
            keep(cancelled(live.lookups), "stop lookups")  # not awaited, as below: their page may be slow to go
        now = asyncio.get_running_loop().time()
        if live.held_by not in (None, lease_id):
            self._hand_back_soon(live, lease)
        if lease is not None:
            live.idle_since = now
            self._glance(live)
        if now >= live.next_keep_alive and not live.lock.locked():
            wait = keepalive.due_in(live.claim.behaviour)
            live.next_keep_alive = now + (wait or float("inf"))
            keep(self._keep_alive(live), "keep alive")
        elif (
            lease_id is None
            and live.held_by is None
            and not live.lock.locked()
            and now - live.idle_since > self._portunus.settings.park_after_s
        ):
            live.idle_since = now
            keep(self._park(live), "park")  # not awaited: a page that hangs must not keep the others' doors unrenewed

    def _glance(self, live: LiveSession) -> None:
        """Where the holder has gone to another page: whether the portal has signed her out there."""
        tab = live.tab()
        if live.viewer is None or tab is None or live.dialog is not None or live.lock.locked():
            return
        if (address := tab.page.url) != live.glanced_at:
            live.glanced_at = address
            keep(keepalive.glance(self.node, live, tab.page), "glance")

    def _hand_back_soon(self, live: LiveSession, after: Lease | None = None) -> None:
        """Not awaited: a slow portal must not keep the other sessions' doors unrenewed."""
        if not live.turn.locked():
            keep(self._hand_back(live, live.held_by, after), "hand back")

    async def _hand_back(self, live: LiveSession, lease_id: str | None, after: Lease | None) -> None:
        """The holder is done: when it is still she whose traces are there."""
        async with live.turn:
            if live.held_by == lease_id and self._sessions.get(live.id) is live:
                await self._end_turn_of_other(live, after)

    async def _end_turn_of_other(self, live: LiveSession, after: Lease | None) -> str | None:
        """Whoever had it before: passed on as it stands, or cleared away; what to say when neither can be. Only within `live.turn`."""
        if live.held_by is None or (after is not None and live.held_by == after.id):
            return None
        if after is None or after.continues_id != live.held_by:
            return await self._clear(live)
        await self.node.coming.drop(live)
        await cancelled(live.viewer, live.lookups)
        await passing.close_recording(live, {"e": "holder", "how": "passed_on", "to": after.holder_name})
        if words := await passing.forget_passwords(self.node, live):
            return words
        live.held_by, live.passed_on, live.hand_at = after.id, True, 0.0
        return None

    async def _clear(self, live: LiveSession) -> str | None:
        """Close the recording, leave nothing of the holder in the tab, prove it afresh; as above. Only within `live.turn`."""
        await self._end_lease_side(live)
        live.notices.clear()
        live.lets_until = 0.0
        clock = asyncio.get_running_loop()
        if words := await passing.leave_nothing(self.node, live):
            return words
        signed_in = await keepalive.prove(self.node, live) is Outcome.SIGNED_IN
        live.proved = clock.time() if signed_in else float("-inf")  # else her page may still stand there
        await guard.forget_history(live)
        live.held_by, live.passed_on, live.idle_since = None, False, clock.time()
        return None

    async def _keep_alive(self, live: LiveSession) -> None:
        with contextlib.suppress(Error):
            await keepalive.look(self.node, live)

    async def _park(self, live: LiveSession) -> None:
        try:
            asleep = await park.save(self.node, live)
        except Conflict:
            return
        if asleep:
            await self._drop(live)


def _lost(session_id: str, work: Unit) -> None:
    tabs.lost(work, session_id, "browser_crashed", GONE)


def _stopped(session_id: str, work: Unit) -> None:
    tabs.lost(work, session_id, "host_stopped", "Portunus was restarted. Open it again.")
