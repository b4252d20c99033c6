"""Lookups for people: ask one, work the exceptions, see a value beside its evidence. Files and batches: `lookup_files`."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from api import lookup_rows
from api.access import Here, HereNow, permits
from api.days import local
from api.pages import page
from api.routes.lookup_batches import as_data as batch_data
from broker.base.errors import BrokerError, NotFound
from broker.base.unit import Unit
from broker.identity.policy import Permission
from broker.lookups import batches, comparing, payments, proof, showing, worklist
from broker.lookups import service as lookups
from broker.lookups.evidence import leaves
from broker.lookups.models import Lookup
from broker.lookups.offering import offers
from broker.lookups.states import State

router = APIRouter()
ASKERS = [permits(Permission.LOOKUP_RUN)]
WATCHERS = [permits(Permission.LOOKUP_RUN, watching=True)]
Text = Annotated[str, Form(max_length=120)]
Show = Annotated[str, Query(max_length=20)]
Before = Annotated[str, Query(max_length=60)]
SHOWS = {
    "": "Exceptions first", "exceptions": "Exceptions only", "queued": "Queued", "running": "Running", "done": "Answered",
    "failed": "No answer", "cancelled": "Cancelled",
}  # fmt: skip


@router.get("/lookups", dependencies=ASKERS)
def home(request: Request, here: HereNow, show: Show = "", before: Before = "") -> Response:
    """Ask; and what was asked, exceptions first."""
    return show_home(request, here, show, before)


def show_home(
    request: Request,
    here: Here,
    show: str = "",
    before: str = "",
    *,
    error: str = "",
    told: dict[str, str] | None = None,
) -> Response:
    """The page, perhaps with what was wrong and what was typed."""
    with here.reading() as work:
        found = offers(work)
        rows, following = _list(here, work, show, before)
        sent = [batch_data(here, work, one) for one in batches.listed(work, limit=5)]
    return page(
        request, "lookups.html", status=422 if error else 200, offers=found, rows=rows, show=show, shows=SHOWS, batches=sent,
        error=error, told=told or {}, may_claims=Permission.LOOKUP_CLAIMS in here.held, following=following, before=before,
        ages=lookup_rows.AGES,
    )  # fmt: skip


@router.get("/lookups/grid", dependencies=WATCHERS)
def grid(request: Request, here: HereNow, show: Show = "", before: Before = "") -> Response:
    """The grid alone, for the page that watches it."""
    with here.reading() as work:
        rows, _ = _list(here, work, show, before)
    return page(request, "_lookup_grid.html", rows=rows)


def _list(here: Here, work: Unit, show: str, before: str) -> tuple[list[dict[str, Any]], str | None]:
    if show not in SHOWS:
        raise NotFound("There is no such list.")
    found, following = worklist.page(work, show, before=before or None)
    return lookup_rows.rows(here, work, found), following


@router.post("/lookups", dependencies=ASKERS)
def ask(
    request: Request, here: HereNow, kind: Text = "eligibility", portal: Text = "", location: Text = "", payer: Text = "",
    member_id: Text = "", birth_date: Text = "", service_date: Text = "", claim_number: Text = "", service_from: Text = "",
    service_to: Text = "", with_eob: Text = "", with_era: Text = "", max_age_s: Text = "",
) -> Response:  # fmt: skip
    """Ask now, before everything else; the lookup's own page shows how far it is."""
    told = {
        "kind": kind, "portal": portal, "location": location, "payer": payer, "member_id": member_id, "birth_date": birth_date,
        "service_date": service_date, "claim_number": claim_number, "service_from": service_from, "service_to": service_to,
    }  # fmt: skip
    given: dict[str, Any] = {name: value.strip() for name, value in told.items() if value.strip()}
    told |= {"with_eob": with_eob, "with_era": with_era, "max_age_s": max_age_s}
    if kind == "claim_status":
        given |= {name: True for name in ("with_eob", "with_era") if told[name]}
    try:
        with here.unit() as work:
            age = lookup_rows.max_age(max_age_s)
            row = lookups.submit(work, here.portunus.vault, lookups.parsed(given), priority=0, max_age_s=age)
    except BrokerError as no:
        return show_home(request, here, error=no.message, told=told)
    return RedirectResponse(f"/lookups/{row.id}", 303)


@router.get("/lookups/{lookup_id}", dependencies=ASKERS)
def one(request: Request, here: HereNow, lookup_id: str) -> Response:
    """The lookup: progress while it runs; then each value with what proves it, or why there is none and where that was seen."""
    vault = here.portunus.vault
    with here.unit() as work:
        row = lookups.own(work, lookup_id)
        lookups.released(work, row, "page")
        shown = lookup_rows.row(here, work, row, worklist.places(work, [row]))
        asked = showing.question_of(work, vault, row)
        result = lookups.result_of(work, vault, row)
        before = lookups.previous(work, vault, row) if result else None
        seen = lookup_rows.sightings(row.id, proof.of_failure(work, vault, row))
        pictures = [] if result else _strip(work, row)
        paid = payments.of_lookup(work, vault, here.portunus.blobs, row.id)
    differs = comparing.changes(before, result) if before and result else []
    captured = local(result["provenance"]["captured_at"], shown["zone"]) if result else ""
    compared = local(before["provenance"]["captured_at"], shown["zone"]) if before else ""
    return page(
        request, "lookup.html", lookup=shown, asked=asked, result=result, before=before, differs=differs, seen=seen,
        pictures=pictures, paid=paid, captured=captured, compared=compared,
        parts=lookup_rows.short(result) if result else [], all=lookup_rows.every(result) if result else [],
    )  # fmt: skip


def _strip(work: Unit, row: Lookup) -> list[dict[str, Any]]:
    """The pictures of a lookup, each with where it is played."""
    told = [one.model_dump(mode="json") for one in proof.pictures(work, row) if one.kind == "screenshot"]
    return [one | {"play": lookup_rows.moment(row.id, one)} for one in told]


@router.get("/lookups/{lookup_id}/state", dependencies=WATCHERS)
def state(request: Request, here: HereNow, lookup_id: str) -> Response:
    """How far it is, for the page that waits."""
    with here.reading() as work:
        shown = lookup_rows.row(here, work, lookups.own(work, lookup_id))
    return page(request, "_lookup_state.html", lookup=shown)


@router.get("/lookups/{lookup_id}/evidence", dependencies=ASKERS)
def evidence(
    request: Request, here: HereNow, lookup_id: str, pointer: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """Where one value was seen: the words, the place on the page, and what lookups saw before and after."""
    vault = here.portunus.vault
    with here.unit() as work:
        row = lookups.own(work, lookup_id)
        lookups.released(work, row, "evidence")
        shown, result = lookup_rows.row(here, work, row), lookups.result_of(work, vault, row)
        pictures = _strip(work, row)
    if result is None or pointer not in result["provenance"].get("fields", {}):
        raise NotFound("There is no evidence for this value.")
    seen = lookup_rows.sightings(row.id, result["provenance"]["fields"][pointer])
    value = dict(leaves(result)).get(pointer, "")
    label = lookup_rows.label_of(pointer, result)
    return page(
        request, "lookup_evidence.html", lookup=shown, pointer=pointer, label=label, value=value, seen=seen, pictures=pictures
    )  # fmt: skip


@router.post("/lookups/{lookup_id}/{act}", dependencies=ASKERS)
def change(here: HereNow, lookup_id: str, act: str) -> Response:
    """Cancel, ask again (what was in the way is put right), ask the same anew, put away."""
    where = f"/lookups/{lookup_id}"
    with here.unit() as work:
        if act == "cancel":
            lookups.cancel(work, lookup_id)
        elif act == "retry":
            lookups.again(work, lookup_id)
        elif act == "anew":
            old = lookups.own(work, lookup_id)
            if old.state in (State.FAILED, State.BLOCKED):
                worklist.put_away(work, lookup_id)
            asked = showing.question_of(work, here.portunus.vault, old)
            where = f"/lookups/{lookups.submit(work, here.portunus.vault, lookups.parsed(asked), priority=0).id}"
        elif act == "away":
            worklist.put_away(work, lookup_id)
            where = "/lookups"
        else:
            raise NotFound("There is no such act.")
    return RedirectResponse(where, 303)
