"""`bench codes`: from a code's arrival to the code typed, many mailboxes, the audit log, and millions of messages."""

import asyncio
import sys
from datetime import UTC, datetime

from playwright.async_api import Playwright

from broker.base.errors import Unavailable
from workers.bench import audit_log, delivery, flood, mailboxes, simulation
from workers.bench.demo import Demo
from workers.bench.figures import Figures, p50, p95, said
from workers.bench.lab import Straight
from workers.bench.open import PORTAL, tile
from workers.bench.viewer import Viewer

SEED = 20261121
SIM_STEPS, SIM_LOGINS = 500_000, 10_000
ON_THE_WAY_S = 1.5
"""From the portal's sending to the code's delivery, as short as it is in the field: its page stands by then and waits."""
TYPED = "SELECT typed_at FROM code_request WHERE account_id = ? AND typed_at IS NOT NULL ORDER BY asked_at DESC LIMIT 1"


async def measure(demo: Demo, playwright: Playwright, viewer: Viewer, runs: int) -> Figures:
    """First what needs the demo, then what runs alone; lab and Portunus read the same machine's clock."""
    figures = said(await _by_mail(demo, playwright, viewer, runs))
    await viewer.sign_out_everywhere()
    figures |= said(await _by_text(demo, playwright, viewer, runs))
    figures |= said(await flood.measure(demo))
    figures |= said(await asyncio.to_thread(mailboxes.measure))
    figures |= said(await asyncio.to_thread(audit_log.measure))
    return figures | said(await asyncio.to_thread(simulated))


def simulated() -> Figures:
    """Codes on their way to ten thousand logins that share mailboxes and phones, judged by the product's own rules."""
    counted = simulation.walk(SEED, SIM_STEPS, SIM_LOGINS)
    return {"sim_messages": counted["messages"], "sim_misassigned": counted["misassigned"]}


async def _by_text(demo: Demo, playwright: Playwright, viewer: Viewer, runs: int) -> Figures:
    """From the moment the provider begins to post the text message."""
    account, location, username = tile(demo, "copper_mesa_az")
    straight = await Straight.start(playwright, demo.lab)
    waits = []
    try:
        for _ in range(runs):
            await straight.forget()
            await straight.codes_take("copper_mesa_az", ON_THE_WAY_S)
            lease = await viewer.open(account, location)
            posted = datetime.fromisoformat((await straight.mail(username))["due"])
            waits.append((_typed_at(demo, account) - posted).total_seconds() * 1000)
            await viewer.end(lease, sign_out=True)
    finally:
        await straight.close()
    return {"sms_to_typed_p50_ms": p50(waits), "sms_to_typed_p95_ms": p95(waits)}


async def _by_mail(demo: Demo, playwright: Playwright, viewer: Viewer, runs: int) -> Figures:
    """From the moment the mail server has it: a real Dovecot's own files, or the lab's server where there is no Dovecot."""
    account, location, username = tile(demo)
    straight = await Straight.start(playwright, demo.lab)
    waits = []
    try:
        with delivery.by_dovecot(demo) as server:
            print(f"mails come to {server}", file=sys.stderr, flush=True)
            for _ in range(runs):
                await straight.forget()
                await straight.codes_take(PORTAL, ON_THE_WAY_S)
                lease = await viewer.open(account, location)
                kept = datetime.fromisoformat((await straight.mail(username))["kept_at"])
                waits.append((_typed_at(demo, account) - kept).total_seconds() * 1000)
                await viewer.end(lease, sign_out=True)
    finally:
        await straight.close()
    return {"mail_to_typed_p50_ms": p50(waits), "mail_to_typed_p95_ms": p95(waits)}


def _typed_at(demo: Demo, account: str) -> datetime:
    rows = demo.rows(TYPED, account)
    if not rows:
        raise Unavailable("Portunus typed no code.")
    typed = datetime.fromisoformat(str(rows[0][0]))
    return typed if typed.tzinfo else typed.replace(tzinfo=UTC)
