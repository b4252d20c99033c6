"""The script editor's live view: the text as it stands is run with a login of her own, while she watches step by step, or on
the portal's saved pages, while she watches page by page.

What she typed comes by form, is handed to the browser host and kept nowhere here. The socket carries the steps and pictures to her
and her words to the host; the run ends with it.
"""

import asyncio
import json
from typing import Annotated

import structlog
from fastapi import APIRouter, Form, Query, WebSocket, WebSocketDisconnect

from api.access import Here, HereNow, here, permits
from api.door import AWAY, REFUSED, end, hand_on, in_unit
from api.script_texts import with_text
from broker.adapters import script_editing
from broker.adapters.script_process import digest_of
from broker.base.errors import BrokerError
from broker.identity import logins
from broker.identity.policy import Permission, may
from broker.ports.browserhost import StreamPipe
from broker.scripts import service as scripts

router = APIRouter()
LOOK_AGAIN_S = 1.0
LEFT = "left"
OVER = "Your sign-in has ended. Sign in and run it again."
Text = Annotated[str, Form(max_length=200)]
Code = Annotated[str, Form(max_length=70_000)]
log = structlog.get_logger("tryout")


@router.post("/scripts/{key}/try", dependencies=[permits(Permission.SCRIPT_MAINTAIN)])
def begin(
    here: HereNow,
    key: str,
    text: Code = "",
    username: Text = "",
    password: Text = "",
    practice: Text = "",
    method: Text = "",
    step: Text = "",
    by_hand: Text = "",
    base: Annotated[str, Query(alias="from", max_length=64)] = "",
) -> dict[str, str]:
    """Check the text and who may run it where; the run's id, which its author's page opens within seconds."""
    with here.reading() as work:
        sources = with_text(work, key, text, base)
    bundle = script_editing.handed_in(key, digest_of(sources), sources)
    with here.unit() as work:
        behaviour = scripts.tried(work, bundle, username)
    asked = {
        "who": here.actor.id, "key": key, "digest": bundle.digest, "sources": bundle.sources,
        "hosts": bundle.facts["hosts"], "sign_in_hosts": bundle.facts["sign_in_hosts"],
        "username": username.strip(), "password": password, "practice": practice.strip(),
        "method": method.strip(), "step": bool(step), "by_hand": bool(by_hand), "behaviour": behaviour,
    }  # fmt: skip
    return {"id": here.portunus.host.try_out(asked)}


@router.post("/scripts/{key}/test", dependencies=[permits(Permission.SCRIPT_MAINTAIN)])
def on_saved_pages(
    here: HereNow, key: str, text: Code = "", base: Annotated[str, Query(alias="from", max_length=64)] = ""
) -> dict[str, str]:
    """Check the text that is to be shown the portal's saved pages; the run's id. Nothing is signed in, nothing reached."""
    with here.reading() as work:
        sources = with_text(work, key, text, base)
    bundle = script_editing.handed_in(key, digest_of(sources), sources)
    with here.unit() as work:
        scripts.tried_on_pages(work, bundle)
    asked = {
        "who": here.actor.id, "key": key, "digest": bundle.digest, "sources": bundle.sources,
        "hosts": bundle.facts["hosts"], "pages": True,
    }  # fmt: skip
    return {"id": here.portunus.host.try_out(asked)}


@router.websocket("/scripts/{key}/try/{tryout_id}", dependencies=[permits(Permission.SCRIPT_MAINTAIN)])
async def watch(socket: WebSocket, key: str, tryout_id: str) -> None:
    """Her page: the run begins when it comes and ends when it goes."""
    at, outcome = here(socket), list[str]()
    await socket.accept()
    try:
        async with at.portunus.host.watch_try_out(tryout_id, at.actor.id) as pipe:
            try:
                words = await _both_ways(at, socket, pipe, outcome)
            finally:
                await asyncio.shield(_note_end(at, key, outcome))
            await end(socket, words, REFUSED if words else 1000)
    except BrokerError as away:
        await end(socket, away.message, AWAY)


async def _note_end(at: Here, key: str, outcome: list[str]) -> None:
    if outcome:
        await in_unit(at, lambda work: scripts.try_ended(work, key, outcome[-1]))


async def _both_ways(at: Here, socket: WebSocket, pipe: StreamPipe, outcome: list[str]) -> str:
    """Until either side ends it; what to say then. `outcome` gets how it stands: nothing while no step was done and no page shown."""
    ways = {
        asyncio.ensure_future(_out(socket, pipe, outcome)): "host",
        asyncio.ensure_future(hand_on(at, socket, pipe)): "page",
        asyncio.ensure_future(_signed_out(at)): "signed out",
    }
    done, rest = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    for task in done:
        failure = task.exception()
        if failure is not None and not isinstance(
            failure, WebSocketDisconnect | RuntimeError | OSError | EOFError | ValueError
        ):
            log.error("a try-out's socket failed", kind=type(failure).__name__)
    return OVER if "signed out" in {ways[task] for task in done} else ""


async def _out(socket: WebSocket, pipe: StreamPipe, outcome: list[str]) -> None:
    async for message in pipe:
        if isinstance(message, bytes):
            await socket.send_bytes(message)
            continue
        said = json.loads(message)
        if said.get("e") in ("step", "shown", "done"):
            outcome.append(str(said.get("outcome", LEFT)))
        await socket.send_text(message)


async def _signed_out(at: Here) -> None:
    """Returns when her sign-in or her right is gone; asked every second, and at once when signalled."""
    async with at.portunus.signals.listen("revoked") as ear:
        while await asyncio.to_thread(_holds, at):
            await ear.wait(LOOK_AGAIN_S)


def _holds(at: Here) -> bool:
    with at.reading() as work:
        stands = at.actor.login_id is not None and logins.still_counts(work, at.actor.login_id)
        return stands and may(work, Permission.SCRIPT_MAINTAIN, anywhere=True)
