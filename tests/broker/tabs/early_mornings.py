"""Monday at 07:15 in Phoenix, and a login that is to sign in by itself then: what tests of early sign-ins do and look at."""

import json
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.directory import service as directory
from broker.directory.models import Location, Portal
from broker.directory.service import Fact, Method
from broker.tabs import early
from broker.tabs.models import EarlySignIn, Lease, PortalSession
from tests import factories as make
from tests.broker.tabs.conftest import HOST, Office

ZONE = ZoneInfo("America/Phoenix")
MONDAY = date(2026, 11, 23)
TUESDAY = date(2026, 11, 24)


def phoenix(hour: int, minute: int = 0, day: date = MONDAY) -> datetime:
    """A moment by the office's clock."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE).astimezone(UTC)


def set_time(office: Office, at: str = "07:15", *, who=None, account=None, place=None) -> None:
    with office.portunus.unit(who or office.ana) as work:
        location = work.db.get_one(Location, (place or office.phoenix).id)
        early.set_time(work, (account or office.account).id, at, location)


def turn(office: Office) -> str | None:
    """One worker's look: whose turn it was."""
    with office.portunus.unit(early.HOLDER) as work:
        early.settle(work)
        return early.take_due(work)


def kept(office: Office, account=None) -> EarlySignIn:
    with office.portunus.reading(HOST) as work:
        row = work.db.get_one(EarlySignIn, (account or office.account).id)
        _ = row.location.time_zone
        return row


def told(office: Office, account=None) -> str:
    return early.told(kept(office, account), office.portunus.clock.now())


def counted(office: Office, table: type) -> int:
    with office.portunus.reading(HOST) as work:
        return work.db.scalar(select(func.count()).select_from(table)) or 0


def leases(office: Office) -> list[Lease]:
    with office.portunus.reading(HOST) as work:
        return list(work.db.scalars(select(Lease).order_by(Lease.created_at, Lease.id)))


def session(office: Office) -> PortalSession:
    with office.portunus.reading(HOST) as work:
        return work.db.scalars(select(PortalSession).order_by(PortalSession.id.desc()).limit(1)).one()


def on_record(office: Office, act: Act) -> list[dict[str, Any]]:
    """Entries of this act as the log has them, oldest first."""
    with office.portunus.reading(HOST) as work:
        leaves = work.db.scalars(select(AuditEntry.leaf).where(AuditEntry.act == act).order_by(AuditEntry.index))
        return [json.loads(leaf) for leaf in leaves]


def known(office: Office, **facts: Any) -> None:
    office.portunus.clock.advance(seconds=1)
    with office.portunus.unit(HOST) as work:
        portal = work.db.get_one(Portal, office.portal.id)
        for name, value in facts.items():
            directory.record_behaviour(work, portal, name, Fact(value, "seen in a test", date(2026, 11, 20)))


def by(office: Office, channel: str, **template: str) -> None:
    """From now on its code comes this way."""
    with office.portunus.unit(HOST) as work:
        account = directory.account_by_id(work, office.account.id)
        phone = make.endpoint(work, office.org, "phone", "+16025550142").id if channel in ("sms", "voice") else None
        endpoint = {"email": office.mailbox.id}.get(channel, phone)
        directory.prefer_method(work, account, Method(channel, endpoint, template=template))
