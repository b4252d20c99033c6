"""Whether a page showed the patient and the claim that were asked for: the last look before an answer is believed."""

import unicodedata
from typing import Any

from broker.lookups.schema import ClaimStatusResult, Party, Result


def other_than_asked(result: Result, asked: dict[str, Any]) -> str | None:
    """The failure's code when somebody else's patient, or another claim, was shown."""
    parties = [result.patient]
    if isinstance(result, ClaimStatusResult):
        parties += [claim.patient for claim in result.claims if claim.patient is not None]
        number = asked.get("claim_number")
        if number and any(not _same_id(claim.payer_claim_number, number) for claim in result.claims):
            return "wrong_claim_shown"
    return None if all(_is(party, asked) for party in parties) and _told(parties, asked) else "wrong_patient_shown"


def _is(shown: Party, asked: dict[str, Any]) -> bool:
    """Nothing that this party says contradicts the question."""
    if shown.member_id is not None and asked.get("member_id") and not _same_id(shown.member_id, asked["member_id"]):
        return False
    if shown.birth_date is not None and asked.get("birth_date") and shown.birth_date.isoformat() != asked["birth_date"]:
        return False
    whole = _words(" ".join(part for part in (shown.full_name, shown.first_name, shown.last_name) if part))
    for name, part in (("first_name", shown.first_name), ("last_name", shown.last_name)):
        known = _words(part) if part else whole
        if asked.get(name) and known and not _words(asked[name]) <= known:
            return False
    return True


def _told(parties: list[Party], asked: dict[str, Any]) -> bool:
    """A question by member ID is answered only where the page says whose page it is."""
    said = any(party.member_id is not None or party.birth_date is not None for party in parties)
    return said or not asked.get("member_id")


def _same_id(shown: str | None, asked: str) -> bool:
    return shown is not None and _bare(shown) == _bare(asked)


def _bare(text: str) -> str:
    return "".join(letter for letter in text if letter.isalnum()).upper()


def _words(name: str) -> set[str]:
    """The words of a name without accents, case and marks: O'Brien-Lee is obrien and lee."""
    plain = unicodedata.normalize("NFKD", name).casefold().replace("'", "").replace("\u2019", "")
    letters = "".join(one if one.isalnum() else " " for one in plain if not unicodedata.combining(one))
    return set(letters.split())
