"""How long a sign-in waits for its code: by the way it comes, from what is known of the portal. Pure."""

from typing import Any

MADE_HERE = frozenset({"totp", "recovery"})
"""Ways whose code is made when the page asks for it: how long one lives says nothing about how long a page takes."""
CALLED = frozenset({"provider_line"})
"""Ways where a person calls the carrier: the code's life begins when she is told it, after the queue and the hold."""
UNKNOWN_CALL_S = 900
"""A call to a provider line where the portal's own is not known: longer than the holds of 4 to 12 minutes that offices report."""
LATER_S = 120
"""Five of a hundred messages take longer than what is known, and a person needs time to type."""
LONGEST_S = 3600
"""Nobody is kept waiting longer, whatever a behaviour record says."""


def code_wait_s(way: str, behaviour: dict[str, Any], most_s: int) -> int:
    """Seconds from asking the portal for a code until it is no longer waited for.

    `most_s` bounds it where a code comes by itself, unless the portal is known to send more slowly (`delivery_p95_s`): its life
    begins when it is sent at last. So too for a call, where that time is the queue, the hold and the reading out.
    """
    if way in MADE_HERE:
        return most_s
    life_s = min(int(behaviour.get("code_ttl_s") or most_s), most_s)
    slow_s = int(behaviour.get("delivery_p95_s") or 0)
    if way in CALLED:
        return min((slow_s or UNKNOWN_CALL_S) + life_s, LONGEST_S)
    return min(max(life_s, slow_s + min(life_s, LATER_S) if slow_s else 0), LONGEST_S)
