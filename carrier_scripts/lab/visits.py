"""Visits: one browser at one carrier, from its first page to its sign-out."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from carrier_scripts.lab.accounts import AccountState


@dataclass(eq=False)
class Visit:
    id: str
    carrier: str
    seen_at: datetime
    stage: str = "new"
    """new, code, terms, profile, reminder, picker, step_up, home; or ended"""
    account: AccountState | None = None
    location: str | None = None
    home_at: datetime | None = None
    """When it arrived."""
    about: dict[str, str] = field(default_factory=dict)
    """What the carrier's server keeps of this visit: the name typed on page one, the question asked, a reference."""
    why_ended: str | None = None
    flags: set[str] = field(default_factory=set)
    """Small things said or done once: the announcement seen, the step-up passed."""
    message: str = ""
    """Shown once on the next page."""

    @property
    def home(self) -> bool:
        return self.stage == "home"

    def end(self, why: str) -> None:
        self.stage = "ended"
        self.why_ended = why


class Visits:
    def __init__(self) -> None:
        self._by_id: dict[str, Visit] = {}

    def find(self, carrier: str, visit_id: str | None) -> Visit | None:
        visit = self._by_id.get(visit_id or "")
        return visit if visit and visit.carrier == carrier else None

    def open(self, carrier: str, now: datetime) -> Visit:
        visit = Visit(secrets.token_urlsafe(18), carrier, now)
        self._by_id[visit.id] = visit
        return visit

    def rename(self, visit: Visit) -> str:
        """A new cookie value for a visit that signs in; returns the old one."""
        old = visit.id
        del self._by_id[old]
        visit.id = secrets.token_urlsafe(18)
        self._by_id[visit.id] = visit
        return old

    def signed_in(self, carrier: str, account: AccountState | None = None) -> list[Visit]:
        return [v for v in self._by_id.values() if v.carrier == carrier and v.home and account in (None, v.account)]

    def at(self, carrier: str, stage: str) -> list[Visit]:
        """The visits that stand at this step of a sign-in."""
        return [v for v in self._by_id.values() if (v.carrier, v.stage) == (carrier, stage)]

    def clear(self) -> None:
        self._by_id.clear()
