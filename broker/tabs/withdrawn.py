"""A carrier script that was withdrawn: what it has open ends at once, and nothing of it reaches the portal any more."""

from sqlalchemy import select

from broker.base.unit import Unit
from broker.directory.models import ScriptVersion
from broker.scripts import service as scripts
from broker.scripts.models import ScriptBundle
from broker.tabs import records
from broker.tabs.models import LoginAttempt, PortalSession
from broker.tabs.states import AttemptState, SessionState

WORDS = "The carrier script of this session was withdrawn. Open it again."
UNDER_WAY = (AttemptState.CLAIMED, AttemptState.SUBMITTING)


def withdraw_script(work: Unit, digest: str, words: str) -> ScriptVersion:
    """Refuse a version and end what runs it. Raises as `scripts.refuse`."""
    row = scripts.refuse(work, digest, words)
    end_withdrawn(work)
    return row


def end_withdrawn(work: Unit) -> None:
    """End every sign-in and session of a version that was withdrawn; one that sleeps wakes with another version."""
    withdrawn = select(PortalSession).join(ScriptBundle, ScriptBundle.digest == PortalSession.script_digest)
    withdrawn = withdrawn.where(ScriptBundle.refused_at.is_not(None), PortalSession.state != SessionState.ENDED)
    for session in work.db.scalars(withdrawn):
        attempt = work.db.scalar(
            select(LoginAttempt).where(LoginAttempt.portal_session_id == session.id, LoginAttempt.state.in_(UNDER_WAY))
        )
        if attempt is None and session.state != SessionState.READY:
            continue  # asleep, or not begun
        if attempt is not None and attempt.state == AttemptState.CLAIMED:
            records.close_attempt(work, attempt, AttemptState.WITHDRAWN, "script_withdrawn")
            records.credit_try(work, attempt.id)
        elif attempt is not None:
            records.close_attempt(work, attempt, AttemptState.UNKNOWN, "script_withdrawn")
        session.account.fence += 1  # its door closes, and it does not log out with those bytes either
        records.end_session(work, session, "script_withdrawn", WORDS)
