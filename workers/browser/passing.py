"""A tab between people: who looks on, how one holder's recording ends, and what the next one's begins with."""

import asyncio
import contextlib
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect

from broker.recordings.service import Subject
from broker.tabs import service as tabs
from broker.tabs.models import Lease
from workers.browser import challenge, guard, messages
from workers.browser.attempt import Node
from workers.browser.live import LiveSession
from workers.browser.recorder import Recorder, RecorderFailed
from workers.browser.tasks import cancelled, keep
from workers.browser.watching import Watcher

OVER = "The tab has ended, or has another holder now."
KEPT = (
    "The person before typed a name and a password of her own for a page of the portal, and the browser could not be made "
    "to forget them: this session has ended. Open it again."
)
LEFT_OPEN = "A tab of the person before could not be closed: this session has ended. Open it again."
EMPTY = "Nobody has the tab before her just now. You see it when its holder does."


async def look_on(live: LiveSession, name: str, socket: WebSocket) -> None:
    """Show what the holder is shown, until she who looks on leaves or the holder's time is over."""
    watcher = Watcher(name)
    if live.viewer is None:
        watcher.say(EMPTY)
    live.watchers.append(watcher)
    live.tell("watchers")
    showing, leaving = keep(watcher.run(socket), "show who looks on"), keep(_until_left(socket), "who looks on leaves")
    try:
        await asyncio.wait((showing, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancelled(showing, leaving)
        if watcher in live.watchers:
            live.watchers.remove(watcher)
            live.tell("watchers")
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.close()


async def recorder_of(node: Node, live: LiveSession, lease: Lease) -> Recorder:
    """What writes this holder's time: the one she has, or a new one where there is none or it cannot write any more.

    Raises `RecorderFailed`.
    """
    if live.recorder is not None and live.recorder.broken:
        await live.recorder.close()
        live.recorder = None
    if live.recorder is None:
        live.recorder = await Recorder.start(node.portunus, _subject(live, lease))
        if live.passed_on:
            await _say_whose_it_was(node, live.recorder, live, lease)
    return live.recorder


def _subject(live: LiveSession, lease: Lease) -> Subject:
    return Subject(
        organization_id=live.claim.organization_id,
        lease_id=lease.id,
        portal_session_id=live.id,
        account_id=live.claim.account_id,
        location_id=lease.location_id,
        holder_kind=lease.holder_kind,
        holder_id=lease.holder_id,
        holder_name=lease.holder_name,
    )


async def close_recording(live: LiveSession, last: dict[str, Any] | None = None) -> None:
    """The recording of this holder ends, with who comes next if somebody does; nobody looks on any more."""
    live.viewer = None
    for one in live.watchers:
        one.end(OVER)
    live.watchers.clear()
    recorder, live.recorder, live.size, live.mirrored = live.recorder, None, None, False
    if recorder is None:
        return
    if last is not None:
        with contextlib.suppress(RecorderFailed):
            await recorder.write(messages.event(live.active, recorder.next_seq(), recorder.ms(), last))
    await recorder.close()


async def forget_passwords(node: Node, live: LiveSession) -> str | None:
    """What this holder typed for a server serves nobody after her. Where the browser keeps it the session ends: what to say then."""
    if await challenge.forget(live):
        return None
    return await _end(node, live, "password_kept", KEPT)


async def leave_nothing(node: Node, live: LiveSession) -> str | None:
    """Her tabs are closed and what she typed for a server is forgotten; as above where that cannot be."""
    if not await guard.clean(live):
        return await _end(node, live, "tab_left_open", LEFT_OPEN)
    return await forget_passwords(node, live)


async def _end(node: Node, live: LiveSession, reason: str, words: str) -> str:
    live.proved = float("-inf")
    await node.unit(lambda work: tabs.lost(work, live.id, reason, words))
    return words


async def _say_whose_it_was(node: Node, recorder: Recorder, live: LiveSession, lease: Lease) -> None:
    """The first words of a recording that goes on from another: whose tab it was, and what was said with it."""
    before = await node.reading(lambda work: work.db.get(Lease, lease.continues_id) if lease.continues_id else None)
    if before is None:
        return
    told = {"e": "holder", "how": before.end_reason, "from": before.holder_name, "to": lease.holder_name}
    told["note"] = lease.note or ""
    await recorder.write(messages.event(live.active, recorder.next_seq(), recorder.ms(), told))


async def _until_left(socket: WebSocket) -> None:
    """Until she has gone. What somebody who looks on says is for nobody."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while (await socket.receive())["type"] != "websocket.disconnect":
            continue
