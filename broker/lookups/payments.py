"""Payments of a lookup's claims: the 835 files its script fetched, read and linked by the payer's number for the claim."""

from dataclasses import asdict, dataclass, field
from typing import Any

from broker.base.errors import BrokerError
from broker.base.unit import Unit
from broker.lookups import remittance
from broker.lookups.showing import artifact, result_of
from broker.lookups.submitting import own
from broker.ports.blobs import Blobs
from broker.vault.service import Vault

TEST = "The carrier marks this 835 as a test file: no money moved. Do not post it; ask the carrier for the real one."
OTHERS = "The 835 pays other claims than this one."


@dataclass
class Paid:
    """What the files of a lookup pay, and claims whose file is no payment, with why."""

    payments: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)


def of_lookup(work: Unit, vault: Vault, blobs: Blobs, lookup_id: str) -> Paid:
    """One entry for each claim and payment: check or EFT, the claim's loop with lines and adjustments, what does not balance.

    A claim whose file is a test, cannot be read, is gone or pays others is named, and costs the other claims nothing. On
    record, like every look at a patient. Raises `NotFound`.
    """
    result = result_of(work, vault, own(work, lookup_id)) or {}
    found = Paid()
    for claim in result.get("claims", []):
        if "era_artifact_id" not in claim:
            continue
        number = claim["payer_claim_number"]
        try:
            _, data = artifact(work, vault, blobs, lookup_id, claim["era_artifact_id"])
            pairs = remittance.linked(remittance.parse(data), number)
        except BrokerError as no:
            found.refused.append({"payer_claim_number": number, "words": no.message})
            continue
        if not pairs:
            found.refused.append({"payer_claim_number": number, "words": OTHERS})
        for payment, paid in pairs:
            if payment.test:
                found.refused.append({"payer_claim_number": number, "words": TEST})
                continue
            told = asdict(payment)
            told.pop("claims")
            found.payments.append({"payer_claim_number": number, "payment": told, "claim": asdict(paid)})
    return found
