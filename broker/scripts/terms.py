"""The terms register: who read a carrier's terms when, what they permit, and the mode that follows for its portal."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Incomplete, Refused
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.directory.models import Portal
from broker.identity.policy import Permission, require
from broker.scripts.models import TermsRecord

PERMISSIONS = ("permitted_in_writing", "silent", "unclear", "forbidden")
MODES = ("attended", "assisted", "automated")
LEAST_DECISION = 20


def record(
    work: Unit,
    portal: Portal,
    *,
    read_on: date,
    source: str,
    permission: str,
    mode: str,
    decision: str,
    review_on: date,
) -> TermsRecord:
    """Note a reading; the portal's mode follows. Raises `Incomplete`, `Refused` for a mode the terms rule out."""
    require(work, Permission.PORTAL_MANAGE, anywhere=True)
    if permission not in PERMISSIONS or mode not in MODES:
        raise Incomplete("Choose what the terms permit, and attended, assisted or automated.")
    if not source.strip():
        raise Incomplete("Say where the terms stand: an address, a contract, a letter.")
    today = work.clock.now().date()
    if read_on > today or review_on <= today:
        raise Incomplete("The terms were read on a day that has been, and are read again on one that comes.")
    if permission == "forbidden" and mode != "attended":
        raise Refused(
            "The terms forbid programs: a person signs in there herself (attended).", code="automation-policy"
        )
    decision = decision.strip()
    if mode == "automated" and permission != "permitted_in_writing" and len(decision) < LEAST_DECISION:
        raise Incomplete("Automated use that is not permitted in writing needs the risk decision in words.")
    row = TermsRecord(
        id=new_id("trm"),
        portal_id=portal.id,
        read_on=read_on,
        read_by=work.actor.name,
        source=source.strip()[:500],
        permission=permission,
        mode=mode,
        decision=decision[:1000],
        recorded_by=work.actor.id,
        recorded_at=work.clock.now(),
        review_on=review_on,
    )
    audit.record(
        work,
        Act.TERMS_RECORDED,
        "portal",
        portal.id,
        reason=decision[:300] or None,
        detail={"permission": permission, "mode": mode, "was": portal.automation, "read_on": read_on.isoformat()},
    )
    work.db.add(row)
    portal.automation = mode
    work.db.flush()
    work.signal("tiles")
    return row


def register(work: Unit) -> Sequence[TermsRecord]:
    """All readings, newest first: the first of each portal counts."""
    return work.db.scalars(select(TermsRecord).order_by(TermsRecord.recorded_at.desc(), TermsRecord.id.desc())).all()


def newest(work: Unit, portal_id: str) -> TermsRecord | None:
    """The reading that counts."""
    return next((row for row in register(work) if row.portal_id == portal_id), None)
