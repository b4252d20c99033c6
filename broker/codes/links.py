"""A one-time link to one box: for whoever holds the telephone and has no account at Portunus.

256 random bits, kept as a digest; good for one code of one request, for a few minutes. Looking does not use it up.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from broker.audit.acts import Act
from broker.base.db import changed
from broker.base.errors import Conflict, Refused
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.codes import records, tasks
from broker.codes.arriving import give
from broker.codes.models import CodeRequest, DeskLink
from broker.directory.models import Location, PortalAccount
from broker.identity.logins import digest
from broker.identity.policy import Permission, require
from broker.vault.service import Vault

LIFE = timedelta(minutes=15)
USED_UP = "This link is used up or too old. Ask whoever sent it for a new one."


@dataclass(frozen=True)
class Box:
    """What the holder of a link sees: which portal's code, for which office, for how long yet. Nobody's name."""

    portal_name: str
    location_name: str
    destination: str
    left_s: int


def create(work: Unit, request_id: str) -> tuple[str, datetime]:
    """A token for `/codes/link/<token>` and when it ends.

    Raises `NotFound`, `Refused`, `Conflict` (nobody waits, or there is no code to type).
    """
    row = records.request(work, request_id)
    account, place = work.db.get(PortalAccount, row.account_id), work.db.get(Location, row.location_id)
    require(work, Permission.CODE_GIVE, account=account, location=place)
    now = work.clock.now()
    if not _waits(row, now):
        raise Conflict("This sign-in no longer waits for a code.")
    if tasks.is_for_the_hand(row):
        raise Conflict("There is no code to type for this sign-in: it is confirmed on the telephone or with the key.")
    token, end = secrets.token_urlsafe(32), min(row.deadline, now + LIFE)
    link = DeskLink(
        id=new_id("dsk"), request_id=row.id, digest=digest(token), made_by=work.actor.id, expires_at=end, used_at=None
    )
    records.record(work, Act.DESK_LINK_CREATED, row, detail={"link": link.id, "by": work.actor.name})
    work.db.add(link)
    work.db.flush()
    return token, end


def look(work: Unit, token: str) -> Box:
    """What the link is for; does not use it up. Raises `Refused` (used, late, unknown, or nobody waits any more)."""
    row, link = _open(work, token)
    account, place = work.db.get_one(PortalAccount, row.account_id), work.db.get_one(Location, row.location_id)
    destination = next((one.masked_destination for one in account.mfa_methods if one.id == row.method_id), "")
    left = link.expires_at - work.clock.now()
    return Box(account.portal.name, place.name, destination, int(left.total_seconds()))


def use(work: Unit, vault: Vault, token: str, value: str) -> None:
    """Hand in a code by link, once. A code of the wrong form leaves the link good: the unit is rolled back.

    Raises `Refused`, `Incomplete`, `Conflict`.
    """
    row, link = _open(work, token)
    taken = update(DeskLink).where(DeskLink.id == link.id, DeskLink.used_at.is_(None)).values(used_at=work.clock.now())
    if changed(work.db.execute(taken)) != 1:  # of two who press at once, one is taken
        raise Refused(USED_UP, code="link-used")
    records.record(work, Act.DESK_LINK_USED, row, detail={"link": link.id, "made_by": link.made_by})
    give(work, vault, row.id, value)


def _open(work: Unit, token: str) -> tuple[CodeRequest, DeskLink]:
    link = work.db.scalar(select(DeskLink).where(DeskLink.digest == digest(token)))
    now = work.clock.now()
    row = work.db.get(CodeRequest, link.request_id) if link is not None else None
    if link is None or row is None or link.used_at is not None or link.expires_at <= now or not _waits(row, now):
        raise Refused(USED_UP, code="link-used")
    return row, link


def _waits(row: CodeRequest, now: datetime) -> bool:
    return row.state in ("expected", "waiting") and row.deadline > now
