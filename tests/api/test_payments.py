"""What the 835 files of a lookup pay, to programs and people; a test file is named and never given as a payment."""

import hashlib

import pytest

from broker.base.ids import new_id
from broker.lookups import service as lookups
from broker.lookups.evidence import Sighting
from tests.broker.lookups import results
from tests.broker.lookups.test_remittance import SAMPLE

CLAIM = {"kind": "claim_status", "portal": "harborline", "location": "phoenix", "claim_number": "HC2630100017"}


def paid(office, job: lookups.Job, text: str) -> None:
    """The claim is answered, with this 835 beside it."""
    portunus, data, file = office.portunus, text.encode(), new_id("art")
    made = results.claim()
    fields = {pointer: [Sighting(**one) for one in seen] for pointer, seen in made["provenance"]["fields"].items()}
    fields["/claims/0/era_artifact_id"] = [
        Sighting(artifact_id=file, page="check register", method="edi", raw_text="kept")
    ]
    made["claims"][0]["era_artifact_id"] = file
    with portunus.unit(lookups.HOLDER) as work:
        digest, now, blob = hashlib.sha256(data).hexdigest(), work.clock.now(), f"lookups/{file}"
        kept = lookups.Picture(file, "edi835", digest, len(data), now, None, None, None, None, blob)
        organization = office.account.organization_id
        portunus.blobs.append(blob, portunus.vault.seal(work, organization, ("lookup artifact", file), data))
        told = {name: made[name] for name in ("patient", "claims", "match_count")}
        said = lookups.Answered(told, fields, [], [kept], now, "d" * 64, "ses_1", False)
        lookups.answer(work, portunus.vault, job, said)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (SAMPLE[:900], "The 835 breaks off before its end."),
        (SAMPLE.replace("HC2630100017", "HC2630100099"), "The 835 pays other claims than this one."),
    ],
)
def test_a_file_that_is_no_payment_of_the_claim_is_named(maria, lookup_office, text: str, why: str) -> None:
    page = maria.post("/lookups", CLAIM | {"with_era": "yes"}).headers["location"]
    lookup_office.sign_in()
    paid(lookup_office, lookup_office.next(lookup_office.turn()), text)
    told = maria.get(f"/api/v1{page}/payments").json()
    assert told == {"data": [], "refused": [{"payer_claim_number": "HC2630100017", "words": why}]}
    assert why in maria.get(page).text


@pytest.mark.parametrize(("mark", "payments", "refused"), [("P", 1, 0), ("T", 0, 1)])
def test_a_test_file_is_never_given_as_a_payment(maria, lookup_office, mark: str, payments: int, refused: int) -> None:
    page = maria.post("/lookups", CLAIM | {"with_era": "yes"}).headers["location"]
    lookup_office.sign_in()
    paid(lookup_office, lookup_office.next(lookup_office.turn()), SAMPLE.replace("*0*P*:", f"*0*{mark}*:"))
    told = maria.get(f"/api/v1{page}/payments").json()
    assert (len(told["data"]), len(told["refused"])) == (payments, refused)
    shown = maria.get(page).text
    assert ("Paid for claim HC2630100017" in shown) == (mark == "P")
    assert ("Claim HC2630100017: The carrier marks this 835 as a test file" in shown) == (mark == "T")
