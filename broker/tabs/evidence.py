"""Sign-ins that failed, and the picture of the page they stopped at: masked, for a reason, on record."""

import json
from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import NotFound
from broker.base.unit import Unit
from broker.codes import service as codes
from broker.identity.policy import Permission, require
from broker.identity.policy import reach as within
from broker.ports.blobs import Blobs
from broker.recordings import service as recordings
from broker.tabs.models import LoginAttempt, PortalSession
from broker.tabs.states import AttemptState
from broker.vault.service import Vault

ENDED_BADLY = (AttemptState.FAILED.value, AttemptState.UNKNOWN.value)
NOTHING = "There is no such sign-in."


@dataclass(frozen=True)
class FailedSignIn:
    """A sign-in that did not open the portal. No word of the portal's page is in it."""

    id: str
    ended_at: datetime | None
    portal_name: str
    location_name: str
    account_id: str
    username: str
    asked_by: str
    outcome: str
    words: str
    has_picture: bool


def failed_sign_ins(work: Unit, account_id: str | None = None, limit: int = 50) -> list[FailedSignIn]:
    """Newest first, of the accounts the actor may view, at his places."""
    where = within(work, Permission.ACCOUNT_VIEW)
    if not where:
        return []
    query = select(LoginAttempt).where(LoginAttempt.state.in_(ENDED_BADLY)).order_by(LoginAttempt.id.desc())
    if account_id:
        query = query.where(LoginAttempt.account_id == account_id)
    if not where.everywhere:
        query = query.join(PortalSession, PortalSession.id == LoginAttempt.portal_session_id).where(
            PortalSession.location_id.in_(where.location_ids) | LoginAttempt.account_id.in_(where.account_ids)
        )
    return [_told(work, row) for row in work.db.scalars(query.limit(limit))]


def failed_sign_in(work: Unit, attempt_id: str) -> FailedSignIn:
    """One of them. Raises `NotFound` for an unknown one and for one that is not the actor's to see."""
    return _told(work, _visible(work, attempt_id))


def open_picture(work: Unit, vault: Vault, blobs: Blobs, attempt_id: str, reason: str) -> bytes | None:
    """The masked picture as PNG, for a reason that goes into the log first; None when none was kept.

    The page's text, which is kept for comparing, is not given out: it may name a patient. Raises `NotFound`, `Incomplete`.
    """
    row = _visible(work, attempt_id)
    recordings.check_reason(reason)
    audit.record(
        work,
        Act.EVIDENCE_VIEWED,
        "login_attempt",
        row.id,
        account_id=row.account_id,
        location_id=row.portal_session.location_id,
        reason=reason.strip(),
        detail={"evidence": row.evidence},
    )
    if row.evidence is None:
        return None
    try:
        sealed = blobs.read(f"evidence/{row.evidence}")
    except NotFound:
        return None
    kept = json.loads(vault.unseal(work, row.account.organization_id, ("evidence", row.evidence), sealed))
    return b64decode(kept["png"])


def _visible(work: Unit, attempt_id: str) -> LoginAttempt:
    row = work.db.get(LoginAttempt, attempt_id)
    if row is None or row.state not in ENDED_BADLY:
        raise NotFound(NOTHING)
    require(work, Permission.ACCOUNT_VIEW, account=row.account, location=row.portal_session.location)
    return row


def _told(work: Unit, row: LoginAttempt) -> FailedSignIn:
    session = row.portal_session
    return FailedSignIn(
        id=row.id,
        ended_at=row.ended_at,
        portal_name=row.account.portal.name,
        location_name=session.location.name,
        account_id=row.account_id,
        username=row.account.username,
        asked_by=codes.name_of(work, row.requester_kind, row.requester_id),
        outcome=(row.outcome or "unknown").replace("_", " "),
        words=session.words or "",
        has_picture=row.evidence is not None,
    )
