"""`portunus status`: what runs and who waits."""

from typing import Any

from sqlalchemy import func, select

from api.cli.console import Json, console, operator, print_json
from broker.base.errors import Unavailable
from broker.codes import service as codes
from broker.directory.models import DeliveryEndpoint, PortalAccount
from broker.tabs.models import Lease, PortalSession
from broker.wiring import build


def status(*, as_json: bool = Json) -> None:
    """Sessions, tabs, waiting codes, mailboxes, parked accounts, the browser host."""
    portunus = build()
    with portunus.reading(operator()) as work:
        states = work.db.execute(
            select(PortalSession.state, func.count())
            .where(PortalSession.ended_at.is_(None))
            .group_by(PortalSession.state)
        ).all()
        told: dict[str, Any] = {
            "sessions": {row[0]: row[1] for row in states},
            "open_tabs": work.db.scalar(select(func.count()).where(Lease.ended_at.is_(None))),
            "codes_waiting": len(codes.pending(work)),
            "accounts_stopped": [
                {"portal": row.portal.key, "login": row.username, "status": row.status}
                for row in work.db.scalars(select(PortalAccount).where(PortalAccount.status != "active"))
            ],
            "mailboxes": [
                {"name": row.name, "health": row.health, "words": row.health_words}
                for row in work.db.scalars(select(DeliveryEndpoint).where(DeliveryEndpoint.kind == "mailbox"))
            ],
        }
    try:
        told["browser_host"] = portunus.host.status()
    except Unavailable as away:
        told["browser_host"] = {"down": away.message}
    if as_json:
        print_json(told)
        return
    console.print(f"portal sessions  {', '.join(f'{row[1]} {row[0]}' for row in states) or 'none'}")
    console.print(f"open tabs        {told['open_tabs']}, {told['codes_waiting']} waiting for a code")
    for stopped in told["accounts_stopped"]:
        console.print(f"stopped          {stopped['portal']} {stopped['login']}: {stopped['status']}", style="yellow")
    for box in told["mailboxes"]:
        console.print(f"mailbox          {box['name']}: {box['health']}")
    host = told["browser_host"]
    console.print(f"browser host     {host.get('down') or host.get('browser')}, sandbox {host.get('sandbox', '?')}")
