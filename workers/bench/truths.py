"""What a lookup must answer at each simulated carrier, written from the carriers' own truth (`/truth/<key>` of the lab's control
plane) and from what a reader of their pages takes the words to mean. Nothing here is taken from the carrier scripts.
"""

from typing import Any

from workers.bench.accuracy import Tree, Truth

CATEGORIES = {
    "Preventive and diagnostic": "diagnostic_preventive",
    "Basic restorative": "restorative_basic",
    "Periodontal": "periodontics",
    "Root canals": "endodontics",
    "Major restorative": "restorative_major",
    "Implants": "implants",
    "Orthodontics": "orthodontics",
}
BOTH = (("in", "in_network"), ("out", "out_of_network"))
STATUSES = {
    "harborline": {
        "Received": "received", "In review": "in_process", "Pended": "pended", "Paid": "paid", "Denied": "denied",
    },
    "copper_mesa_az": {
        "Routed": "pended", "Estimated": "predetermination", "Paid": "paid", "No-pay": "processed_no_payment",
        "Denied": "denied",
    },
    "northgate": {"Accepted": "accepted", "In process": "in_process", "Finalized": "paid", "Rejected": "rejected"},
    "bluestone_mutual": {
        "Received": "received", "Processing": "in_process", "Paid": "paid", "Denied": "denied", "Adjusted": "unknown",
    },
    "evergreen_medicaid": {"In process": "in_process", "Suspended": "pended", "Paid": "paid", "Denied": "denied"},
    "oldfield_guild": {"On file": "received", "In review": "in_process", "Settled": "paid", "Declined": "denied"},
    "meridian_shared": {"Sent": "received", "With payer": "in_process", "Paid": "paid", "Rejected": "denied"},
}  # fmt: skip
STATUSES["copper_mesa_nv"] = STATUSES["copper_mesa_az"]
HARBORLINE_LIMITS: dict[str, tuple[str, Tree, Tree]] = {
    "Recall visit": ("diagnostic", {}, {"quantity": 2, "unit": "calendar_year"}),
    "Full set of images": ("diagnostic", {}, {"quantity": 1, "every": 60, "unit": "month"}),
    "Bitewing images": ("diagnostic", {}, {"quantity": 1, "unit": "calendar_year"}),
    "Cleaning": ("preventive", {}, {"quantity": 2, "unit": "calendar_year", "shared_with": ["periodontal upkeep"]}),
    "Crown, same tooth": ("restorative_major", {}, {"quantity": 1, "every": 84, "unit": "month", "per": "tooth"}),
    "Fluoride, under age 19": ("preventive", {"age_max": 18}, {"quantity": 1, "unit": "calendar_year"}),
}
COPPER_LIMITS: dict[str, tuple[str, Tree]] = {
    "Cleanings": ("preventive", {"quantity": 2, "unit": "calendar_year", "shared_with": ["D4910"]}),
    "Full set of images or panoramic": ("diagnostic", {"quantity": 1, "every": 5, "unit": "year"}),
}
"""Sentences that say one thing; those that say more are kept word for word."""
CLASSES = {"I": "diagnostic_preventive", "II": "restorative_basic", "III": "restorative_major", "IV": "orthodontics"}
COPPER_RULES = {
    "Missing tooth rule does not apply": {"missing_tooth_clause": False},
    "Coordination: non-duplication": {"cob_rule": "non_duplication"},
}


def money(amount: int) -> str:
    """As results write it."""
    return f"{amount}.00"


def printed(amount: int) -> str:
    """As pages write it."""
    return f"${amount:,.2f}"


def member(portal: str, one: dict[str, Any], truth: dict[str, Any], on: str, payer: str) -> Truth:
    """The eligibility answer about this member, for this day."""
    made = Truth(
        {
            "service_date": on,
            "payer": {"name": payer},
            "patient": {"full_name": one["name"], "member_id": one["id"], "birth_date": one["born"]},
            "coverage": {
                "status": "active" if one["active"] else "inactive",
                "plan_name": one["plan"],
                "group_name": one["group"],
                "group_number": one["group_number"],
            },
            "accumulators": [
                _amount("annual_maximum", one["maximum"], one["used"], one["left"]),
                _amount(
                    "deductible", one["deductible"], one["deductible_met"], one["deductible"] - one["deductible_met"]
                ),
            ],
            "benefits": [_share(cover, network) for cover in truth["coverage"] for network in BOTH],
        }
    )
    OWN.get(portal, _nothing)(made, one, truth)
    return made


def _amount(kind: str, limit: int | None, used: int | None, left: int | None, **more: Any) -> Tree:
    told = {"limit": limit, "used": used, "remaining": left}
    return {"kind": kind, **more} | {name: money(value) for name, value in told.items() if value is not None}


def _share(cover: dict[str, Any], network: tuple[str, str] | None, *, waits: bool = True) -> Tree:
    pays = cover[network[1] if network else "in_network"]
    made = {
        "category": CATEGORIES[cover["category"]], "label": cover["category"], "plan_pays_percent": pays,
        "patient_pays_percent": 100 - pays, "deductible_applies": cover["deductible"],
    }  # fmt: skip
    months = cover["waiting"].removesuffix(" months")
    made |= {"waiting_period_months": int(months) if months.isdigit() else 0} if waits else {}
    return made | ({"network": network[0]} if network else {})


def _nothing(made: Truth, one: dict[str, Any], truth: dict[str, Any]) -> None:
    """Bluestone says what all say."""


def _harborline(made: Truth, one: dict[str, Any], truth: dict[str, Any]) -> None:
    plan, met, deductible = truth["plan"], one["deductible_met"], one["deductible"]
    made.tree["coverage"] |= {
        "plan_name": f"Harborline {one['plan']}", "eligibility_begin": plan["began"], "benefit_year": "calendar",
        "cob_rule": "standard", "other_coverage": False, "missing_tooth_clause": plan["missing_tooth"],
        "claims_address": plan["address"],
    }  # fmt: skip
    rows = (
        ("deductible", "individual", None, deductible, deductible * 2, met),
        ("deductible", "family", None, deductible * 3, deductible * 6, met),
        ("annual_maximum", "individual", "calendar_year", one["maximum"], one["maximum"] - 250, one["used"]),
        ("lifetime_maximum", "individual", "lifetime", 1500, 1000, 0),
    )
    made.tree["accumulators"] = []
    for kind, level, period, inside, outside, used in rows:
        more = {"level": level} | ({"period": period} if period else {})
        made.tree["accumulators"] += [
            _amount(kind, inside, used, inside - used, network="in", **more),
            _amount(kind, outside, None, None, network="out", **more),
        ]
    for label, limit in truth["frequency"]:
        category, more, how = HARBORLINE_LIMITS[label]
        made.tree["benefits"].append(
            {
                "category": category,
                "label": label,
                **more,
                "frequency": [{"raw_text": limit, "eligible_now": True, **how}],
            }
        )
    made.tree["history"] = [
        {"code": code, "service_date": served} | ({"tooth": tooth} if tooth else {})
        for served, code, tooth in truth["history"][one["id"]]
    ]


def _copper(made: Truth, one: dict[str, Any]) -> None:
    made.tree["patient"] = _copper_patient(one) | {"birth_date": one["born"]}
    made.tree["coverage"].pop("plan_name")


def _copper_patient(one: dict[str, Any]) -> Tree:
    return {"first_name": one["first"], "last_name": one["last"], "member_id": one["id"]}


def _copper_az(made: Truth, one: dict[str, Any], truth: dict[str, Any]) -> None:
    _copper(made, one)
    made.tree["benefits"] = [
        {
            "category": CLASSES[name], "label": services, "plan_pays_percent": pays, "patient_pays_percent": 100 - pays,
            "deductible_applies": deductible,
        }
        for name, services, pays, deductible in truth["classes"]
    ]  # fmt: skip
    kept = []
    for sentence in truth["limits"]:
        service, _, limit = sentence.partition(": ")
        if sentence in COPPER_RULES:
            made.tree["coverage"] |= COPPER_RULES[sentence]
        elif service in COPPER_LIMITS:
            category, how = COPPER_LIMITS[service]
            made.tree["benefits"].append(
                {"category": category, "label": service, "frequency": [{"raw_text": limit, **how}]}
            )
        else:
            kept.append(sentence)
    made.unmapped["Limitations"] = " | ".join(kept)


def _copper_nv(made: Truth, one: dict[str, Any], truth: dict[str, Any]) -> None:
    _copper(made, one)
    made.tree["patient"].pop("birth_date")
    made.tree["accumulators"][1].pop("remaining")
    made.tree["benefits"] = [_share(cover, None) for cover in truth["coverage"]]


def _northgate(made: Truth, one: dict[str, Any], truth: dict[str, Any]) -> None:
    about = truth["about"][one["id"]]
    made.tree["payer"]["payer_id"] = truth["payer_ids"][made.tree["payer"]["name"]]
    made.tree["patient"]["relationship"] = about["relationship"].lower()
    made.tree["subscriber"] = {"full_name": about["subscriber"]}
    where, _, network = about["office"].partition(", ")
    made.tree["coverage"]["network_status"] = "in" if where == "In network" else "out"
    made.tree["coverage"] |= {"network_name": network} if network else {}
    made.tree["accumulators"] = [
        _amount("annual_maximum", one["maximum"], None, one["left"]),
        _amount("deductible", None, None, one["deductible"] - one["deductible_met"]),
    ]
    made.tree["benefits"] = []


def _evergreen(made: Truth, one: dict[str, Any], truth: dict[str, Any]) -> None:
    aid = truth["aid"][one["id"]]
    made.unmapped = {
        "Aid category": aid["category"], "Managed care plan": aid["plan"],
        "Spend-down remaining": printed(aid["spend_down"]),
    }  # fmt: skip
    other = aid["other"]
    made.tree["coverage"]["other_coverage"] = other is not None
    if other:
        made.tree["coverage"]["cob"] = [
            {
                "payer_name": other["payer"], "order": other["order"].lower(), "member_id": other["policy"],
                "effective": other["since"],
            }
        ]  # fmt: skip


def _oldfield(made: Truth, one: dict[str, Any], truth: dict[str, Any]) -> None:
    made.tree["coverage"].pop("plan_name")
    (_, limit, used), *before = truth["years"][one["id"]]
    made.tree["accumulators"] = [
        _amount("annual_maximum", limit, used, limit - used, level="family", period="contract")
    ]
    made.tree["benefits"] = [_share(cover, None, waits=False) for cover in truth["coverage"]]
    made.unmapped = {
        f"Plan year {year}": " | ".join(map(printed, (whole, gone, whole - gone))) for year, whole, gone in before
    }


def _meridian(made: Truth, one: dict[str, Any], truth: dict[str, Any]) -> None:
    made.tree["benefits"] += [
        {
            "category": "other", "label": row["words"], "codes": [row["code"]], "plan_pays_percent": row["pays"],
            "patient_pays_percent": 100 - row["pays"],
            "frequency": [] if row["limit"] == "none" else [{"raw_text": row["limit"]}],
        }
        for row in truth["procedures"][one["id"]]
    ]  # fmt: skip


OWN = {
    "harborline": _harborline, "copper_mesa_az": _copper_az, "copper_mesa_nv": _copper_nv, "northgate": _northgate,
    "evergreen_medicaid": _evergreen, "oldfield_guild": _oldfield, "meridian_shared": _meridian,
}  # fmt: skip
EOBS = (
    "harborline", "copper_mesa_az", "copper_mesa_nv", "bluestone_mutual", "evergreen_medicaid", "oldfield_guild",
    "meridian_shared",
)  # fmt: skip
"""Whose explanations of benefits lookups fetch."""
DECIDED = ("paid", "denied", "processed_no_payment")


def claims(
    portal: str,
    found: list[dict[str, Any]],
    truth: dict[str, Any],
    payer: str,
    *,
    by_number: bool = False,
    with_eob: bool = False,
    cut_off: bool = False,
) -> Truth:
    """The answer about these claims of one member. `cut_off`: the portal lists no more of them, and says so."""
    made = Truth({"payer": {"name": payer}, "match_count": len(found)})
    made.tree["claims"] = [_claim(portal, one, truth, by_number=by_number, with_eob=with_eob) for one in found]
    made.tree["patient"] = made.tree["claims"][0]["patient"]
    if cut_off:
        made.tree["truncated"] = True
        made.unmapped["Claims list"] = "First 200 shown."
    if any(one["status"] == "unknown" for one in made.tree["claims"]):
        made.unmapped["Status"] = "Adjusted"
    for one in made.tree["claims"] if with_eob else []:
        if ("payment" in one or one["status"] in DECIDED) and "eob_artifact_id" not in one:
            number = one["payer_claim_number"]
            made.unmapped[f"Explanation of benefits of claim {number}: not fetched"] = number
    return made


def _claim(portal: str, one: dict[str, Any], truth: dict[str, Any], *, by_number: bool, with_eob: bool) -> Tree:
    person = next(each for each in truth["members"] if each["id"] == one["member"])
    copper = portal.startswith("copper_mesa")
    made: Tree = {
        "payer_claim_number": one["number"], "status": STATUSES[portal][one["status"]], "carrier_status": one["status"],
        "patient": _copper_patient(person) if copper else {"full_name": person["name"], "member_id": person["id"]},
        "rendering_provider": one["provider"], "service_from": one["served"], "charge": money(one["billed"]),
        "paid": money(one["paid"]), "lines": [_line(number, line) for number, line in enumerate(one["lines"], 1)],
    }  # fmt: skip
    if portal == "northgate":
        category, code = truth["codes"][one["status"]].split(":")
        made["codes"] = [{"category": category, "code": code}]
        if made["status"] == "paid" and not one["paid"]:
            made["status"] = "processed_no_payment"
    elif not copper:
        made["received_date"] = one["received"]
    if copper and not by_number:
        made["kind"] = one["kind"]
    if one["check"]:
        made["payment"] = {"trace_number": one["check"]} | ({} if copper else {"issue_date": one["paid_on"]})
        if with_eob and portal in EOBS:
            made["eob_artifact_id"] = "kept"
    if portal == "harborline":
        wanted = truth["wanted"][one["number"]]
        made["documents_requested"] = wanted["papers"]
        made |= {"appeal_deadline": wanted["appeal"]} if wanted["appeal"] else {}
    if one["number"] in truth.get("overpaid", {}):
        amount, how = truth["overpaid"][one["number"]]
        made["overpayment"] = [{"amount": money(amount), "reason": how}]
    return made


def _line(number: int, one: dict[str, Any]) -> Tree:
    made = {
        "line": number, "code": one["code"], "label": one["words"], "charge": money(one["fee"]),
        "allowed": money(one["allowed"]), "paid": money(one["paid"]),
    }  # fmt: skip
    made |= {"tooth": one["tooth"]} if one["tooth"] else {}
    return made | ({"adjustments": [{"carrier_text": one["remark"]}]} if one["remark"] else {})
