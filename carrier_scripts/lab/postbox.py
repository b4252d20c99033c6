"""The post: mails go out by SMTP, text messages as signed webhooks; each is in the outbox, some are held back first."""

import asyncio
import itertools
import smtplib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import httpx2

from carrier_scripts.lab import posting
from carrier_scripts.lab.clock import LabClock

TRIES = 4
PAUSE_S = 0.25
"""Real seconds before a text message is posted again; doubled each time."""


@dataclass(eq=False)
class Posted:
    """A message on its way."""

    id: str
    channel: str
    carrier: str
    account: str
    to: str
    sender: str
    due: datetime
    code: str | None = None
    mail: EmailMessage | None = None
    text: str = ""
    copies: int = 1
    state: str = "held"
    """held, sent, failed"""
    error: str = ""
    tries: int = 0
    began: float = 0.0
    took_s: float | None = None
    """Real seconds from posted (or due) to taken."""
    kept_at: datetime | None = None
    """Real time when the receiving mail server had it."""

    def view(self) -> dict[str, Any]:
        return {
            "id": self.id, "channel": self.channel, "carrier": self.carrier, "account": self.account, "to": self.to,
            "from": self.sender, "due": self.due.isoformat(), "code": self.code, "state": self.state, "tries": self.tries, "took_s": self.took_s,
            "kept_at": self.kept_at.isoformat() if self.kept_at else None,
            "error": self.error, "subject": self.mail["Subject"] if self.mail else None, "text": self.text,
        }  # fmt: skip


@dataclass
class Postbox:
    """Sends in the order of due times, mail strictly one after the other."""

    clock: LabClock
    secret: str
    """Standard Webhooks secret, `whsec_…`."""
    url_base: str | None = None
    """Text messages are posted to this plus the number's digits, unless `urls` names another place."""
    smtp_port: int = 0
    urls: dict[str, str] = field(default_factory=dict)
    voice_urls: dict[str, str] = field(default_factory=dict)
    """Where the transcripts of calls to a number are posted; calls to others ring at their owner's."""
    posters: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Who posts for a number, where it is not the Standard Webhooks form with `secret`: the form and its key."""
    outbox: list[Posted] = field(default_factory=list)
    serial: Callable[[], int] = field(default_factory=lambda: itertools.count(1).__next__)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _posting: asyncio.Lock = field(default_factory=asyncio.Lock)

    def post(self, message: Posted) -> None:
        self.outbox.append(message)
        self._wake.set()

    def url_for(self, phone: str) -> str | None:
        if phone in self.urls:
            return self.urls[phone]
        return self.url_base + phone.lstrip("+") if self.url_base else None

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as group, httpx2.AsyncClient(timeout=5, trust_env=False) as client:
            while True:
                self._wake.clear()
                while (message := self._next()) is not None:
                    message.state, message.began = "sending", time.perf_counter()
                    if message.channel in ("sms", "voice"):
                        group.create_task(self._text(client, message))
                    else:
                        async with self._posting:
                            await self._mail(message)
                await self._rest()

    async def forget(self) -> None:
        """Drop every message, and wait until the one on its way has arrived."""
        self.outbox.clear()
        async with self._posting:
            return

    async def _rest(self) -> None:
        waits = [self.clock.seconds_until(m.due) for m in self._held()]
        known = [wait for wait in waits if wait is not None]
        try:
            async with asyncio.timeout(min(known) if known else None):
                await self._wake.wait()
        except TimeoutError:
            return

    def _next(self) -> Posted | None:
        now = self.clock.now()
        due = [m for m in self._held() if m.due <= now]
        return min(due, key=lambda m: m.due) if due else None

    def _held(self) -> list[Posted]:
        return [m for m in self.outbox if m.state == "held"]

    async def _mail(self, message: Posted) -> None:
        try:
            await asyncio.to_thread(self._smtp, message)
            message.state, message.took_s = "sent", time.perf_counter() - message.began
        except (OSError, smtplib.SMTPException) as failure:
            message.state, message.error = "failed", str(failure)

    def _smtp(self, message: Posted) -> None:
        assert message.mail is not None
        with smtplib.SMTP("127.0.0.1", self.smtp_port, local_hostname="out.sim.test", timeout=10) as server:
            for _ in range(message.copies):
                server.send_message(message.mail, from_addr=message.sender, to_addrs=[message.to])
                message.kept_at = message.kept_at or datetime.now(UTC)  # true time, as for text messages

    async def _text(self, client: httpx2.AsyncClient, message: Posted) -> None:
        url = self.voice_urls.get(message.to) if message.channel == "voice" else self.url_for(message.to)
        if url is None:
            message.state, message.error = "failed", "nobody has said where text messages for this number go"
            return
        for _ in range(message.copies):
            await self._post_until_taken(client, url, message)

    async def _post_until_taken(self, client: httpx2.AsyncClient, url: str, message: Posted) -> None:
        form, key = self.posters.get(message.to, ("standard", self.secret))
        told = {
            "id": message.id,
            "to": message.to,
            "sender": message.sender,
            "text": message.text,
            "sent_at": message.due.isoformat(),
            "said": "transcript" if message.channel == "voice" else "text",
        }
        for attempt in range(TRIES):
            if message not in self.outbox:
                return
            message.tries += 1
            at = datetime.now(UTC)  # the provider signs by the true time, whatever the lab's clock shows
            body, headers = posting.post(form, key, url, told, at)
            try:
                answer = await client.post(url, content=body, headers=headers)
                if answer.is_success:
                    message.state, message.error = "sent", ""
                    message.took_s = time.perf_counter() - message.began
                    return
                message.error = f"HTTP {answer.status_code}"
            except httpx2.HTTPError as failure:
                message.error = type(failure).__name__
            await asyncio.sleep(PAUSE_S * 2**attempt)
        message.state = "failed"


def later(clock: LabClock, seconds: float) -> datetime:
    return clock.now() + timedelta(seconds=seconds)
