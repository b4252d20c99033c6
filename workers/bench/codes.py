"""`bench codes`: from a code's mail in the mailbox to the code typed into the portal."""

from datetime import UTC, datetime

from playwright.async_api import Playwright

from broker.base.errors import Unavailable
from workers.bench.demo import Demo
from workers.bench.figures import Figures, p50, p95
from workers.bench.lab import Straight
from workers.bench.open import tile
from workers.bench.viewer import Viewer

TYPED = "SELECT typed_at FROM code_request WHERE account_id = ? AND typed_at IS NOT NULL ORDER BY asked_at DESC LIMIT 1"


async def measure(demo: Demo, playwright: Playwright, viewer: Viewer, runs: int) -> Figures:
    """Sign in so many times, each from nothing; lab and Portunus read the same machine's clock."""
    account, location, username = tile(demo)
    straight = await Straight.start(playwright, demo.lab)
    waits = []
    try:
        for _ in range(runs):
            await straight.forget()
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
