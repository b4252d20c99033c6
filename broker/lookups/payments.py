"""Payments of a lookup's claims: the 835 files its script fetched, read and linked by the payer's number for the claim."""

from dataclasses import asdict
from typing import Any

from broker.base.unit import Unit
from broker.lookups import remittance
from broker.lookups.showing import artifact, result_of
from broker.lookups.submitting import own
from broker.ports.blobs import Blobs
from broker.vault.service import Vault


def of_lookup(work: Unit, vault: Vault, blobs: Blobs, lookup_id: str) -> list[dict[str, Any]]:
    """One entry for each claim and payment: check or EFT, the claim's loop with lines and adjustments, what does not balance.

    On record, like every look at a patient. Raises `NotFound`, `Incomplete` for a kept file that is no whole 835.
    """
    result = result_of(work, vault, own(work, lookup_id)) or {}
    found = []
    for claim in result.get("claims", []):
        if "era_artifact_id" not in claim:
            continue
        _, data = artifact(work, vault, blobs, lookup_id, claim["era_artifact_id"])
        for payment, paid in remittance.linked(remittance.parse(data), claim["payer_claim_number"]):
            told = asdict(payment)
            told.pop("claims")
            found.append({"payer_claim_number": claim["payer_claim_number"], "payment": told, "claim": asdict(paid)})
    return found
