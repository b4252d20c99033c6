"""What lookups said against what the simulated carriers know: every fact the portal shows, right, wrong, or named as unmapped.

The expectations are written from the carriers' own truth (`/truth/<key>` of the lab's control plane), not from the scripts.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

Facts = dict[str, str]
BOTH_NETWORKS = ("harborline", "bluestone_mutual", "evergreen_medicaid", "meridian_shared")
NETWORKS = (("in", "in_network"), ("out", "out_of_network"))
CATEGORIES = {
    "Preventive and diagnostic": "diagnostic_preventive",
    "Basic restorative": "restorative_basic",
    "Periodontal": "periodontics",
    "Root canals": "endodontics",
    "Major restorative": "restorative_major",
    "Implants": "implants",
    "Orthodontics": "orthodontics",
}


@dataclass
class Score:
    """Facts compared so far."""

    right: int = 0
    wrong: int = 0
    unmapped: int = 0
    examples: list[str] = field(default_factory=list)
    """Of wrong ones: which fact, never its value."""

    def add(self, expected: Facts, told: Facts, unmapped: str) -> None:
        """One answer. A fact that is missing and not named in `unmapped` counts as wrong."""
        for name, value in expected.items():
            if told.get(name) == value:
                self.right += 1
            elif name not in told and value and value in unmapped:
                self.unmapped += 1
            else:
                self.wrong += 1
                self.examples.append(name)


def money(amount: int) -> str:
    """As results write it."""
    return f"{amount}.00"


def printed(amount: int) -> str:
    """As pages write it, where a result keeps the page's words."""
    return f"${amount:,.2f}"


def member_facts(portal: str, member: dict[str, Any], truth: dict[str, Any]) -> Facts:
    """What this carrier's pages show of the member."""
    facts = {
        "member_id": member["id"],
        "name": member["name"],
        "status": "active" if member["active"] else "inactive",
        "group_name": member["group"],
        "group_number": member["group_number"],
    }
    if portal != "copper_mesa_nv":
        facts["birth_date"] = member["born"]
    if portal not in ("copper_mesa_az", "copper_mesa_nv", "oldfield_guild"):
        facts["plan_name"] = f"Harborline {member['plan']}" if portal == "harborline" else member["plan"]
    return facts | _amounts(portal, member, truth) | _shares(portal, truth["coverage"]) | _odd(portal, member, truth)


def _amounts(portal: str, member: dict[str, Any], truth: dict[str, Any]) -> Facts:
    left = member["deductible"] - member["deductible_met"]
    if portal == "oldfield_guild":
        (_, limit, used), *_ = truth["years"][member["id"]]
        what = "annual_maximum family"
        return {f"{what} limit": money(limit), f"{what} used": money(used), f"{what} remaining": money(limit - used)}
    facts = {
        "annual_maximum individual limit": money(member["maximum"]),
        "annual_maximum individual remaining": money(member["left"]),
    }
    if portal != "copper_mesa_nv":
        facts["deductible individual remaining"] = money(left)
    if portal == "northgate":
        return facts
    facts |= {
        "annual_maximum individual used": money(member["used"]),
        "deductible individual limit": money(member["deductible"]),
        "deductible individual used": money(member["deductible_met"]),
    }
    if portal == "harborline":
        facts |= {
            "deductible family limit": money(member["deductible"] * 3),
            "deductible family remaining": money(member["deductible"] * 3 - member["deductible_met"]),
            "deductible individual limit out": money(member["deductible"] * 2),
            "annual_maximum individual limit out": money(member["maximum"] - 250),
        }
    return facts


def _shares(portal: str, coverage: list[dict[str, Any]]) -> Facts:
    """What the plan pays by category, for each network the page tells apart."""
    if portal in ("northgate", "copper_mesa_az"):
        return {}
    facts: Facts = {}
    for cover in coverage:
        for network, name in NETWORKS if portal in BOTH_NETWORKS else (("", "in_network"),):
            what = f"{CATEGORIES[cover['category']]} {network}".strip()
            facts[f"{what} plan pays"] = str(cover[name])
            facts[f"{what} patient pays"] = str(100 - cover[name])
            facts[f"{what} deductible"] = str(cover["deductible"])
            if portal != "oldfield_guild":
                months = cover["waiting"].removesuffix(" months")
                facts[f"{what} waiting"] = months if months.isdigit() else "0"
    return facts


def _odd(portal: str, member: dict[str, Any], truth: dict[str, Any]) -> Facts:
    """What only this carrier tells; where the schema has no place for it, it must be named as unmapped."""
    if portal == "evergreen_medicaid":
        aid = truth["aid"][member["id"]]
        return {
            "other coverage": str(aid["other"] != "NONE ON FILE"),
            "aid category": aid["category"],
            "managed care plan": aid["plan"],
            "spend-down": printed(aid["spend_down"]),
        }
    if portal == "oldfield_guild":
        return {f"plan year {year} used": printed(used) for year, _, used in truth["years"][member["id"]][1:]}
    if portal == "meridian_shared":
        facts: Facts = {}
        for one in truth["procedures"][member["id"]]:
            facts |= {f"{one['code']} pays": str(one["pays"])}
            facts |= {} if one["limit"] == "none" else {f"{one['code']} limit": one["limit"]}
        return facts
    return {}


def claim_facts(portal: str, claim: dict[str, Any]) -> Facts:
    """What this carrier's pages show of the claim."""
    number = claim["number"]
    facts = {
        f"{number} word": claim["status"],
        f"{number} member": claim["member"],
        f"{number} provider": claim["provider"],
        f"{number} served": claim["served"],
        f"{number} charge": money(claim["billed"]),
        f"{number} paid": money(claim["paid"]),
    }
    if claim["check"]:
        facts[f"{number} check"] = claim["check"]
        if not portal.startswith("copper_mesa"):
            facts[f"{number} paid on"] = claim["paid_on"]
    if portal in BOTH_NETWORKS or portal == "oldfield_guild":
        facts[f"{number} received"] = claim["received"]
    for place, line in enumerate(claim["lines"], 1):
        name = f"{number} line {place}"
        facts |= {
            f"{name} code": line["code"],
            f"{name} charge": money(line["fee"]),
            f"{name} allowed": money(line["allowed"]),
            f"{name} paid": money(line["paid"]),
        }
        if line["tooth"]:
            facts[f"{name} tooth"] = line["tooth"]
        if line["remark"]:
            facts[f"{name} remark"] = line["remark"]
    return facts


def told_of_member(result: dict[str, Any]) -> Facts:
    """The same facts out of a result."""
    patient, coverage = result["patient"], result["coverage"]
    name = patient.get("full_name") or f"{patient.get('first_name', '')} {patient.get('last_name', '')}".strip()
    facts = {"name": name, "member_id": patient.get("member_id", ""), "birth_date": patient.get("birth_date", "")}
    facts |= {one: coverage[one] for one in ("status", "group_name", "group_number", "plan_name") if one in coverage}
    if "other_coverage" in coverage:
        facts["other coverage"] = str(coverage["other_coverage"])
    for one in result.get("accumulators", []):
        tail = " out" if one.get("network") == "out" else ""
        for part in ("limit", "used", "remaining"):
            if part in one:
                facts[f"{one['kind']} {one.get('level', 'individual')} {part}{tail}"] = one[part]
    for one in result.get("benefits", []):
        if "plan_pays_percent" not in one:
            continue
        if one.get("codes"):
            (code,), limits = one["codes"], one.get("frequency", [])
            facts[f"{code} pays"] = one["plan_pays_percent"]
            facts |= {f"{code} limit": limits[0]["raw_text"]} if limits else {}
            continue
        what = f"{one['category']} {one.get('network', '').replace('unknown', '')}".strip()
        facts |= {
            f"{what} plan pays": one["plan_pays_percent"],
            f"{what} patient pays": one.get("patient_pays_percent", ""),
        }
        facts |= {
            f"{what} deductible": str(one.get("deductible_applies")),
            f"{what} waiting": str(one.get("waiting_period_months")),
        }
    return facts


def told_of_claims(result: dict[str, Any]) -> Facts:
    """The same facts out of a result."""
    facts: Facts = {}
    for claim in result["claims"]:
        number, payment = claim.get("payer_claim_number", "?"), claim.get("payment", {})
        facts |= {
            f"{number} word": claim.get("carrier_status", ""),
            f"{number} member": claim.get("patient", {}).get("member_id", ""),
            f"{number} provider": claim.get("rendering_provider", ""),
            f"{number} served": claim.get("service_from", ""),
            f"{number} charge": claim.get("charge", ""),
            f"{number} paid": claim.get("paid", ""),
            f"{number} received": claim.get("received_date", ""),
            f"{number} check": payment.get("trace_number", ""),
            f"{number} paid on": payment.get("issue_date", ""),
        }
        for line in claim.get("lines", []):
            name = f"{number} line {line['line']}"
            facts |= {
                f"{name} {part}": line[part] for part in ("code", "charge", "allowed", "paid", "tooth") if part in line
            }
            remarks = [one["carrier_text"] for one in line.get("adjustments", []) if "carrier_text" in one]
            if remarks:
                facts[f"{name} remark"] = remarks[0]
    return facts


def span(claims: list[dict[str, Any]]) -> tuple[str, str]:
    """First and last day of service, no farther back than a lookup may ask (three years)."""
    days = [claim["served"] for claim in claims]
    oldest = date.today().replace(year=date.today().year - 3).isoformat()
    return max(min(days), oldest), max(days)
