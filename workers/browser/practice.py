"""Which option, and whose page: compare what a portal shows with the practice that was asked for. Pure."""

import re
from collections.abc import Sequence

from broker.tabs.service import Practice


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
