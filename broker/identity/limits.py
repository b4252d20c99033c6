"""How often a sign-in may go wrong: counted in SQL, before the password is looked at, so it fails closed.

A try is reserved first and taken back when it was right: parallel tries cannot slip past the count, and a process
that dies in between has used its try up.
"""

from datetime import timedelta

from sqlalchemy import delete, func, select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import TooMany
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.identity.models import FailedSignIn

WINDOW = timedelta(minutes=5)
LIMITS = {"user": 10, "address": 50}
KEPT = timedelta(days=1)


def reserve(work: Unit, email: str) -> list[str] | None:
    """Count a try against the sign-in name and the client's address; the rows' ids, or None when the limit is reached."""
    now = work.clock.now()
    subjects = {kind: f"{kind}:{name}"[:220] for kind, name in (("user", email), ("address", work.actor.address))}
    _one_after_another(work, list(subjects.values()))
    used = {kind: _used(work, subject) for kind, subject in subjects.items()}
    if any(used[kind] >= LIMITS[kind] for kind in LIMITS):
        return None
    work.db.execute(delete(FailedSignIn).where(FailedSignIn.at < now - KEPT))
    rows = [FailedSignIn(id=new_id("bad"), subject=subject, at=now) for subject in subjects.values()]
    work.db.add_all(rows)
    work.db.flush()
    last = [kind for kind in LIMITS if used[kind] + 1 == LIMITS[kind]]
    if last:  # recorded once per window, not per try: nobody floods the log from outside
        audit.record(
            work, Act.LOGIN_REFUSED, "sign_in", rows[0].id, outcome="limit", reason=f"last try per {' and '.join(last)}"
        )
    return [row.id for row in rows]


def take_back(work: Unit, reserved: list[str]) -> None:
    """The try was right and does not count."""
    work.db.execute(delete(FailedSignIn).where(FailedSignIn.id.in_(reserved)))


def too_many() -> TooMany:
    return TooMany("Too many wrong tries. Wait five minutes, then try again.")


def _one_after_another(work: Unit, subjects: list[str]) -> None:
    """SQLite has one writer anyway; PostgreSQL would let tries of one instant read the same count."""
    if work.db.get_bind().dialect.name == "postgresql":
        for subject in subjects:
            work.db.execute(select(func.pg_advisory_xact_lock(func.hashtext(subject))))


def _used(work: Unit, subject: str) -> int:
    since = work.clock.now() - WINDOW
    return work.db.scalar(select(func.count()).where(FailedSignIn.subject == subject, FailedSignIn.at > since)) or 0
