"""How long a sign-in waits for its code: by the way it comes, from what is known of the portal. Pure."""

from typing import Any

CALLED = frozenset({"provider_line"})
"""Ways where a person calls the carrier: the code's life begins when she is told it, after the queue and the hold."""
UNKNOWN_CALL_S = 900
"""A call to a provider line where the portal's own is not known: longer than the holds of 4 to 12 minutes that offices report."""
LONGEST_S = 3600
"""Nobody is kept waiting longer, whatever a behaviour record says."""


def code_wait_s(way: str, behaviour: dict[str, Any], most_s: int) -> int:
    """Seconds from asking the portal for a code until it is no longer waited for.

    `most_s` bounds it where a code comes by itself. For a call the declared `delivery_p95_s` (queue, hold and reading out) comes
    before that, for `code_ttl_s` counts from when the code is said.
    """
    life_s = min(int(behaviour.get("code_ttl_s") or most_s), most_s)
    if way not in CALLED:
        return life_s
    return min(int(behaviour.get("delivery_p95_s") or UNKNOWN_CALL_S) + life_s, LONGEST_S)
