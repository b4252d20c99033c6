"""Files of patients for people: name the columns, say when, watch the batch, take it home."""

from datetime import date, datetime, time
from pathlib import PurePath
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, File, Query, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from api import lookup_rows
from api.access import Here, HereNow, permits
from api.days import local
from api.idempotency import once
from api.pages import page
from api.routes.lookup_batches import ACTS, exported
from api.routes.lookup_batches import as_data as batch_data
from api.routes.lookup_pages import show_home
from broker.base.errors import BrokerError, Incomplete, NotFound
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.identity.policy import Permission, organization_of
from broker.lookups import batches, columns, records, sheets, worklist
from broker.lookups.offering import Offers, offers, plain

router = APIRouter()
ASKERS = [permits(Permission.LOOKUP_RUN)]
WATCHERS = [permits(Permission.LOOKUP_RUN, watching=True)]
PREVIEW = 5
LONGEST_ID = 60
FIXED = ("kind", "portal", "location", "payer")
PAPERS = ("with_eob", "with_era")
Rows = list[tuple[list[str], dict[str, Any]]]


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form whose names are not known beforehand."""
    return {name: str(value) for name, value in (await request.form()).items()}


@router.post("/lookups/uploads", dependencies=ASKERS)
def upload(request: Request, here: HereNow, file: Annotated[UploadFile, File()]) -> Response:
    """A CSV or XLSX comes in; it is kept sealed until its columns are named."""
    data, name = file.file.read(sheets.LARGEST + 1), PurePath(file.filename or "file").name[:80]
    try:
        sheet = sheets.read(data, name)
        with here.unit() as work:
            upload_id = new_id("upl")
            told = {"headings": sheet.headings, "rows": sheet.rows, "name": name}
            sealed = records.seal(
                work, here.portunus.vault, organization_of(work) or "", ("upload", here.actor.id, upload_id), told
            )
            records.file_kept(work, upload_id, len(sheet.rows))
            here.portunus.blobs.append(_upload_blob(upload_id), sealed)
    except BrokerError as no:
        return show_home(request, here, error=no.message)
    return RedirectResponse(f"/lookups/uploads/{upload_id}", 303)


@router.get("/lookups/uploads/{upload_id}", dependencies=ASKERS)
def mapping(request: Request, here: HereNow, upload_id: str) -> Response:
    """Which column means what, with the first rows; as remembered, or guessed."""
    return _mapping(request, here, upload_id)


def _mapping(
    request: Request, here: Here, upload_id: str, error: str = "", told: dict[str, str] | None = None
) -> Response:
    with here.unit() as work:
        sheet, name = _upload(here, work, upload_id)
        chosen = columns.remembered(work, organization_of(work) or "", sheet.headings)
        found = offers(work)
    if told is not None:
        chosen = _chosen(told)
    fields = [(field, field.replace("_", " ")) for field in columns.FIELDS]
    return page(
        request, "lookup_mapping.html", status=422 if error else 200, upload=upload_id, file_name=name, sheet=sheet, chosen=chosen,
        fields=fields, preview=sheet.rows[:PREVIEW], offers=found, error=error, told=told or {},
        ages=lookup_rows.AGES,
    )  # fmt: skip


@router.post("/lookups/uploads/{upload_id}", dependencies=ASKERS)
def start_batch(
    request: Request, here: HereNow, upload_id: str, form: Annotated[dict[str, str], Depends(_form)]
) -> Response:
    """Remember the columns, start the batch (now, or on a day). One file starts once: a second click leads to the same batch."""
    _check(upload_id)
    chosen = _chosen(form)
    fixed = {field: form.get(f"fixed_{field}", "") for field in FIXED}
    try:
        with here.unit() as work:

            def started() -> str:
                return _started(here, work, upload_id, form, chosen, fixed)

            batch_id = once(work, "upload", upload_id, "", started)
        here.portunus.blobs.delete(_upload_blob(upload_id))
    except NotFound:
        raise
    except BrokerError as no:
        return _mapping(request, here, upload_id, no.message, form)
    return RedirectResponse(f"/lookups/batches/{batch_id}", 303)


def _started(
    here: Here, work: Unit, upload_id: str, form: dict[str, str], chosen: dict[str, str], fixed: dict[str, str]
) -> str:
    sheet, name = _upload(here, work, upload_id)
    columns.remember(work, organization_of(work) or "", sheet.headings, chosen)
    found = offers(work)
    rows = _with_papers(_by_key(batches.rows_of(sheet, chosen, fixed), found), form)
    start = starts(form.get("day", ""), form.get("hour", ""), _zones(rows, found), work.clock.now())
    return batches.create(
        work, here.portunus.vault, here.portunus.blobs, name=form.get("name") or name, headings=sheet.headings,
        rows=rows, not_before=start, max_age_s=lookup_rows.max_age(form.get("max_age_s", "")),
    ).id  # fmt: skip


def _chosen(form: dict[str, str]) -> dict[str, str]:
    return {field: form[f"column_{field}"] for field in columns.FIELDS if form.get(f"column_{field}")}


def _by_key(rows: Rows, found: Offers) -> Rows:
    """Portals and locations by their keys where a file has their names; a file may name a carrier and no portal."""
    carriers, hubs = {name for name, _ in found.carriers}, {one.key for one in found.portals if one.carriers}
    for _, told in rows:
        for field, keys in (("portal", found.portal_keys), ("location", found.location_keys)):
            if field in told:
                told[field] = keys.get(plain(told[field]), told[field])
        if "payer" not in told or "portal" in told:
            continue
        name = plain(told["payer"])
        if (served := found.carriers.get((name, told.get("location", "")))) is not None:
            told["portal"], told["payer"] = served
        elif name in found.portal_keys and name not in carriers:
            told["portal"] = found.portal_keys[name]
            if told["portal"] not in hubs:
                del told["payer"]  # it was the portal's own name
    return rows


def _with_papers(rows: Rows, form: dict[str, str]) -> Rows:
    """Claims with their EOB and 835, where she ticked that."""
    wanted = {name: True for name in PAPERS if form.get(name)}
    return [(cells, told | wanted if told.get("kind") == "claim_status" else told) for cells, told in rows]


def _zones(rows: Rows, found: Offers) -> set[str]:
    """The clocks of the locations that are asked for; of all one may ask for, where the rows name none."""
    named = {found.zones[told["location"]] for _, told in rows if told.get("location") in found.zones}
    return named or set(found.zones.values()) or {"UTC"}


def starts(day: str, hour: str, zones: set[str], now: datetime) -> datetime | None:
    """That moment of that day where it comes first; None for now: no day, or today at an hour that is over.

    Raises `Incomplete` for what is no day or hour, and for a day that is over everywhere.
    """
    if not day:
        return None
    try:
        on, at = date.fromisoformat(day), time.fromisoformat(hour or "06:00")
    except ValueError as wrong:
        raise Incomplete("The day or the hour to start cannot be read.") from wrong
    if on < min(now.astimezone(ZoneInfo(zone)).date() for zone in zones):
        raise Incomplete("The day to start is over. Choose today or a later one.")
    moment = min(datetime.combine(on, at, ZoneInfo(zone)) for zone in zones)
    return moment if moment > now else None


def _upload(here: Here, work: Unit, upload_id: str) -> tuple[sheets.Sheet, str]:
    _check(upload_id)
    sealed = here.portunus.blobs.read(_upload_blob(upload_id))
    context = ("upload", here.actor.id, upload_id)
    told = records.unseal(work, here.portunus.vault, organization_of(work) or "", context, sealed)
    return sheets.Sheet(told["headings"], told["rows"]), told["name"]


def _check(upload_id: str) -> None:
    if not upload_id.startswith("upl_") or not upload_id[4:].isalnum() or len(upload_id) > LONGEST_ID:
        raise NotFound("There is no such file.")


def _upload_blob(upload_id: str) -> str:
    return f"lookups/uploads/{upload_id}"


@router.get("/lookups/batches/{batch_id}", dependencies=ASKERS)
def batch(
    request: Request, here: HereNow, batch_id: str, before: Annotated[str, Query(max_length=60)] = ""
) -> Response:
    """Progress, problems, what needs a person, the way out."""
    with here.reading() as work:
        shown = batch_data(here, work, batches.own(work, batch_id))
        found, following = worklist.page(work, "exceptions", before=before or None, batch_id=batch_id)
        rows = lookup_rows.rows(here, work, found)
        zones = sorted(set(offers(work).zones.values()))
    zone = zones[0] if len(zones) == 1 else "UTC"
    shown |= {
        "sent_at": local(shown["created_at"], zone),
        "starts_at": local(shown["not_before"], zone) if shown["not_before"] else "",
    }
    return page(request, "lookup_batch.html", batch=shown, rows=rows, following=following)


@router.get("/lookups/batches/{batch_id}/progress", dependencies=WATCHERS)
def progress(request: Request, here: HereNow, batch_id: str) -> Response:
    """The counts alone, for the page that watches them."""
    with here.reading() as work:
        shown = batch_data(here, work, batches.own(work, batch_id))
    return page(request, "_lookup_progress.html", batch=shown)


@router.get("/lookups/batches/{batch_id}/export.{form}", dependencies=ASKERS)
def export(here: HereNow, batch_id: str, form: str) -> Response:
    """The file."""
    return exported(here, batch_id, form)


@router.post("/lookups/batches/{batch_id}/{act}", dependencies=ASKERS)
def change_batch(here: HereNow, batch_id: str, act: str) -> Response:
    """Pause, resume, cancel, ask all again that had no answer."""
    if act not in ACTS:
        raise NotFound("There is no such act.")
    with here.unit() as work:
        ACTS[act](work, batch_id)
    return RedirectResponse(f"/lookups/batches/{batch_id}", 303)
