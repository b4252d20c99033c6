"""Try-outs for the script editor: a text that nobody has approved, run once for its author while she watches.

It is what `portunus script run` does, with her at the page instead of the terminal: a login of her own that is kept nowhere, the
same confined process, the same count of tries, and a browser that no session of the office shares. Or what `portunus script test`
does, on the portal's saved pages (`onpages.py`).
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect
from playwright.async_api import Error

from broker.base.errors import BrokerError
from broker.base.ids import new_id
from broker.base.settings import Settings
from carrier_scripts.registry import Script
from workers.browser.calls import CallRefused
from workers.browser.scriptrun import Done
from workers.browser.tasks import cancelled, keep
from workers.browser.trace import words_of
from workers.tryout import onpages, signing
from workers.tryout.atthepage import AtThePage
from workers.tryout.desk import OwnLogin
from workers.tryout.guarding import Ledger
from workers.tryout.onpages import OnPages, Tested

WAIT_S = 20.0
"""How long a text waits for its author's page; what she typed is forgotten then."""
AT_ONCE = 2
"""Browsers of try-outs on one node: the office's own come first."""
RUNNING_ALREADY = "You are running a text in another window already. Stop that run first."
BUSY = "Others are running texts just now. Try again in a few minutes."
GONE = "This run is not there any more. Run it again."
NO_TRY = "Another try could make the carrier lock this login. Sign in by hand, then say so here and run it again."


@dataclass(frozen=True)
class Asked:
    """What is run for whom."""

    who: str
    script: Script
    hosts: frozenset[str]
    sign_in_hosts: frozenset[str]
    username: str
    password: str
    practice: str
    method: str
    step: bool
    by_hand: bool
    behaviour: dict[str, Any]

    @classmethod
    def told(cls, said: Mapping[str, Any]) -> "Asked":
        """From the API's message, which has checked it."""
        script = Script(str(said["key"]), list(said["sources"]), str(said["digest"]))
        texts = {name: str(said[name]) for name in ("who", "username", "password", "practice", "method")}
        choices = {name: bool(said[name]) for name in ("step", "by_hand")}
        hosts = {name: frozenset(said[name]) for name in ("hosts", "sign_in_hosts")}
        return cls(script=script, behaviour=dict(said["behaviour"]), **hosts, **texts, **choices)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return f"Asked(who={self.who!r}, key={self.script.key!r})"  # the password is in no log


class TryOuts:
    """The try-outs of this node; one per person at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: dict[str, Asked | OnPages] = {}
        self._running: dict[str, asyncio.Task[Done | Tested | str]] = {}
        """By person."""

    def ask(self, said: Mapping[str, Any]) -> dict[str, str]:
        """Keep it until its author's page is there: `id`; or `no`, why not."""
        asked = OnPages.told(said) if said.get("pages") else Asked.told(said)
        if asked.who in self._running:
            return {"no": RUNNING_ALREADY}
        if len(self._running) >= AT_ONCE:
            return {"no": BUSY}
        for tryout_id in [one for one, other in self._waiting.items() if other.who == asked.who]:
            del self._waiting[tryout_id]
        tryout_id = new_id("try")
        self._waiting[tryout_id] = asked
        asyncio.get_running_loop().call_later(WAIT_S, self._waiting.pop, tryout_id, None)
        return {"id": tryout_id}

    async def serve(self, tryout_id: str, socket: WebSocket) -> None:
        """Run it for its author; over when the run is, or when she has left."""
        await socket.accept()
        try:
            who = json.loads(await socket.receive_text())["who"]
        except (WebSocketDisconnect, ValueError, KeyError, TypeError):
            return
        asked = self._waiting.get(tryout_id)
        if asked is None or asked.who != who:
            await _bye(socket, GONE)
            return
        del self._waiting[tryout_id]
        if who in self._running or len(self._running) >= AT_ONCE:
            await _bye(socket, RUNNING_ALREADY if who in self._running else BUSY)
            return
        stepwise = isinstance(asked, Asked) and asked.step
        watcher = AtThePage(socket, words_of(asked.script.sources), step=stepwise)
        running = self._running[who] = keep(self._run(asked, watcher), f"try-out {tryout_id}")
        try:
            await watcher.listen(running)
        finally:
            await cancelled(running)
            self._running.pop(who, None)
        ended = "" if running.cancelled() or running.exception() else running.result()
        if not isinstance(ended, str):
            await watcher.tell_end(ended)  # whoever hears this may run the next at once
        await _bye(socket, ended if isinstance(ended, str) else "")

    async def stop(self) -> None:
        """End every run."""
        await cancelled(*self._running.values())

    async def _run(self, asked: Asked | OnPages, watcher: AtThePage) -> Done | Tested | str:
        """How it ended; or words why there is no end to tell."""
        try:
            if isinstance(asked, OnPages):
                return await onpages.run(self._settings, asked, watcher.shown)
            return await signing.sign_in(
                self._settings, asked.script, asked.hosts, asked.sign_in_hosts, self._login(asked, watcher), watcher
            )
        except BrokerError as no:
            return no.message
        except Error:
            return "The browser did not go on. Run it again."

    def _login(self, asked: Asked, watcher: AtThePage) -> OwnLogin:
        key, username = asked.script.key, asked.username
        ledger = Ledger(self._settings.data_dir.absolute() / "tryouts.json")
        if asked.by_hand:
            ledger.give_back(key, username)

        def may_submit() -> None:
            if not ledger.take_one(key, username, asked.behaviour, datetime.now(UTC)):  # noqa: TID251 - as at a desk
                raise CallRefused("refused", NO_TRY)

        return OwnLogin(
            username,
            asked.password,
            watcher.code,
            may_submit,
            lambda: ledger.give_back(key, username),
            asked.practice,
            asked.method,
            watcher.answer,
        )


async def _bye(socket: WebSocket, words: str) -> None:
    """Why nothing more comes, if not all was said; then the end."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        if words:
            await socket.send_text(json.dumps({"e": "ended", "words": words}))
        await socket.close()
