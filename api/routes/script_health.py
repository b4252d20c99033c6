"""How the scripts fare: the board, key pages that changed, failed runs with their steps, structure and masked picture."""

import json
from base64 import b64decode
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, permits
from api.pages import page
from broker.base.errors import NotFound
from broker.directory import service as directory
from broker.directory.models import Location, Portal
from broker.identity.policy import Permission
from broker.scripts import service as scripts
from broker.tabs import early

router = APIRouter()
WATCHERS = [permits(Permission.STATUS_VIEW)]
WRITERS = [permits(Permission.SCRIPT_MAINTAIN)]


@router.get("/script-health", dependencies=WATCHERS)
def board(request: Request, here: HereNow) -> Response:
    """Script x portal x location, worst first; pages that changed; how logins fared that sign in by themselves."""
    with here.reading() as work:
        rows = scripts.health(work)
        open_alerts = [
            {
                "id": one.id, "key": one.portal.key, "portal": one.portal.name, "words": one.words, "step": one.step,
                "run": one.run_id, "times": one.times, "since": one.raised_at, "mailed": one.sent_at is not None,
                "owner": owner.name if (owner := scripts.owner(work, one.portal_id)) else "",
            }
            for one in scripts.alerts(work)
        ]  # fmt: skip
        names = {site.id: (site.key, site.name) for site in work.db.scalars(select(Portal))}
        drifted = [
            {
                "key": names[row.portal_id][0],
                "portal": names[row.portal_id][1],
                "page": row.page,
                "likeness": row.likeness,
                "since": row.drifted_at,
                "gone": scripts.changes(row)[0][:12],
                "new": scripts.changes(row)[1][:12],
            }
            for row in scripts.drifted(work)
        ]
        by_themselves = early.shown(work)
    may_write = Permission.SCRIPT_MAINTAIN in here.held
    return page(
        request,
        "script_health.html",
        rows=rows,
        drifted=drifted,
        alerts=open_alerts,
        by_themselves=by_themselves,
        may_write=may_write,
    )


@router.get("/api/v1/scripts/health", dependencies=WATCHERS)
def data(here: HereNow) -> dict[str, Any]:
    """The same as data."""
    with here.reading() as work:
        return {"data": [vars(row) | {"rate": row.rate} for row in scripts.health(work)]}


@router.post("/script-health/{key}/accept/{name}", dependencies=WRITERS)
def accept(here: HereNow, key: str, name: str) -> Response:
    """The changed page is right from now on."""
    with here.unit() as work:
        scripts.accept(work, directory.portal_by_key(work, key).id, name)
    return RedirectResponse("/script-health", 303)


@router.post("/script-health/alerts/{alert_id}/seen", dependencies=WRITERS)
def seen(here: HereNow, alert_id: str) -> Response:
    """Somebody looks after it."""
    with here.unit() as work:
        scripts.alert_seen(work, alert_id)
    return RedirectResponse("/script-health", 303)


@router.post("/script-health/{key}/look", dependencies=WRITERS)
def look(here: HereNow, key: str) -> Response:
    """Look at the sign-in page at the next opportunity."""
    with here.unit() as work:
        scripts.look_now(work, directory.portal_by_key(work, key).id)
    return RedirectResponse("/script-health", 303)


@router.get("/script-runs", dependencies=WRITERS)
def failed(request: Request, here: HereNow) -> Response:
    """Runs that failed, newest first."""
    with here.reading() as work:
        names = {site.id: site.name for site in work.db.scalars(select(Portal))}
        places = {place.id: place.name for place in work.db.scalars(select(Location))}
        rows = [
            {
                "id": row.id,
                "at": row.at,
                "portal": names[row.portal_id],
                "location": places.get(row.location_id or "", "a look"),
                "verb": row.verb.replace("_", " "),
                "outcome": row.outcome.replace("_", " "),
                "place": row.place,
                "short": row.digest[:8],
                "mended": row.mended_at is not None,
            }
            for row in scripts.failed(work)
        ]
    return page(request, "script_runs.html", rows=rows)


@router.get("/script-runs/{run_id}", dependencies=WRITERS)
def run(request: Request, here: HereNow, run_id: str) -> Response:
    """One failed run: where it stopped, step by step, the page's structure and masked picture. Looking is recorded."""
    with here.unit() as work:
        row = scripts.open_failed(work, run_id)
        portal = scripts.portal_of(work, row)
        told = {
            "id": row.id, "at": row.at, "portal": portal.name, "key": portal.key, "verb": row.verb.replace("_", " "),
            "outcome": row.outcome.replace("_", " "), "where": row.page, "place": row.place, "ms": row.ms,
            "short": row.digest[:12], "steps": row.steps, "mended": row.mended_at, "evidence": row.evidence is not None,
        }  # fmt: skip
    kept = _evidence(here, run_id) if told["evidence"] else {}
    return page(request, "script_run.html", run=told, outline=kept.get("outline", []), picture="png" in kept)


@router.get("/script-runs/{run_id}/picture", dependencies=WRITERS)
def picture(here: HereNow, run_id: str) -> Response:
    """The page as it was, every field and every cell masked."""
    kept = _evidence(here, run_id)
    if "png" not in kept:
        raise NotFound("No picture was kept of this run.")
    headers = {"Cache-Control": "no-store"}
    return Response(b64decode(kept["png"]), media_type="image/png", headers=headers)


def _evidence(here: Here, run_id: str) -> dict[str, Any]:
    with here.unit() as work:
        row = scripts.open_failed(work, run_id)
        if row.evidence is None or row.organization_id is None:
            return {}
        try:
            sealed = here.portunus.blobs.read(f"evidence/{row.evidence}")
        except NotFound:  # of a lookup's page: destroyed with what lookups keep
            return {}
        raw = here.portunus.vault.unseal(work, row.organization_id, ("evidence", row.evidence), sealed)
    kept: dict[str, Any] = json.loads(raw)
    return kept
