"""One lookup at a time under a lease: taken by a conditional UPDATE, ended once, given back when a person comes.

The browser host calls these. What a script answered is believed only as far as its evidence goes.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from sqlalchemy import update

from broker.base.db import changed
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.directory import service as directory
from broker.lookups import askers, records, right_patient, turns
from broker.lookups.ask import Ask, question
from broker.lookups.evidence import Artifact, Provenance, Sighting, Unmapped
from broker.lookups.failures import FAILURES, Retry
from broker.lookups.governor import OPENS_BREAKER, STOPS_LOGIN, Governor, again_in, breaks_for
from broker.lookups.models import Lookup, LookupArtifact, LookupResult, LookupTurn, PortalPace
from broker.lookups.schema import ProviderRef, Result, parse
from broker.lookups.states import State
from broker.tabs import service as tabs
from broker.tabs.models import Lease, PortalSession
from broker.tabs.states import SessionState
from broker.vault.service import Vault

MOST_SEEN = 60
"""Sightings kept of a failure."""


@dataclass(frozen=True)
class Job:
    """One lookup for the browser host. `question` names a patient: it is never logged."""

    lookup_id: str
    lease_id: str
    kind: str
    question: dict[str, Any]
    started_at: datetime


@dataclass(frozen=True)
class Wait:
    """Nothing may start yet; look again after `seconds`, or when something new comes."""

    seconds: float


@dataclass(frozen=True)
class Picture:
    """A picture that was kept in the recording, or a file in a blob."""

    artifact_id: str
    kind: str
    sha256: str
    size: int
    captured_at: datetime
    recording_id: str | None = None
    offset_ms: int | None = None
    chunk: int | None = None
    place: int | None = None
    blob: str | None = None


@dataclass(frozen=True)
class Answered:
    """What a script said, with the sightings that the host itself noted."""

    result: dict[str, Any]
    fields: dict[str, list[Sighting]]
    unmapped: list[Unmapped]
    pictures: list[Picture]
    captured_at: datetime
    script_version: str
    portal_session_id: str
    today_only: bool = False
    """The portal was asked for no day: the answer is as of today, whatever day the question names."""


@dataclass(frozen=True)
class Unanswered:
    """Why there is no answer."""

    code: str
    evidence: list[Sighting] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    page: str | None = None
    """Id of the sealed page that was not recognised."""


def next_job(work: Unit, vault: Vault, lease_id: str) -> Job | Wait | None:
    """Take the next lookup of this lease's login and location. None: the lease is over, or others come first."""
    lease = work.db.get(Lease, lease_id, populate_existing=True)
    now = work.clock.now()
    if lease is None or not turns.is_ours(lease) or lease.ended_at is not None or lease.granted_at is None:
        return None
    session = lease.portal_session
    account = session.account
    if session.state != SessionState.READY or lease.expires_at <= now or account.portal.automation != "automated":
        return None
    first = turns.next_of(work, account.id)
    if first is None:
        return Wait(3600)
    row = turns.next_in(work, session, first)
    if row is None:
        return None  # what comes first waits at another location: give the lease back and sign in there
    if not askers.may_still_ask(work, row):
        turns.end_of_asker(work, account.id, row)
        return Wait(0)
    turn = work.db.get(LookupTurn, account.id, populate_existing=True)
    if turn is not None and turn.not_before is not None and turn.not_before > now:
        return Wait((turn.not_before - now).total_seconds())
    pace = _pace(work, row)
    wait = Governor.of(directory.behaviour(work, account.portal)).wait(pace.started_at, pace.paused_until, now)
    if wait > timedelta(0):
        return Wait(wait.total_seconds())
    taken = work.db.execute(
        update(Lookup)
        .where(Lookup.id == row.id, Lookup.state == State.QUEUED)
        .values(state=State.RUNNING.value, state_at=now, lease_id=lease.id, runs=Lookup.runs + 1)
    )
    if changed(taken) == 0:
        return Wait(0)
    work.db.refresh(row)
    pace.started_at = now
    work.signal(f"lookup:{row.id}")
    asked = records.unseal(work, vault, row.organization_id, ("lookup", row.id), row.asked)
    return Job(row.id, lease.id, row.kind, question(asked, _today(row, now)), now)


def answer(work: Unit, vault: Vault, job: Job, said: Answered) -> None:
    """Keep the result, if it holds: evidence for each value, for the patient that was asked for."""
    row = _running(work, job)
    if row is None:
        return
    try:
        result = _result(row, job, said)
    except ValidationError:
        seen = [one for some in said.fields.values() for one in some][:MOST_SEEN]
        _fail(work, vault, row, Unanswered("bad_answer", seen, said.pictures))
        return
    if (other := right_patient.other_than_asked(result, job.question)) is not None:
        about = [some for pointer, some in said.fields.items() if "/patient/" in pointer or pointer.endswith("_number")]
        seen = [one for some in about for one in some]
        _fail(work, vault, row, Unanswered(other, seen, said.pictures))
        return
    _keep(work, row, said.pictures)
    kept = LookupResult(
        id=new_id("res"),
        organization_id=row.organization_id,
        subject=row.subject,
        matter=vault.digest(work, row.organization_id, f"matter {_asked(row, job).matter()}"),
        captured_at=said.captured_at,
        schema_version=result.schema_version,
        script_version=said.script_version,
        sealed=b"",
        fields=len(result.provenance.fields),
        unmapped=len(result.unmapped),
    )
    document = result.model_dump(mode="json", exclude_none=True)
    kept.sealed = records.seal(work, vault, row.organization_id, ("lookup result", kept.id), document)
    work.db.add(kept)
    work.db.flush()
    row.result_id = kept.id
    pace = _pace(work, row)
    pace.failures, pace.paused_until, pace.words = 0, None, None
    if row.account_id is not None:
        records.turn(work, row.account_id).stops = 0
    records.end(work, row, State.DONE)


def fail(work: Unit, vault: Vault, job: Job, why: Unanswered) -> None:
    """No answer: again later, or a person, or the end, as the failure's class says. What it was seen by is kept."""
    row = _running(work, job)
    if row is not None:
        _fail(work, vault, row, why)


def give_back(work: Unit, job: Job) -> None:
    """Stopped in the middle (a person came, the session ended): it waits for the next turn and nothing counts."""
    row = _running(work, job)
    if row is not None:
        turns.put_back(work, row)


def signed_out(work: Unit, session_id: str, outcome: str, words: str, *, parks_account: bool) -> None:
    """The session ended under a lookup; a login that the portal has locked meanwhile is not tried again by itself."""
    session = work.db.get_one(PortalSession, session_id)
    if parks_account:
        directory.park_account(work, session.account, outcome, words)
    tabs.lost(work, session_id, outcome, words)


def _running(work: Unit, job: Job) -> Lookup | None:
    row = work.db.get(Lookup, job.lookup_id, populate_existing=True, with_for_update=True)
    return row if row is not None and row.state == State.RUNNING and row.lease_id == job.lease_id else None


def _fail(work: Unit, vault: Vault, row: Lookup, why: Unanswered) -> None:
    _keep(work, row, why.pictures)
    row.error_evidence = why.page
    seen = [one.model_dump(mode="json", exclude_none=True) for one in why.evidence[:MOST_SEEN]]
    context = ("lookup failure", row.id)
    row.error_seen = records.seal(work, vault, row.organization_id, context, seen) if seen else None
    row.failures += 1
    kind = FAILURES[why.code].retry
    _breaker(work, row, why.code)
    _stops(work, row, why.code)
    later = again_in(kind.value, row.failures)
    if later is not None:
        records.move(work, row, State.QUEUED)
        row.error, row.lease_id, row.not_before = why.code, None, work.clock.now() + later
        return
    records.end(work, row, State.FAILED if kind is Retry.NO else State.NEEDS_HUMAN, why.code)


def _breaker(work: Unit, row: Lookup, code: str) -> None:
    pace = _pace(work, row)
    if code not in OPENS_BREAKER:
        pace.failures = 0
        return
    pace.failures += 1
    rest = breaks_for(pace.failures)
    if rest is not None:
        pace.paused_until, pace.words = work.clock.now() + rest, FAILURES[code].words


def _stops(work: Unit, row: Lookup, code: str) -> None:
    """A page that stops one login's lookups one after another rests that login: a batch is not spent on it."""
    if row.account_id is None:
        return
    turn = records.turn(work, row.account_id)
    turn.stops = turn.stops + 1 if code in STOPS_LOGIN else 0
    rest = breaks_for(turn.stops)
    if rest is not None:
        turn.not_before, turn.words = work.clock.now() + rest, FAILURES[code].words


def _pace(work: Unit, row: Lookup) -> PortalPace:
    pace = work.db.get(PortalPace, row.portal_id, with_for_update=True)
    if pace is None:
        pace = PortalPace(portal_id=row.portal_id, started_at=None, failures=0, paused_until=None, words=None)
        work.db.add(pace)
        work.db.flush()
    return pace


def _keep(work: Unit, row: Lookup, pictures: list[Picture]) -> None:
    for one in pictures:
        work.db.add(
            LookupArtifact(
                id=one.artifact_id,
                organization_id=row.organization_id,
                lookup_id=row.id,
                kind=one.kind,
                sha256=one.sha256,
                size=one.size,
                captured_at=one.captured_at,
                recording_id=one.recording_id,
                offset_ms=one.offset_ms,
                chunk=one.chunk,
                place=one.place,
                blob=one.blob,
            )
        )


def _result(row: Lookup, job: Job, said: Answered) -> Result:
    entity = row.location.tax_entities[0] if row.location.tax_entities else None
    carriers = row.portal.carriers
    payer = carriers[0].name if len(carriers) == 1 else row.portal.name
    if row.kind == "eligibility":  # chosen in the hub's list, by the name that the directory has
        payer = job.question.get("payer", payer)
    told: dict[str, Any] = {
        **said.result,
        "lookup_id": row.id,
        "payer": {"portal": row.portal.key, "name": payer, **dict(said.result.get("payer") or {})},
        "provider": ProviderRef(
            npi=row.location.npi,
            tin_last4=entity.tin[-4:] if entity else None,
            location_id=row.location_id,
            name=row.location.name,
        ).model_dump(),
        "unmapped": [one.model_dump() for one in said.unmapped],
        "provenance": Provenance(
            portal=row.portal.key,
            portal_account_id=row.account_id or "",
            location_id=row.location_id,
            script_version=said.script_version,
            portal_session_id=said.portal_session_id,
            lease_id=job.lease_id,
            requested_by=row.requester_id,
            actor_kind=row.requester_kind,  # type: ignore[arg-type]
            started_at=job.started_at,
            captured_at=said.captured_at,
            artifacts=[_artifact(one) for one in said.pictures],
            fields=said.fields,
        ).model_dump(),
    }
    if row.kind == "eligibility":
        today = job.question.get("today")
        told["service_date"] = today if said.today_only else job.question.get("service_date") or today
    return parse(row.kind, told)


def _artifact(one: Picture) -> Artifact:
    return Artifact(
        artifact_id=one.artifact_id,
        kind=one.kind,  # type: ignore[arg-type]
        sha256=one.sha256,
        bytes=one.size,
        captured_at=one.captured_at,
        recording_id=one.recording_id,
        recording_offset_ms=one.offset_ms,
    )


def _asked(row: Lookup, job: Job) -> Ask:
    told = {name: value for name, value in job.question.items() if name != "today"}
    return Ask.model_validate(told | {"kind": row.kind, "portal": row.portal.key, "location": row.location.key})


def _today(row: Lookup, now: datetime) -> date:
    """The day it is where the practice is: after five in Phoenix it is tomorrow in Greenwich."""
    return now.astimezone(ZoneInfo(row.location.time_zone)).date()
