"""Which option, and whose page: compare what a portal shows with the practice that was asked for."""

import asyncio
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from broker.tabs.service import Practice

if TYPE_CHECKING:
    from workers.browser.facade import Facade

MOST_PLACES = 12
LEAVES_AS_IT_IS = frozenset({"url", "pages", "recognise", "confirm_practice", "log", "method", "named"})
"""Calls after which a page is still the one that was read."""
READS = frozenset(
    {"inner_text", "all_inner_texts", "text_content", "is_visible", "is_checked", "count", "wait_for", "get_attribute"}
)


async def shown(facade: "Facade", where: list[Any]) -> list[str]:
    """What the page says, visibly, at these places (page and locator chain each), read by the host."""
    if len(where) > MOST_PLACES:
        raise ValueError("too many places")
    read = await asyncio.gather(*(facade.texts(page, chain, visible=True) for page, chain in where))
    return [text for texts in read for text in texts]


def may_change(call: str, args: dict[str, Any]) -> bool:
    """Whether another practice's page may stand there after this call."""
    return not (call in LEAVES_AS_IT_IS or (call == "page" and args.get("act") in READS))


def chosen(options: Sequence[str], wanted: Practice) -> str | None:
    """The one option that names the wanted practice, by its strongest mark; None when none or several do."""
    for marks in (
        [*wanted.legal_names, *wanted.tin_tails, wanted.npi],
        [wanted.name],
        [wanted.city],
    ):
        fitting = [option for option in options if any(_holds(option, mark) for mark in marks)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            return None
    return None


def is_signed_in_for(texts: Sequence[str], wanted: Practice, others: Sequence[Practice]) -> bool:
    """Whether the page names the wanted practice and none of its siblings.

    A portal that shows no practice at all is believed only when the login serves a single location.
    """
    if not texts:
        return not others
    shown = " \n ".join(texts)
    own = (*wanted.legal_names, *wanted.tin_tails, wanted.npi)
    foreign = {mark for other in others for mark in (*other.legal_names, *other.tin_tails, other.npi)} - set(own)
    return not any(_holds(shown, mark) for mark in foreign) and any(_holds(shown, mark) for mark in own)


def _holds(text: str, mark: str) -> bool:
    flat = " ".join(text.split()).casefold()
    return re.search(rf"(?<!\w){re.escape(' '.join(mark.split()).casefold())}(?!\w)", flat) is not None
