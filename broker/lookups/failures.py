"""Why a lookup has no result: a closed list, each with its X12 AAA03 equivalent, when to try again, and what a person does.

AAA03 values: 005010X279A1 (41 not authorized, 42 unable to respond, 51 provider not on file, 58/71 birth date, 62 date,
67/75 not found, 68/76 duplicate, 72 member ID).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel

from broker.lookups.evidence import Sighting


class Retry(StrEnum):
    NO = "no"
    """It would answer the same."""
    AFTER_FIX = "after_fix"
    """A person puts something right first."""
    LATER = "later"
    NOW = "now"


@dataclass(frozen=True)
class Failure:
    retry: Retry
    words: str
    human_action: str
    x12_aaa: str | None = None


N, F, L, W = Retry.NO, Retry.AFTER_FIX, Retry.LATER, Retry.NOW
FAILURES: dict[str, Failure] = {
    "patient_not_found": Failure(N, "The portal finds no such member.", "Check member ID and birth date with the patient's card.", "75"),
    "patient_ambiguous": Failure(N, "The portal finds more than one member.", "Ask with the member ID.", "76"),
    "dob_mismatch": Failure(N, "The birth date does not fit this member.", "Check the birth date.", "71"),
    "bad_member_id": Failure(N, "The member ID cannot be one of this carrier's.", "Check the member ID.", "72"),
    "claim_not_found": Failure(N, "The portal finds no such claim.", "Check number and dates; was the claim received?"),
    "provider_not_on_file": Failure(F, "The carrier does not know this provider.", "Ask the carrier to enrol the provider.", "51"),
    "not_authorized_for_tin": Failure(F, "This login may not ask for this practice.", "Ask the portal's administrator for access.", "41"),
    "date_not_supported": Failure(N, "The portal does not answer for this date.", "Ask for another date.", "62"),
    "payer_unavailable": Failure(L, "The carrier behind the portal does not answer.", "Wait; or call.", "42"),
    "results_unstable": Failure(W, "The list changed while it was read.", "Nothing; it is read again."),
    "results_too_many": Failure(N, "There are more results than one lookup reads.", "Ask for a shorter time or one claim."),
    "not_supported": Failure(N, "The script of this portal cannot look that up.", "Look it up by hand; ask for the script to be extended."),
    "portal_down": Failure(L, "The portal is down.", "Wait; the provider line may help.", "42"),
    "login_failed": Failure(F, "The portal did not accept the login.", "Put the login right under Accounts."),
    "password_expired": Failure(F, "The portal wants a new password.", "Change it there, then store it under Accounts."),
    "account_locked": Failure(F, "The portal has locked the login.", "Unlock it with the carrier, then release it under Accounts."),
    "needs_person": Failure(F, "The portal shows a page that a person must deal with.", "Open the portal and deal with it."),
    "mfa_timeout": Failure(L, "No code came in time.", "Look after the mailbox or telephone that gets the codes."),
    "mfa_wrong_code": Failure(L, "The portal did not accept the code.", "Look after the mailbox or telephone that gets the codes."),
    "captcha_required": Failure(F, "The portal asks for proof of a human.", "A person signs in."),
    "step_up_required": Failure(F, "The portal asks for another code for this page.", "Open the portal and look it up by hand."),
    "terms_changed": Failure(F, "The carrier wants new terms accepted.", "Somebody entitled reads and accepts them."),
    "session_lost": Failure(W, "The portal signed out in mid lookup.", "Nothing; it is done again."),
    "page_changed": Failure(F, "The portal's page is not as the script knows it.", "The script's author looks at the kept page."),
    "wrong_patient_shown": Failure(F, "The portal showed another patient than was asked for.", "Look it up by hand; tell the script's author."),
    "wrong_claim_shown": Failure(F, "The portal showed another claim than was asked for.", "Look it up by hand; tell the script's author."),
    "bad_answer": Failure(F, "What was read contradicts itself or has no evidence.", "The script's author looks at the kept page."),
    "script_error": Failure(F, "The carrier script failed.", "The script's author looks at the run."),
    "never_ended": Failure(F, "It was started again and again and never came to an end.", "Look at the browser host's log; then ask again."),
    "write_blocked": Failure(F, "The script tried to change something at the portal. It was stopped.", "The script's author looks at the run."),
    "rate_limited": Failure(L, "The portal asks for a slower pace.", "Nothing; it goes on later."),
    "policy_blocked": Failure(N, "Lookups by program are not allowed at this portal.", "Look it up by hand, or record a permission.", "41"),
    "no_account": Failure(F, "No login covers this portal at this location.", "Add one under Accounts."),
    "deadline_passed": Failure(N, "It was not done by its deadline.", "Ask again with a later one."),
    "no_longer_allowed": Failure(N, "Who asked may not ask any more: disabled, or without the role or the key.", "Ask again as somebody who may."),
    "cancelled": Failure(N, "It was cancelled.", "Nothing."),
}  # fmt: skip

OF_CODES = ("mfa_timeout", "mfa_wrong_code")
"""Each try sends somebody a code: after a few, a person looks why none arrives."""
OF_OUTCOME: dict[str, str] = {
    "wrong_password": "login_failed",
    "password_expired": "password_expired",
    "locked": "account_locked",
    "wrong_code": "mfa_wrong_code",
    "code_late": "mfa_timeout",
    "no_code": "mfa_timeout",
    "asks_code": "step_up_required",
    "wrong_practice": "not_authorized_for_tin",
    "terms_changed": "terms_changed",
    "needs_person": "needs_person",
    "captcha": "captcha_required",
    "down": "portal_down",
    "signed_out": "session_lost",
    "unrecognised": "page_changed",
    "script_failed": "script_error",
    "refused": "script_error",
    "no_browser": "portal_down",
    **dict.fromkeys(
        (
            "host_lost",
            "script_withdrawn",
            "host_stopped",
            "browser_crashed",
            "tab_left_open",
            "password_kept",
        ),
        "session_lost",
    ),
}
"""The kit's outcomes, and the ends of portal sessions, in this list's words."""


IN_VAIN: dict[str, str] = {
    "payer_unavailable": "It was tried for a day. Call the carrier, or ask again.",
    "portal_down": "It was tried for a day. Look whether the portal opens in your browser; then ask again.",
    "rate_limited": "It was tried for a day. Ask again; if it goes on, set a slower pace for the portal.",
    "results_unstable": "It was read several times. Look it up by hand, or ask again.",
    "session_lost": "It was done several times. Look whether the portal stays signed in; then ask again.",
}
"""What a person does when no more tries are left."""


def what_to_do(code: str, *, in_vain: bool) -> str:
    """The human action; another one where Portunus has stopped trying. Raises KeyError for a code not in the list."""
    return (IN_VAIN.get(code) if in_vain else None) or FAILURES[code].human_action


class LookupFailure(BaseModel):
    """As the API shows it."""

    code: str
    words: str
    retry: Literal["no", "after_fix", "later", "now"]
    human_action: str
    x12_aaa: str | None = None
    evidence: list[Sighting] = []


def failure(code: str, evidence: list[Sighting] | None = None, *, in_vain: bool = False) -> LookupFailure:
    """The failure of that code; `in_vain`: it is not tried again by itself. Raises KeyError for one that is not in the list."""
    one = FAILURES[code]
    return LookupFailure(
        code=code,
        words=one.words,
        retry=one.retry.value,
        human_action=what_to_do(code, in_vain=in_vain),
        x12_aaa=one.x12_aaa,
        evidence=evidence or [],
    )
