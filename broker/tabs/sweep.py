"""Find rows nobody works on and bring them to an end. Run every few seconds; it is what makes tasks mere hints."""

from datetime import timedelta

from sqlalchemy import delete, select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.unit import Unit
from broker.codes import service as codes
from broker.tabs import records, withdrawn
from broker.tabs.models import BrowserNode, Lease, LoginAttempt, PortalSession, StreamTicket
from broker.tabs.states import AttemptState, SessionState

UNCLAIMED = timedelta(seconds=5)
UNCLAIMED_LIMIT = timedelta(minutes=3)
SILENT = timedelta(seconds=20)


def sweep(work: Unit) -> None:
    """Re-send forgotten hints; end what its host has left and what runs a withdrawn script; expire leases, tickets and code requests."""
    _forgotten(work)
    _abandoned(work)
    _silent_nodes(work)
    withdrawn.end_withdrawn(work)
    _expired_leases(work)
    _expired_tickets(work)
    codes.expire(work)


def _expired_tickets(work: Unit) -> None:
    """Who used one is in the audit log."""
    work.db.execute(delete(StreamTicket).where(StreamTicket.expires_at < work.clock.now()))


def _forgotten(work: Unit) -> None:
    now = work.clock.now()
    for row in work.db.scalars(
        select(LoginAttempt).where(
            LoginAttempt.state == AttemptState.RESERVED, LoginAttempt.created_at < now - UNCLAIMED
        )
    ):
        if row.created_at < now - UNCLAIMED_LIMIT:
            records.close_attempt(work, row, AttemptState.WITHDRAWN, "no_browser")
            records.credit_try(work, row.id)
            records.end_session(work, row.portal_session, "no_browser", "No browser host took it. See portunus doctor.")
        else:
            work.enqueue("open_tab", row.id)


def _abandoned(work: Unit) -> None:
    """The host died in the middle: before the submit nothing happened, after it nobody knows (and it counts)."""
    for row in work.db.scalars(
        select(LoginAttempt).where(
            LoginAttempt.state.in_((AttemptState.CLAIMED, AttemptState.SUBMITTING)),
            LoginAttempt.beat_at < work.clock.now() - SILENT,
        )
    ):
        if row.state == AttemptState.CLAIMED:
            records.close_attempt(work, row, AttemptState.WITHDRAWN, "host_lost")
            records.credit_try(work, row.id)
            words = "The browser host went away before it signed in. Open it again."
        else:
            records.close_attempt(work, row, AttemptState.UNKNOWN, "host_lost")
            words = "The browser host went away in mid sign-in. It counts as a failed try; open it again."
        row.account.fence += 1  # whatever is left of that host may not reach the portal any more
        records.end_session(work, row.portal_session, "host_lost", words)
        audit.record(work, Act.RECONCILED, "login_attempt", row.id, account_id=row.account_id, outcome=row.state)


def _silent_nodes(work: Unit) -> None:
    """Browsers of a host that is silent are gone."""
    silent = list(work.db.scalars(select(BrowserNode.name).where(BrowserNode.beat_at < work.clock.now() - SILENT)))
    if silent:
        end_sessions_of(work, silent)


def end_sessions_of(work: Unit, nodes: list[str]) -> None:
    """End the sessions whose browsers these hosts had; parked ones live on."""
    rows = work.db.scalars(
        select(PortalSession).where(PortalSession.node.in_(nodes), PortalSession.state == SessionState.READY)
    )
    for row in rows:
        records.end_session(work, row, "host_lost", "The browser host went away. Open it again.")


def restarted(work: Unit, node: str) -> None:
    """A host starts: what it had open before is gone, whatever the rows say."""
    for row in work.db.scalars(
        select(LoginAttempt).where(
            LoginAttempt.node == node, LoginAttempt.state.in_((AttemptState.CLAIMED, AttemptState.SUBMITTING))
        )
    ):
        row.beat_at = work.clock.now() - SILENT - timedelta(seconds=1)
    work.db.flush()
    _abandoned(work)
    end_sessions_of(work, [node])


def _expired_leases(work: Unit) -> None:
    for row in work.db.scalars(select(Lease).where(Lease.ended_at.is_(None), Lease.expires_at <= work.clock.now())):
        records.end_lease(work, row, "expired")
