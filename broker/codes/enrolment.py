"""A login's new authenticator, set up by Portunus at the carrier's own page: one person asks, another approves, once.

The browser host reads the seed off that page into the vault and types its first code. Only when the portal has taken the
code the seed counts; until then it stands beside the old one, which stays good. No person and no script is given it.
"""

from datetime import datetime, timedelta

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import ActorKind
from broker.base.errors import Conflict, NotFound, Refused
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.codes.models import Enrolment
from broker.directory import service as directory
from broker.directory.models import PortalAccount
from broker.directory.service import Method
from broker.identity.policy import NOTHING_THERE, Permission, require
from broker.vault.service import Vault
from broker.vault.totp import Seed

OWNER, FIELD, CAPTURED = "portal_account", "totp_seed", "totp_seed_captured"
OPEN = ("asked", "approved", "captured")
APPROVED_FOR = timedelta(hours=8)
"""A working day: the next sign-in may be in the afternoon."""
UNDER_WAY = timedelta(minutes=5)
"""So long after the capture the sign-in itself may still settle it."""
ASK_FIRST = (
    "The portal wants a new authenticator set up. Ask for it under Accounts, “How it gets its code”; when a second person "
    "has approved it, open the portal again and Portunus sets it up."
)


def ask(work: Unit, account: PortalAccount) -> Enrolment:
    """Ask that the next sign-in sets up this login's authenticator. Raises `Refused`, `Conflict` (asked for already)."""
    require(work, Permission.SECRET_STORE, account=account)
    if of_account(work, account.id) is not None:
        raise Conflict("A new authenticator has been asked for already.")
    row = Enrolment(
        id=new_id("enr"),
        account_id=account.id,
        state="asked",
        asked_by=work.actor.id,
        asked_by_name=work.actor.name[:120],
        asked_at=work.clock.now(),
        approved_by=None,
        approved_by_name="",
        expires_at=None,
        attempt_id=None,
        captured_at=None,
    )
    _record(work, Act.ENROLMENT_ASKED, row)
    work.db.add(row)
    work.db.flush()
    return row


def approve(work: Unit, enrolment_id: str) -> None:
    """Another person says yes: good for one sign-in within eight hours. Raises `NotFound`, `Refused`, `Conflict`."""
    row = _asked_for(work, enrolment_id)
    if row.state != "asked":
        raise Conflict("This has been decided already.")
    if work.actor.kind is not ActorKind.USER or work.actor.id == row.asked_by:
        raise Refused("Somebody else must approve what you asked for.", code="own-request")
    row.state, row.expires_at = "approved", work.clock.now() + APPROVED_FOR
    row.approved_by, row.approved_by_name = work.actor.id, work.actor.name[:120]
    _record(work, Act.ENROLMENT_APPROVED, row)


def withdraw(work: Unit, enrolment_id: str) -> None:
    """It is not wanted after all. Raises `NotFound`, `Refused`, `Conflict` when a seed was captured already."""
    row = _asked_for(work, enrolment_id)
    if row.state not in ("asked", "approved"):
        raise Conflict("The seed has been captured: say whether the portal knows it.")
    row.state = "withdrawn"
    _record(work, Act.ENROLMENT_ENDED, row, outcome="withdrawn")


def settle(work: Unit, vault: Vault, enrolment_id: str, *, known: bool) -> None:
    """The sign-in broke off after the capture, and a person found out whether the portal knows the new seed.

    Raises `NotFound`, `Refused`, `Conflict` (nothing to settle, or the sign-in may still go on).
    """
    row = _asked_for(work, enrolment_id)
    if row.state != "captured" or row.captured_at is None:
        raise Conflict("There is no captured seed to decide about.")
    if work.clock.now() < row.captured_at + UNDER_WAY:
        raise Conflict("The sign-in may still go on. Look again in five minutes.")
    _end(work, vault, row, proved=known)


def of_account(work: Unit, account_id: str) -> Enrolment | None:
    """The one that is asked for, approved, or captured and not settled; None when there is none, or its time is over."""
    row = work.db.scalar(
        select(Enrolment)
        .where(Enrolment.account_id == account_id, Enrolment.state.in_(OPEN))
        .order_by(Enrolment.id.desc())
        .limit(1)
    )
    return None if row is None or _late(row, work.clock.now()) else row


def is_approved(work: Unit, account_id: str) -> None:
    """Raises `Conflict` (code `needs_person`) when nobody asked for and approved it."""
    _approved(work, account_id)


def capture(work: Unit, vault: Vault, account: PortalAccount, attempt_id: str, seed: str) -> str:
    """The seed that the portal shows goes into the vault beside the one that counts; its code of now, to prove it with.

    Raises `Conflict` (not approved), `Incomplete` (no seed).
    """
    row, parsed = _approved(work, account.id), Seed.parse(seed)
    now = work.clock.now()
    row.state, row.attempt_id, row.captured_at = "captured", attempt_id, now
    _record(work, Act.ENROLMENT_CAPTURED, row, attempt=attempt_id)
    vault.put(work, account.organization_id, OWNER, account.id, CAPTURED, seed.strip().encode())
    return parsed.code(parsed.step(now))


def answered(work: Unit, vault: Vault, attempt_id: str, *, accepted: bool) -> None:
    """What the portal said to the first code: the new seed counts from now on, or it is destroyed."""
    row = _of_attempt(work, attempt_id)
    if row is not None and row.state == "captured":
        _end(work, vault, row, proved=accepted)


def was_proved(work: Unit, attempt_id: str) -> bool:
    """Whether this sign-in has set an authenticator up: what the portal shows with it may be kept."""
    row = _of_attempt(work, attempt_id)
    return row is not None and row.state == "proved"


def _end(work: Unit, vault: Vault, row: Enrolment, *, proved: bool) -> None:
    account = work.db.get_one(PortalAccount, row.account_id)
    row.state = "proved" if proved else "refused"
    _record(work, Act.ENROLMENT_ENDED, row, outcome=row.state, attempt=row.attempt_id or "")
    if proved and row.captured_at is not None:
        seed = vault.use(work, OWNER, account.id, CAPTURED, purpose=f"enrolment {row.id}")
        vault.put(work, account.organization_id, OWNER, account.id, FIELD, seed)
        account.totp_last_step = Seed.parse(seed.decode()).step(row.captured_at)
        directory.prefer_method(work, account, Method("totp"))
    vault.destroy(work, OWNER, account.id, CAPTURED)
    work.signal("tiles")


def _approved(work: Unit, account_id: str) -> Enrolment:
    row = of_account(work, account_id)
    if row is None or row.state != "approved":
        raise Conflict(ASK_FIRST, code="needs_person")
    return row


def _asked_for(work: Unit, enrolment_id: str) -> Enrolment:
    row = work.db.get(Enrolment, enrolment_id, with_for_update=True)
    account = work.db.get(PortalAccount, row.account_id) if row is not None else None
    if row is None or account is None:
        raise NotFound(NOTHING_THERE)
    require(work, Permission.SECRET_STORE, account=account)
    if _late(row, work.clock.now()):
        raise Conflict("Its time is over: ask again.")
    return row


def _late(row: Enrolment, now: datetime) -> bool:
    return row.state == "approved" and row.expires_at is not None and row.expires_at <= now


def _of_attempt(work: Unit, attempt_id: str) -> Enrolment | None:
    return work.db.scalar(select(Enrolment).where(Enrolment.attempt_id == attempt_id))


def _record(work: Unit, act: Act, row: Enrolment, *, outcome: str = "done", attempt: str = "") -> None:
    detail = {"enrolment": row.id, "asked_by": row.asked_by, "approved_by": row.approved_by or ""}
    if attempt:
        detail["attempt"] = attempt
    audit.record(work, act, "portal_account", row.account_id, account_id=row.account_id, outcome=outcome, detail=detail)
