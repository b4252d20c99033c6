"""What lookups said against what the simulated carriers know: every fact the portal shows, right, wrong, or named as unmapped.

The expectations are written from the carriers' own truth (`/truth/<key>` of the lab's control plane), not from the scripts.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

Facts = dict[str, str]
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


def member_facts(portal: str, member: dict[str, Any], coverage: list[dict[str, Any]]) -> Facts:
    """What this carrier's pages show of the member."""
    facts = {
        "member_id": member["id"],
        "birth_date": member["born"],
        "name": member["name"],
        "status": "active" if member["active"] else "inactive",
        "group_name": member["group"],
        "group_number": member["group_number"],
        "annual_maximum individual limit": money(member["maximum"]),
        "annual_maximum individual remaining": money(member["left"]),
        "deductible individual remaining": money(member["deductible"] - member["deductible_met"]),
    }
    if portal == "northgate":
        return facts | {"plan_name": member["plan"]}
    facts |= {
        "annual_maximum individual used": money(member["used"]),
        "deductible individual limit": money(member["deductible"]),
        "deductible individual used": money(member["deductible_met"]),
    }
    if portal == "harborline":
        facts |= {
            "plan_name": f"Harborline {member['plan']}",
            "deductible family limit": money(member["deductible"] * 3),
            "deductible family remaining": money(member["deductible"] * 3 - member["deductible_met"]),
            "deductible individual limit out": money(member["deductible"] * 2),
            "annual_maximum individual limit out": money(member["maximum"] - 250),
        }
        for cover in coverage:
            for network, name in NETWORKS:
                what = f"{CATEGORIES[cover['category']]} {network}"
                facts[f"{what} plan pays"] = str(cover[name])
                facts[f"{what} patient pays"] = str(100 - cover[name])
                facts[f"{what} deductible"] = str(cover["deductible"])
                months = cover["waiting"].removesuffix(" months")
                facts[f"{what} waiting"] = months if months.isdigit() else "0"
    return facts


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
        if portal != "copper_mesa_az":
            facts[f"{number} paid on"] = claim["paid_on"]
    if portal == "harborline":
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
    for one in result.get("accumulators", []):
        tail = " out" if one.get("network") == "out" else ""
        for part in ("limit", "used", "remaining"):
            if part in one:
                facts[f"{one['kind']} {one.get('level', 'individual')} {part}{tail}"] = one[part]
    for one in result.get("benefits", []):
        if "plan_pays_percent" not in one:
            continue
        what = f"{one['category']} {one.get('network', '')}".strip()
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
