"""A lookup as its pages show it: words for states, times by its location's clock, the patient only by a number's last digits."""

from typing import Any

from api.access import Here
from api.days import local
from api.routes.lookups import as_data
from broker.base.errors import Incomplete
from broker.base.unit import Unit
from broker.lookups import batches, flat, showing, worklist
from broker.lookups.evidence import Sighting, leaves
from broker.lookups.models import Lookup

STATE_WORDS = {
    "queued": "Queued", "waiting_session": "Waiting for the portal", "waiting_code": "Waiting for a code", "running": "Running",
    "needs_human": "Needs you", "done": "Answered", "failed": "No answer", "blocked_by_policy": "By hand only", "cancelled": "Cancelled",
}  # fmt: skip
KIND_WORDS = {"eligibility": "Eligibility", "claim_status": "Claim status"}
AGES = {
    "": "now: ask the portal", "3600": "an hour", "14400": "four hours", "86400": "a day", "604800": "a week", "2592000": "30 days",
}  # fmt: skip
"""How old an answer may be, in seconds, as the forms offer it."""
NEED_SOMEBODY = ("needs_human", *worklist.NO_ANSWER)


def max_age(told: str) -> int | None:
    """The choice in seconds; None asks the portal. Raises `Incomplete` for one that is not offered."""
    if told not in AGES:
        raise Incomplete("Choose how old an answer may be from the list.")
    return int(told) if told else None


def row(here: Here, work: Unit, one: Lookup, places: dict[str, list[int]] | None = None) -> dict[str, Any]:
    """One line. `places`: the rows of its batch's file."""
    shown = as_data(work, one)
    asked = showing.question_of(work, here.portunus.vault, one)
    number = asked.get("member_id") or asked.get("claim_number") or ""
    return shown | {
        "state_words": STATE_WORDS[shown["state"]],
        "kind_words": KIND_WORDS[one.kind],
        "who": f"…{number[-4:]}" if number else "",
        "asked_at": local(one.created_at, one.location.time_zone),
        "batch_name": batches.description(work, here.portunus.vault, one.batch).name if one.batch is not None else "",
        "batch_rows": (places or {}).get(one.id, []),
        "put_away": one.put_away_at is not None,
        "zone": one.location.time_zone,
    }


def rows(here: Here, work: Unit, found: list[Lookup]) -> list[dict[str, Any]]:
    """Lines of a list."""
    places = worklist.places(work, found)
    return [row(here, work, one, places) for one in found]


def short(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The values in the order of a practice management system's screen; one part per claim, with the papers kept of it."""
    fields = result["provenance"].get("fields", {})
    claims = result.get("claims") or [{}]
    return [
        {
            "values": [
                {"label": label, "text": text, "pointer": pointer if pointer in fields else None}
                for label, text, pointer in flat.flat(result, number)
            ],
            "eob": claim.get("eob_artifact_id"),
            "era": claim.get("era_artifact_id"),
        }
        for number, claim in enumerate(claims)
    ]


def every(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Every value with evidence, in the result's own order."""
    fields = result["provenance"].get("fields", {})
    return [
        {"label": label_of(pointer, result), "text": str(value), "pointer": pointer, "seen": fields[pointer][0]}
        for pointer, value in leaves({name: part for name, part in result.items() if name != "provenance"})
        if pointer in fields and not pointer.endswith("_artifact_id")
    ]


def label_of(pointer: str, result: dict[str, Any]) -> str:
    """`/accumulators/0/remaining` → `annual maximum individual · remaining`."""
    words: list[str] = []
    node: Any = result
    for step in pointer.split("/")[1:]:
        if isinstance(node, list) and step.isdigit() and int(step) < len(node):
            node = node[int(step)]
            words[-1] = _item(words[-1], step, node)
        else:
            node = node.get(step) if isinstance(node, dict) else None
            words.append(step.replace("_", " "))
    return " · ".join(words)


def _item(several: str, step: str, one: Any) -> str:
    """What one of several is called: an accumulator by its kind, a benefit as the portal calls it, a claim by its number."""
    own = one if isinstance(one, dict) else {}
    match several:
        case "accumulators":
            return _said(own, "kind", "level", "network", "period", "applies_to")
        case "benefits" if "label" in own or "category" in own:
            return _said(own, "label" if own.get("label") else "category", "network")
        case "claims" if "payer_claim_number" in own:
            return f"claim {own['payer_claim_number']}"
    return f"{several} {int(step) + 1}"


def _said(one: dict[str, Any], *parts: str) -> str:
    """What tells it from others of its kind; what is not known says nothing."""
    told = [one[part] for part in parts if one.get(part) not in (None, "unknown", "both")]
    return " ".join(", ".join(said) if isinstance(said, list) else said for said in told).replace("_", " ")


def sightings(lookup_id: str, seen: list[dict[str, Any]] | list[Sighting]) -> list[dict[str, Any]]:
    """Each with where its picture, or its file, and its moment of the recording are."""
    told = [one.model_dump(mode="json", exclude_none=True) if isinstance(one, Sighting) else one for one in seen]
    return [
        one | {"picture": _picture(lookup_id, one), "file": _file(lookup_id, one), "play": moment(lookup_id, one)}
        for one in told
    ]


def moment(lookup_id: str, seen: dict[str, Any]) -> str:
    """Where the moment of a sighting or picture is played; empty for a value of a file."""
    if not seen.get("recording_id"):
        return ""
    return f"/lookups/{lookup_id}/recordings/{seen['recording_id']}?at={seen.get('recording_offset_ms') or 0}"


def _picture(lookup_id: str, seen: dict[str, Any]) -> str:
    if not seen.get("box") or not seen.get("artifact_id"):
        return ""
    box = ",".join(str(number) for number in seen["box"])
    return f"/api/v1/lookups/{lookup_id}/artifacts/{seen['artifact_id']}?box={box}"


def _file(lookup_id: str, seen: dict[str, Any]) -> str:
    if seen.get("box") or not seen.get("artifact_id"):
        return ""
    return f"/api/v1/lookups/{lookup_id}/artifacts/{seen['artifact_id']}"
