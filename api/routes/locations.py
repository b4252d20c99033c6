"""The organization's offices: where portals are opened for, and the names and numbers that carriers know them by."""

from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, permits
from api.pages import page
from broker.base.errors import BrokerError, Conflict, Incomplete, NotFound
from broker.base.unit import Unit
from broker.directory import service as directory
from broker.directory.models import Location
from broker.identity.policy import Permission, organization_of

router = APIRouter()
MANAGES = [permits(Permission.PORTAL_MANAGE)]
Text = Annotated[str, Form(max_length=400)]
Texts = Annotated[list[str] | None, Form(max_length=20)]
SAID = (Incomplete, Conflict)
"""Errors that the page itself shows, with what was typed."""
COMMON_ZONES = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
)
EMPTY: dict[str, Any] = {
    "key": "",
    "name": "",
    "npi": "",
    "city": "",
    "time_zone": "America/New_York",
    "entities": [("", "")],
}


@router.get("/locations", dependencies=MANAGES)
def locations(request: Request, here: HereNow) -> Response:
    """All of them, each with a form to change it, and one to add."""
    return _page(request, here)


@router.post("/locations", dependencies=MANAGES)
def add(
    request: Request,
    here: HereNow,
    key: Text = "",
    name: Text = "",
    npi: Text = "",
    city: Text = "",
    time_zone: Text = "",
    legal_name: Texts = None,
    tin: Texts = None,
) -> Response:
    """A new location."""
    entities = _pairs(legal_name, tin)
    try:
        with here.unit() as work:
            directory.create_location(
                work,
                _organization(work),
                key=key,
                name=name,
                npi=npi,
                city=city,
                time_zone=time_zone,
                tax_entities=entities,
            )
    except SAID as no:
        typed = {"key": key, "name": name, "npi": npi, "city": city, "time_zone": time_zone}
        return _page(request, here, no, typed={**typed, "entities": entities or [("", "")]})
    return RedirectResponse("/locations", 303)


@router.post("/locations/{location_id}", dependencies=MANAGES)
def change(
    request: Request,
    here: HereNow,
    location_id: str,
    name: Text = "",
    npi: Text = "",
    city: Text = "",
    time_zone: Text = "",
    legal_name: Texts = None,
    tin: Texts = None,
) -> Response:
    """All but the short name. Legal names left empty are taken off."""
    try:
        with here.unit() as work:
            row = work.db.get(Location, location_id)
            if row is None or row.organization_id != _organization(work):
                raise NotFound("There is no such location.")
            directory.change_location(
                work, row, name=name, npi=npi, city=city, time_zone=time_zone, tax_entities=_pairs(legal_name, tin)
            )
    except SAID as no:
        return _page(request, here, no)
    return RedirectResponse(f"/locations#{location_id}", 303)


def _organization(work: Unit) -> str:
    found = organization_of(work)
    if found is None:
        raise NotFound("There is no organization to add a location to.")
    return found


def _pairs(legal_names: list[str] | None, tins: list[str] | None) -> list[tuple[str, str]]:
    """What was typed line by line; empty lines are left out."""
    lines = zip(legal_names or [], tins or [], strict=False)
    return [(legal_name, tin) for legal_name, tin in lines if legal_name.strip() or tin.strip()]


def _page(
    request: Request, here: Here, error: BrokerError | None = None, typed: dict[str, Any] | None = None
) -> Response:
    with here.reading() as work:
        rows = [
            {
                "id": row.id,
                "key": row.key,
                "name": row.name,
                "npi": row.npi,
                "city": row.city,
                "time_zone": row.time_zone,
                "entities": [(entity.legal_name, entity.tin) for entity in row.tax_entities],
            }
            for row in directory.locations_of(work, _organization(work))
        ]
    others = sorted(zone for zone in available_timezones() if zone.startswith(("America/", "Pacific/", "US/")))
    return page(
        request,
        "locations.html",
        status=error.status if error else 200,
        rows=rows,
        typed=typed or EMPTY,
        zones=[*COMMON_ZONES, *(zone for zone in others if zone not in COMMON_ZONES)],
        error=error.message if error else "",
    )
