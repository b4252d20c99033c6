"""Carrier scripts for people: what is in force, versions and their differences, approval, release, terms."""

import re
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, permits
from api.pages import page
from api.script_texts import base_of, with_text
from broker.adapters import script_editing
from broker.adapters.script_process import digest_of
from broker.base.errors import BrokerError, Conflict, Incomplete, Unavailable
from broker.base.unit import Unit
from broker.directory import service as directory
from broker.directory.models import Location, Portal, PortalAccount, ScriptVersion
from broker.identity.models import User
from broker.identity.policy import Permission, organization_of
from broker.scripts import service as scripts
from broker.tabs import service as tabs

router = APIRouter()
WATCHERS = [permits(Permission.STATUS_VIEW)]
WRITERS = [permits(Permission.SCRIPT_MAINTAIN)]
JUDGES = [permits(Permission.SCRIPT_APPROVE)]
KEEPERS = [permits(Permission.PORTAL_MANAGE)]
Text = Annotated[str, Form(max_length=1000)]
Code = Annotated[str, Form(max_length=70_000)]
STAGES = {"canary": "canary", "staged": "a quarter of the accounts", "everywhere": "everywhere, still watched"}
ENDS = {
    "done": "went everywhere",
    "rolled_back": "rolled back",
    "withdrawn": "withdrawn",
    "superseded": "over: the same version came with Portunus",
}


@router.get("/scripts", dependencies=WATCHERS)
def portals(request: Request, here: HereNow) -> Response:
    """Every portal: its version, a release under way, versions that wait, its mode and when its terms were read."""
    with here.reading() as work:
        rows = [_row(work, portal) for portal in work.db.scalars(select(Portal).order_by(Portal.name))]
    return page(request, "scripts.html", rows=rows, may_write=Permission.SCRIPT_MAINTAIN in here.held)


@router.get("/scripts/{key}", dependencies=WATCHERS)
def portal(request: Request, here: HereNow, key: str) -> Response:
    """One portal's versions, releases and terms."""
    return _page(request, here, key)


@router.get("/scripts/{key}/diff", dependencies=WATCHERS)
def diff(
    request: Request,
    here: HereNow,
    key: str,
    old: Annotated[str, Query(max_length=64)] = "",
    new: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """What changed between two versions: files, declared facts, and what the new one knows of the portal that Portunus does not."""
    with here.reading() as work:
        site = directory.portal_by_key(work, key)
        before = scripts.bundle_of(
            work, scripts.version(work, old).digest if old else scripts.standing(work, site.id) or ""
        )
        row = scripts.version(work, new)
        after = scripts.bundle_of(work, row.digest)
        lines = scripts.difference(before.sources if before else [], after.sources if after else [])
        facts = _fact_changes(before.facts if before else {}, after.facts if after else {})
        counts = scripts.behaviour_news(work, site, after.behaviour if after else {})
        record = _new_knowledge(directory.behaviour(work, site), counts)
        told: dict[str, Any] = {
            "portal": site.name, "key": key, "digest": row.digest, "old": before.digest if before else "",
            "words": after.words if after else "", "author": after.author_name if after else "",
            "judged": _judged(row, refused=after is not None and after.refused_at is not None),
            "too_old": row.approved_at is not None and not scripts.approval_holds(work, row),
            "own": row.author == here.actor.id,
        }  # fmt: skip
    may_judge = Permission.SCRIPT_APPROVE in here.held
    return page(request, "script_diff.html", lines=lines, facts=facts, record=record, may_judge=may_judge, **told)


@router.get("/scripts/{key}/edit", dependencies=WRITERS)
def edit(
    request: Request, here: HereNow, key: str, base: Annotated[str, Query(alias="from", max_length=64)] = ""
) -> Response:
    """A version, to be changed and handed in: the one in force, or the one that is named (refused, on trial, waiting)."""
    return _editor(request, here, key, base=base)


@router.post("/scripts/{key}/check", dependencies=WRITERS)
def check(
    here: HereNow, key: str, text: Code = "", base: Annotated[str, Query(alias="from", max_length=64)] = ""
) -> dict[str, Any]:
    """What is wrong with a text that is being written: sentences by line. Nothing is kept."""
    with here.reading() as work:
        sources = with_text(work, key, text, base)
    return {"said": script_editing.said(key, sources)}


@router.post("/scripts/{key}/submit", dependencies=WRITERS)
def submit(request: Request, here: HereNow, key: str, text: Code = "", words: Text = "", base: Text = "") -> Response:
    """Hand in a changed script; its families stay as they are in the version it began from."""
    try:
        with here.reading() as work:
            sources = with_text(work, key, text, base)
            known = base_of(work, directory.portal_by_key(work, key), base)
        bundle = script_editing.handed_in(
            key, digest_of(sources), sources, behaviour=known.behaviour if known is not None else {}
        )
        with here.unit() as work:
            scripts.submit(work, bundle, words)
    except BrokerError as no:
        return _editor(request, here, key, text=text, words=words, base=base, error=no)
    return RedirectResponse(f"/scripts/{key}", 303)


@router.post("/scripts/{key}/approve", dependencies=JUDGES)
def approve(request: Request, here: HereNow, key: str, digest: Text = "") -> Response:
    """A second person has read it."""
    return _do(request, here, key, lambda work: scripts.approve(work, digest))


@router.post("/scripts/{key}/refuse", dependencies=JUDGES)
def refuse(request: Request, here: HereNow, key: str, digest: Text = "", words: Text = "") -> Response:
    """It never runs, and what it has open ends."""
    return _do(request, here, key, lambda work: tabs.withdraw_script(work, digest, words))


@router.post("/scripts/{key}/release", dependencies=JUDGES)
def release(request: Request, here: HereNow, key: str, digest: Text = "", location: Text = "") -> Response:
    """One location first."""
    return _do(request, here, key, lambda work: scripts.release(work, digest, canary=location))


@router.post("/scripts/{key}/advance", dependencies=JUDGES)
def advance(request: Request, here: HereNow, key: str) -> Response:
    """One stage further."""
    return _do(request, here, key, lambda work: scripts.advance(work, directory.portal_by_key(work, key).id))


@router.post("/scripts/{key}/roll-back", dependencies=JUDGES)
def roll_back(request: Request, here: HereNow, key: str, words: Text = "") -> Response:
    """Back to the version before."""
    return _do(request, here, key, lambda work: scripts.roll_back(work, directory.portal_by_key(work, key).id, words))


@router.post("/scripts/{key}/pin", dependencies=JUDGES)
def pin(request: Request, here: HereNow, key: str, account: Text = "", digest: Text = "", words: Text = "") -> Response:
    """One login stays on this version, whatever is released."""

    def keep(work: Unit) -> None:
        scripts.pin(work, _login(work, key, account), digest, words)

    return _do(request, here, key, keep)


@router.post("/scripts/{key}/unpin", dependencies=JUDGES)
def unpin(request: Request, here: HereNow, key: str, account: Text = "") -> Response:
    """It runs what the others run again."""

    def let_go(work: Unit) -> None:
        if not scripts.unpin(work, _login(work, key, account)):
            raise Conflict("This login is not pinned any more: it runs what the others run.")

    return _do(request, here, key, let_go)


@router.post("/scripts/{key}/owner", dependencies=JUDGES)
def owner(request: Request, here: HereNow, key: str, email: Text = "") -> Response:
    """Who is told when it fails."""
    return _do(request, here, key, lambda work: scripts.set_owner(work, directory.portal_by_key(work, key), email))


@router.post("/scripts/{key}/behaviour", dependencies=KEEPERS)
def behaviour(
    request: Request, here: HereNow, key: str, field: Text = "", value: Text = "", source: Text = ""
) -> Response:
    """Somebody knows better how the portal behaves; the value before stays as history."""

    def record(work: Unit) -> None:
        directory.correct_behaviour(work, directory.portal_by_key(work, key), field, value, source)

    return _do(request, here, key, record)


@router.post("/scripts/{key}/terms", dependencies=KEEPERS)
def terms(
    request: Request,
    here: HereNow,
    key: str,
    read_on: Text = "",
    source: Text = "",
    permission: Text = "",
    mode: Text = "",
    decision: Text = "",
    review_on: Text = "",
) -> Response:
    """Somebody has read the carrier's terms; the portal's mode follows."""

    def record(work: Unit) -> None:
        scripts.record(
            work,
            directory.portal_by_key(work, key),
            read_on=_day(read_on),
            source=source,
            permission=permission,
            mode=mode,
            decision=decision,
            review_on=_day(review_on),
        )

    return _do(request, here, key, record)


def _do(request: Request, here: Here, key: str, act: Any) -> Response:
    try:
        with here.unit() as work:
            act(work)
    except BrokerError as no:
        return _page(request, here, key, error=no)
    return RedirectResponse(f"/scripts/{key}", 303)


def _page(request: Request, here: Here, key: str, error: BrokerError | None = None) -> Response:
    with here.reading() as work:
        site = directory.portal_by_key(work, key)
        row = _row(work, site)
        in_force = row["in_force"]
        versions = [_version(work, one, in_force, here.actor.id) for one in scripts.history(work, site.id)]
        under_way = scripts.running(work, site.id)
        counted = scripts.trial(work, under_way) if under_way else None
        past = [
            {"digest": one.digest[:12], "at": one.started_at, "end": ENDS.get(one.end or "", STAGES.get(one.stage, "")), "words": one.end_words or ""}
            for one in scripts.releases(work, site.id)
        ]  # fmt: skip
        pinned = [_pin(work, one) for one in scripts.pins(work, site.id)]
        logins = [(one.id, _called(one)) for one in scripts.logins_to_pin(work, site.id)]
        looks_after = scripts.owner(work, site.id)
        owner_email = looks_after.email if looks_after else ""
        known_facts = directory.facts_of(work, site)
        differs = tabs.observed(work, site)
        maintainers = [(user.email, user.name) for user in scripts.maintainers(work)]
        readings = [one for one in scripts.register(work) if one.portal_id == site.id]
        mine = organization_of(work)
        places = [
            (place.key, place.name)
            for place in work.db.scalars(select(Location).order_by(Location.name))
            if mine is None or place.organization_id == mine
        ]
    return page(
        request, "script.html", status=error.status if error else 200, row=row, versions=versions, past=past, locations=places,
        stage=STAGES.get(under_way.stage, "") if under_way else "", worked=counted.worked if counted else 0,
        failed=counted.failed if counted else 0, terms=readings, permissions=scripts.PERMISSIONS, modes=scripts.MODES,
        today=here.portunus.clock.now().date().isoformat(), may_judge=Permission.SCRIPT_APPROVE in here.held,
        may_write=Permission.SCRIPT_MAINTAIN in here.held, may_manage=Permission.PORTAL_MANAGE in here.held,
        error=error.message if error else "", owner=owner_email, maintainers=maintainers,
        facts=known_facts, differs=differs, pinned=pinned, logins=logins,
    )  # fmt: skip


def _last_failure(work: Unit, site: Portal) -> dict[str, Any] | None:
    """The newest run of this portal that failed, to be read beside the text."""
    row = next(iter(scripts.failed(work, portal_id=site.id, limit=1)), None)
    if row is None:
        return None
    return {
        "id": row.id, "at": row.at, "verb": row.verb.replace("_", " "), "outcome": row.outcome.replace("_", " "),
        "where": row.page, "short": row.digest[:12], "steps": row.steps, "line": _line_of(site.key, row.place),
        "mended": row.mended_at is not None,
    }  # fmt: skip


def _line_of(key: str, place: str | None) -> int:
    """The line of the script's own file at which a run stopped; 0 where it was elsewhere."""
    found = re.search(rf" at {re.escape(key)}\.py line (\d+)", place or "")
    return int(found[1]) if found else 0


def _editor(
    request: Request,
    here: Here,
    key: str,
    *,
    text: str = "",
    words: str = "",
    base: str = "",
    error: BrokerError | None = None,
) -> Response:
    with here.reading() as work:
        site = directory.portal_by_key(work, key)
        known = base_of(work, site, base)
        from_other = known is not None and known.digest != scripts.standing(work, site.id)
        failure = _last_failure(work, site)
    own = known.sources[-1]["text"] if known and known.sources else ""
    families = [one["module"] for one in known.sources[:-1]] if known else []
    return page(
        request, "script_edit.html", status=error.status if error else 200, key=key, portal=site.name, text=text or own,
        words=words, base=known.digest if known else "", from_other=from_other, families=families, error=error.message if error else "", failure=failure, names=_names(),
    )  # fmt: skip


def _names() -> list[dict[str, str]]:
    """For completion; an editor without it is still an editor."""
    try:
        return script_editing.names()
    except Unavailable:
        return []


def _row(work: Unit, site: Portal) -> dict[str, Any]:
    known = work.db.scalars(select(ScriptVersion).where(ScriptVersion.portal_id == site.id)).all()
    refused = {one.digest for one in scripts.history(work, site.id) if one.refused_at}
    under_way, read = scripts.running(work, site.id), scripts.newest(work, site.id)
    return {
        "key": site.key,
        "name": site.name,
        "automation": site.automation,
        "level": (quality := scripts.level(work, site.id))[0],
        "level_words": quality[1],
        "in_force": scripts.standing(work, site.id) or "",
        "proposed": site.status == directory.PROPOSED,
        "held": under_way is not None and under_way.held_at is not None,
        "waiting": sum(one.approved_by is None and one.digest not in refused for one in known),
        "release": STAGES.get(under_way.stage, "") if under_way else "",
        "terms": f"{read.read_on} by {read.read_by}" if read else "",
        "overdue": read is not None and read.review_on <= work.clock.now().date(),
    }


def _version(work: Unit, one: Any, in_force: str, me: str) -> dict[str, Any]:
    approver = work.db.get(User, one.version.approved_by or "")
    return {
        "digest": one.digest,
        "short": one.digest[:12],
        "author": one.author_name,
        "at": one.submitted_at,
        "words": one.words,
        "state": _judged(one.version, refused=one.refused_at is not None),
        "too_old": one.version.approved_at is not None and not scripts.approval_holds(work, one.version),
        "approver": approver.name if approver else one.version.approved_by or "",
        "refused_words": one.refused_words or "",
        "in_force": one.digest == in_force,
        "own": one.version.author == me,
    }


def _login(work: Unit, key: str, account_id: str) -> PortalAccount:
    return scripts.login_to_pin(work, directory.portal_by_key(work, key).id, account_id)


def _pin(work: Unit, one: Any) -> dict[str, Any]:
    by = work.db.get(User, one.pinned_by)
    return {
        "account": one.account_id,
        "login": _called(one.account),
        "short": one.digest[:12],
        "since": one.pinned_at,
        "by": by.name if by else one.pinned_by,
        "reason": one.reason,
    }


def _called(row: PortalAccount) -> str:
    """A login as people know it: its label, its user name, where it works."""
    name = f"{row.label} ({row.username})" if row.label else row.username
    return f"{name}, {', '.join(sorted(place.name for place in row.locations))}" if row.locations else name


def _judged(row: ScriptVersion, *, refused: bool) -> str:
    return "refused" if refused else "approved" if row.approved_by else "waits"


def _said(value: Any) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)


def _new_knowledge(known: dict[str, Any], told: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """What of its behaviour record is not known, or otherwise: field, known, told, source, day."""
    return [
        (name, _said(known.get(name, "")), _said(fact["value"]), str(fact["source"]), str(fact["verified_on"]))
        for name, fact in sorted(told.items())
        if name not in known or known[name] != fact["value"]
    ]


def _fact_changes(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What it declares: hosts above all, for they are where its browser may go."""
    names = sorted(set(before) | set(after))
    return [
        (name, _said(before.get(name, "")), _said(after.get(name, "")))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as wrong:
        raise Incomplete("A day must look like 2027-01-31.") from wrong
