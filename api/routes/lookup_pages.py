"""Lookups for people: ask one, work the exceptions, see a value beside its evidence, send a file, watch a batch."""

from datetime import date, datetime, time
from pathlib import PurePath
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, permits
from api.pages import page
from api.routes.lookup_batches import as_data as batch_data
from api.routes.lookup_batches import exported
from api.routes.lookups import as_data
from broker.base.errors import BrokerError, Incomplete, NotFound
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.identity.policy import Permission, organization_of
from broker.lookups import batches, columns, comparing, flat, records, sheets, showing
from broker.lookups import service as lookups
from broker.lookups.evidence import leaves
from broker.lookups.models import Lookup
from broker.lookups.offering import offers

router = APIRouter()
ASKERS = [permits(Permission.LOOKUP_RUN)]
WATCHERS = [permits(Permission.LOOKUP_RUN, watching=True)]
Text = Annotated[str, Form(max_length=120)]
STATE_WORDS = {
    "queued": "Queued", "waiting_session": "Waiting for the portal", "waiting_code": "Waiting for a code", "running": "Running",
    "needs_human": "Needs you", "done": "Answered", "failed": "No answer", "blocked_by_policy": "By hand only", "cancelled": "Cancelled",
}  # fmt: skip
KIND_WORDS = {"eligibility": "Eligibility", "claim_status": "Claim status"}
SHOWN_FIRST = ("needs_human", "failed", "blocked_by_policy")
PREVIEW = 5


@router.get("/lookups", dependencies=ASKERS)
def home(request: Request, here: HereNow, show: Annotated[str, Query(max_length=20)] = "") -> Response:
    """Ask; and what was asked, exceptions first."""
    return _home(request, here, show)


def _home(
    request: Request, here: Here, show: str = "", *, error: str = "", told: dict[str, str] | None = None
) -> Response:
    with here.reading() as work:
        found = offers(work)
        rows = _grid(here, work, show)
        sent = [batch_data(work, one) for one in batches.listed(work, limit=5)]
    return page(
        request, "lookups.html", status=422 if error else 200, offers=found, rows=rows, show=show, batches=sent, error=error,
        told=told or {}, may_claims=Permission.LOOKUP_CLAIMS in here.held,
    )  # fmt: skip


@router.get("/lookups/grid", dependencies=WATCHERS)
def grid(request: Request, here: HereNow, show: Annotated[str, Query(max_length=20)] = "") -> Response:
    """The grid alone, for the page that watches it."""
    with here.reading() as work:
        rows = _grid(here, work, show)
    return page(request, "_lookup_grid.html", rows=rows)


def _grid(here: Here, work: Unit, show: str) -> list[dict[str, Any]]:
    if show:
        rows = lookups.listed(work, state=show, limit=100)
    else:
        urgent = lookups.listed(work, state="exceptions", limit=60)
        rows = urgent + [one for one in lookups.listed(work, limit=60) if one.state not in SHOWN_FIRST]
    return [_row(here, work, one) for one in rows]


def _row(here: Here, work: Unit, row: Lookup) -> dict[str, Any]:
    """One line: the patient only as the tail of the number that was asked with."""
    shown = as_data(work, row)
    asked = showing.question_of(work, here.portunus.vault, row)
    number = asked.get("member_id") or asked.get("claim_number") or ""
    return shown | {
        "state_words": STATE_WORDS[shown["state"]],
        "kind_words": KIND_WORDS[row.kind],
        "who": f"…{number[-4:]}" if number else "",
    }


@router.post("/lookups", dependencies=ASKERS)
def ask(
    request: Request, here: HereNow, kind: Text = "eligibility", portal: Text = "", location: Text = "", payer: Text = "",
    member_id: Text = "", birth_date: Text = "", service_date: Text = "", claim_number: Text = "", service_from: Text = "",
    service_to: Text = "", with_eob: Text = "",
) -> Response:  # fmt: skip
    """Ask now, before everything else; the lookup's own page shows how far it is."""
    told = {
        "kind": kind, "portal": portal, "location": location, "payer": payer, "member_id": member_id, "birth_date": birth_date,
        "service_date": service_date, "claim_number": claim_number, "service_from": service_from, "service_to": service_to,
    }  # fmt: skip
    given: dict[str, Any] = {name: value.strip() for name, value in told.items() if value.strip()}
    if with_eob and kind == "claim_status":
        given["with_eob"] = True
    try:
        with here.unit() as work:
            row = lookups.submit(work, here.portunus.vault, lookups.parsed(given), priority=0)
    except BrokerError as no:
        return _home(request, here, error=no.message, told=told)
    return RedirectResponse(f"/lookups/{row.id}", 303)


@router.get("/lookups/uploads/{upload_id}", dependencies=ASKERS)
def mapping(request: Request, here: HereNow, upload_id: str) -> Response:
    """Which column means what, with the first rows; as remembered, or guessed."""
    return _mapping(request, here, upload_id)


def _mapping(request: Request, here: Here, upload_id: str, error: str = "") -> Response:
    with here.unit() as work:
        sheet, name = _upload(here, work, upload_id)
        chosen = columns.remembered(work, organization_of(work) or "", sheet.headings)
        found = offers(work)
    fields = [(field, field.replace("_", " ")) for field in columns.FIELDS]
    return page(
        request, "lookup_mapping.html", status=422 if error else 200, upload=upload_id, file_name=name, sheet=sheet, chosen=chosen,
        fields=fields, preview=sheet.rows[:PREVIEW], offers=found, error=error,
    )  # fmt: skip


@router.post("/lookups/uploads", dependencies=ASKERS)
async def upload(request: Request, here: HereNow, file: Annotated[UploadFile, File()]) -> Response:
    """A CSV or XLSX comes in; it is kept sealed until its columns are named."""
    data, name = await file.read(sheets.LARGEST + 1), PurePath(file.filename or "file").name[:80]
    try:
        sheet = sheets.read(data, name)
        with here.unit() as work:
            upload_id = new_id("upl")
            told = {"headings": sheet.headings, "rows": sheet.rows, "name": name}
            sealed = records.seal(
                work, here.portunus.vault, organization_of(work) or "", ("upload", here.actor.id, upload_id), told
            )
            here.portunus.blobs.append(_upload_blob(upload_id), sealed)
    except BrokerError as no:
        return _home(request, here, error=no.message)
    return RedirectResponse(f"/lookups/uploads/{upload_id}", 303)


@router.post("/lookups/uploads/{upload_id}", dependencies=ASKERS)
async def start_batch(request: Request, here: HereNow, upload_id: str) -> Response:
    """Remember the columns, start the batch (now, or on a day)."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    chosen = {field: form[f"column_{field}"] for field in columns.FIELDS if form.get(f"column_{field}")}
    fixed = {field: form.get(f"fixed_{field}", "") for field in ("kind", "portal", "location", "payer")}
    try:
        with here.unit() as work:
            sheet, name = _upload(here, work, upload_id)
            columns.remember(work, organization_of(work) or "", sheet.headings, chosen)
            batch = batches.create(
                work, here.portunus.vault, here.portunus.blobs, name=form.get("name") or name, headings=sheet.headings,
                rows=batches.rows_of(sheet, chosen, fixed), not_before=_start(form.get("day", ""), form.get("zone", "UTC")),
            )  # fmt: skip
        here.portunus.blobs.delete(_upload_blob(upload_id))
    except NotFound:
        raise
    except BrokerError as no:
        return _mapping(request, here, upload_id, no.message)
    return RedirectResponse(f"/lookups/batches/{batch.id}", 303)


def _start(day: str, zone: str) -> datetime | None:
    """Six in the morning of that day where the office is; None: now."""
    if not day:
        return None
    try:
        return datetime.combine(date.fromisoformat(day), time(6), ZoneInfo(zone))
    except (ValueError, KeyError) as wrong:
        raise Incomplete("The day to start cannot be read.") from wrong


def _upload(here: Here, work: Unit, upload_id: str) -> tuple[sheets.Sheet, str]:
    if not upload_id.startswith("upl_") or not upload_id[4:].isalnum():
        raise NotFound("There is no such file.")
    sealed = here.portunus.blobs.read(_upload_blob(upload_id))
    context = ("upload", here.actor.id, upload_id)
    told = records.unseal(work, here.portunus.vault, organization_of(work) or "", context, sealed)
    return sheets.Sheet(told["headings"], told["rows"]), told["name"]


def _upload_blob(upload_id: str) -> str:
    return f"lookups/uploads/{upload_id}"


@router.get("/lookups/batches/{batch_id}", dependencies=ASKERS)
def batch(request: Request, here: HereNow, batch_id: str) -> Response:
    """Progress, problems, what needs a person, the way out."""
    with here.reading() as work:
        shown = batch_data(work, batches.own(work, batch_id))
        rows = [_row(here, work, one) for one in lookups.listed(work, state="exceptions", batch_id=batch_id, limit=100)]
    return page(request, "lookup_batch.html", batch=shown, rows=rows)


@router.get("/lookups/batches/{batch_id}/progress", dependencies=WATCHERS)
def progress(request: Request, here: HereNow, batch_id: str) -> Response:
    """The counts alone, for the page that watches them."""
    with here.reading() as work:
        shown = batch_data(work, batches.own(work, batch_id))
    return page(request, "_lookup_progress.html", batch=shown)


@router.get("/lookups/batches/{batch_id}/export.{form}", dependencies=ASKERS)
def export(here: HereNow, batch_id: str, form: str) -> Response:
    """The file."""
    return exported(here, batch_id, form)


@router.post("/lookups/batches/{batch_id}/{act}", dependencies=ASKERS)
def change_batch(here: HereNow, batch_id: str, act: str) -> Response:
    """Pause, resume, cancel."""
    acts = {"pause": batches.pause, "resume": batches.resume, "cancel": batches.cancel}
    if act not in acts:
        raise NotFound("There is no such act.")
    with here.unit() as work:
        acts[act](work, batch_id)
    return RedirectResponse(f"/lookups/batches/{batch_id}", 303)


@router.get("/lookups/{lookup_id}", dependencies=ASKERS)
def one(request: Request, here: HereNow, lookup_id: str) -> Response:
    """The lookup: progress while it runs; then each value with what proves it."""
    vault = here.portunus.vault
    with here.unit() as work:
        row = lookups.own(work, lookup_id)
        lookups.released(work, row, "page")
        shown = _row(here, work, row)
        asked = showing.question_of(work, vault, row)
        result = lookups.result_of(work, vault, row)
        before = lookups.previous(work, vault, row) if result else None
    differs = comparing.changes(before, result) if before and result else []
    return page(
        request, "lookup.html", lookup=shown, asked=asked, result=result, before=before, differs=differs,
        short=_short(result) if result else [], all=_all(result) if result else [], recordings=Permission.RECORDING_VIEW_ALL in here.held,
    )  # fmt: skip


@router.get("/lookups/{lookup_id}/state", dependencies=WATCHERS)
def state(request: Request, here: HereNow, lookup_id: str) -> Response:
    """How far it is, for the page that waits."""
    with here.reading() as work:
        row = lookups.own(work, lookup_id)
        return page(request, "_lookup_state.html", lookup=_row(here, work, row))


@router.get("/lookups/{lookup_id}/evidence", dependencies=ASKERS)
def evidence(
    request: Request, here: HereNow, lookup_id: str, pointer: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """Where one value was seen: the words, the place on the page, and what lookups saw before and after."""
    vault = here.portunus.vault
    with here.unit() as work:
        row = lookups.own(work, lookup_id)
        lookups.released(work, row, "evidence")
        shown, result = _row(here, work, row), lookups.result_of(work, vault, row)
    if result is None or pointer not in result["provenance"].get("fields", {}):
        raise NotFound("There is no evidence for this value.")
    seen = result["provenance"]["fields"][pointer]
    value = dict(leaves(result)).get(pointer, "")
    pictures = [one for one in result["provenance"]["artifacts"] if one["kind"] == "screenshot"]
    return page(
        request, "lookup_evidence.html", lookup=shown, pointer=pointer, label=_label(pointer), value=value, seen=seen, pictures=pictures,
        recordings=Permission.RECORDING_VIEW_ALL in here.held,
    )  # fmt: skip


@router.post("/lookups/{lookup_id}/{act}", dependencies=ASKERS)
def change(here: HereNow, lookup_id: str, act: str) -> Response:
    """Cancel, ask again (what was in the way is put right), or ask the same anew."""
    with here.unit() as work:
        if act == "cancel":
            lookups.cancel(work, lookup_id)
        elif act == "retry":
            lookups.again(work, lookup_id)
        elif act == "anew":
            asked = showing.question_of(work, here.portunus.vault, lookups.own(work, lookup_id))
            lookup_id = lookups.submit(work, here.portunus.vault, lookups.parsed(asked), priority=0).id
        else:
            raise NotFound("There is no such act.")
    return RedirectResponse(f"/lookups/{lookup_id}", 303)


def _short(result: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The values in the order of a practice management system's screen; one list per claim."""
    fields = result["provenance"].get("fields", {})
    claims = range(max(1, len(result.get("claims", [0]))))
    return [
        [
            {"label": label, "text": text, "pointer": pointer if pointer in fields else None}
            for label, text, pointer in flat.flat(result, number)
        ]
        for number in claims
    ]


def _all(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Every value with evidence, in the result's own order."""
    fields = result["provenance"].get("fields", {})
    return [
        {"label": _label(pointer), "text": str(value), "pointer": pointer, "seen": fields[pointer][0]}
        for pointer, value in leaves({name: part for name, part in result.items() if name != "provenance"})
        if pointer in fields
    ]


def _label(pointer: str) -> str:
    """`/accumulators/0/remaining` → `accumulators 1 · remaining`."""
    steps = [str(int(step) + 1) if step.isdigit() else step.replace("_", " ") for step in pointer.split("/")[1:]]
    return " ".join(steps[:-1]) + (" · " if len(steps) > 1 else "") + steps[-1]
