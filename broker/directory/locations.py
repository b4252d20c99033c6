"""Practice offices: add and change them. A portal is signed in for one of them, known by its legal names and numbers."""

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Conflict, Incomplete
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.directory import checks
from broker.directory.models import Location, TaxEntity

TaxEntities = Iterable[tuple[str, str]]
"""(legal name, TIN) pairs."""


def create_location(
    work: Unit,
    organization_id: str,
    *,
    key: str,
    name: str,
    npi: str,
    city: str,
    time_zone: str,
    tax_entities: TaxEntities,
) -> Location:
    """Raises `Incomplete` with what to correct, `Conflict` when the short name is taken."""
    key = checks.key(key)
    if work.db.scalar(select(Location.id).where(Location.organization_id == organization_id, Location.key == key)):
        raise Conflict(f"There is a location {key} already: choose another short name.")
    row = Location(id=new_id("loc"), organization_id=organization_id, key=key)
    _fill(work, row, name=name, npi=npi, city=city, time_zone=time_zone, tax_entities=tax_entities)
    work.db.add(row)
    work.db.flush()
    audit.record(work, Act.LOCATION_CREATED, "location", row.id, location_id=row.id, detail={"key": row.key})
    return row


def change_location(
    work: Unit, row: Location, *, name: str, npi: str, city: str, time_zone: str, tax_entities: TaxEntities
) -> None:
    """All but the short name, which commands and links use. Raises `Incomplete` with what to correct."""
    _fill(work, row, name=name, npi=npi, city=city, time_zone=time_zone, tax_entities=tax_entities)
    work.db.flush()
    audit.record(work, Act.LOCATION_CHANGED, "location", row.id, location_id=row.id, detail={"key": row.key})
    work.signal("tiles")


def locations_of(work: Unit, organization_id: str) -> Sequence[Location]:
    """The organization's locations by name."""
    return work.db.scalars(
        select(Location).where(Location.organization_id == organization_id).order_by(Location.name)
    ).all()


def _fill(
    work: Unit, row: Location, *, name: str, npi: str, city: str, time_zone: str, tax_entities: TaxEntities
) -> None:
    row.name = checks.name(name, "The location's name")
    row.npi = checks.npi(npi)
    row.city = checks.name(city, "The city", 80)
    row.time_zone = _time_zone(time_zone)
    with work.db.no_autoflush:
        entities = {entity.tin: entity for entity in _tax_entities(work, row.organization_id, tax_entities)}
    if not entities:
        raise Incomplete("A location bills under at least one legal name and TIN: carriers sign it in by them.")
    row.tax_entities = list(entities.values())


def _tax_entities(work: Unit, organization_id: str, told: TaxEntities) -> Iterable[TaxEntity]:
    for name, tin in told:
        digits, legal_name = checks.tin(tin), checks.name(name, "The legal name")
        known = work.db.scalar(
            select(TaxEntity).where(TaxEntity.organization_id == organization_id, TaxEntity.tin == digits)
        )
        if known is not None and known.legal_name != legal_name:
            raise Conflict(f"The TIN ending {digits[-4:]} belongs to {known.legal_name}: use that legal name.")
        yield known or TaxEntity(id=new_id("tin"), organization_id=organization_id, legal_name=legal_name, tin=digits)


def _time_zone(text: str) -> str:
    try:
        return ZoneInfo(text.strip()).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:
        raise Incomplete("Choose a time zone like America/Phoenix.") from unknown
