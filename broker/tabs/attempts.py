"""A login attempt, from the host's claim to its last word. The rows, not the messages, say what may happen."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select, update

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import Actor, ActorKind
from broker.base.db import changed
from broker.base.errors import Conflict, Refused
from broker.base.settings import settings
from broker.base.unit import Unit
from broker.codes import service as codes
from broker.codes.questions import plain
from broker.directory import service as directory
from broker.directory.models import Location, PortalAccount
from broker.scripts import service as scripts
from broker.tabs import records
from broker.tabs.budget import Budget
from broker.tabs.models import Lease, LoginAttempt, PortalSession
from broker.tabs.patience import code_wait_s
from broker.tabs.records import Ending
from broker.tabs.states import AttemptState, SessionState
from broker.vault.service import Vault


@dataclass(frozen=True)
class Practice:
    """What a portal may show to say for whom it is signed in."""

    location_id: str
    name: str
    legal_names: tuple[str, ...]
    tin_tails: tuple[str, ...]
    npi: str
    city: str


@dataclass(frozen=True)
class Claim:
    """Everything the browser host needs for one attempt; no secret."""

    attempt_id: str
    portal_session_id: str
    organization_id: str
    account_id: str
    location_id: str
    kind: str
    fence: int
    portal_key: str
    start_url: str
    hosts: tuple[str, ...]
    """Where its browser may go."""
    behaviour: dict[str, Any]
    time_zone: str
    wanted: Practice
    portal_id: str = ""
    script_digest: str = ""
    """The version that this account runs at this location: the host runs exactly these bytes."""
    for_person: bool = False
    """Whether a person or a service account waits for the tab, rather than Portunus's own lookups."""
    code_wait_s: int = 0
    """How long this sign-in may wait for its code."""
    sign_in_hosts: tuple[str, ...] = ()
    """The few of them where a secret may be typed."""
    others: tuple[Practice, ...] = field(default_factory=tuple)
    """The organization's other locations on this account: none of them may be what is signed in."""


def claim_attempt(work: Unit, attempt_id: str, node: str, script_digest: str) -> Claim | None:
    """Take the attempt, once, and the account's fence with it. None when it is not there to take.

    Raises `Refused` when the script's exact bytes are not approved; the attempt is then ended with that outcome.
    """
    now = work.clock.now()
    taken = work.db.execute(
        update(LoginAttempt)
        .where(LoginAttempt.id == attempt_id, LoginAttempt.state == AttemptState.RESERVED)
        .values(state=AttemptState.CLAIMED.value, claimed_at=now, beat_at=now, node=node)
    )
    if changed(taken) == 0:
        return None
    row = records.attempt(work, attempt_id)
    work.db.refresh(row)
    account = row.account
    work.db.refresh(account, with_for_update=True)
    account.fence += 1
    session = row.portal_session
    row.fence = session.fence = account.fence
    session.node, session.script_digest = node, script_digest
    scripts.runnable(work, script_digest, account.portal_id)
    declared, behaviour = scripts.bundle_of(work, script_digest), directory.behaviour(work, account.portal)
    if row.kind == "login":
        records.move_session(work, session, SessionState.SIGNING_IN, "Opening the portal.")
    audit.record(
        work,
        Act.ATTEMPT_CLAIMED,
        "login_attempt",
        row.id,
        account_id=account.id,
        location_id=session.location_id,
        detail={"node": node, "fence": row.fence, "script": script_digest[:16], "kind": row.kind},
    )
    return Claim(
        attempt_id=row.id,
        portal_session_id=session.id,
        organization_id=account.organization_id,
        account_id=account.id,
        location_id=session.location_id,
        kind=row.kind,
        fence=row.fence,
        portal_key=account.portal.key,
        start_url=account.portal.start_url,
        hosts=tuple(declared.facts["hosts"] if declared else account.portal.hosts),
        sign_in_hosts=_sign_in_hosts(declared.facts if declared else {}, account.portal.start_url),
        portal_id=account.portal_id,
        script_digest=script_digest,
        behaviour=behaviour,
        for_person=_for_person(work, session),
        code_wait_s=_code_wait_s(account, behaviour),
        time_zone=session.location.time_zone,
        wanted=_practice(session.location),
        others=tuple(_practice(place) for place in account.locations if place.id != session.location_id),
    )


def _sign_in_hosts(facts: dict[str, Any], start_url: str) -> tuple[str, ...]:
    """What the version declares; a version that says nothing signs in where it starts."""
    start = urlsplit(str(facts.get("start") or start_url)).hostname or ""
    return tuple(facts.get("sign_in_hosts") or [start])


def _for_person(work: Unit, session: PortalSession) -> bool:
    waiting = records.live_lease(work, session.id)
    return waiting is not None and waiting.holder_kind != ActorKind.SYSTEM.value


def _code_wait_s(account: PortalAccount, behaviour: dict[str, Any]) -> int:
    """By the way this login gets its codes; one without a second factor waits for none."""
    way = account.mfa_methods[0].way if account.mfa_methods else ""
    return code_wait_s(way, behaviour, settings().code_wait_s)


def _practice(location: Location) -> Practice:
    return Practice(
        location_id=location.id,
        name=location.name,
        legal_names=tuple(entity.legal_name for entity in location.tax_entities),
        tin_tails=tuple(entity.tin[-4:] for entity in location.tax_entities),
        npi=location.npi,
        city=location.city,
    )


def asking_lease(work: Unit, row: LoginAttempt) -> Lease | None:
    """The tab that this sign-in was for: the session's first from that moment on."""
    opened = select(Lease).where(Lease.portal_session_id == row.portal_session_id, Lease.created_at >= row.created_at)
    return work.db.scalar(opened.order_by(Lease.created_at, Lease.id).limit(1))


def asking_lease_id(work: Unit, row: LoginAttempt) -> str | None:
    """Its id."""
    lease = asking_lease(work, row)
    return lease.id if lease else None


def attempts_for(work: Unit, lease_id: str) -> list[str]:
    """Ids of the sign-ins that were for this very tab; none where the session was signed in already."""
    of_its_session = Lease.portal_session_id == LoginAttempt.portal_session_id
    rows = work.db.scalars(select(LoginAttempt).join(Lease, of_its_session).where(Lease.id == lease_id))
    return [row.id for row in rows if (asker := asking_lease(work, row)) is not None and asker.id == lease_id]


def tries_left(work: Unit, account: PortalAccount) -> int:
    """How many sign-ins may still be submitted before the carrier could lock the account."""
    budget = Budget.of(directory.behaviour(work, account.portal))
    return budget.left(records.debits(work, account.id), work.clock.now())


def portal_key(work: Unit, attempt_id: str) -> str:
    """Which portal's script an attempt needs."""
    return records.attempt(work, attempt_id).account.portal.key


def script_for(work: Unit, attempt_id: str) -> str:
    """The digest of the version that this attempt runs. Raises `NotFound` when the portal has no script."""
    row = records.attempt(work, attempt_id)
    return scripts.chosen(work, row.account, row.portal_session.location)


def waiting_attempt(work: Unit, lease_id: str) -> str | None:
    """The sign-in that this lease waits for and nobody has begun; None when there is none."""
    query = select(LoginAttempt.id).join(Lease, Lease.portal_session_id == LoginAttempt.portal_session_id)
    return work.db.scalar(query.where(Lease.id == lease_id, LoginAttempt.state == AttemptState.RESERVED))


def account_of(work: Unit, attempt_id: str) -> str:
    """Which account an attempt signs in. Raises `NotFound`."""
    return records.attempt(work, attempt_id).account_id


def username(work: Unit, attempt_id: str, fence: int) -> str:
    """The login's user name, for the desk to type."""
    return records.fenced(work, attempt_id, fence).account.username


def becomes_login(work: Unit, attempt_id: str, fence: int) -> None:
    """A revival did not work: from here it is a login, and takes its try first.

    Raises `Conflict` when none is left, or when no code could come (`channel-down`).
    """
    row = records.fenced(work, attempt_id, fence)
    codes.refuse_without(work, row.account, row.portal_session.location_id)
    row.kind = "login"
    records.reserve_try(work, row, directory.behaviour(work, row.account.portal))
    records.move_session(work, row.portal_session, SessionState.SIGNING_IN, "Signing in again.")


def submit(work: Unit, attempt_id: str, fence: int) -> str | None:
    """The one transaction that permits the password to be typed: try taken, code request open, intent on record.

    Returns the code request's id (None without a second factor). Raises `Conflict` for a stale fence, a second submit,
    a parked account, a busy endpoint, or a mailbox or telephone that went down (`channel-down`).
    """
    row = records.fenced(work, attempt_id, fence)
    if row.state != AttemptState.CLAIMED:
        raise Conflict("The password was submitted in this sign-in already.", code="submitted-already")
    account = row.account
    if account.status != "active":
        raise Conflict("This login was parked meanwhile.", code="account-parked")
    codes.refuse_without(work, account, row.portal_session.location_id)
    if not records.holds_debit(work, row.id):
        records.reserve_try(work, row, directory.behaviour(work, account.portal))
    records.move_attempt(work, row, AttemptState.SUBMITTING)
    row.submitted_at = work.clock.now()
    location = row.portal_session.location
    behaviour = directory.behaviour(work, account.portal)
    request = codes.expect(
        work,
        attempt_id=row.id,
        account=account,
        location=location,
        requester=requester(work, row),
        life_s=_code_wait_s(account, behaviour),
        lease_id=asking_lease_id(work, row),
    )
    audit.record(
        work,
        Act.LOGIN_SUBMITTED,
        "login_attempt",
        row.id,
        account_id=account.id,
        location_id=location.id,
        detail={"fence": fence, "code_request": request.id if request else None},
    )
    return request.id if request else None


def wait_turn(work: Unit, attempt_id: str, fence: int) -> int:
    """Stand in line for a code whose endpoint is busy; how many come first. Raises `Conflict` for a stale fence."""
    row = records.fenced(work, attempt_id, fence)
    return codes.stand_in_line(work, attempt_id=row.id, account=row.account)


def requester(work: Unit, row: LoginAttempt) -> Actor:
    """Who asked for what this sign-in is for: the tab's holder, or of lookups whoever submitted them."""
    name = codes.name_of(work, row.requester_kind, row.requester_id)
    return Actor(kind=ActorKind(row.requester_kind), id=row.requester_id, name=name)


def release_password(work: Unit, vault: Vault, attempt_id: str, fence: int) -> str:
    """The password, once per attempt, once `submit` has taken its try. For the desk, which types it at once."""
    row = records.fenced(work, attempt_id, fence)
    taken = work.db.execute(
        update(LoginAttempt)
        .where(
            LoginAttempt.id == row.id, LoginAttempt.state == AttemptState.SUBMITTING, LoginAttempt.released_at.is_(None)
        )
        .values(released_at=work.clock.now())
    )
    if changed(taken) == 0:
        raise Refused("The password of this sign-in was released already.", code="released-already")
    return vault.use(work, "portal_account", row.account_id, "password", purpose=f"sign-in {row.id}").decode()


def release_answer(work: Unit, vault: Vault, attempt_id: str, fence: int, question: str) -> str | None:
    """The stored answer to this security question, after `submit` has committed; None when there is none.

    Raises `Refused` for a sign-in that has not taken its try.
    """
    row = records.fenced(work, attempt_id, fence)
    if row.state != AttemptState.SUBMITTING:
        raise Refused("An answer is released after the sign-in has taken its try.", code="not-submitted")
    if not vault.has(work, "portal_account", row.account_id, "security_answers"):
        return None
    kept = vault.use(work, "portal_account", row.account_id, "security_answers", purpose=f"sign-in {row.id}")
    answers = {plain(asked): answer for asked, answer in json.loads(kept).items()}
    answer = answers.get(plain(question))
    return str(answer) if answer is not None else None


def method(work: Unit, attempt_id: str, fence: int) -> str:
    """How the account's codes come: email, sms, totp; for a desk the way its template names (voice, push, …); or none."""
    methods = records.fenced(work, attempt_id, fence).account.mfa_methods
    return methods[0].way if methods else "none"


def progress(work: Unit, attempt_id: str, fence: int, state: SessionState, words: str) -> None:
    """Tell whoever waits how far it is."""
    row = records.fenced(work, attempt_id, fence)
    row.beat_at = work.clock.now()
    records.move_session(work, row.portal_session, state, words)


def beat(work: Unit, attempt_id: str, fence: int) -> bool:
    """A sign of life; False when the attempt is no longer this host's to run."""
    beaten = work.db.execute(
        update(LoginAttempt)
        .where(
            LoginAttempt.id == attempt_id,
            LoginAttempt.fence == fence,
            LoginAttempt.state.in_((AttemptState.CLAIMED, AttemptState.SUBMITTING)),
        )
        .values(beat_at=work.clock.now())
    )
    return changed(beaten) == 1


def finish(work: Unit, attempt_id: str, fence: int, ending: Ending) -> None:
    """The attempt's last word: a proved session is granted to whoever waits; anything else ends with its words."""
    row = records.fenced(work, attempt_id, fence)
    session, account = row.portal_session, row.account
    if ending.signed_in:
        records.close_attempt(work, row, AttemptState.SUCCEEDED, ending.outcome)
        records.credit_try(work, row.id)
        account.last_login_at = work.clock.now()
        _ready(work, row)
        return
    submitted = row.state == AttemptState.SUBMITTING
    records.close_attempt(work, row, AttemptState.FAILED, ending.outcome, ending.evidence)
    if not submitted:
        records.credit_try(work, row.id)
    if ending.parks_account:
        directory.park_account(work, account, ending.outcome, ending.words)
    records.end_session(work, session, ending.outcome, ending.words)


def sleeps_on(work: Unit, attempt_id: str, fence: int, ending: Ending, sealed: bytes) -> None:
    """The portal gave no answer to a sleeper: it goes back to sleep as it was, no try is taken, and whoever waited is told."""
    row = records.fenced(work, attempt_id, fence)
    session = row.portal_session
    records.close_attempt(work, row, AttemptState.FAILED, ending.outcome, ending.evidence)
    waiting = records.live_lease(work, session.id)
    if waiting is not None:
        records.end_lease(work, waiting, ending.outcome)
    records.park(work, session, sealed, ending.words)


def _ready(work: Unit, row: LoginAttempt) -> None:
    session, now = row.portal_session, work.clock.now()
    records.move_session(work, session, SessionState.READY)
    session.proved_at = session.active_at = now
    held = records.live_lease(work, session.id)
    audit.record(
        work,
        Act.SESSION_REVIVED if row.kind == "revive" else Act.SESSION_PROVED,
        "portal_session",
        session.id,
        account_id=session.account_id,
        location_id=session.location_id,
        detail={
            "attempt": row.id,
            "script": (session.script_digest or "")[:16],
            "lease": held.id if held is not None else None,
        },
    )
    if held is not None and held.granted_at is None:
        held.granted_at = now
        records.record_grant(work, held, session)
        work.signal(f"lease:{held.id}")


def refuse(work: Unit, attempt_id: str, words: str) -> None:
    """End an attempt that this host may not run (unknown or unapproved script)."""
    row = records.attempt(work, attempt_id)
    if row.state not in (AttemptState.RESERVED, AttemptState.CLAIMED):
        return
    records.close_attempt(work, row, AttemptState.WITHDRAWN, "refused")
    records.credit_try(work, row.id)
    records.end_session(work, row.portal_session, "refused", words)


# --- the remembered device


def keep_trusted_device(work: Unit, vault: Vault, account: PortalAccount, state: list[dict[str, Any]]) -> None:
    """Vault the portal's remembered-device cookies at once: a crash would lose them, and with them a code per day."""
    vault.put(work, account.organization_id, "portal_account", account.id, "trusted_device", json.dumps(state).encode())


def trusted_device(work: Unit, vault: Vault, account_id: str) -> list[dict[str, Any]]:
    """The cookies to start with, if any were kept."""
    if not vault.has(work, "portal_account", account_id, "trusted_device"):
        return []
    kept: list[dict[str, Any]] = json.loads(
        vault.use(work, "portal_account", account_id, "trusted_device", purpose="start the browser")
    )
    return kept
