"""Task: a login attempt is reserved. Tell the browser host; it claims the row itself."""

from broker.wiring import Portunus

PERMISSION = "system"


def look(portunus: Portunus, attempt_id: str) -> None:
    """Pass the hint on. Delivered three times it changes nothing: the claim is one conditional UPDATE."""
    portunus.host.run_attempt(attempt_id)
