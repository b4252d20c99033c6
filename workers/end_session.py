"""Task: a portal session has ended in the database. Tell the browser host, which closes the browser behind it."""

from broker.wiring import Portunus

PERMISSION = "system"


def look(portunus: Portunus, portal_session_id: str) -> None:
    """Pass the hint on; the host also looks by itself every few seconds."""
    portunus.host.end_session(portal_session_id)
