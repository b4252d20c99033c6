"""Which heading of a file means what: guessed by name, corrected by a person, remembered for files with the same headings."""

import hashlib
import json
import re
from datetime import date, datetime
from typing import Any

from broker.base.errors import Incomplete
from broker.base.unit import Unit
from broker.lookups.models import ColumnMapping

FIELDS: dict[str, tuple[str, ...]] = {
    "kind": ("kind", "type", "lookup"),
    "portal": ("portal", "carrier portal", "site"),
    "payer": ("payer", "carrier", "insurance", "insurance carrier", "payer name", "plan carrier"),
    "location": ("location", "office", "practice", "clinic", "location key"),
    "member_id": ("member id", "memberid", "subscriber id", "subscriber", "insurance id", "policy id", "id number", "member"),
    "birth_date": ("birth date", "date of birth", "dob", "birthdate", "patient dob", "born"),
    "first_name": ("first name", "firstname", "patient first name", "given name"),
    "last_name": ("last name", "lastname", "patient last name", "surname", "family name"),
    "service_date": ("service date", "date of service", "dos", "appointment", "appointment date", "appt date", "visit date"),
    "claim_number": ("claim number", "claim", "claim no", "claim id", "icn", "dcn"),
    "service_from": ("service from", "from", "from date"),
    "service_to": ("service to", "to", "to date", "through"),
    "provider_npi": ("npi", "provider npi", "rendering npi"),
}  # fmt: skip
DATES = ("birth_date", "service_date", "service_from", "service_to")
FORMS = ("%Y-%m-%d", "%m/%d/%Y", "%m-%d-%Y", "%Y%m%d")


def guess(headings: list[str]) -> dict[str, str]:
    """Field → heading, for the headings whose names say it."""
    found: dict[str, str] = {}
    plain = {_plain(one): one for one in headings}
    for field, names in FIELDS.items():
        for name in (field.replace("_", " "), *names):
            if name in plain and plain[name] not in found.values():
                found[field] = plain[name]
                break
    return found


def remembered(work: Unit, organization_id: str, headings: list[str]) -> dict[str, str]:
    """What was said last time for these headings, else a guess."""
    row = work.db.get(ColumnMapping, (organization_id, _digest(headings)))
    return {field: headings[place] for field, place in row.mapping.items()} if row is not None else guess(headings)


def remember(work: Unit, organization_id: str, headings: list[str], mapping: dict[str, str]) -> None:
    """Keep the mapping for the next file of this kind. Raises `Incomplete` for a field or heading that does not exist."""
    check(headings, mapping)
    places = {field: headings.index(heading) for field, heading in mapping.items()}
    row = work.db.get(ColumnMapping, (organization_id, _digest(headings)))
    if row is None:
        work.db.add(
            ColumnMapping(
                organization_id=organization_id, headings=_digest(headings), mapping=places, used_at=work.clock.now()
            )
        )
    else:
        row.mapping, row.used_at = places, work.clock.now()


def check(headings: list[str], mapping: dict[str, str]) -> None:
    """Raises `Incomplete` for a field or heading that does not exist."""
    for field, heading in mapping.items():
        if field not in FIELDS:
            raise Incomplete(f"There is no field {field}.")
        if heading not in headings:
            raise Incomplete(f"The file has no column {heading!r}.")


def told(headings: list[str], cells: list[str], mapping: dict[str, str], fixed: dict[str, str]) -> dict[str, Any]:
    """One row as the body of a lookup; dates in any usual American or ISO form.

    Raises `Incomplete` naming the column by its number: what is kept unsealed holds no text of the file.
    """
    made: dict[str, Any] = {}
    for field, heading in mapping.items():
        place = headings.index(heading)
        text = cells[place].strip()
        if not text:
            continue
        made[field] = day(text, f"{field.replace('_', ' ')} (column {place + 1})") if field in DATES else text
    made |= {field: value for field, value in fixed.items() if value and field not in made}
    made.setdefault("kind", "eligibility")
    made["kind"] = made["kind"].strip().lower().replace(" ", "_")
    if made["kind"] == "claim_status" and (served := made.pop("service_date", None)) and not made.get("claim_number"):
        made = {"service_from": served, "service_to": served} | made  # the day its claims were served
    for field in ("portal", "location"):
        if field in made:
            made[field] = made[field].strip().lower().replace(" ", "_")
    return made


def day(text: str, where: str) -> str:
    """ISO. Raises `Incomplete` for a date that is none, or whose year has two digits."""
    plain = re.split(r"[ T]", text, maxsplit=1)[0]
    for form in FORMS:
        try:
            found: date = datetime.strptime(plain, form).date()
        except ValueError:
            continue
        return found.isoformat()
    raise Incomplete(f"{where}: write the date as 1984-03-17 or 03/17/1984.")


def _plain(heading: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", heading.lower()).strip()


def _digest(headings: list[str]) -> str:
    return hashlib.sha256(json.dumps(headings).encode()).hexdigest()
